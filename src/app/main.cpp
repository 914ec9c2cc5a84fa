// The `weft` program: a table of commands. Wrong usage is one line on stderr and status 2; a failure one line and
// status 1.

#include <algorithm>
#include <array>
#include <cstdio>
#include <string>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "app/command.hpp"

namespace weft::app {
namespace {

constexpr auto commands = std::to_array<Command>({
    {"up", "run a whole system on this machine", define_up},
    {"run", "run one service of a system in the foreground", define_run},
    {"node", "run one chain node that serves JSON-RPC by itself", define_node},
    {"status", "show the processes, health and chain head of a running system", define_status},
    {"registry", "what a system's registry knows; drain instances, register foreign ones", define_registry},
    {"gateway", "a gateway in front of any Ethereum nodes", define_gateway},
    {"monitor", "show what contracts do, and why a block is not final", define_monitor},
    {"validator", "list validators and vote on them; move what a key has signed", define_validator},
    {"trace", "show where a transaction's gas went, also as a flame graph", define_trace},
    {"import", "take blocks of files into a node's chain", define_import},
    {"export", "write a node's chain to a file", define_export},
    {"statetest", "run Ethereum's state tests", define_statetest},
    {"blocktest", "run Ethereum's blockchain tests", define_blocktest},
    {"evm", "look at bytecode, and time the engine", define_evm},
    {"abi", "contract arguments to bytes and back", define_abi},
    {"sim", "simulate a protocol under faults and liars", define_sim},
    {"bench", "measure, beside the peers", define_bench},
    {"version", "print the version", define_version},
    {"completion", "print a completion script for a shell", define_completion},
});

int usage_error(const std::string& what) {
    fmt::print(stderr, "weft: {}\n", what);
    return exit_usage;
}

void print_help(const CLI::App& root, const CLI::App& about) {
    fmt::print("{}", &about == &root ? root.help() : about.help("weft"));
}

/// `weft help` and `weft help COMMAND`.
int help(const CLI::App& root, int count, char** words) {
    const CLI::App* about = &root;
    for (int i = 0; i < count; ++i) {
        const auto named = about->get_subcommands([&](const CLI::App* sub) { return sub->get_name() == words[i]; });
        if (named.empty()) return usage_error(fmt::format("no command \"{}\"", words[i]));
        about = named.front();
    }
    print_help(root, *about);
    return exit_done;
}

int parse(CLI::App& root, int argc, char** argv, const int& status) {
    try {
        root.parse(argc, argv);
    } catch (const CLI::CallForHelp&) {
        const CLI::App* about = &root;
        while (!about->get_subcommands().empty()) about = about->get_subcommands().front();
        print_help(root, *about);
        return exit_done;
    } catch (const CLI::ParseError& wrong) {
        std::string what = wrong.what();
        std::ranges::replace(what, '\n', ' ');
        return usage_error(what);
    }
    return status;
}

int run(int argc, char** argv) {
    CLI::App root("weft: a Web3 back end as small services", "weft");
    root.footer("`weft help COMMAND` shows a command's options. Start with `weft up --dev`.");
    int status = exit_usage;
    for (const auto& command : commands) {
        command.define(*root.add_subcommand(std::string(command.name), std::string(command.summary)), status);
    }
    const std::string first = argc > 1 ? argv[1] : "";
    if (first == "help") return help(root, argc - 2, argv + 2);
    if (first == "--version" || first == "-V") {
        fmt::print("weft {}\n", version);
        return exit_done;
    }
    if (first.empty()) {
        fmt::print(stderr, "{}", root.help());
        return exit_usage;
    }
    if (first[0] != '-' && std::ranges::find(commands, first, &Command::name) == commands.end()) {
        return usage_error(fmt::format("no command \"{}\"; `weft help` lists them", first));
    }
    return parse(root, argc, argv, status);
}

}  // namespace
}  // namespace weft::app

int main(int argc, char** argv) { return weft::app::run(argc, argv); }
