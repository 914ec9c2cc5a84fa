#include "mesh/hedge.hpp"

#include <algorithm>

namespace weft::mesh {

namespace {
/// A quantile costs a walk over the buckets, and changes little with a few calls more.
constexpr std::uint32_t stale_max = 32;
}  // namespace

std::optional<std::int64_t> hedge_delay_ns(const HedgeConfig& config, const Hedge& hedge) {
    if (hedge.delay_ns == 0) return std::nullopt;
    return std::clamp(hedge.delay_ns, config.delay_min_ns, config.delay_max_ns);
}

bool take_hedge(const HedgeConfig& config, Hedge& hedge, std::int64_t now_ns) {
    return take_retry(config.budget, hedge.budget, now_ns);
}

void on_latency(const HedgeConfig& config, Hedge& hedge, std::int64_t latency_ns) {
    record(hedge.latencies, latency_ns);
    if (++hedge.stale < stale_max || hedge.latencies.count < config.calls_min) return;
    hedge.stale = 0;
    hedge.delay_ns = quantile_ns(hedge.latencies, config.permille);
}

}  // namespace weft::mesh
