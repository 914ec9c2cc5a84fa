#include "app/supervisor.hpp"

#include <algorithm>
#include <array>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <optional>

#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include "app/process.hpp"

namespace weft::app {

namespace {

/// A longer line is cut here.
constexpr std::size_t line_size_max = 64 * 1024;
/// How a process of ours says why it ends.
constexpr std::string_view last_words = "weft: ";

struct Child {
    ChildSpec spec;
    std::optional<Process> process;
    RestartState restart;
    std::int64_t started_unix_ms = 0;
    std::int64_t start_at_ns = 0;  // when it does not run
    std::int64_t kill_at_ns = 0;   // once told to stop
    std::string line;              // begun and not ended
    std::string words;             // its last "weft: ..." line, without that
    std::ofstream log;
    std::uint64_t log_size = 0;
};

/// Of the lines that a service logs (observe/log.hpp) those that somebody at a terminal wants to see.
bool is_notable(std::string_view line) {
    const auto space = line.find(' ');
    if (space == std::string_view::npos) return false;
    const auto rest = line.substr(space + 1);
    return rest.starts_with("warn ") || rest.starts_with("error ");
}

}  // namespace

struct Supervisor::State {
    std::vector<Child> children;
    SupervisorOptions options;
    bool ready = false;
    bool stopping = false;
    std::int64_t turn_at_ns = 0;
    std::optional<Error> failure;

    std::string log_path(const Child& child) const { return options.log_dir + "/" + child.spec.name + ".log"; }

    Result<void> start(Child& child) {
        child.started_unix_ms = unix_ms();
        WEFT_TRY(child.process, Process::start(child.spec.arguments));
        child.restart.started_ns = monotonic_ns();
        child.words.clear();
        turn_at_ns = 0;
        return {};
    }

    void keep(Child& child, std::string_view line) {
        if (!child.log.is_open()) {
            child.log.open(log_path(child), std::ios::app);
            std::error_code none;
            const auto size = std::filesystem::file_size(log_path(child), none);
            child.log_size = none ? 0 : size;
        }
        child.log << line << '\n' << std::flush;
        child.log_size += line.size() + 1;
        if (child.log_size <= options.log_bytes_max) return;
        child.log.close();
        std::error_code none;
        std::filesystem::rename(log_path(child), log_path(child) + ".1", none);
    }

    void on_line(Child& child, std::string_view line) {
        keep(child, line);
        if (line.starts_with(last_words)) child.words = line.substr(last_words.size());
        if (is_notable(line)) options.say(fmt::format("{} | {}", child.spec.name, line));
    }

    void read_output(Child& child) {
        std::array<char, 16 * 1024> buffer;
        while (true) {
            const ssize_t size = ::read(child.process->output_fd(), buffer.data(), buffer.size());
            if (size <= 0) return;
            for (const char c : std::string_view(buffer.data(), static_cast<std::size_t>(size))) {
                if (c != '\n') child.line += c;
                if (c == '\n' || child.line.size() >= line_size_max) {
                    on_line(child, child.line);
                    child.line.clear();
                }
            }
        }
    }

    void on_end(Child& child, const ExitStatus& status) {
        read_output(child);
        if (!child.line.empty()) on_line(child, std::exchange(child.line, {}));
        child.process.reset();
        turn_at_ns = 0;
        if (stopping) return;
        const std::string how = child.words.empty() ? status.to_string() : child.words;
        if (!ready && !status.by_signal) {
            failure = Error{ErrorCode::unavailable, fmt::format("{}: {}", child.spec.name, how), {}, 0};
            return;
        }
        const std::int64_t now_ns = monotonic_ns();
        child.start_at_ns =
            restart_at_ns(options.restart, child.restart, now_ns, mix64(static_cast<std::uint64_t>(now_ns)));
        options.say(fmt::format("{} {}; starting it again in {:.1f} s", child.spec.name, how,
                                static_cast<double>(child.start_at_ns - now_ns) / 1e9));
    }

    void start_due(std::int64_t now_ns) {
        for (auto& child : children) {
            if (child.process || child.start_at_ns > now_ns) continue;
            if (auto started = start(child); started) continue;
            child.start_at_ns =
                restart_at_ns(options.restart, child.restart, now_ns, mix64(static_cast<std::uint64_t>(now_ns)));
        }
    }

    /// Tells the last child that runs to stop, and kills it if it was told long enough ago.
    /// @return when to look again, or nothing if no child is left.
    std::optional<std::int64_t> stop_next(std::int64_t now_ns) {
        const auto last =
            std::find_if(children.rbegin(), children.rend(), [](const Child& one) { return one.process.has_value(); });
        if (last == children.rend()) return std::nullopt;
        if (last->kill_at_ns == 0) {
            last->kill_at_ns = now_ns + options.stop_ns;
            last->process->signal(SIGTERM);
        } else if (now_ns >= last->kill_at_ns) {
            options.say(fmt::format("{} did not stop in time", last->spec.name));
            last->process->signal(SIGKILL);
            last->kill_at_ns = now_ns + ns_per_s;
        }
        return last->kill_at_ns;
    }

    std::vector<ChildState> child_states() const {
        std::vector<ChildState> out;
        for (const auto& child : children) {
            out.push_back({child.spec.name, child.process ? child.process->pid() : 0, child.restart.restarts,
                           static_cast<std::uint64_t>(child.started_unix_ms)});
        }
        return out;
    }

    std::int64_t next_start_ns() const {
        std::int64_t next = turn_at_ns;
        for (const auto& child : children) {
            if (!child.process) next = std::min(next, child.start_at_ns);
        }
        return next;
    }

    void wait(const StopSignals& signals, std::int64_t until_ns) {
        std::vector<pollfd> polled{{signals.fd(), POLLIN, 0}};
        std::vector<Child*> of(1);
        for (auto& child : children) {
            if (!child.process) continue;
            polled.push_back({child.process->output_fd(), POLLIN, 0});
            polled.push_back({child.process->end_fd(), POLLIN, 0});
            of.insert(of.end(), 2, &child);
        }
        const std::int64_t wait_ns = std::max<std::int64_t>(0, until_ns - monotonic_ns());
        ::poll(polled.data(), polled.size(), static_cast<int>(std::min(wait_ns / ns_per_ms + 1, std::int64_t{1'000})));
        for (std::size_t i = 1; i < polled.size(); i += 2) {
            Child& child = *of[i];
            if ((polled[i].revents & POLLIN) != 0) read_output(child);
            if (polled[i + 1].revents == 0) continue;
            if (const auto status = child.process->reap()) on_end(child, *status);
        }
        if (signals.take() != 0) on_signal();
    }

    void on_signal() {
        if (stopping) {
            for (auto& child : children) {
                if (child.process) child.process->signal(SIGKILL);
            }
        }
        stopping = true;
    }
};

Supervisor::Supervisor(std::vector<ChildSpec> children, SupervisorOptions options) : state_(std::make_unique<State>()) {
    state_->options = std::move(options);
    for (auto& spec : children) {
        Child child;
        child.spec = std::move(spec);
        state_->children.push_back(std::move(child));
    }
}

Supervisor::~Supervisor() = default;

Result<void> Supervisor::run(const StopSignals& signals, const Turn& turn) {
    State& state = *state_;
    for (auto& child : state.children) {
        if (auto started = state.start(child); !started) {
            state.failure = std::move(started).error();
            break;
        }
    }
    constexpr std::int64_t eager_ns = 20 * ns_per_ms;
    while (!state.stopping && !state.failure) {
        const std::int64_t now_ns = monotonic_ns();
        state.start_due(now_ns);
        if (now_ns >= state.turn_at_ns) {
            state.ready = turn(state.child_states()) || state.ready;
            state.turn_at_ns = now_ns + (state.ready ? ns_per_s / 4 : eager_ns);
        }
        state.wait(signals, state.next_start_ns());
    }
    state.stopping = true;
    while (const auto again_ns = state.stop_next(monotonic_ns())) state.wait(signals, *again_ns);
    if (state.failure) return std::unexpected(*state.failure);
    return {};
}

}  // namespace weft::app
