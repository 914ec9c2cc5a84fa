#include "mesh/balance/peak_ewma.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "base/bytes.hpp"
#include "mesh/balance/test_statistics.hpp"
#include "verify/random.hpp"
#include "verify/schedule.hpp"

namespace weft::mesh {
namespace {

constexpr PeakEwmaConfig config;

TEST(peak_ewma, jumps_to_a_peak_and_decays_from_it_over_tau) {
    auto state = make_peak_ewma(config, 0);
    EXPECT_DOUBLE_EQ(cost_ns(config, state, 0), 30.0 * ns_per_ms);
    observe(config, state, ns_per_s, false, 0);
    EXPECT_DOUBLE_EQ(cost_ns(config, state, 0), 1.0 * ns_per_s);
    EXPECT_NEAR(cost_ns(config, state, config.tau_ns), ns_per_s * std::exp(-1.0), 1);
    EXPECT_DOUBLE_EQ(cost_ns(config, state, -5), 1.0 * ns_per_s);  // a clock read by another thread may lag
    observe(config, state, ns_per_ms, false, config.tau_ns);
    EXPECT_NEAR(state.cost_ns, ns_per_s * std::exp(-1.0) + ns_per_ms * (1 - std::exp(-1.0)), 1);
}

TEST(peak_ewma, a_quick_failure_is_no_quick_answer) {
    auto state = make_peak_ewma(config, 0);
    observe(config, state, 10, true, 0);
    EXPECT_DOUBLE_EQ(state.cost_ns, static_cast<double>(config.penalty_ns));
    std::vector<Candidate> candidates(2);
    std::vector<PeakEwma> states = {state, make_peak_ewma(config, 0)};
    for (std::uint64_t i = 0; i < 20; ++i) {
        EXPECT_EQ(pick_peak_ewma(config, candidates, states, mix64(i), 0), 1U);
    }
    candidates[1].usable = false;
    EXPECT_EQ(pick_peak_ewma(config, candidates, states, 1, 0), 0U);
    candidates[0].draining = true;
    EXPECT_FALSE(pick_peak_ewma(config, candidates, states, 1, 0));
}

TEST(peak_ewma, equals_share_alike) {
    verify::Random random(4);
    const std::vector<Candidate> candidates(20);
    const std::vector<PeakEwma> states(20, make_peak_ewma(config, 0));
    std::vector<std::uint64_t> counts(20);
    for (int i = 0; i < 100'000; ++i) ++counts[*pick_peak_ewma(config, candidates, states, random.next(), ns_per_s)];
    EXPECT_TRUE(fits(counts, std::vector<double>(20, 1)));
}

/// Ten instances, of which one takes ten times as long, in virtual time; calls come at random.
/// @return the part of the calls that the slow one gets, by peak EWMA and by chance.
std::pair<double, double> part_of_the_slow_one(std::uint64_t seed) {
    verify::Random random(seed);
    std::vector<Candidate> candidates(10);
    std::vector<PeakEwma> states(10, make_peak_ewma(config, 0));
    struct End {
        std::size_t index;
        std::int64_t began_ns;
    };
    verify::Schedule<End> ends;
    std::int64_t now_ns = 0;
    int slow = 0, blind = 0;
    constexpr int calls = 20'000;
    for (int i = 0; i < calls; ++i) {
        now_ns += static_cast<std::int64_t>(random.below(2 * ns_per_ms));
        while (!ends.empty() && ends.next_time() <= now_ns) {
            const auto end = ends.take();
            --candidates[end.index].outstanding;
            observe(config, states[end.index], ends.now() - end.began_ns, false, ends.now());
        }
        const auto picked = *pick_peak_ewma(config, candidates, states, random.next(), now_ns);
        ++candidates[picked].outstanding;
        const std::int64_t latency_ns = (picked == 0 ? 100 : 10) * ns_per_ms;
        ends.at(now_ns + latency_ns, 0, {picked, now_ns});
        slow += picked == 0 ? 1 : 0;
        blind += random.below(10) == 0 ? 1 : 0;
    }
    return {slow / double{calls}, blind / double{calls}};
}

TEST(peak_ewma, an_instance_that_is_slow_gets_little_but_is_not_forgotten) {
    const auto [slow, blind] = part_of_the_slow_one(5);
    EXPECT_LT(slow, 0.02);
    EXPECT_GT(slow, 0.0005);
    EXPECT_NEAR(blind, 0.1, 0.01);
}

}  // namespace
}  // namespace weft::mesh
