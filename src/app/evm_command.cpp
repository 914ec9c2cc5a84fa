#include <cstdio>
#include <memory>
#include <string>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <unistd.h>

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

}  // namespace

void define_evm(CLI::App& command, int& status) {
    command.require_subcommand(1);
    auto code = std::make_shared<std::string>();
    auto* sub = command.add_subcommand("disasm", "print bytecode as instructions");
    sub->add_option("code", *code, "hexadecimal bytecode, or - to read it from the input")->required();
    sub->callback([code, &status] { status = disasm(*code); });
}

}  // namespace weft::app
