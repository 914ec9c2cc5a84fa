#include "verify/schedule.hpp"

#include <gtest/gtest.h>

#include "verify/random.hpp"

namespace weft::verify {
namespace {

TEST(schedule, gives_events_in_order_of_time_then_tie_then_entry) {
    Schedule<int> schedule;
    schedule.at(5, 1, 1);
    schedule.at(5, 0, 2);
    schedule.at(3, 9, 3);
    schedule.at(5, 1, 4);
    std::vector<int> out;
    while (!schedule.empty()) out.push_back(schedule.take());
    EXPECT_EQ(out, (std::vector{3, 2, 1, 4}));
    EXPECT_EQ(schedule.now(), 5);
    schedule.at(1, 0, 7);  // the past is now
    EXPECT_EQ(schedule.next_time(), 5);
}

TEST(random, is_the_same_for_a_seed_and_another_for_another_stream) {
    Random a(7, 1), b(7, 1), c(7, 2);
    bool differs = false;
    for (int i = 0; i < 100; ++i) {
        const auto value = a.next();
        EXPECT_EQ(value, b.next());
        differs |= value != c.next();
    }
    EXPECT_TRUE(differs);
}

TEST(random, stays_within_its_bounds_and_reaches_them) {
    Random random(1);
    bool least = false, most = false;
    int hits = 0;
    for (int i = 0; i < 10'000; ++i) {
        const auto value = random.between(-2, 2);
        ASSERT_GE(value, -2);
        ASSERT_LE(value, 2);
        least |= value == -2;
        most |= value == 2;
        hits += random.chance(250'000) ? 1 : 0;
    }
    EXPECT_TRUE(least && most);
    EXPECT_GT(hits, 2200);
    EXPECT_LT(hits, 2800);
    EXPECT_FALSE(random.chance(0));
    EXPECT_TRUE(random.chance(1'000'000));
}

}  // namespace
}  // namespace weft::verify
