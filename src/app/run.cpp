#include <map>
#include <memory>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "app/command.hpp"
#include "app/neighbours.hpp"
#include "app/services.hpp"
#include "observe/log.hpp"

namespace weft::app {

namespace {

/// Where a registry listens that nobody gave another address.
constexpr const char* default_registry = "127.0.0.1:9000";

const std::map<std::string, Result<void> (*)(const StopSignals&, const ServiceOptions&)> runners{
    {"registry", run_registry},   {"node", run_node},           {"gateway", run_gateway}, {"contract", run_contract},
    {"storage", run_storage},     {"validation", run_validation}, {"network", run_network},
    {"consensus", run_consensus}, {"monitor", run_monitor},
};

struct RunOptions {
    std::string service;
    std::string config;
    std::string id;
    std::string registry = default_registry;
    std::string listen;
    std::string p2p;
};

Result<void> run(const RunOptions& given) {
    const StopSignals signals;
    ServiceOptions options;
    if (!given.config.empty()) WEFT_CHECK(read_config_file(given.config, options.system));
    // What a node's service runs by itself for must say so to those who look for it.
    if (is_part_of_node(given.service)) options.system.layout = Layout::service;
    complete(options.system);
    if (options.system.data.empty()) options.system.data = "weft-data";
    observe::set_log_level(*observe::level_from(options.system.log_level));
    options.id = given.id.empty() ? given.service + "-0" : given.id;
    options.registry = given.registry;
    if (!given.p2p.empty()) options.system.p2p = given.p2p;
    if (!given.listen.empty()) options.listen = given.listen;
    if (given.service == "registry" && given.listen.empty()) options.listen = given.registry;
    return runners.at(given.service)(signals, options);
}

}  // namespace

void define_run(CLI::App& command, int& status) {
    auto options = std::make_shared<RunOptions>();
    std::vector<std::string> names;
    for (const auto& [name, runner] : runners) names.push_back(name);
    command.add_option("service", options->service, fmt::format("{}", fmt::join(names, ", ")))
        ->required()
        ->check(CLI::IsMember(names));
    command.add_option("--config", options->config, "the system file (weft.yaml)")->type_name("FILE");
    command.add_option("--id", options->id, "name of this instance (default SERVICE-0)")->type_name("NAME");
    command
        .add_option("--registry", options->registry,
                    fmt::format("where the registry is (default {})", default_registry))
        ->type_name("HOST:PORT");
    command
        .add_option(
            "--listen", options->listen,
            "where this service's gRPC server listens (default a free port of 127.0.0.1; the registry: --registry)")
        ->type_name("HOST:PORT");
    command.add_option("--p2p", options->p2p, "where this node's peers reach it")->type_name("HOST:PORT");
    command.callback([options, &status] {
        const auto done = run(*options);
        status = done ? exit_done : fail_with(done.error());
    });
}

}  // namespace weft::app
