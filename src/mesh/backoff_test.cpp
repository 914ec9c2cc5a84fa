#include "mesh/backoff.hpp"

#include <gtest/gtest.h>

#include <limits>

#include "base/bytes.hpp"

namespace weft::mesh {
namespace {

TEST(backoff, doubles_to_the_cap_within_its_jitter) {
    const Backoff backoff{.min_ns = 20, .max_ns = 1000};
    const std::int64_t want[] = {20, 40, 80, 160, 320, 640, 1000, 1000};
    for (std::uint32_t attempt = 0; attempt < std::size(want); ++attempt) {
        SCOPED_TRACE(attempt);
        EXPECT_EQ(backoff_ns(backoff, attempt, 0), want[attempt]);
        for (std::uint64_t i = 1; i < 1000; ++i) {
            const auto wait = backoff_ns(backoff, attempt, mix64(i));
            ASSERT_GE(wait, want[attempt] / 2);
            ASSERT_LE(wait, want[attempt]);
        }
    }
}

TEST(backoff, does_not_overflow) {
    const auto max = std::numeric_limits<std::int64_t>::max();
    const Backoff backoff{.min_ns = 1, .max_ns = max};
    EXPECT_EQ(backoff_ns(backoff, std::numeric_limits<std::uint32_t>::max(), 0), max);
    EXPECT_EQ(backoff_ns({.min_ns = 0, .max_ns = 0}, 5, 77), 0);
}

}  // namespace
}  // namespace weft::mesh
