#include <cstdio>
#include <memory>
#include <string>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <unistd.h>

#include "app/bench_evm.hpp"
#include "app/command.hpp"
#include "base/hex.hpp"
#include "evm/disasm.hpp"

namespace weft::app {

namespace {

std::string read_all_input() {
    std::string text;
    char buffer[4096];
    while (const auto size = std::fread(buffer, 1, sizeof buffer, stdin)) text.append(buffer, size);
    return text;
}

/// "0x" or not, white space anywhere.
Result<Bytes> read_code(const std::string& text) {
    std::string digits = "0x";
    for (const char c : text) {
        if (c != ' ' && c != '\n' && c != '\r' && c != '\t') digits += c;
    }
    if (digits.starts_with("0x0x")) digits.erase(0, 2);
    return from_hex(digits);
}

int disasm(std::string code) {
    if (code == "-") code = read_all_input();
    const auto bytes = read_code(code);
    if (!bytes) return fail_with("evm disasm: " + bytes.error().message);
    fmt::print("{}", evm::disassemble(*bytes));
    return exit_done;
}

void define_bench_evm(CLI::App& command, int& status) {
    auto options = std::make_shared<BenchEvmOptions>();
    command.add_option("path", options->paths, "files or folders (github.com/ipsilon/evm-benchmarks, benchmarks/)")
        ->required();
    command.add_option("--peer", options->peers,
                       "NAME=PROGRAM: an engine's Google Benchmark program that takes the same path, evmone-bench; "
                       "may be repeated");
    command.add_option("--fork", options->fork, "whose rules")->capture_default_str();
    command.add_option("--rounds", options->rounds, "of which the fastest counts")->capture_default_str();
    command.add_flag("--instructions", options->instructions, "count machine instructions too, with valgrind");
    command.add_flag("--json", options->json, "one JSON object in place of the table");
    command.add_option("--only", options->only, "run one case once and print nothing: what valgrind counts");
    command.callback([options, &status] {
        const auto done = bench_evm(*options);
        status = done ? exit_done : fail_with("evm bench: " + done.error().message);
    });
}

}  // namespace

void define_evm(CLI::App& command, int& status) {
    command.require_subcommand(1);
    auto code = std::make_shared<std::string>();
    auto* sub = command.add_subcommand("disasm", "print bytecode as instructions");
    sub->add_option("code", *code, "hexadecimal bytecode, or - to read it from the input")->required();
    sub->callback([code, &status] { status = disasm(*code); });
    define_bench_evm(*command.add_subcommand("bench", "time the engine on state test files, beside other engines"),
                     status);
}

}  // namespace weft::app
