#include "mesh/breaker.hpp"

#include <gtest/gtest.h>

#include <string>

#include "verify/random.hpp"

namespace weft::mesh {
namespace {

constexpr CallOutcome good{.failed = false, .latency_ns = ns_per_ms};
constexpr CallOutcome bad{.failed = true, .latency_ns = ns_per_ms};
constexpr CallOutcome slow{.failed = false, .latency_ns = 2 * ns_per_s};

struct Rig {
    BreakerConfig config = {};
    Breaker breaker = {};
    std::int64_t now_ns = 0;

    /// A call that ends at once; false if it was not let through.
    bool call(CallOutcome outcome) {
        const auto ticket = admit(config, breaker, now_ns);
        if (ticket) report(config, breaker, *ticket, outcome, now_ns);
        return ticket.has_value();
    }
    void open() {
        while (breaker.phase == BreakerPhase::closed) call(bad);
    }
};

TEST(breaker, opens_after_failures_in_a_row) {
    Rig rig;
    for (int i = 0; i < 4; ++i) EXPECT_TRUE(rig.call(bad));
    EXPECT_TRUE(rig.call(good));
    for (int i = 0; i < 5; ++i) EXPECT_TRUE(rig.call(bad));
    EXPECT_EQ(rig.breaker.phase, BreakerPhase::open);
    EXPECT_FALSE(rig.call(good));
}

TEST(breaker, opens_by_share_of_failures_once_there_are_enough_calls) {
    Rig rig{.config = {.consecutive_max = 1'000}};
    for (int i = 0; i < 18; ++i) EXPECT_TRUE(rig.call(i % 2 == 0 ? good : bad));
    EXPECT_TRUE(rig.call(good));
    EXPECT_EQ(rig.breaker.phase, BreakerPhase::closed);
    EXPECT_TRUE(rig.call(bad));
    EXPECT_EQ(rig.breaker.phase, BreakerPhase::open);
}

TEST(breaker, forgets_failures_older_than_its_window) {
    Rig rig{.config = {.consecutive_max = 1'000}};
    for (int i = 0; i < 19; ++i) EXPECT_TRUE(rig.call(bad));
    rig.now_ns += rig.config.window_ns;
    for (int i = 0; i < 19; ++i) EXPECT_TRUE(rig.call(good));
    EXPECT_TRUE(rig.call(bad));
    EXPECT_EQ(rig.breaker.phase, BreakerPhase::closed);
    EXPECT_EQ(rig.breaker.window.total.calls, 20U);
}

TEST(breaker, opens_by_share_of_slow_calls_if_told_to) {
    Rig rig;
    for (int i = 0; i < 100; ++i) EXPECT_TRUE(rig.call(slow));
    rig = {.config = {.slow_percent = 100}};
    for (int i = 0; i < 20; ++i) EXPECT_TRUE(rig.call(slow));
    EXPECT_FALSE(rig.call(good));
    rig.now_ns = rig.breaker.until_ns;
    EXPECT_TRUE(rig.call(slow));  // a probe that is slow has failed
    EXPECT_EQ(rig.breaker.phase, BreakerPhase::open);
}

TEST(breaker, lets_its_probes_through_and_closes_when_all_succeed) {
    Rig rig;
    rig.open();
    rig.now_ns = rig.breaker.until_ns - 1;
    EXPECT_FALSE(rig.call(good));
    ++rig.now_ns;
    std::vector<BreakerTicket> tickets;
    while (const auto ticket = admit(rig.config, rig.breaker, rig.now_ns)) tickets.push_back(*ticket);
    ASSERT_EQ(tickets.size(), rig.config.probes);
    EXPECT_EQ(report(rig.config, rig.breaker, tickets[0], good, rig.now_ns), BreakerChange::none);
    EXPECT_FALSE(rig.call(good));
    EXPECT_EQ(report(rig.config, rig.breaker, tickets[1], good, rig.now_ns), BreakerChange::none);
    EXPECT_EQ(report(rig.config, rig.breaker, tickets[2], good, rig.now_ns), BreakerChange::closed);
    EXPECT_TRUE(rig.call(bad));
    EXPECT_EQ(rig.breaker.phase, BreakerPhase::closed);  // what was before is forgotten
}

TEST(breaker, a_reply_from_an_earlier_phase_says_nothing) {
    Rig rig;
    const auto early = admit(rig.config, rig.breaker, 0);
    rig.open();
    rig.now_ns = rig.breaker.until_ns;
    const auto probe = admit(rig.config, rig.breaker, rig.now_ns);
    EXPECT_EQ(report(rig.config, rig.breaker, *early, bad, rig.now_ns), BreakerChange::none);
    EXPECT_EQ(rig.breaker.probes_running, 1U);
    EXPECT_EQ(report(rig.config, rig.breaker, *probe, bad, rig.now_ns), BreakerChange::opened);
    EXPECT_EQ(report(rig.config, rig.breaker, *early, good, rig.now_ns), BreakerChange::none);
}

TEST(breaker, a_probe_that_is_cancelled_or_lost_gives_its_place_back) {
    Rig rig{.config = {.probes = 1}};
    rig.open();
    rig.now_ns = rig.breaker.until_ns;
    const auto probe = admit(rig.config, rig.breaker, rig.now_ns);
    EXPECT_FALSE(admit(rig.config, rig.breaker, rig.now_ns));
    withdraw(rig.breaker, *probe);
    const auto lost = admit(rig.config, rig.breaker, rig.now_ns);
    ASSERT_TRUE(lost);
    rig.now_ns += rig.config.probe_ns;
    EXPECT_TRUE(rig.call(good));
    EXPECT_EQ(rig.breaker.phase, BreakerPhase::closed);
    withdraw(rig.breaker, *lost);  // too late to matter
    EXPECT_EQ(rig.breaker.probes_running, 0U);
}

TEST(breaker, stays_open_twice_as_long_each_time_until_it_has_been_well_for_long) {
    Rig rig{.config = {.open_max_ns = 5 * ns_per_s, .probes = 1}};
    std::vector<std::int64_t> times;
    rig.open();
    for (int i = 0; i < 4; ++i) {
        times.push_back((rig.breaker.until_ns - rig.now_ns) / ns_per_s);
        rig.now_ns = rig.breaker.until_ns;
        EXPECT_TRUE(rig.call(bad));
    }
    EXPECT_EQ(times, (std::vector<std::int64_t>{1, 2, 4, 5}));
    rig.now_ns = rig.breaker.until_ns;
    EXPECT_TRUE(rig.call(good));
    rig.now_ns += 100 * rig.config.forget_ns;
    rig.open();
    EXPECT_EQ(rig.breaker.until_ns - rig.now_ns, ns_per_s);
}

TEST(breaker, random_walk_keeps_the_invariants) {
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        verify::Random random(seed);
        Rig rig{.config = {.consecutive_max = 3, .probes = 2}};
        std::vector<BreakerTicket> running;
        int closed = 0, opened = 0;
        for (int i = 0; i < 20'000; ++i) {
            rig.now_ns += static_cast<std::int64_t>(random.below(rig.config.open_ns / 2));
            if (random.below(2) == 0) {
                if (const auto ticket = admit(rig.config, rig.breaker, rig.now_ns)) running.push_back(*ticket);
            } else if (!running.empty()) {
                const auto at = random.below(running.size());
                const auto ticket = running[at];
                running.erase(running.begin() + static_cast<std::ptrdiff_t>(at));
                if (random.below(10) == 0) {
                    withdraw(rig.breaker, ticket);
                } else {
                    const auto phase = rig.breaker.phase;
                    const auto change =
                        report(rig.config, rig.breaker, ticket, random.below(2) == 0 ? good : bad, rig.now_ns);
                    opened += change == BreakerChange::opened ? 1 : 0;
                    closed += change == BreakerChange::closed ? 1 : 0;
                    if (change == BreakerChange::closed) ASSERT_EQ(phase, BreakerPhase::half_open);
                    ASSERT_EQ(change == BreakerChange::none, phase == rig.breaker.phase);
                }
            }
            const auto& breaker = rig.breaker;
            ASSERT_LE(breaker.probes_running + breaker.probes_passed, rig.config.probes);
            ASSERT_LT(breaker.probes_passed, rig.config.probes);
            if (breaker.phase != BreakerPhase::half_open) ASSERT_EQ(breaker.probes_running, 0U);
            if (breaker.phase == BreakerPhase::open)
                ASSERT_LE(breaker.until_ns - breaker.since_ns, rig.config.open_max_ns);
            if (breaker.phase == BreakerPhase::closed) ASSERT_LT(breaker.consecutive, rig.config.consecutive_max);
        }
        EXPECT_GT(opened, 10);
        EXPECT_GT(closed, 10);
    }
}

}  // namespace
}  // namespace weft::mesh
