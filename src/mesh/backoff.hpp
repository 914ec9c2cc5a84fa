#pragma once
// How long to wait before trying again: twice as long each time up to a cap, and spread, so that those who failed
// together do not come back together.

#include <cstdint>

#include "base/time.hpp"

namespace weft::mesh {

struct Backoff {
    std::int64_t min_ns = 20 * ns_per_ms;
    std::int64_t max_ns = ns_per_s;
};

/// @param attempt  0 for the wait after the first failure.
/// @param random   64 uniform bits.
/// @return         Uniform in [d/2, d], where d = min(max_ns, min_ns * 2^attempt).
[[nodiscard]] std::int64_t backoff_ns(const Backoff& backoff, std::uint32_t attempt, std::uint64_t random);

}  // namespace weft::mesh
