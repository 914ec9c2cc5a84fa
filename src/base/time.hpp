#pragma once
// Time as numbers. The rules get it as a parameter; only the runtime asks for it.

#include <cstdint>

namespace weft {

inline constexpr std::int64_t ns_per_ms = 1'000'000;
inline constexpr std::int64_t ns_per_s = 1'000'000'000;

/// Nanoseconds of a clock that never goes back; for deadlines and durations. Comparable within one machine's boot.
[[nodiscard]] std::int64_t monotonic_ns();
/// Seconds since 1970 (UTC); for block timestamps.
[[nodiscard]] std::uint64_t unix_seconds();
/// Milliseconds since 1970 (UTC); for logs.
[[nodiscard]] std::int64_t unix_ms();

}  // namespace weft
