// `weft monitor`: what contracts do on a running chain, and why a block is not final, as tables.

#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <memory>
#include <string>
#include <thread>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "app/command.hpp"
#include "app/rpc_client.hpp"
#include "base/hex.hpp"
#include "base/time.hpp"

namespace weft::app {

namespace {

constexpr std::int64_t timeout_ns = 10 * ns_per_s;

struct ContractsCommand {
    std::string address;
    std::string by = "gas";
    std::uint64_t count = 10;
    std::string rpc;
    bool watch = false;
    bool json = false;
};

std::uint64_t number(const json::Value& value) { return quantity_from_hex(value.text()).value_or(0); }

std::string coverage_line(const json::Value& coverage) {
    const auto executed = number(coverage["blocksExecuted"]);
    const auto skipped = number(coverage["blocksSkipped"]);
    if (executed + skipped == 0) return "no block with transactions since the monitor has watched\n";
    return fmt::format("blocks {} to {}: {} looked into, {} skipped (monitor-share)\n", number(coverage["firstBlock"]),
                       number(coverage["lastBlock"]), executed, skipped);
}

std::string first_name(const json::Value& list, std::string_view key) {
    return list.items().empty() ? "-" : list.items().front()[key].text();
}

std::string top_table(const json::Value& reply) {
    std::string out = fmt::format("{:<42} {:>8} {:>8} {:>12} {:>8} {:>8} {:>8}  {}\n", "CONTRACT", "TXS", "CALLS",
                                  "GAS", "FAILED", "SLOTS+", "SLOTS-", "MOST CALLED");
    for (const auto& one : reply["contracts"].items()) {
        out += fmt::format("{:<42} {:>8} {:>8} {:>12} {:>8} {:>8} {:>8}  {}\n", one["address"].text(),
                           number(one["transactions"]), number(one["calls"]), number(one["gas"]),
                           number(one["failures"]), number(one["storage"]["created"]),
                           number(one["storage"]["cleared"]), first_name(one["selectors"], "selector"));
    }
    return out + "\n" + coverage_line(reply["coverage"]);
}

std::string counts_table(std::string_view title, const json::Value& list, std::string_view key) {
    if (list.items().empty()) return {};
    std::string out = fmt::format("\n{:<66} {:>8} {:>12}\n", title, "CALLS", "GAS");
    for (const auto& one : list.items()) {
        out += fmt::format("{:<66} {:>8} {:>12}\n", one[key].text(), number(one["calls"]), number(one["gas"]));
    }
    return out;
}

std::string contract_table(const std::string& address, const json::Value& reply) {
    const auto& one = reply["contract"];
    if (one.is_null()) return fmt::format("{}: not seen\n\n{}", address, coverage_line(reply["coverage"]));
    std::string out = fmt::format("contract      {}\ntransactions  {}\ncalls         {}\ngas           {}\n"
                                  "failures      {}\nstorage       {} slots created, {} cleared, {} updated\n",
                                  one["address"].text(), number(one["transactions"]), number(one["calls"]),
                                  number(one["gas"]), number(one["failures"]), number(one["storage"]["created"]),
                                  number(one["storage"]["cleared"]), number(one["storage"]["updated"]));
    out += counts_table("SELECTOR", one["selectors"], "selector");
    out += counts_table("FAILURE", one["failureReasons"], "reason");
    if (const auto& slots = one["hotSlots"].items(); !slots.empty()) {
        out += fmt::format("\n{:<66} {:>8}\n", "SLOT", "TXS");
        for (const auto& slot : slots) {
            out += fmt::format("{:<66} {:>8}\n", slot["slot"].text(), number(slot["transactions"]));
        }
    }
    return out + "\n" + coverage_line(reply["coverage"]);
}

Result<std::string> look(const ContractsCommand& command) {
    const bool one = !command.address.empty();
    const std::string parameters = one ? fmt::format("[{}]", json::quote(command.address))
                                       : fmt::format(R"(["{:#x}",{}])", command.count, json::quote(command.by));
    WEFT_TRY(const auto reply,
             ask(command.rpc, one ? "weft_contractStats" : "weft_topContracts", parameters, timeout_ns));
    if (command.json) return json::to_string(reply) + "\n";
    return one ? contract_table(command.address, reply) : top_table(reply);
}

int contracts(const ContractsCommand& command) {
    while (true) {
        const auto text = look(command);
        if (!text) return fail_with(text.error());
        if (command.watch && ::isatty(STDOUT_FILENO) != 0) fmt::print("\x1b[H\x1b[2J");
        fmt::print("{}", *text);
        std::fflush(stdout);
        if (!command.watch) return exit_done;
        std::this_thread::sleep_for(std::chrono::seconds(1));
    }
}

struct FinalityCommand {
    std::string rpc;
    bool watch = false;
    bool json = false;
};

std::string round_text(const json::Value& value) { return value.is_null() ? "-" : std::to_string(number(value)); }

std::string finality_table(const json::Value& reply) {
    std::string out = fmt::format("height {} round {}, proposer {}, quorum {}; the last block became final {} ms ago\n",
                                  number(reply["height"]), number(reply["round"]), reply["proposer"].text(),
                                  number(reply["quorum"]), reply["sinceFinalMs"].text());
    if (reply["nextRoundInMs"].text() != "0") {
        out += fmt::format("this round is given up in {} ms\n", reply["nextRoundInMs"].text());
    }
    out += fmt::format("\n{:<42} {:<9} {:>8} {:>9} {:>6} {:>8} {:>9} {:>11}\n", "VALIDATOR", "CONNECTED", "PREPARED",
                       "COMMITTED", "ASKED", "HEAD", "CLOCK ms", "LATENCY us");
    for (const auto& one : reply["validators"].items()) {
        const bool is_self = one["self"].as_boolean();
        out += fmt::format("{:<42} {:<9} {:>8} {:>9} {:>6} {:>8} {:>9} {:>11}\n", one["address"].text(),
                           is_self                           ? "itself"
                           : one["connected"].as_boolean() ? "yes"
                                                           : "NO",
                           round_text(one["preparedRound"]), round_text(one["committedRound"]),
                           round_text(one["askedRound"]), is_self ? "" : std::to_string(number(one["head"])),
                           one["clockSkewMs"].text(), one["latencyUs"].text());
    }
    out += "\n";
    for (const auto& reason : reply["reasons"].items()) out += "- " + reason.text() + "\n";
    return out;
}

int finality(const FinalityCommand& command) {
    while (true) {
        const auto reply = ask(command.rpc, "weft_finality", "[]", timeout_ns);
        if (!reply) return fail_with(reply.error());
        if (command.watch && ::isatty(STDOUT_FILENO) != 0) fmt::print("\x1b[H\x1b[2J");
        fmt::print("{}", command.json ? json::to_string(*reply) + "\n" : finality_table(*reply));
        std::fflush(stdout);
        if (!command.watch) return exit_done;
        std::this_thread::sleep_for(std::chrono::seconds(1));
    }
}

void define_finality(CLI::App& command, int& status) {
    auto options = std::make_shared<FinalityCommand>();
    auto* const sub = command.add_subcommand("finality", "why the next block is not final yet: votes, peers, clocks");
    sub->add_option("--rpc", options->rpc, rpc_option_help)->type_name("URL");
    sub->add_flag("--watch", options->watch, "again each second, until Ctrl-C");
    sub->add_flag("--json", options->json, "for scripts");
    sub->callback([options, &status] { status = finality(*options); });
}

}  // namespace

void define_monitor(CLI::App& command, int& status) {
    auto options = std::make_shared<ContractsCommand>();
    auto* const sub = command.add_subcommand("contracts", "the contracts that do most, or one of them");
    command.require_subcommand(1);
    define_finality(command, status);
    sub->add_option("address", options->address, "one contract, with its functions, failures and hot slots")
        ->type_name("ADDRESS");
    sub->add_option("--by", options->by, "order: gas, calls, failures or growth, of storage (default gas)")
        ->check(CLI::IsMember({"gas", "calls", "failures", "growth"}));
    sub->add_option("--count", options->count, "how many (default 10)")->check(CLI::Range(1, 100));
    sub->add_option("--rpc", options->rpc, rpc_option_help)->type_name("URL");
    sub->add_flag("--watch", options->watch, "again each second, until Ctrl-C");
    sub->add_flag("--json", options->json, "for scripts");
    sub->callback([options, &status] { status = contracts(*options); });
}

}  // namespace weft::app
