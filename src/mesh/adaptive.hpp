#pragma once
// How many calls a service can have at once, found out by its latency: while calls take as long as they did when it was
// idle, it can take more; what they take longer they spend in a queue, and that queue shall be short but not empty.

#include <cstdint>

#include "base/time.hpp"

namespace weft::mesh {

/// After Vegas: of the limit, limit * (1 - least latency / latency) calls are queued; below `queue_min` the limit grows
/// by one step, above `queue_max` it shrinks by one. A step is log10 of the limit. Against a gradient, which multiplies
/// the limit by that ratio, it doesn't collapse on one slow window.
///
/// @source  L. Brakmo, L. Peterson, "TCP Vegas", IEEE JSAC 13(8), 1995; Netflix concurrency-limits, VegasLimit.
struct AdaptiveConfig {
    std::uint32_t start = 20;
    std::uint32_t limit_min = 2;
    std::uint32_t limit_max = 1'000;
    /// In steps.
    double queue_min = 3;
    double queue_max = 6;
    /// The limit changes once in a window, which is at least that long and has so many calls.
    std::int64_t window_ns = 100 * ns_per_ms;
    std::uint32_t window_calls_min = 10;
    /// So often the limit is halved for one window, which measures the least latency anew: a service that has become
    /// slower would otherwise look overloaded for ever.
    std::int64_t remeasure_ns = 30 * ns_per_s;
    /// On a window with calls that were refused or timed out.
    double backoff = 0.9;
};

struct Adaptive {
    double limit = 0;
    /// Average of a window at the least load.
    double least_ns = 0;
    /// Of the window.
    double sum_ns = 0;
    std::uint32_t calls = 0;
    std::uint32_t running_max = 0;
    bool dropped = false;
    bool is_measuring = false;
    std::int64_t window_end_ns = 0;
    std::int64_t remeasure_at_ns = 0;
};

[[nodiscard]] Adaptive make_adaptive(const AdaptiveConfig& config, std::int64_t now_ns);
/// How many calls may run now.
[[nodiscard]] std::uint32_t limit_of(const AdaptiveConfig& config, const Adaptive& state);
/// A call has ended.
///
/// @param running  Calls that ran, it included.
/// @param dropped  It was refused for load or timed out: its latency says nothing, the limit is too high.
void on_end(const AdaptiveConfig& config, Adaptive& state, std::int64_t latency_ns, std::uint32_t running, bool dropped,
            std::int64_t now_ns);

}  // namespace weft::mesh
