#include <memory>
#include <span>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "app/blocktest.hpp"
#include "app/command.hpp"
#include "app/statetest.hpp"
#include "evm/code.hpp"

namespace weft::app {

namespace {

void define(CLI::App& command, int& status, int (*run)(std::span<const std::string>)) {
    auto paths = std::make_shared<std::vector<std::string>>();
    command.add_option("path", *paths, "fixture files, or folders of them")->required()->check(CLI::ExistingPath);
    auto translate = std::make_shared<bool>(false);
    command.add_flag("--translate", *translate,
                     "translate all code before it runs, not only what runs much: tests the fast tier");
    command.callback([paths, translate, run, &status] {
        if (*translate) evm::Code::translate_at_once();
        status = run(*paths);
    });
}

}  // namespace

void define_statetest(CLI::App& command, int& status) { define(command, status, statetest_command); }
void define_blocktest(CLI::App& command, int& status) { define(command, status, blocktest_command); }

}  // namespace weft::app
