#include "mesh/bulkhead.hpp"

#include <gtest/gtest.h>

#include "verify/random.hpp"

namespace weft::mesh {
namespace {

TEST(bulkhead, runs_then_lets_wait_then_refuses) {
    Bulkhead bulkhead;
    EXPECT_EQ(enter(bulkhead, 1, 1), Entry::run);
    EXPECT_EQ(enter(bulkhead, 1, 1), Entry::wait);
    EXPECT_EQ(enter(bulkhead, 1, 1), Entry::refuse);
    EXPECT_EQ(leave(bulkhead, 1), 1U);
    EXPECT_EQ(enter(bulkhead, 1, 1), Entry::wait);
    give_up(bulkhead);
    EXPECT_EQ(leave(bulkhead, 1), 0U);
    EXPECT_EQ(bulkhead.running, 0U);
}

TEST(bulkhead, never_more_than_the_limit_and_nobody_waits_beside_a_free_place) {
    verify::Random random(13);
    Bulkhead bulkhead;
    std::uint32_t limit = 5;
    for (int i = 0; i < 20'000; ++i) {
        const auto before = bulkhead.running;
        switch (random.below(5)) {
            case 0: limit = 1 + static_cast<std::uint32_t>(random.below(10)); break;
            case 1:
                if (bulkhead.waiting > 0) give_up(bulkhead);
                break;
            case 2:
                if (bulkhead.running == 0) break;
                (void)leave(bulkhead, limit);
                if (bulkhead.waiting > 0) ASSERT_GE(bulkhead.running, limit);
                break;
            default: (void)enter(bulkhead, limit, 4); break;
        }
        ASSERT_LE(bulkhead.running, std::max(limit, before));
        ASSERT_LE(bulkhead.waiting, 4U);
    }
}

}  // namespace
}  // namespace weft::mesh
