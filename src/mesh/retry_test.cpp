#include "mesh/retry.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace weft::mesh {
namespace {

/// A retry that fails at once.
bool retry(const RetryConfig& config, RetryBudget& budget, std::int64_t now_ns) {
    const bool taken = take_retry(config, budget, now_ns);
    if (taken) on_retry_end(budget);
    return taken;
}

TEST(retry, a_budget_allows_what_it_saved_and_then_its_share) {
    const RetryConfig config{.per_call = 200, .per_second = 0, .saved_max = 3'000};
    auto budget = make_retry_budget(config, 0);
    for (int i = 0; i < 3; ++i) EXPECT_TRUE(retry(config, budget, 0));
    EXPECT_FALSE(retry(config, budget, 1'000 * ns_per_s));
    int allowed = 0;
    for (int i = 0; i < 100; ++i) {
        on_call(config, budget);
        allowed += retry(config, budget, 0) ? 1 : 0;
    }
    EXPECT_EQ(allowed, 20);
}

TEST(retry, a_budget_fills_with_time_up_to_its_bound) {
    const RetryConfig config{.per_call = 0, .per_second = 10'000, .saved_max = 5'000};
    auto budget = make_retry_budget(config, 0);
    while (retry(config, budget, 0)) {
    }
    EXPECT_FALSE(retry(config, budget, 99 * ns_per_ms));
    EXPECT_TRUE(retry(config, budget, 100 * ns_per_ms + ns_per_ms));
    int allowed = 0;
    while (retry(config, budget, std::numeric_limits<std::int64_t>::max() / 2)) ++allowed;
    EXPECT_EQ(allowed, 5);
    EXPECT_FALSE(retry(config, budget, 0));  // a clock read by another thread may lag
}

TEST(retry, those_that_wait_in_back_off_are_bounded_too) {
    const RetryConfig config{.per_call = 200, .saved_max = 100'000, .pending_percent = 20, .pending_min = 3};
    auto budget = make_retry_budget(config, 0);
    for (int i = 0; i < 100; ++i) on_call(config, budget);
    int waiting = 0;
    for (int i = 0; i < 100; ++i) waiting += take_retry(config, budget, 0) ? 1 : 0;  // all fail in one moment
    EXPECT_EQ(waiting, 20);
    for (int i = 0; i < 20; ++i) on_retry_end(budget);
    EXPECT_TRUE(take_retry(config, budget, 0));
    on_retry_end(budget);
    for (int i = 0; i < 100; ++i) on_call_end(budget);
    waiting = 0;
    while (take_retry(config, budget, 0)) ++waiting;
    EXPECT_EQ(waiting, 3);
}

}  // namespace
}  // namespace weft::mesh
