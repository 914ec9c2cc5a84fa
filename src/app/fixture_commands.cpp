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

struct FixtureOptions {
    std::vector<std::string> paths;
    bool translate = false;
};

std::shared_ptr<FixtureOptions> define_options(CLI::App& command) {
    auto options = std::make_shared<FixtureOptions>();
    command.add_option("path", options->paths, "fixture files, or folders of them")
        ->required()
        ->check(CLI::ExistingPath);
    command.add_flag("--translate", options->translate,
                     "translate all code before it runs, not only what runs much: tests the fast tier");
    return options;
}

template <class Run>
void define(CLI::App& command, int& status, Run run) {
    command.callback([options = define_options(command), run, &status] {
        if (options->translate) evm::Code::translate_at_once();
        status = run(options->paths);
    });
}

}  // namespace

void define_statetest(CLI::App& command, int& status) { define(command, status, statetest_command); }

void define_blocktest(CLI::App& command, int& status) {
    auto workers = std::make_shared<std::size_t>(1);
    command.add_option("--workers", *workers, "threads; with more than one, transactions are executed ahead")
        ->check(CLI::Range(1, 64))
        ->capture_default_str();
    define(command, status, [workers](const auto& paths) { return blocktest_command(paths, *workers); });
}

}  // namespace weft::app
