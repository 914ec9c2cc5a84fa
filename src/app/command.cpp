#include "app/command.hpp"

#include <cstdio>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

namespace weft::app {

int fail_with(std::string_view message) {
    // One line, whatever a library's message holds: the supervisor and scripts read lines.
    std::string line(message.substr(0, message.find('\n')));
    std::fflush(stdout);
    fmt::print(stderr, "weft: {}\n", line);
    return exit_failed;
}

int fail_with(const Error& error) { return fail_with(error.message); }

void SystemOptions::add_to(CLI::App& command) {
    command
        .add_option("file", file_, "a system file (weft.yaml): lines `key: value`, keys spelled as the options below")
        ->type_name("FILE");
    for (const auto& setting : settings()) {
        const std::string option = fmt::format("--{}", setting.name);
        const std::string help(setting.help);
        if (setting.is_flag()) {
            command.add_flag_callback(option, [this, &setting] { given_.emplace_back(&setting, "true"); }, help);
            continue;
        }
        const auto take = [this, &setting](const std::string& value) {
            SystemConfig scratch;
            if (const auto set = setting.set(scratch, value); !set) {
                throw CLI::ValidationError(fmt::format("--{}", setting.name),
                                           fmt::format("{}, not \"{}\"", set.error().message, value));
            }
            given_.emplace_back(&setting, value);
        };
        command.add_option_function<std::string>(option, take, help)->type_name(std::string(setting.placeholder));
    }
}

Result<SystemConfig> SystemOptions::read() const {
    SystemConfig config;
    if (!file_.empty()) WEFT_CHECK(read_config_file(file_, config));
    for (const auto& [setting, value] : given_) WEFT_CHECK(setting->set(config, value));
    return config;
}

}  // namespace weft::app
