// `weft trace`: where a transaction's gas went, as folded stacks or as a picture of them.

#include <fstream>
#include <memory>
#include <string>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "app/command.hpp"
#include "app/flame.hpp"
#include "app/rpc_client.hpp"

namespace weft::app {

namespace {

struct TraceCommand {
    std::string hash;
    std::string flame;
    std::string by = "gas";
    std::string rpc;
    double timeout_s = 60;
};

Result<std::vector<std::string>> folded_of(const TraceCommand& command) {
    const std::string parameters =
        fmt::format(R"([{},{{"tracer":"opcodeProfile","timeout":"{}s","tracerConfig":{{"by":{}}}}}])",
                    json::quote(command.hash), command.timeout_s, json::quote(command.by));
    const auto timeout_ns = static_cast<std::int64_t>((command.timeout_s + 5) * 1e9);
    WEFT_TRY(const auto reply, ask(command.rpc, "debug_traceTransaction", parameters, timeout_ns));
    std::vector<std::string> out;
    for (const auto& line : reply["folded"].items()) out.push_back(line.text());
    return out;
}

Result<void> trace(const TraceCommand& command) {
    WEFT_TRY(const auto folded, folded_of(command));
    if (command.flame.empty()) {
        for (const auto& line : folded) fmt::print("{}\n", line);
        return {};
    }
    WEFT_TRY(const auto svg, make_flame_graph(folded, {"transaction " + command.hash,
                                                       command.by == "gas" ? "gas" : "instructions"}));
    std::ofstream out(command.flame, std::ios::binary | std::ios::trunc);
    out << svg << std::flush;
    if (!out) return fail(ErrorCode::internal, command.flame + ": can't be written");
    return {};
}

}  // namespace

void define_trace(CLI::App& command, int& status) {
    auto options = std::make_shared<TraceCommand>();
    command.add_option("hash", options->hash, "the transaction's hash")->required()->type_name("TXHASH");
    command.add_option("--flame", options->flame, "write a flame graph here instead of printing folded stacks")
        ->type_name("FILE.svg");
    command.add_option("--by", options->by, "what a box's width means: gas or count, of instructions (default gas)")
        ->check(CLI::IsMember({"gas", "count"}));
    command.add_option("--rpc", options->rpc, rpc_option_help)->type_name("URL");
    command.add_option("--timeout", options->timeout_s, "seconds that the trace may take (default 60)")
        ->check(CLI::Range(0.1, 60.0));
    command.footer("The printed form is what flamegraph.pl and speedscope read.");
    command.callback([options, &status] {
        const auto done = trace(*options);
        status = done ? exit_done : fail_with(done.error());
    });
}

}  // namespace weft::app
