#include "mesh/balance/zone.hpp"

#include <algorithm>

#include "base/result.hpp"

namespace weft::mesh {

ZoneShares make_zone_shares(std::span<const Zone> zones, std::size_t own) {
    WEFT_ASSERT(own < zones.size());
    double callers = 0;
    double capacity = 0;
    for (const auto& zone : zones) {
        callers += static_cast<double>(zone.callers);
        capacity += static_cast<double>(zone.capacity);
    }
    if (capacity == 0) return {};
    const auto calls_of = [&](const Zone& zone) {
        return callers == 0 ? 0 : static_cast<double>(zone.callers) / callers;
    };
    const auto part_of = [&](const Zone& zone) { return static_cast<double>(zone.capacity) / capacity; };

    const double wanted = std::max(calls_of(zones[own]), 1e-9);
    const double here = zones[own].capacity == 0 || wanted > part_of(zones[own]) ? part_of(zones[own]) / wanted : 1;
    double spare = 0;
    for (const auto& zone : zones) spare += std::max(part_of(zone) - calls_of(zone), 0.0);
    ZoneShares shares;
    double sum = 0;
    for (std::size_t i = 0; i < zones.size(); ++i) {
        if (i == own) {
            sum += here;
        } else if (here < 1) {
            sum += (1 - here) *
                   (spare > 0 ? std::max(part_of(zones[i]) - calls_of(zones[i]), 0.0) / spare : part_of(zones[i]));
        }
        shares.up_to.push_back(sum);
    }
    // The sum is 1 but for rounding; the last zone that gets anything gets what is missing.
    for (auto& up_to : shares.up_to) {
        if (up_to == sum) up_to = 1;
    }
    return shares;
}

std::size_t pick_zone(const ZoneShares& shares, std::uint64_t random) {
    WEFT_ASSERT(!shares.up_to.empty());
    const double at = static_cast<double>(random >> 11) * 0x1p-53;  // below 1
    return static_cast<std::size_t>(std::ranges::upper_bound(shares.up_to, at) - shares.up_to.begin());
}

}  // namespace weft::mesh
