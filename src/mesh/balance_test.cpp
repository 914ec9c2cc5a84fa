#include "mesh/balance.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "base/bytes.hpp"
#include "mesh/balance/test_statistics.hpp"
#include "verify/random.hpp"

namespace weft::mesh {
namespace {

TEST(balance, round_robin_gives_each_its_weight_and_spreads_it) {
    const std::vector<Candidate> candidates = {{.weight = 5}, {.weight = 1}, {.weight = 1}};
    std::vector<std::int64_t> credits;
    std::vector<std::size_t> picks;
    for (int i = 0; i < 7; ++i) picks.push_back(*pick_round_robin(credits, candidates));
    EXPECT_EQ(picks, (std::vector<std::size_t>{0, 0, 1, 0, 2, 0, 0}));  // the sequence of nginx's own example
    std::map<std::size_t, int> count;
    for (int i = 0; i < 700; ++i) ++count[*pick_round_robin(credits, candidates)];
    EXPECT_EQ(count[0], 500);
    EXPECT_EQ(count[1], 100);
}

TEST(balance, unusable_and_weightless_candidates_get_nothing) {
    std::vector<std::int64_t> credits;
    EXPECT_FALSE(pick_round_robin(credits, {}));
    EXPECT_FALSE(pick_least_outstanding({}, 3));
    const std::vector<Candidate> candidates = {{.usable = false}, {.weight = 0}, {.weight = 1}};
    for (std::size_t i = 0; i < 10; ++i) {
        EXPECT_EQ(pick_round_robin(credits, candidates), 2U);
        EXPECT_EQ(pick_least_outstanding(candidates, i), 2U);
    }
    const std::vector<Candidate> none = {{.usable = false}, {.weight = 0}};
    EXPECT_FALSE(pick_round_robin(credits, none));
    EXPECT_FALSE(pick_least_outstanding(none, 1));
}

TEST(balance, round_robin_goes_on_when_the_number_of_candidates_changes) {
    std::vector<std::int64_t> credits;
    EXPECT_TRUE(pick_round_robin(credits, std::vector<Candidate>(3)));
    EXPECT_EQ(pick_round_robin(credits, std::vector<Candidate>(1)), 0U);
    EXPECT_TRUE(pick_round_robin(credits, std::vector<Candidate>(5)));
}

TEST(balance, least_outstanding_minds_the_weight_and_shares_ties) {
    const std::vector<Candidate> candidates = {
        {.weight = 1, .outstanding = 3}, {.weight = 4, .outstanding = 8}, {.weight = 1, .outstanding = 2}};
    EXPECT_EQ(pick_least_outstanding(candidates, 0), 1U);  // 9/4 < 3 < 4
    const std::vector<Candidate> idle(3);
    for (std::size_t start = 0; start < 6; ++start) EXPECT_EQ(pick_least_outstanding(idle, start), start % 3);
}

TEST(balance, who_drains_gets_nothing_and_may_go_when_it_has_ended) {
    std::vector<Candidate> candidates = {{.outstanding = 2, .draining = true}, {.outstanding = 9}};
    std::vector<std::int64_t> credits;
    for (std::uint64_t i = 0; i < 10; ++i) {
        EXPECT_EQ(pick_round_robin(credits, candidates), 1U);
        EXPECT_EQ(pick_least_outstanding(candidates, i), 1U);
        EXPECT_EQ(pick_of_two(candidates, mix64(i)), 1U);
    }
    EXPECT_FALSE(candidates[0].is_drained());
    candidates[0].outstanding = 0;
    EXPECT_TRUE(candidates[0].is_drained());
    EXPECT_FALSE(candidates[1].is_drained());
}

TEST(balance, who_warms_up_gets_a_part_of_its_weight) {
    EXPECT_EQ(ramp_of(-5, 100), ramp_full / 10);
    EXPECT_EQ(ramp_of(0, 100), ramp_full / 10);
    EXPECT_NEAR(ramp_of(50, 100), ramp_full * 0.55, 1);
    EXPECT_EQ(ramp_of(100, 100), ramp_full);
    EXPECT_EQ(ramp_of(0, 0), ramp_full);
    const std::vector<Candidate> candidates = {{.weight = 1}, {.weight = 1, .ramp = ramp_full / 4}};
    std::vector<std::int64_t> credits;
    std::map<std::size_t, int> count;
    for (int i = 0; i < 500; ++i) ++count[*pick_round_robin(credits, candidates)];
    EXPECT_EQ(count[0], 400);
}

TEST(balance, a_pair_is_two_and_any_two) {
    verify::Random random(1);
    const std::vector<Candidate> few = {{}, {.usable = false}, {}, {.weight = 0}, {}};
    std::vector<std::uint64_t> pairs(25), few_pairs(25);
    const std::vector<Candidate> all(5);
    for (int i = 0; i < 100'000; ++i) {
        const auto drawn = draw_two(all, random.next());
        ++pairs[drawn->first * 5 + drawn->second];
        const auto of_few = draw_two(few, random.next());
        ++few_pairs[of_few->first * 5 + of_few->second];
    }
    std::vector<double> want(25, 1), want_few(25, 0);
    for (std::size_t i = 0; i < 5; ++i) want[i * 6] = 0;
    for (const std::size_t a : {0, 2, 4}) {
        for (const std::size_t b : {0, 2, 4}) want_few[a * 5 + b] = a == b ? 0 : 1;
    }
    EXPECT_TRUE(fits(pairs, want));
    EXPECT_TRUE(fits(few_pairs, want_few));
    const std::vector<Candidate> one = {{.usable = false}, {}};
    EXPECT_EQ(draw_two(one, 7), (std::pair<std::size_t, std::size_t>{1, 1}));
    EXPECT_FALSE(draw_two({}, 7));
    EXPECT_FALSE(draw_two(std::vector<Candidate>{{.usable = false}}, 7));
}

TEST(balance, two_choices_are_far_more_even_than_one) {
    // As many balls as bins: the fullest has about ln ln n / ln 2 against ln n / ln ln n.
    verify::Random random(2);
    std::vector<Candidate> candidates(10'000);
    std::vector<std::uint32_t> blind(10'000);
    for (std::size_t i = 0; i < candidates.size(); ++i) {
        ++candidates[*pick_of_two(candidates, random.next())].outstanding;
        ++blind[random.below(blind.size())];
    }
    const auto fullest = std::ranges::max(candidates, {}, &Candidate::outstanding).outstanding;
    EXPECT_LE(fullest, 4U);
    EXPECT_GE(std::ranges::max(blind), 6U);
}

}  // namespace
}  // namespace weft::mesh
