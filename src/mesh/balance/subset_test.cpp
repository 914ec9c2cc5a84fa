#include "mesh/balance/subset.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

namespace weft::mesh {
namespace {

TEST(subset, instances_get_equally_many_callers) {
    constexpr std::size_t instances = 100, size = 7, callers = 280;
    std::vector<int> of(instances);
    for (std::size_t caller = 0; caller < callers; ++caller) {
        const auto subset = subset_of(caller, instances, size, 5);
        EXPECT_EQ(std::set(subset.begin(), subset.end()).size(), size);
        EXPECT_EQ(subset, subset_of(caller, instances, size, 5));
        for (const auto i : subset) ++of.at(i);
    }
    // 14 subsets a round, 20 rounds, of which an instance can miss one each.
    EXPECT_EQ(std::ranges::max(of), 20);
    EXPECT_GE(std::ranges::min(of), 15);
}

TEST(subset, rounds_and_services_differ) {
    EXPECT_NE(subset_of(0, 100, 10, 1), subset_of(10, 100, 10, 1));
    EXPECT_NE(subset_of(0, 100, 10, 1), subset_of(0, 100, 10, 2));
}

TEST(subset, few_instances_are_all_taken) {
    EXPECT_EQ(subset_of(9, 3, 5, 1), (std::vector<std::size_t>{0, 1, 2}));
    EXPECT_TRUE(subset_of(9, 0, 5, 1).empty());
}

}  // namespace
}  // namespace weft::mesh
