#include "consensus/solo.hpp"

#include <gtest/gtest.h>

namespace weft::consensus::solo {
namespace {

constexpr std::int64_t now_ms = 1'700'000'000'000;
constexpr std::uint64_t now_s = 1'700'000'000;
const Config development{true};

State at_head(std::uint64_t timestamp) {
    State state;
    state.head_timestamp = timestamp;
    return state;
}

TEST(solo, timestamps_follow_the_clock_and_always_grow) {
    State state = at_head(now_s - 10);
    EXPECT_EQ(plan(state, now_ms).timestamp, now_s);
    sealed(state, now_s, now_ms);
    EXPECT_EQ(plan(state, now_ms).timestamp, now_s + 1);
    state.head_timestamp = now_s + 100;
    EXPECT_EQ(plan(state, now_ms).timestamp, now_s + 101);
}

TEST(solo, ordered_timestamp_holds_for_one_block_and_moves_the_clock) {
    State state = at_head(now_s);
    Settings settings;
    settings.next_timestamp = now_s + 1000;
    ASSERT_TRUE(configure(development, state, settings, now_ms));
    EXPECT_EQ(plan(state, now_ms).timestamp, now_s + 1000);
    sealed(state, now_s + 1000, now_ms);
    EXPECT_FALSE(state.next_timestamp);
    EXPECT_EQ(plan(state, now_ms + 5000).timestamp, now_s + 1005);
}

TEST(solo, refuses_a_timestamp_that_is_not_after_the_head) {
    State state = at_head(now_s);
    Settings settings;
    settings.next_timestamp = now_s;
    const auto result = configure(development, state, settings, now_ms);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, ErrorCode::invalid_argument);
    EXPECT_FALSE(state.next_timestamp);
}

TEST(solo, takes_no_orders_outside_development) {
    State state = at_head(now_s);
    Settings settings;
    settings.automine = false;
    EXPECT_FALSE(configure(Config{false}, state, settings, now_ms));
    EXPECT_TRUE(state.automine);
}

TEST(solo, increase_time_adds_up) {
    State state = at_head(now_s);
    Settings settings;
    settings.add_seconds = 3600;
    ASSERT_TRUE(configure(development, state, settings, now_ms));
    ASSERT_TRUE(configure(development, state, settings, now_ms));
    EXPECT_EQ(plan(state, now_ms).timestamp, now_s + 7200);
}

TEST(solo, increase_time_starts_from_a_head_that_is_ahead_of_the_clock) {
    State state = at_head(now_s + 900);
    Settings settings;
    settings.add_seconds = 3600;
    ASSERT_TRUE(configure(development, state, settings, now_ms));
    EXPECT_EQ(plan(state, now_ms).timestamp, now_s + 900 + 3600);
}

TEST(solo, automine_seals_when_something_waits) {
    State state = at_head(now_s);
    EXPECT_FALSE(decide(state, 0, now_ms).seal);
    EXPECT_TRUE(decide(state, 1, now_ms).seal);
    state.automine = false;
    EXPECT_FALSE(decide(state, 1, now_ms).seal);
}

TEST(solo, interval_seals_on_time_and_does_not_make_up_for_missed_ones) {
    State state = at_head(now_s);
    state.automine = false;
    Settings settings;
    settings.interval_ms = 2000;
    ASSERT_TRUE(configure(development, state, settings, now_ms));
    auto decision = decide(state, 0, now_ms + 1999);
    EXPECT_FALSE(decision.seal);
    EXPECT_EQ(decision.ask_again_ms, now_ms + 2000);
    decision = decide(state, 0, now_ms + 9000);
    EXPECT_TRUE(decision.seal);
    EXPECT_EQ(decision.ask_again_ms, now_ms + 11000);
    EXPECT_FALSE(decide(state, 0, now_ms + 9001).seal);
}

TEST(solo, fees_and_randomness_ordered_for_the_next_block_are_used_up_by_it) {
    State state = at_head(now_s);
    Settings settings;
    settings.next_base_fee = U256(7);
    settings.next_prev_randao = Hash{};
    settings.block_interval_s = 12;
    ASSERT_TRUE(configure(development, state, settings, now_ms));
    const Plan first = plan(state, now_ms);
    EXPECT_EQ(first.base_fee, U256(7));
    EXPECT_TRUE(first.prev_randao);
    EXPECT_EQ(first.timestamp, now_s + 12);
    sealed(state, first.timestamp, now_ms);
    const Plan second = plan(state, now_ms);
    EXPECT_FALSE(second.base_fee);
    EXPECT_FALSE(second.prev_randao);
    EXPECT_EQ(second.timestamp, now_s + 24);
}

TEST(solo, going_back_drops_an_ordered_timestamp_only_if_it_is_past) {
    State state = at_head(now_s);
    state.next_timestamp = now_s + 5;
    rewound(state, now_s - 100);
    EXPECT_TRUE(state.next_timestamp);
    EXPECT_EQ(state.head_timestamp, now_s - 100);
    rewound(state, now_s + 5);
    EXPECT_FALSE(state.next_timestamp);
}

}  // namespace
}  // namespace weft::consensus::solo
