#pragma once
// Hedging: a call that takes longer than nearly all others do is made a second time elsewhere, and the first answer
// counts. The budget bounds how much load that adds: when everything is slow, nothing is gained by doubling it.

#include <cstdint>
#include <optional>

#include "base/time.hpp"
#include "mesh/quantile.hpp"
#include "mesh/retry.hpp"

namespace weft::mesh {

/// @source  J. Dean, L. A. Barroso, "The Tail at Scale", CACM 56(2), 2013.
struct HedgeConfig {
    /// A call is hedged when it has taken longer than so many of those before.
    std::uint32_t permille = 950;
    /// Whatever the quantile says.
    std::int64_t delay_min_ns = ns_per_ms;
    std::int64_t delay_max_ns = 10 * ns_per_s;
    /// With fewer latencies than that there is no hedging.
    std::uint32_t calls_min = 100;
    /// Hedges are retries that don't wait for a failure: a twentieth of the calls.
    RetryConfig budget = {.per_call = 50, .per_second = 0, .saved_max = 10'000};
};

/// Its budget is used as retries use theirs: on_call(), on_call_end() for each call, on_retry_end() for each hedge.
struct Hedge {
    LatencyHistogram latencies;
    RetryBudget budget;
    std::int64_t delay_ns = 0;  // 0: not known yet
    std::uint32_t stale = 0;    // latencies recorded since delay_ns was computed
};

/// How long to wait for a call's answer before take_hedge() is asked; nothing: for ever.
[[nodiscard]] std::optional<std::int64_t> hedge_delay_ns(const HedgeConfig& config, const Hedge& hedge);
/// Whether the second call may be made.
[[nodiscard]] bool take_hedge(const HedgeConfig& config, Hedge& hedge, std::int64_t now_ns);
/// An attempt has succeeded after @p latency_ns. Of an attempt that was overtaken the time until then: it took at least
/// that.
void on_latency(const HedgeConfig& config, Hedge& hedge, std::int64_t latency_ns);

}  // namespace weft::mesh
