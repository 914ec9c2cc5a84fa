#include "mesh/balance/zone.hpp"

#include <gtest/gtest.h>

#include "base/bytes.hpp"
#include "mesh/balance/test_statistics.hpp"
#include "verify/random.hpp"

namespace weft::mesh {
namespace {

std::vector<double> parts_of(const ZoneShares& shares) {
    std::vector<double> parts;
    double before = 0;
    for (const double up_to : shares.up_to) {
        parts.push_back(up_to - before);
        before = up_to;
    }
    return parts;
}

TEST(zone, calls_stay_while_there_is_room) {
    const std::vector<Zone> zones = {{1, 10}, {1, 10}, {1, 10}};
    for (std::size_t own = 0; own < 3; ++own) {
        const auto shares = make_zone_shares(zones, own);
        for (std::uint64_t i = 0; i < 100; ++i) ASSERT_EQ(pick_zone(shares, mix64(i)), own);
    }
}

TEST(zone, what_is_too_much_goes_where_there_is_more_than_needed) {
    // A third of the callers, a sixth of the capacity: half stays; the others have 1/12 and 1/4 to spare... of it all.
    const std::vector<Zone> zones = {{4, 2}, {4, 5}, {4, 5}};
    const auto parts = parts_of(make_zone_shares(zones, 0));
    EXPECT_NEAR(parts[0], 0.5, 1e-9);
    EXPECT_NEAR(parts[1], 0.25, 1e-9);
    EXPECT_NEAR(parts[2], 0.25, 1e-9);
    verify::Random random(8);
    std::vector<std::uint64_t> counts(3);
    for (int i = 0; i < 100'000; ++i) ++counts[pick_zone(make_zone_shares(zones, 0), random.next())];
    EXPECT_TRUE(fits(counts, parts));
}

TEST(zone, if_all_do_so_each_zone_gets_its_part_of_the_capacity) {
    verify::Random random(9);
    for (int round = 0; round < 1'000; ++round) {
        SCOPED_TRACE(round);
        std::vector<Zone> zones(1 + random.below(6));
        double callers = 0, capacity = 0;
        for (auto& zone : zones) {
            zone = {1 + random.below(20), random.below(20)};
            callers += static_cast<double>(zone.callers);
            capacity += static_cast<double>(zone.capacity);
        }
        if (capacity == 0) continue;
        std::vector<double> load(zones.size());
        for (std::size_t own = 0; own < zones.size(); ++own) {
            const auto parts = parts_of(make_zone_shares(zones, own));
            for (std::size_t i = 0; i < zones.size(); ++i) {
                ASSERT_GE(parts[i], -1e-9);
                load[i] += parts[i] * static_cast<double>(zones[own].callers) / callers;
            }
        }
        for (std::size_t i = 0; i < zones.size(); ++i) {
            ASSERT_NEAR(load[i], static_cast<double>(zones[i].capacity) / capacity, 1e-6);
        }
    }
}

TEST(zone, an_empty_zone_gets_nothing) {
    EXPECT_TRUE(make_zone_shares(std::vector<Zone>{{1, 0}, {1, 0}}, 0).up_to.empty());
    for (const std::uint64_t callers : {0, 1}) {
        const auto shares = make_zone_shares(std::vector<Zone>{{callers, 0}, {1, 3}, {0, 0}}, 0);
        for (const std::uint64_t random : {std::uint64_t{0}, mix64(1), ~std::uint64_t{0}}) {
            EXPECT_EQ(pick_zone(shares, random), 1U);
        }
    }
}

}  // namespace
}  // namespace weft::mesh
