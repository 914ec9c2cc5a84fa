#pragma once
// Keeps processes running: starts them in order, keeps what they print, starts again what ends, and stops them in the
// opposite order, each within a bound.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "app/restart.hpp"
#include "app/signals.hpp"
#include "base/result.hpp"

namespace weft::app {

struct ChildSpec {
    std::string name;  // "node-0"
    std::vector<std::string> arguments;
};

struct SupervisorOptions {
    /// What the children print goes to NAME.log in here.
    std::string log_dir;
    std::uint64_t log_bytes_max = 64ULL << 20;  // then the file is moved to NAME.log.1
    RestartPolicy restart;
    /// From SIGTERM to SIGKILL, for each child.
    std::int64_t stop_ns = 5 * ns_per_s;
    /// Lines for the terminal.
    std::function<void(const std::string&)> say = [](const std::string&) {};
};

struct ChildState {
    std::string name;
    int pid = 0;  // 0: does not run now
    std::uint32_t restarts = 0;
    std::uint64_t started_unix_ms = 0;  // not after the process could tell its own start
};

class Supervisor {
  public:
    /// Called on the supervisor's thread: often until the system is ready, and then some times a second.
    /// @return whether the system is ready: from then on a child that ends is started again. Before, one that ends by
    ///         itself with an error ends everything: it would fail again.
    using Turn = std::function<bool(const std::vector<ChildState>&)>;

    Supervisor(std::vector<ChildSpec> children, SupervisorOptions options);
    ~Supervisor();
    Supervisor(const Supervisor&) = delete;
    Supervisor& operator=(const Supervisor&) = delete;

    /// Runs until a signal arrives. A second signal kills what has not stopped yet.
    ///
    /// On return no child is left.
    /// @errors unavailable  a child failed before the system was ready: its last words.
    [[nodiscard]] Result<void> run(const StopSignals& signals, const Turn& turn);

  private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace weft::app
