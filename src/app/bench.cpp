// weft bench: what is measured, against what, side by side in one run.

#include <CLI/CLI.hpp>

#include "app/bench_balance.hpp"
#include "app/bench_consensus.hpp"
#include "app/bench_execute.hpp"
#include "app/bench_gateway.hpp"
#include "app/bench_grpc.hpp"
#include "app/bench_node.hpp"
#include "app/bench_precompiles.hpp"
#include "app/bench_registry.hpp"
#include "app/command.hpp"

namespace weft::app {

namespace {

void define_execute(CLI::App& command, int& status) {
    auto options = std::make_shared<BenchExecuteOptions>();
    command.add_option("--accounts", options->accounts, "of the state")
        ->check(CLI::Range(1'000, 100'000'000))
        ->capture_default_str();
    command.add_option("--pairs", options->pairs, "markets")->check(CLI::Range(1, 10'000))->capture_default_str();
    command.add_option("--transactions", options->transactions, "of a block")
        ->check(CLI::Range(1, 3'000))
        ->capture_default_str();
    command.add_option("--blocks", options->blocks, "of each kind, at most")->capture_default_str();
    command.add_option("--seconds", options->seconds, "of each kind, about at most")->capture_default_str();
    command.add_option("--workers", options->workers, "that the second row of each kind has")
        ->check(CLI::Range(1, 64))
        ->capture_default_str();
    command.add_option("--data", options->data, "folder where the loaded state is kept and found again");
    command.callback([options, &status] {
        const auto done = bench_execute(*options);
        status = done ? exit_done : fail_with(done.error());
    });
}

void define_consensus(CLI::App& command, int& status) {
    auto options = std::make_shared<BenchConsensusOptions>();
    command.add_option("--validators", options->validators, "of each system, one after the other")
        ->delimiter(',')
        ->check(CLI::Range(1, 100))
        ->capture_default_str();
    command.add_option("--seconds", options->seconds, "of each load")
        ->check(CLI::Range(1, 3'600))
        ->capture_default_str();
    command.add_option("--rate", options->rate, "transactions a second (0: as fast as they are taken, then 70 % of it)")
        ->check(CLI::Range(0.0, 100'000.0))
        ->capture_default_str();
    command.add_option("--down", options->down, "validators that stand still in a second half")->capture_default_str();
    command.add_option("--only", options->only, "one kind of transaction")
        ->check(CLI::IsMember({"transfers", "erc20"}));
    command.add_option("--data", options->data, "prefix of the folders on the disk that counts (default: temporary)");
    command.callback([options, &status] {
        const auto done = bench_consensus(*options);
        status = done ? exit_done : fail_with(done.error());
    });
}

void define_balance(CLI::App& command, int& status) {
    auto options = std::make_shared<BenchBalanceOptions>();
    command.add_option("--picks", options->picks, "of each repetition")
        ->check(CLI::Range(1'000, 100'000'000))
        ->capture_default_str();
    command.add_option("--repetitions", options->repetitions, "of which the fastest counts")
        ->check(CLI::Range(1, 1'000))
        ->capture_default_str();
    command.callback([options, &status] {
        bench_balance(*options);
        status = exit_done;
    });
}

void define_gateway_bench(CLI::App& command, int& status) {
    auto options = std::make_shared<BenchGatewayOptions>();
    command.add_option("--nginx", options->nginx, "its program")->capture_default_str();
    command.add_option("--haproxy", options->haproxy, "its program")->capture_default_str();
    command.add_option("--seconds", options->seconds, "of each figure")->capture_default_str();
    command.add_option("--connections", options->connections, "of the load; may be given again")->capture_default_str();
    command.add_flag("--apart", options->apart, "a processor for the proxy alone: for latencies");
    command.add_option("--subscribers", options->subscribers, "WebSockets that wait for new heads; 0: none")
        ->capture_default_str();
    command.callback([options, &status] {
        const auto done = bench_gateway(*options);
        status = done ? exit_done : fail_with(done.error());
    });
}

void define_grpc(CLI::App& command, int& status) {
    auto options = std::make_shared<BenchGrpcOptions>();
    command.add_option("--peer", options->peer, "test/grpc_peer (default: as it was built with this program)");
    command.add_option("--seconds", options->seconds, "of each figure")
        ->check(CLI::Range(1, 600))
        ->capture_default_str();
    command.add_option("--bytes", options->message_bytes, "of a message")
        ->check(CLI::Range(0, 1'000'000))
        ->capture_default_str();
    auto* serve = command.add_flag("--serve")->group("");  // the server that is measured
    command.callback([options, serve, &status] {
        const auto done = serve->count() > 0 ? serve_grpc_bench() : bench_grpc(*options);
        status = done ? exit_done : fail_with(done.error());
    });
}

void define_bench_registry(CLI::App& command, int& status) {
    auto options = std::make_shared<BenchRegistryOptions>();
    command.add_option("--instances", options->instances, "that are registered")
        ->check(CLI::Range(100, 10'000))
        ->capture_default_str();
    command.add_option("--watchers", options->watchers, "that follow them all")
        ->check(CLI::Range(1, 1'000))
        ->capture_default_str();
    command.add_option("--changes", options->changes, "that they are told of")->capture_default_str();
    command.add_option("--rounds", options->rounds, "of killing and starting an instance")
        ->check(CLI::Range(1, 100))
        ->capture_default_str();
    command.add_option("--etcd", options->etcd, "etcd's program; without it its column is missing")
        ->capture_default_str();
    command.callback([options, &status] {
        const auto done = bench_registry(*options);
        status = done ? exit_done : fail_with(done.error());
    });
}

}  // namespace

void define_bench(CLI::App& command, int& status) {
    command.require_subcommand(1);
    auto* node = command.add_subcommand("node", "transfers and reads end to end, beside anvil");
    auto options = std::make_shared<BenchNodeOptions>();
    node->add_option("--anvil", options->anvil, "anvil's program; without it the peer's rows are missing");
    node->add_option("--seconds", options->seconds, "of each read")->capture_default_str();
    node->add_option("--connections", options->connections, "that read or send at once")->capture_default_str();
    node->add_option("--transactions", options->transactions, "of each kind")->capture_default_str();
    node->add_flag("--json", options->json, "one JSON object in place of the table");
    node->callback([options, &status] {
        const auto done = bench_node(*options);
        status = done ? exit_done : fail_with(done.error());
    });
    define_execute(*command.add_subcommand("execute", "blocks on a state of millions of accounts"), status);
    define_consensus(*command.add_subcommand("consensus", "validators as processes, through the gateway"), status);
    define_gateway_bench(*command.add_subcommand("gateway", "a proxied call, beside nginx and HAProxy"), status);
    define_grpc(*command.add_subcommand("grpc", "a unary call, beside libgrpc++"), status);
    define_balance(*command.add_subcommand("balance", "choosing one of many instances"), status);
    define_bench_registry(*command.add_subcommand("registry", "ten thousand instances, beside etcd"), status);
    auto* precompiles = command.add_subcommand("precompiles", "each precompiled contract, beside a library");
    auto chosen = std::make_shared<BenchPrecompilesOptions>();
    precompiles->add_option("--blst", chosen->blst, "libblst.so; without it the curves' rows have no peer");
    precompiles->add_option("--filter", chosen->filter, "rows with this in their name");
    precompiles->add_option("--fork", chosen->fork, "whose prices count")->capture_default_str();
    precompiles->add_option("--repetitions", chosen->repetitions, "of which the fastest counts")->capture_default_str();
    precompiles->add_flag("--json", chosen->json, "one JSON array in place of the table");
    precompiles->callback([chosen, &status] {
        const auto done = bench_precompiles(*chosen);
        status = done ? exit_done : fail_with(done.error());
    });
}

}  // namespace weft::app
