#pragma once
// What a client knows of the instances of a service, as a pure state machine over the registry's answers.
//
// The registry is no more available than any other process, so its absence must not take the system down: the last good
// view is kept while it does not answer; and when it comes back empty, because it has just restarted, what it does not
// list yet is kept for a grace, in which the instances register again.

#include <cstdint>
#include <variant>
#include <vector>

#include "mesh/backoff.hpp"
#include "mesh/instance.hpp"

namespace weft::mesh {

struct DiscoveryConfig {
    /// Longer than a lease's renewal interval.
    std::int64_t grace_ns = 3 * ns_per_s;
    Backoff backoff = {.min_ns = 20 * ns_per_ms, .max_ns = 500 * ns_per_ms};
};

struct DiscoveryState {
    std::vector<Instance> instances;  // by id
    /// What to ask the registry with.
    std::uint64_t index = 0;
    std::uint64_t epoch = 0;
    /// The registry has answered once.
    bool known = false;
    /// Answers missed in a row.
    std::uint32_t failures = 0;
    /// Until then instances of the previous epoch are kept; 0: there are none.
    std::int64_t kept_until_ns = 0;
};

/// The registry's answer.
struct Listed {
    std::vector<Instance> instances;
    std::uint64_t index = 0;
    std::uint64_t epoch = 0;
    /// The instances are those that have changed, and these are gone.
    bool partial = false;
    std::vector<std::string> removed = {};
};
/// It did not answer. @p random spreads the waits.
struct ListFailed {
    std::uint64_t random = 0;
};
using DiscoveryEvent = std::variant<Listed, ListFailed>;

struct DiscoveryEffects {
    /// The instances are others than before.
    bool changed = false;
    /// Wait so long before asking again.
    std::int64_t wait_ns = 0;
};

[[nodiscard]] DiscoveryEffects step(const DiscoveryConfig& config, DiscoveryState& state, DiscoveryEvent event,
                                    std::int64_t now_ns);

/// Whether to ask for what has changed alone. Not while instances are kept that the registry doesn't list.
[[nodiscard]] inline bool wants_changes(const DiscoveryState& state) { return state.known && state.kept_until_ns == 0; }

/// For how long the registry may hold back its answer: instances kept past an epoch want a look when their grace ends.
[[nodiscard]] std::int64_t poll_ns(const DiscoveryState& state, std::int64_t wanted_ns, std::int64_t now_ns);

}  // namespace weft::mesh
