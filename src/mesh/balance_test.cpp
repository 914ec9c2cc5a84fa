#include "mesh/balance.hpp"

#include <gtest/gtest.h>

#include <map>

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

}  // namespace
}  // namespace weft::mesh
