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
    for (const char* name :
         {"crash before the write", "crash after the write", "partition", "partition of one direction", "clogged link",
          "swizzled links", "reordered", "lost proposal", "lost prepare", "lost commit", "lost round change",
          "lost status", "lost final block", "drifting clock", "jump of a clock", "full disk", "old backup",
          "rotten record", "wiped disk", "lost guard", "listened before its first vote", "not voted after a loss",
          "refused by the guard", "upgrade", "slow proposal", "withheld", "new validators", "lie", "evidence",
          "round change", "proposed again", "final after round 0", "caught up from a peer", "outage",
          "outage of prepares"}) {
        EXPECT_GT(probes[name], 0U) << name;
    }
}

/// Each wrong variant of the rules is found out within so many seeds. any_claim needs two prepared blocks and a liar
/// whose turn it is: pbft_search_test.cpp finds it, and engine_test.cpp has the scene.
class PbftMutant : public testing::TestWithParam<std::string> {
  public:
    static std::vector<std::string> names() {
        auto out = pbft_mutants();
        std::erase(out, "any_claim");
        return out;
    }
};

TEST_P(PbftMutant, is_found_out) {
    for (std::uint64_t seed = 1; seed <= 2000; ++seed) {
        if (!run_pbft_mutant(GetParam(), draw_pbft_options(seed)).failure.empty()) {
            RecordProperty("seeds", static_cast<int>(seed));
            return;
        }
    }
    FAIL() << "nothing notices it";
}

INSTANTIATE_TEST_SUITE_P(pbft, PbftMutant, testing::ValuesIn(PbftMutant::names()),
                         [](const auto& it) { return it.param; });

/// With more liars than can be borne two blocks may be final: the liars' own words must convict more of them than can
/// be borne, and no correct validator.
TEST(pbft_cluster, two_final_blocks_convict_enough_liars_and_nobody_else) {
    std::map<std::string, std::uint64_t> probes;
    for (std::uint64_t seed = 1; seed <= 600; ++seed) {
        PbftOptions options;
        options.seed = seed;
        options.n = seed % 3 == 0 ? 7 : 4;
        options.liars = static_cast<unsigned>(consensus::pbft::faults(options.n)) + 1;
        options.twins = true;
        options.forges = seed % 2 == 0;
        options.split = 500'000;
        options.loss = seed % 4 == 0 ? 0 : 150'000;
        options.commit_loss = seed % 5 == 0 ? 600'000 : 0;
        options.crash = 50'000;
        const auto run = run_pbft(options);
        if (run.culprits > 0) {
            ASSERT_EQ(run.failure, "") << options.to_string();
            EXPECT_GE(run.culprits, options.liars);
        }
        // Without a second final block there is nothing to account for, and no promise to make progress either.
        ASSERT_EQ(run.failure.find("a correct validator"), std::string::npos) << run.failure << options.to_string();
        for (const auto& [name, count] : run.probes) probes[name] += count;
    }
    EXPECT_GT(probes["two blocks final in a round"], 10U);
    EXPECT_GT(probes["two blocks final in two rounds"], 10U);
}

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
