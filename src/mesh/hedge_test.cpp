#include "mesh/hedge.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "verify/random.hpp"

namespace weft::mesh {
namespace {

TEST(quantile, is_that_of_a_sorted_list_within_an_eighth) {
    verify::Random random(11);
    for (const int shift : {3, 20, 30}) {
        LatencyHistogram histogram;
        std::vector<std::int64_t> all;
        for (int i = 0; i < 2'000; ++i) {
            all.push_back(static_cast<std::int64_t>(1'024 + (random.next() >> (63 - shift - 3))));
            record(histogram, all.back());
        }
        std::ranges::sort(all);
        for (const std::uint32_t permille : {1, 500, 900, 950, 990, 999, 1'000}) {
            const auto exact = all[(all.size() * permille + 999) / 1'000 - 1];
            EXPECT_GE(quantile_ns(histogram, permille), exact);
            EXPECT_LE(quantile_ns(histogram, permille), exact + exact / 8 + 1);
        }
    }
    EXPECT_EQ(quantile_ns(LatencyHistogram{}, 500), 0);
}

TEST(quantile, follows_a_change_and_takes_any_latency) {
    LatencyHistogram histogram;
    for (int i = 0; i < 100'000; ++i) record(histogram, ns_per_ms);
    EXPECT_NEAR(static_cast<double>(quantile_ns(histogram, 500)), ns_per_ms, ns_per_ms / 8);
    for (int i = 0; i < 4'096; ++i) record(histogram, 50 * ns_per_ms);
    EXPECT_NEAR(static_cast<double>(quantile_ns(histogram, 500)), 50 * ns_per_ms, 50 * ns_per_ms / 8);
    record(histogram, -1);
    record(histogram, INT64_MAX);
    EXPECT_EQ(quantile_ns(histogram, 0), 1'152);
}

TEST(hedge, waits_for_what_most_calls_take) {
    const HedgeConfig config;
    Hedge hedge;
    EXPECT_FALSE(hedge_delay_ns(config, hedge));
    for (int i = 0; i < 99; ++i) on_latency(config, hedge, 10 * ns_per_ms);
    EXPECT_FALSE(hedge_delay_ns(config, hedge));
    for (int i = 0; i < 1'000; ++i) on_latency(config, hedge, (i % 50 == 0 ? 500 : 10) * ns_per_ms);
    ASSERT_TRUE(hedge_delay_ns(config, hedge));
    EXPECT_NEAR(static_cast<double>(*hedge_delay_ns(config, hedge)), 10 * ns_per_ms, 10 * ns_per_ms / 8);
    for (int i = 0; i < 5'000; ++i) on_latency(config, hedge, 10);
    EXPECT_EQ(hedge_delay_ns(config, hedge), config.delay_min_ns);
    for (int i = 0; i < 5'000; ++i) on_latency(config, hedge, 100 * ns_per_s);
    EXPECT_EQ(hedge_delay_ns(config, hedge), config.delay_max_ns);
}

TEST(hedge, when_all_are_slow_a_twentieth_is_doubled) {
    const HedgeConfig config;
    Hedge hedge;
    int hedged = 0;
    for (int i = 0; i < 10'000; ++i) {
        on_call(config.budget, hedge.budget);
        if (take_hedge(config, hedge, i)) {
            ++hedged;
            on_retry_end(hedge.budget);
        }
        on_call_end(hedge.budget);
    }
    EXPECT_EQ(hedged, 500);
}

}  // namespace
}  // namespace weft::mesh
