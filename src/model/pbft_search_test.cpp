#include "model/pbft_search.hpp"

#include <gtest/gtest.h>

namespace weft::model {
namespace {

PbftSearchOptions scope(unsigned n, unsigned rounds, unsigned crashes) {
    PbftSearchOptions out;
    out.n = n;
    out.rounds = rounds;
    out.crashes = crashes;
    return out;
}

TEST(pbft_search, no_order_of_events_breaks_agreement_or_stops_a_good_round) {
    const std::pair<PbftSearchOptions, std::uint64_t> scopes[] = {
        {scope(4, 3, 0), 19'546}, {scope(4, 3, 1), 87'082}, {scope(4, 4, 0), 223'262}, {scope(5, 3, 0), 54'295}};
    for (const auto& [options, states] : scopes) {
        const auto found = search_pbft(options);
        EXPECT_EQ(found.failure, "") << options.n;
        EXPECT_TRUE(found.is_exhausted);
        // Another number is no mistake in itself; it says that the rules, or what is searched, are not what they were.
        EXPECT_EQ(found.states, states);
        EXPECT_GT(found.final_states, 1000U);
        EXPECT_GT(found.good_rounds, 1000U);
    }
}

TEST(pbft_search, random_walks_go_where_breadth_first_does_not_get) {
    auto options = scope(7, 3, 1);
    options.walks = true;
    options.states_max = 50'000;
    const auto found = search_pbft(options);
    EXPECT_EQ(found.failure, "");
    EXPECT_GT(found.final_states, 100U);
}

class PbftSearchMutant : public testing::TestWithParam<std::string> {};

TEST_P(PbftSearchMutant, is_found_breadth_first_and_by_walks) {
    // A crash is what a lost record needs; 2f + 1 is too few for five.
    auto options = scope(GetParam() == "small_quorum" ? 5 : 4, 3, GetParam() == "no_record" ? 1 : 0);
    options.states_max = 1'000'000;
    for (const bool walks : {false, true}) {
        options.walks = walks;
        const auto found = search_pbft(options, GetParam());
        EXPECT_NE(found.failure, "");
        EXPECT_GT(found.path.size(), 3U);
        EXPECT_LT(found.states, 200'000U);
    }
}

INSTANTIATE_TEST_SUITE_P(pbft, PbftSearchMutant, testing::ValuesIn(pbft_search_mutants()),
                         [](const auto& it) { return it.param; });

}  // namespace
}  // namespace weft::model
