#include "mesh/balance/peak_ewma.hpp"

#include <algorithm>
#include <cmath>

#include "base/result.hpp"

namespace weft::mesh {

namespace {

double kept(const PeakEwmaConfig& config, const PeakEwma& state, std::int64_t now_ns) {
    const auto passed_ns = static_cast<double>(std::max(now_ns - state.at_ns, std::int64_t{0}));
    return std::exp(-passed_ns / static_cast<double>(config.tau_ns));
}

}  // namespace

PeakEwma make_peak_ewma(const PeakEwmaConfig& config, std::int64_t now_ns) {
    return {static_cast<double>(config.start_ns), now_ns};
}

void observe(const PeakEwmaConfig& config, PeakEwma& state, std::int64_t latency_ns, bool failed, std::int64_t now_ns) {
    const auto latency = static_cast<double>(std::max(failed ? config.penalty_ns : std::int64_t{0}, latency_ns));
    const double old = kept(config, state, now_ns);
    state.cost_ns = latency > state.cost_ns ? latency : state.cost_ns * old + latency * (1 - old);
    state.at_ns = std::max(state.at_ns, now_ns);
}

double cost_ns(const PeakEwmaConfig& config, const PeakEwma& state, std::int64_t now_ns) {
    return state.cost_ns * kept(config, state, now_ns);
}

std::optional<std::size_t> pick_peak_ewma(const PeakEwmaConfig& config, std::span<const Candidate> candidates,
                                          std::span<const PeakEwma> states, std::uint64_t random, std::int64_t now_ns) {
    WEFT_ASSERT(states.size() == candidates.size());
    const auto drawn = draw_two(candidates, random);
    if (!drawn) return std::nullopt;
    const auto [a, b] = *drawn;
    // cost * (outstanding + 1) / share, compared without division; 1 ns more lets outstanding calls count at no cost.
    const auto load = [&](std::size_t of, std::size_t against) {
        return (cost_ns(config, states[of], now_ns) + 1) * (static_cast<double>(candidates[of].outstanding) + 1) *
               static_cast<double>(candidates[against].share());
    };
    return load(b, a) < load(a, b) ? b : a;
}

}  // namespace weft::mesh
