#include "mesh/shed.hpp"

#include <gtest/gtest.h>

#include <array>
#include <deque>

#include "base/bytes.hpp"
#include "verify/random.hpp"

namespace weft::mesh {
namespace {

TEST(shed, admits_all_while_nothing_waits_long) {
    const ShedConfig config;
    Shed shed;
    verify::Random random(15);
    for (int i = 0; i < 10'000; ++i) {
        EXPECT_TRUE(admit(config, shed, static_cast<std::uint32_t>(random.below(99)), random.next(), i * ns_per_ms));
        on_started(shed, config.queued_max_ns);
    }
}

struct Served {
    std::array<double, 4> came{}, admitted{};
    double queued_ms = 0;
};

/// A server that takes 1 ms a request, of which @p per_second come, of four priorities alike.
Served serve(std::uint32_t per_second, Shed& shed, std::int64_t from_ns, std::int64_t to_ns) {
    const ShedConfig config;
    verify::Random random(16);
    Served served;
    std::int64_t free_at_ns = from_ns;
    double queued_ns = 0, count = 0;
    for (std::int64_t now_ns = from_ns; now_ns < to_ns; now_ns += ns_per_s / per_second) {
        const auto priority = random.below(4);
        const bool counts = now_ns >= (from_ns + to_ns) / 2;
        served.came[priority] += counts ? 1 : 0;
        if (!admit(config, shed, static_cast<std::uint32_t>(priority), random.next(), now_ns)) continue;
        served.admitted[priority] += counts ? 1 : 0;
        const auto begin_ns = std::max(free_at_ns, now_ns);
        on_started(shed, begin_ns - now_ns);
        free_at_ns = begin_ns + ns_per_ms;
        if (counts) queued_ns += static_cast<double>(begin_ns - now_ns);
        count += counts ? 1 : 0;
    }
    served.queued_ms = queued_ns / count / ns_per_ms;
    return served;
}

TEST(shed, twice_the_load_costs_the_less_important_half) {
    Shed shed;
    const auto served = serve(2'000, shed, 0, 200 * ns_per_s);
    EXPECT_EQ(served.admitted[0], served.came[0]);
    EXPECT_GT(served.admitted[1], 0.6 * served.came[1]);
    EXPECT_LT(served.admitted[3], 0.05 * served.came[3]);
    EXPECT_LT(served.queued_ms, 200);
    const auto after = serve(500, shed, 200 * ns_per_s, 400 * ns_per_s);
    for (std::size_t i = 0; i < 4; ++i) EXPECT_EQ(after.admitted[i], after.came[i]) << i;
}

TEST(shed, a_client_is_refused_wholly_or_not_at_all_within_a_window) {
    const ShedConfig config{.window_ns = 1'000 * ns_per_s, .window_requests = 1'000'000};
    Shed shed;
    shed.admitted_below = 3 * Shed::clients / 2;
    for (std::uint64_t client = 0; client < 500; ++client) {
        const bool first = admit(config, shed, 1, mix64(client), 1);
        for (int i = 0; i < 10; ++i) EXPECT_EQ(admit(config, shed, 1, mix64(client), 1), first);
        EXPECT_TRUE(admit(config, shed, 0, mix64(client), 1));
        EXPECT_FALSE(admit(config, shed, 2, mix64(client), 1));
    }
}

}  // namespace
}  // namespace weft::mesh
