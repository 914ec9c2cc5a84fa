#include "mesh/limit.hpp"

#include <algorithm>

#include "base/result.hpp"

namespace weft::mesh {

RateLimit make_rate_limit(std::uint32_t per_second, std::uint32_t burst) {
    WEFT_ASSERT(per_second > 0 && per_second <= ns_per_s && burst > 0);
    const std::int64_t interval_ns = ns_per_s / per_second;
    return {interval_ns, interval_ns * burst};
}

RateDecision decide(const RateLimit& limit, std::int64_t state, std::int64_t now_ns, std::uint32_t cost) {
    // No product of two times: cost is below 2^32 and an interval at most 1e9 of make_rate_limit().
    const std::int64_t needed_ns = limit.interval_ns * cost;
    if (needed_ns > limit.burst_ns) return {state, rate_never};
    const std::int64_t next = std::max(state, now_ns) + needed_ns;
    const std::int64_t early_ns = next - now_ns - limit.burst_ns;
    if (early_ns > 0) return {state, early_ns};
    return {next, 0};
}

std::int64_t take(const RateLimit& limit, std::atomic<std::int64_t>& state, std::int64_t now_ns, std::uint32_t cost) {
    std::int64_t seen = state.load(std::memory_order_relaxed);
    while (true) {
        const auto decision = decide(limit, seen, now_ns, cost);
        if (decision.wait_ns != 0) return decision.wait_ns;
        if (state.compare_exchange_weak(seen, decision.state, std::memory_order_relaxed)) return 0;
    }
}

}  // namespace weft::mesh
