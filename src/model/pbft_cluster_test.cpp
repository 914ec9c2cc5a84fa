#include "model/pbft_cluster.hpp"

#include <gtest/gtest.h>

#include "consensus/pbft/rules.hpp"

namespace weft::model {
namespace {

TEST(pbft_cluster, seeds_keep_every_property_and_run_the_same_twice) {
    std::map<std::string, std::uint64_t> probes;
    for (std::uint64_t seed = 1; seed <= 1000; ++seed) {
        const auto options = draw_pbft_options(seed);
        const auto run = run_pbft(options);
        ASSERT_EQ(run.failure, "") << options.to_string();
        ASSERT_EQ(run_pbft(options).hash, run.hash) << options.to_string();
        for (const auto& [name, count] : run.probes) probes[name] += count;
    }
    // Without these the seeds would test less than they say.
    for (const char* name : {"crash before the write", "crash after the write", "partition", "clogged link", "lie",
                             "evidence", "round change", "proposed again", "final after round 0",
                             "caught up from a peer"}) {
        EXPECT_GT(probes[name], 0U) << name;
    }
}

/// Each wrong variant of the rules is found out within so many seeds. any_claim needs two prepared blocks and a liar
/// whose turn it is: engine_test.cpp has that scene.
class PbftMutant : public testing::TestWithParam<std::string> {};

TEST_P(PbftMutant, is_found_out) {
    if (GetParam() == "any_claim") return;
    for (std::uint64_t seed = 1; seed <= 2000; ++seed) {
        if (!run_pbft_mutant(GetParam(), draw_pbft_options(seed)).failure.empty()) {
            RecordProperty("seeds", static_cast<int>(seed));
            return;
        }
    }
    FAIL() << "nothing notices it";
}

INSTANTIATE_TEST_SUITE_P(pbft, PbftMutant, testing::ValuesIn(pbft_mutants()),
                         [](const auto& it) { return it.param; });

TEST(pbft_cluster, a_failing_run_shrinks_to_fewer_faults) {
    PbftOptions options;
    std::uint64_t seed = 0;
    do options = draw_pbft_options(++seed);
    while (run_pbft_mutant("small_quorum", options).failure.empty());
    const auto small = shrink_pbft(options, "small_quorum");
    EXPECT_NE(run_pbft_mutant("small_quorum", small).failure, "");
    EXPECT_LE(small.faulty_ms, options.faulty_ms);
    EXPECT_LE(small.to_string().size(), options.to_string().size());
}

}  // namespace
}  // namespace weft::model
