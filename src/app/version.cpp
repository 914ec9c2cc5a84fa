#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "app/command.hpp"

namespace weft::app {

void define_version(CLI::App& command, int& status) {
    command.callback([&status] {
        fmt::print("weft {}\n", version);
        status = exit_done;
    });
}

}  // namespace weft::app
