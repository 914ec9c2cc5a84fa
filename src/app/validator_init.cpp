// `weft validator init`: what the operators of a chain with several validators begin with.

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "app/command.hpp"
#include "app/services.hpp"
#include "app/validators.hpp"

namespace weft::app {

namespace {

Result<void> init(const SystemOptions& given, const std::vector<std::string>& addresses) {
    WEFT_TRY(SystemConfig config, given.read());
    config.data = std::filesystem::absolute(config.data.empty() ? "weft-data" : config.data).string();
    if (!config.validators && !addresses.empty()) config.validators = addresses.size();
    if (!addresses.empty() && *config.validators != addresses.size()) {
        return fail(ErrorCode::invalid_argument, "--at: wants an address for each of the validators");
    }
    WEFT_TRY(const bool validators, has_validators(config));
    if (!validators) return fail(ErrorCode::invalid_argument, "a development chain has no validators");
    WEFT_CHECK(make_folder(config.data));
    WEFT_TRY(const auto places, prepare_validators(config, addresses));
    const std::string path = config.data + "/weft.yaml";
    std::ofstream out(path, std::ios::trunc);
    out << "# Written by `weft validator init`: what the nodes run with.\n" << to_yaml(config) << std::flush;
    if (!out) return fail(ErrorCode::internal, path + ": can't be written");
    for (const auto& place : places) {
        fmt::print("weft run node --config {} --id {} --p2p {}\n", path, place.id, place.p2p);
    }
    return {};
}

}  // namespace

void define_validator_init(CLI::App& command, int& status) {
    auto* init_command = command.add_subcommand("init", "keys, genesis file and list of peers of new validators");
    auto options = std::make_shared<SystemOptions>();
    auto addresses = std::make_shared<std::vector<std::string>>();
    options->add_to(*init_command);
    init_command
        ->add_option("--at", *addresses, "where each validator's peers reach it (default free ports of 127.0.0.1)")
        ->type_name("HOST:PORT")
        ->delimiter(',');
    init_command->callback([options, addresses, &status] {
        const auto done = init(*options, *addresses);
        status = done ? exit_done : fail_with(done.error());
    });
}

}  // namespace weft::app
