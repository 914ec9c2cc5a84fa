#pragma once
// What the files of the commands share. Each gives its command's options and what to do; main.cpp has the table.

#include <string>
#include <string_view>

#include "app/config.hpp"
#include "base/result.hpp"

namespace CLI {
class App;
}

namespace weft::app {

inline constexpr std::string_view version = "0.1.0";

/// Exit statuses: done; failed, with one line on stderr that says why; wrong usage.
inline constexpr int exit_done = 0;
inline constexpr int exit_failed = 1;
inline constexpr int exit_usage = 2;

/// Prints `weft: MESSAGE` on stderr. @return exit_failed.
int fail_with(const Error& error);
int fail_with(std::string_view message);

/// Adds a command's options and what is to be called when it is the one. @p status becomes main()'s.
using Define = void (*)(CLI::App& command, int& status);

struct Command {
    std::string_view name;
    std::string_view summary;
    Define define;
};

// One file each: up.cpp, run.cpp ...
void define_up(CLI::App& command, int& status);
void define_run(CLI::App& command, int& status);
void define_node(CLI::App& command, int& status);
void define_status(CLI::App& command, int& status);
void define_registry(CLI::App& command, int& status);
void define_gateway(CLI::App& command, int& status);
void define_monitor(CLI::App& command, int& status);
void define_validator(CLI::App& command, int& status);
void define_validator_init(CLI::App& command, int& status);  // a subcommand of it
void define_trace(CLI::App& command, int& status);
void define_import(CLI::App& command, int& status);
void define_export(CLI::App& command, int& status);
void define_statetest(CLI::App& command, int& status);
void define_blocktest(CLI::App& command, int& status);
void define_evm(CLI::App& command, int& status);
void define_abi(CLI::App& command, int& status);
void define_sim(CLI::App& command, int& status);
void define_bench(CLI::App& command, int& status);
void define_version(CLI::App& command, int& status);
void define_completion(CLI::App& command, int& status);

/// Adds every setting of a system as an option, and the system file as an argument. What is given on the command line
/// counts more than the file.
/// @return what to call once the command line is read: the configuration it makes, not complete()d yet.
struct SystemOptions {
    void add_to(CLI::App& command);
    [[nodiscard]] Result<SystemConfig> read() const;

  private:
    std::string file_;
    std::vector<std::pair<const Setting*, std::string>> given_;
};

}  // namespace weft::app
