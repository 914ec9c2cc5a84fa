#include "mesh/limit.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "verify/random.hpp"

namespace weft::mesh {
namespace {

TEST(limit, a_burst_and_then_the_rate) {
    const auto limit = make_rate_limit(100, 5);
    std::atomic<std::int64_t> state{0};
    constexpr std::int64_t start = 77 * ns_per_s;
    for (int i = 0; i < 5; ++i) EXPECT_EQ(take(limit, state, start), 0);
    EXPECT_EQ(take(limit, state, start), 10 * ns_per_ms);
    EXPECT_EQ(take(limit, state, start + 10 * ns_per_ms - 1), 1);
    EXPECT_EQ(take(limit, state, start + 10 * ns_per_ms), 0);
    EXPECT_NE(take(limit, state, start + 10 * ns_per_ms), 0);
    EXPECT_EQ(take(limit, state, start + 100 * ns_per_s, 5), 0);
    EXPECT_EQ(take(limit, state, start + 100 * ns_per_s, 2), 20 * ns_per_ms);
    EXPECT_EQ(take(limit, state, start + 200 * ns_per_s, 6), rate_never);
}

TEST(limit, in_no_interval_more_than_burst_and_rate) {
    verify::Random random(12);
    const auto limit = make_rate_limit(1'000, 20);
    std::int64_t state = 0, now_ns = 1;
    std::vector<std::int64_t> admitted;
    for (int i = 0; i < 20'000; ++i) {
        now_ns += static_cast<std::int64_t>(random.below(i % 500 == 0 ? 50 * ns_per_ms : ns_per_ms));
        const auto decision = decide(limit, state, now_ns);
        if (decision.wait_ns == 0) {
            admitted.push_back(now_ns);
            ASSERT_NE(decision.state, state);
            state = decision.state;
        } else {
            ASSERT_EQ(decision.state, state);
            ASSERT_EQ(decide(limit, state, now_ns + decision.wait_ns).wait_ns, 0);
            ASSERT_NE(decide(limit, state, now_ns + decision.wait_ns - 1).wait_ns, 0);
        }
    }
    ASSERT_GT(admitted.size(), 5'000U);
    for (std::size_t from = 0; from < admitted.size(); from += 7) {
        for (std::size_t to = from + 20; to < std::min(from + 200, admitted.size()); ++to) {
            ASSERT_LE(to - from + 1, 20 + (admitted[to] - admitted[from]) / ns_per_ms);
        }
    }
}

}  // namespace
}  // namespace weft::mesh
