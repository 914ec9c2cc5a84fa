#include <memory>
#include <span>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "app/blocktest.hpp"
#include "app/command.hpp"
#include "app/statetest.hpp"

namespace weft::app {

namespace {

void define(CLI::App& command, int& status, int (*run)(std::span<const std::string>)) {
    auto paths = std::make_shared<std::vector<std::string>>();
    command.add_option("path", *paths, "fixture files, or folders of them")->required()->check(CLI::ExistingPath);
    command.callback([paths, run, &status] { status = run(*paths); });
}

}  // namespace

void define_statetest(CLI::App& command, int& status) { define(command, status, statetest_command); }
void define_blocktest(CLI::App& command, int& status) { define(command, status, blocktest_command); }

}  // namespace weft::app
