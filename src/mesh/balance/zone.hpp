#pragma once
// Zones: a call stays in its caller's zone as long as that zone has its part of the capacity; what is too much goes to
// zones that have more than their own callers need, in proportion to how much more.

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace weft::mesh {

struct Zone {
    /// How much of all calls comes from here: the number of callers, or their rate.
    std::uint64_t callers = 0;
    /// How much of all calls could be served here: the sum of the shares of those that may be called.
    std::uint64_t capacity = 0;
};

/// Where the calls of one zone go. Made when callers or capacity change.
struct ZoneShares {
    std::vector<double> up_to;  // of the zones in order, of all calls: rises to 1; empty if nowhere is capacity
};

/// If all callers do so, each zone gets its part of the capacity.
///
/// @source  Envoy, "Zone aware routing".
[[nodiscard]] ZoneShares make_zone_shares(std::span<const Zone> zones, std::size_t own);

/// @param random  64 uniform bits.
/// @return        Index of a zone. @pre shares are not empty.
[[nodiscard]] std::size_t pick_zone(const ZoneShares& shares, std::uint64_t random);

}  // namespace weft::mesh
