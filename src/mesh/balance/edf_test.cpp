#include "mesh/balance/edf.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "verify/random.hpp"

namespace weft::mesh {
namespace {

std::vector<std::uint64_t> counts_of(Edf& edf, const std::vector<Candidate>& candidates, int picks) {
    std::vector<std::uint64_t> counts(candidates.size());
    for (int i = 0; i < picks; ++i) ++counts[*pick_edf(edf, candidates)];
    return counts;
}

TEST(edf, gives_each_its_weight_within_one) {
    const std::vector<Candidate> candidates = {{.weight = 5}, {.weight = 1}, {.weight = 3}, {.weight = 0}};
    Edf edf;
    for (int round = 0; round < 50; ++round) {
        const auto counts = counts_of(edf, candidates, 9);
        EXPECT_NEAR(static_cast<double>(counts[0]), 5, 1);
        EXPECT_NEAR(static_cast<double>(counts[1]), 1, 1);
        EXPECT_NEAR(static_cast<double>(counts[2]), 3, 1);
        EXPECT_EQ(counts[3], 0U);
    }
}

TEST(edf, is_as_fair_over_a_long_time_of_random_weights) {
    verify::Random random(3);
    std::vector<Candidate> candidates(50);
    std::uint64_t total = 0;
    for (auto& candidate : candidates) total += candidate.weight = 1 + static_cast<std::uint32_t>(random.below(1'000));
    Edf edf;
    const auto counts = counts_of(edf, candidates, static_cast<int>(total) * 40);
    for (std::size_t i = 0; i < candidates.size(); ++i) {
        EXPECT_NEAR(static_cast<double>(counts[i]), 40.0 * candidates[i].weight, 2) << i;
    }
}

TEST(edf, time_that_has_run_long_is_moved_back_without_a_trace) {
    const std::vector<Candidate> candidates = {{.weight = 1}, {.weight = 2}};
    Edf edf;
    (void)pick_edf(edf, candidates);
    for (auto& entry : edf.heap) entry.due += (1 << 20) - 3;
    edf.latest += (1 << 20) - 3;
    const auto counts = counts_of(edf, candidates, 300);
    EXPECT_NEAR(static_cast<double>(counts[1]), 200, 1);
    EXPECT_LT(edf.latest, 200);
}

TEST(edf, who_cannot_be_called_is_left_out_and_comes_back_within_a_round) {
    std::vector<Candidate> candidates = {{.weight = 1'000}, {.weight = 1}, {.weight = 1}};
    Edf edf;
    (void)counts_of(edf, candidates, 1'500);
    candidates[0].usable = false;
    const auto without = counts_of(edf, candidates, 1'000);
    EXPECT_EQ(without[0], 0U);
    EXPECT_NEAR(static_cast<double>(without[1]), 500, 1);
    candidates[0].usable = true;
    const auto with = counts_of(edf, candidates, 1'002);
    EXPECT_GE(with[0], 998U);
    for (auto& candidate : candidates) candidate.draining = true;
    EXPECT_FALSE(pick_edf(edf, candidates));
    EXPECT_FALSE(pick_edf(edf, {}));
    EXPECT_TRUE(pick_edf(edf, std::vector<Candidate>(7)));
}

}  // namespace
}  // namespace weft::mesh
