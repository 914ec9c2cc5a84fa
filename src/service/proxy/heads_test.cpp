#include "service/proxy/heads.hpp"

#include <gtest/gtest.h>

#include <random>

namespace weft::service::proxy {
namespace {

TEST(Heads, FollowsOneUpstream) {
    Heads heads({}, 1);
    EXPECT_EQ(heads.served(), 0U);
    EXPECT_TRUE(heads.observe(0, 100));
    EXPECT_EQ(heads.served(), 100U);
    EXPECT_FALSE(heads.observe(0, 99));
    EXPECT_EQ(heads.served(), 100U);
}

TEST(Heads, NeverGoesBackWhenTheBestIsLost) {
    Heads heads({}, 2);
    heads.observe(0, 100);
    heads.observe(1, 90);
    heads.set_used(0, false);
    EXPECT_EQ(heads.served(), 100U);
    EXPECT_FALSE(heads.lags(1));
    heads.observe(0, 107);
    heads.set_used(0, true);
    EXPECT_EQ(heads.served(), 100U);
    EXPECT_TRUE(heads.goes_on(0));
    EXPECT_TRUE(heads.lags(1));
}

TEST(Heads, OneThatLiesMovesNobody) {
    Heads heads({}, 3);
    heads.observe(0, 100);
    heads.observe(1, 101);
    heads.observe(2, 1'000'000'000);
    EXPECT_EQ(heads.served(), 101U);
    heads.observe(1, 102);
    EXPECT_EQ(heads.served(), 102U);
}

TEST(Heads, OneThatLiesMovesNobodyWhileOthersAreAway) {
    Heads heads({}, 3);
    heads.observe(0, 100);
    heads.observe(1, 101);
    heads.observe(2, 1'000'000'000);
    heads.set_used(0, false);
    EXPECT_EQ(heads.served(), 101U);
    heads.observe(1, 103);
    EXPECT_EQ(heads.served(), 103U);
    EXPECT_FALSE(heads.trust(2));
    heads.set_used(1, false);
    heads.observe(2, 1'000'000'001);
    EXPECT_EQ(heads.served(), 103U);
    EXPECT_TRUE(heads.trust(2));
    EXPECT_EQ(heads.served(), 1'000'000'001U);
}

TEST(Heads, TheLastOneLeftGoesOn) {
    Heads heads({}, 3);
    for (std::size_t i = 0; i < 3; ++i) heads.observe(i, 100);
    heads.set_used(0, false);
    heads.set_used(1, false);
    for (std::uint64_t number = 101; number < 200; ++number) {
        heads.observe(2, number);
        EXPECT_EQ(heads.served(), number);
    }
}

TEST(Heads, WhenNobodyIsWellAllAreListenedTo) {
    Heads heads({}, 2);
    heads.observe(0, 100);
    heads.set_used(0, false);
    heads.set_used(1, false);
    heads.observe(1, 101);
    EXPECT_EQ(heads.served(), 101U);
}

TEST(Heads, FinalIsWhatAnUpstreamSaysElseADepth) {
    Heads heads({16, 64}, 1);
    heads.observe(0, 1'000);
    EXPECT_FALSE(heads.knows_final());
    EXPECT_EQ(heads.final(), 936U);
    Heads told({16, 64}, 1);
    told.observe(0, 1'000);
    told.observe_final(0, 990);
    told.observe_safe(0, 995);
    EXPECT_EQ(told.final(), 990U);
    EXPECT_EQ(told.safe(), 995U);
}

TEST(Heads, AChainThatBeganAnewIsTakenWhenAsked) {
    Heads heads({}, 1);
    heads.observe(0, 100);
    heads.observe(0, 3);
    EXPECT_EQ(heads.served(), 100U);
    EXPECT_TRUE(heads.reset());
    EXPECT_EQ(heads.served(), 3U);
    EXPECT_FALSE(heads.reset());
}

TEST(Heads, TheFirstToAnswerIsNotBelievedAlone) {
    for (const std::size_t liar : {0U, 1U, 2U}) {
        Heads heads({}, 3);
        heads.observe(liar, 1'000'000'000);
        EXPECT_EQ(heads.served(), 0U);
        heads.observe((liar + 1) % 3, 100);
        heads.observe((liar + 2) % 3, 101);
        EXPECT_EQ(heads.served(), 101U);
    }
    // Who does not answer is not waited for.
    Heads heads({}, 2);
    heads.observe(0, 100);
    EXPECT_TRUE(heads.set_used(1, false));
    EXPECT_EQ(heads.served(), 100U);
}

TEST(Heads, OfTwoFarApartTheHigherOneShowsThatItGoesOn) {
    Heads heads({}, 2);
    heads.observe(0, 100);
    heads.observe(1, 1'000);
    EXPECT_EQ(heads.served(), 100U);
    EXPECT_TRUE(heads.is_far_above(1));
    heads.observe(0, 110);
    EXPECT_EQ(heads.served(), 110U);
    // That the other one is away for a moment makes nobody more honest.
    heads.set_used(0, false);
    heads.observe(1, 1'001);
    EXPECT_EQ(heads.served(), 110U);
    heads.set_used(0, true);
    EXPECT_TRUE(heads.goes_on(1));
    EXPECT_EQ(heads.served(), 1'001U);
    EXPECT_TRUE(heads.lags(0));
    heads.observe(1, 1'002);
    EXPECT_EQ(heads.served(), 1'002U);
    // Once the other one has come after it must show it anew.
    heads.observe(0, 1'000);
    heads.observe(1, 1'003);
    heads.observe(1, 2'000);
    EXPECT_EQ(heads.served(), 1'003U);
}

TEST(Heads, WhoIsLeftOutCountsForNothing) {
    Heads heads({}, 3);
    heads.observe(0, 1'000);
    heads.observe(1, 100);
    EXPECT_EQ(heads.served(), 0U);
    EXPECT_TRUE(heads.leave_out(2));
    EXPECT_EQ(heads.served(), 100U) << "it is not waited for";
    heads.leave_out(0);
    EXPECT_EQ(heads.of(0), 0U);
    // Nor is its word known when nobody is well.
    heads.set_used(1, false);
    heads.observe(1, 200);
    EXPECT_EQ(heads.served(), 200U);
}

TEST(Heads, InvariantsUnderAnyOrder) {
    std::mt19937 random(3);
    for (int round = 0; round < 200; ++round) {
        const HeadsConfig config{8, 4};
        Heads heads(config, 4);
        std::uint64_t before = 0;
        for (std::size_t i = 0; i < 4; ++i) heads.observe(i, 50 + random() % 3);
        for (int step = 0; step < 200; ++step) {
            const std::size_t who = random() % 4;
            if (who == 3 && random() % 2 == 0) {
                heads.observe(3, random());  // lies
            } else if (random() % 4 == 0) {
                heads.observe_final(who, heads.of(who) - random() % 5);
            } else {
                heads.observe(who, heads.of(who) + random() % 2);
            }
            ASSERT_GE(heads.served(), before);
            before = heads.served();
            std::uint64_t honest = 0;
            for (std::size_t i = 0; i < 3; ++i) honest = std::max(honest, heads.of(i));
            ASSERT_LE(heads.served(), honest + config.lag_max);
            ASSERT_LE(heads.final(), heads.served());
        }
    }
}

}  // namespace
}  // namespace weft::service::proxy
