// Scenes from the history of BFT systems, each with the faults that made it. The numbers are the catalogue's; what one
// machine or one order of events decides is elsewhere:
//   2, 4, 5, 6  wrong quorums and claims: PbftSearchMutant (small_quorum, unproved_claim, any_claim, late_commit)
//   3           forgets_prepared; 8 rebuilt_proposal; 13, 20 engine_test.cpp (timers before the period, heartbeat)
//   17, 62      floods and slow clients are the network's and gateway's; the engine's bound is floods_are_bounded
//   63          versions meet where peers do: Dos.scene_63_mixed_versions
// No such thing here: 14, 15, 26 belong to chained and speculative protocols, 21 to votes in headers; 19 is 11 with a
// key lost for good; 60 has no snapshots to corrupt.

#include <gtest/gtest.h>

#include "consensus/pbft/rules.hpp"
#include "model/pbft_cluster.hpp"

namespace weft::model {
namespace {

PbftOptions quiet(unsigned n) {
    PbftOptions out;
    out.seed = 1;
    out.n = n;
    out.loss = 0;
    return out;
}

PbftFault fault(PbftFault::Kind kind, std::int64_t at_ms, std::int64_t for_ms, unsigned node, unsigned to = 0) {
    return {kind, at_ms, for_ms, node, to};
}

/// Runs the scene with many orders of events. @return  probes of all of them.
std::map<std::string, std::uint64_t> play(PbftOptions options, PbftRun* last = nullptr) {
    std::map<std::string, std::uint64_t> out;
    for (options.seed = 1; options.seed <= 20; ++options.seed) {
        auto run = run_pbft(options);
        EXPECT_EQ(run.failure, "") << options.to_string();
        EXPECT_GE(run.heights, options.heights);
        for (const auto& [name, count] : run.probes) out[name] += count;
        if (last != nullptr) *last = std::move(run);
    }
    return out;
}

TEST(pbft_catalogue, scene_01_a_split_of_the_prepared_stops_nobody) {
    auto options = quiet(4);  // some have prepared a block, some another round's: IBFT's locks waited for ever
    options.commit_loss = 900'000;
    options.prepare_loss = 400'000;
    options.liars = 1;
    options.twins = true;
    auto probes = play(options);
    EXPECT_GT(probes["proposed again"], 0U);
    EXPECT_GT(probes["final after round 0"], 0U);
}

TEST(pbft_catalogue, scene_07_crashes_around_every_record) {
    auto options = quiet(4);
    options.crash_at_write = 100'000;
    options.write_ms = 20;
    options.down_ms = 200;
    auto probes = play(options);
    EXPECT_GT(probes["crash before the write"], 0U);
    EXPECT_GT(probes["crash after the write"], 0U);
}

TEST(pbft_catalogue, scene_09_a_block_is_proposed_again_to_one_that_saw_none_of_its_prepares) {
    auto options = quiet(4);
    options.commit_loss = 1'000'000;  // prepared, and never committed, until the network heals
    options.faulty_ms = 8'000;
    for (unsigned from = 0; from < 3; ++from) options.script.push_back(fault(PbftFault::cut, 0, 3'000, from, 3));
    EXPECT_GT(play(options)["proposed again"], 0U);
}

TEST(pbft_catalogue, scene_10_all_start_again_in_rounds_far_apart) {
    auto options = quiet(4);
    options.loss = 1'000'000;
    options.faulty_ms = 400'000;
    for (unsigned i = 0; i < 4; ++i) options.script.push_back(fault(PbftFault::crash, 100'000 * i + 50'000, 1'000, i));
    play(options);
}

TEST(pbft_catalogue, scene_11_a_wiped_validator_comes_back_and_its_key_says_nothing_twice) {
    for (const bool lost_guard : {false, true}) {
        auto options = quiet(4);
        options.wiped = true;
        options.lost_guard = lost_guard;
        options.guarded = true;
        options.script = {fault(PbftFault::damage, 7'000, 500, 3)};
        auto probes = play(options);
        EXPECT_GT(probes["wiped disk"], 0U);
        EXPECT_GT(probes["caught up from a peer"], 0U);
        if (lost_guard) EXPECT_GT(probes["listened before its first vote"], 0U);
    }
}

TEST(pbft_catalogue, scene_11_more_wiped_than_can_be_borne_may_stop_but_not_split) {
    auto options = quiet(4);
    options.wiped = options.lost_guard = true;
    options.commit_loss = 300'000;
    options.script = {fault(PbftFault::damage, 7'000, 500, 2), fault(PbftFault::damage, 7'100, 500, 3)};
    unsigned stopped = 0;
    for (options.seed = 1; options.seed <= 20; ++options.seed) {
        const auto failure = run_pbft(options).failure;
        const bool is_stop = failure.starts_with("no progress");
        EXPECT_TRUE(failure.empty() || is_stop) << failure;
        stopped += is_stop ? 1 : 0;
    }
    EXPECT_GT(stopped, 0U) << "two of four kept silent, and the others went on without a quorum?";
}

TEST(pbft_catalogue, scene_12_a_validator_that_never_was_there_is_added) {
    auto options = quiet(7);
    options.changes = 1;
    options.script = {fault(PbftFault::isolate, 0, 30'000, 3)};  // of the four one is away from the first day
    EXPECT_GT(play(options)["new validators"], 0U);
}

TEST(pbft_catalogue, scene_16_a_leader_just_within_its_time_costs_time_and_nothing_else) {
    auto options = quiet(4);
    options.slow_leader = true;
    EXPECT_GT(play(options)["slow proposal"], 0U);
}

TEST(pbft_catalogue, scene_18_hours_without_a_quorum_then_all_is_well) {
    auto options = quiet(4);
    options.outage_ms = 4 * 3600 * 1000LL;
    PbftRun last;
    EXPECT_GT(play(options, &last)["outage"], 0U);
    EXPECT_LT(last.events, 1'000'000U) << "a night's rounds are kept, or replayed";
}

TEST(pbft_catalogue, scene_22_from_one_validator_to_seven_and_back) {
    play(quiet(1));
    for (unsigned changes = 1; changes <= 3; ++changes) {
        auto options = quiet(7);
        options.changes = changes;
        options.crash = 50'000;
        EXPECT_GT(play(options)["new validators"], 0U);
    }
}

TEST(pbft_catalogue, scene_23_whose_executor_differs_is_alone) {
    auto options = quiet(4);
    options.bad_executor = true;
    play(options);
}

TEST(pbft_catalogue, scene_24_starts_again_in_a_round_that_has_not_begun) {
    auto options = quiet(4);
    options.proposal_loss = 1'000'000;
    options.faulty_ms = 20'000;
    for (unsigned i = 0; i < 4; ++i) options.script.push_back(fault(PbftFault::crash, 3'000 + 10 * i, 300, i));
    EXPECT_GT(play(options)["round change"], 0U);
}

TEST(pbft_catalogue, scene_25_clocks_apart_stop_nothing_and_one_hours_off_only_itself) {
    auto options = quiet(4);
    options.skew_ms = 900;
    options.jump = 300'000;
    EXPECT_GT(play(options)["jump of a clock"], 0U);
    options = quiet(4);
    options.far_clock = true;
    play(options);
    options = quiet(4);
    options.script = {fault(PbftFault::jump, 5'000, 700, 1), fault(PbftFault::jump, 9'000, -1'400, 1)};
    play(options);
}

TEST(pbft_catalogue, scene_61_heard_by_all_and_hearing_none) {
    auto options = quiet(4);
    for (unsigned from = 0; from < 3; ++from) options.script.push_back(fault(PbftFault::cut, 2'000, 20'000, from, 3));
    EXPECT_GT(play(options)["caught up from a peer"], 0U);
}

TEST(pbft_catalogue, scene_64_a_link_that_fails_in_every_round) {
    auto options = quiet(4);
    for (unsigned i = 0; i < 25; ++i) {
        options.script.push_back(fault(PbftFault::isolate, 1'000 * i + 200, 500, i % 4));
    }
    play(options);
}

/// Proposal, prepares, commits; and what building, executing and the disk take.
TEST(pbft_catalogue, without_faults_a_block_is_final_three_message_delays_after_its_second) {
    for (const unsigned n : {4U, 7U, 13U}) {
        for (const std::int64_t delay_ms : {1, 50, 250}) {
            auto options = quiet(n);
            options.delay_min_ms = delay_ms;
            options.delay_mean_ms = 0;
            options.execute_ms = options.write_ms = 0;
            PbftRun last;
            auto probes = play(options, &last);
            EXPECT_EQ(last.finality_ms_max, 3 * delay_ms) << n << " validators";
            EXPECT_EQ(probes["final after round 0"], 0U);
            options.execute_ms = 40;
            play(options, &last);
            EXPECT_LE(last.finality_ms_max, 3 * delay_ms + 2 * options.execute_ms) << n << " validators";
            EXPECT_GT(last.finality_ms_max, 3 * delay_ms);
        }
    }
}

TEST(pbft_catalogue, a_full_disk_lets_nothing_out_and_recovers) {
    auto options = quiet(4);
    for (unsigned i = 0; i < 4; ++i) options.script.push_back(fault(PbftFault::full_disk, 3'000, 9'000, i));
    auto probes = play(options);
    EXPECT_GT(probes["full disk"], 0U);
}

}  // namespace
}  // namespace weft::model
