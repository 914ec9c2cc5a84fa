#pragma once
// A rate limit as the generic cell rate algorithm: one number is all its state, the time at which all that was admitted
// would have been admitted at the exact rate. So it can be an atomic, one for each client, millions of them.

#include <atomic>
#include <cstdint>

#include "base/time.hpp"

namespace weft::mesh {

/// @source  ITU-T I.371, annex A, generic cell rate algorithm, virtual scheduling.
struct RateLimit {
    /// Of one call.
    std::int64_t interval_ns = ns_per_ms;
    /// What may come at once when nothing came for long, in time: calls * interval_ns.
    std::int64_t burst_ns = ns_per_s;
};

/// @param per_second  1 to 1e9. @param burst  calls at once, at least 1.
[[nodiscard]] RateLimit make_rate_limit(std::uint32_t per_second, std::uint32_t burst);

struct RateDecision {
    /// The state after it.
    std::int64_t state = 0;
    /// 0: admitted. Otherwise try again in so long; rate_never: it costs more than a burst.
    std::int64_t wait_ns = 0;
};
inline constexpr std::int64_t rate_never = INT64_MAX;

/// @param state  0 at the start, otherwise of the last decision.
/// @param cost   Calls that this one counts as.
[[nodiscard]] RateDecision decide(const RateLimit& limit, std::int64_t state, std::int64_t now_ns,
                                  std::uint32_t cost = 1);

/// The same on shared state. @return RateDecision::wait_ns.
[[nodiscard]] std::int64_t take(const RateLimit& limit, std::atomic<std::int64_t>& state, std::int64_t now_ns,
                                std::uint32_t cost = 1);

}  // namespace weft::mesh
