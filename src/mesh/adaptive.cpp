#include "mesh/adaptive.hpp"

#include <algorithm>
#include <cmath>

namespace weft::mesh {

namespace {

void close_window(const AdaptiveConfig& config, Adaptive& state, std::int64_t now_ns) {
    const double latency_ns = state.calls > 0 ? state.sum_ns / state.calls : 0;
    const double step = std::max(1.0, std::log10(state.limit));
    if (state.dropped) {
        state.limit *= config.backoff;
    } else if (state.is_measuring) {
        state.least_ns = latency_ns;
    } else {
        if (state.least_ns == 0 || latency_ns < state.least_ns) state.least_ns = latency_ns;
        const double queued = state.limit * (1 - state.least_ns / std::max(latency_ns, 1.0));
        // A limit that isn't reached proves nothing by a short queue.
        const bool is_used = state.running_max * 2 >= state.limit;
        if (queued < config.queue_min * step && is_used) state.limit += step;
        if (queued > config.queue_max * step) state.limit -= step;
    }
    state.limit = std::clamp(state.limit, double{1} * config.limit_min, double{1} * config.limit_max);
    state.is_measuring = now_ns >= state.remeasure_at_ns;
    if (state.is_measuring) state.remeasure_at_ns = now_ns + config.remeasure_ns;
    state.sum_ns = 0;
    state.calls = 0;
    state.running_max = 0;
    state.dropped = false;
    state.window_end_ns = now_ns + config.window_ns;
}

}  // namespace

Adaptive make_adaptive(const AdaptiveConfig& config, std::int64_t now_ns) {
    Adaptive state;
    state.limit = config.start;
    state.window_end_ns = now_ns + config.window_ns;
    state.remeasure_at_ns = now_ns + config.remeasure_ns;
    return state;
}

std::uint32_t limit_of(const AdaptiveConfig& config, const Adaptive& state) {
    const auto limit = static_cast<std::uint32_t>(state.limit);
    return std::max(state.is_measuring ? limit / 2 : limit, config.limit_min);
}

void on_end(const AdaptiveConfig& config, Adaptive& state, std::int64_t latency_ns, std::uint32_t running, bool dropped,
            std::int64_t now_ns) {
    state.running_max = std::max(state.running_max, running);
    if (dropped) {
        state.dropped = true;
    } else {
        state.sum_ns += static_cast<double>(std::max(latency_ns, std::int64_t{0}));
        ++state.calls;
    }
    if (now_ns >= state.window_end_ns && (state.calls >= config.window_calls_min || state.dropped)) {
        close_window(config, state, now_ns);
    }
}

}  // namespace weft::mesh
