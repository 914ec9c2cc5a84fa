#pragma once
// When a process that has ended is started again: soon at first, later each time, soon again once it has
// run for a while.

#include "mesh/backoff.hpp"

namespace weft::app {

struct RestartPolicy {
    mesh::Backoff backoff = {.min_ns = 100 * ns_per_ms, .max_ns = 10 * ns_per_s};
    /// A process that has run for so long is as good as new.
    std::int64_t healthy_ns = 10 * ns_per_s;
};

struct RestartState {
    std::uint32_t failures = 0;  // in a row
    std::uint32_t restarts = 0;  // in all
    std::int64_t started_ns = 0;
};

/// The process has ended. @return the time to start it again.
[[nodiscard]] inline std::int64_t restart_at_ns(const RestartPolicy& policy, RestartState& state, std::int64_t now_ns,
                                                std::uint64_t random) {
    if (now_ns - state.started_ns >= policy.healthy_ns) state.failures = 0;
    ++state.restarts;
    return now_ns + mesh::backoff_ns(policy.backoff, state.failures++, random);
}

}  // namespace weft::app
