#include "service/monitor/finality.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace weft::service::monitor {
namespace {

const Address a{{1}}, b{{2}}, c{{3}}, d{{4}};
constexpr std::uint64_t now_ms = 1'700'000'000'000;

api::consensus::ProgressReply progress_of_four() {
    api::consensus::ProgressReply out;
    out.height = 8;
    out.proposer = b;
    out.quorum = 3;
    out.final_ms = now_ms - 5000;
    for (const auto& address : {a, b, c, d}) out.validators.push_back({address, address == a, {}, {}, {}});
    return out;
}

api::network::StatusReply connected_to(std::vector<Address> validators) {
    api::network::StatusReply out;
    for (const auto& validator : validators) {
        api::network::PeerInfo peer;
        peer.validator = validator;
        peer.heard_ms = now_ms - 10;
        out.peers.push_back(peer);
    }
    return out;
}

bool says(const api::monitor::FinalityReply& reply, std::string_view words) {
    return std::ranges::any_of(reply.reasons,
                               [&](const auto& reason) { return reason.find(words) != std::string::npos; });
}

TEST(finality, names_who_is_away_and_that_it_is_too_many) {
    auto progress = progress_of_four();
    progress.round = 2;
    const auto one = explain(progress, connected_to({b, c}), now_ms);
    EXPECT_TRUE(says(one, "not connected to 0x0400000000000000000000000000000000000000"));
    EXPECT_FALSE(says(one, "not enough"));
    const auto two = explain(progress, connected_to({b}), now_ms);
    EXPECT_TRUE(says(two, "2 of 4 validators are not enough, 3 must vote"));
    EXPECT_EQ(two.since_final_ms, 5000U);
}

TEST(finality, says_what_a_node_does_to_catch_up) {
    auto progress = progress_of_four();
    EXPECT_FALSE(says(explain(progress, connected_to({b, c, d}), now_ms), "syncing"));
    progress.syncing = "snapshot of block 2048, 37 %";
    EXPECT_TRUE(says(explain(progress, connected_to({b, c, d}), now_ms),
                     "this node is syncing: snapshot of block 2048, 37 %"));
}

TEST(finality, names_whose_vote_is_missing_and_whose_turn_it_is) {
    auto progress = progress_of_four();
    progress.next_round_ms = now_ms + 700;
    auto reply = explain(progress, connected_to({b, c, d}), now_ms);
    EXPECT_TRUE(says(reply, "it is the turn of 0x0200000000000000000000000000000000000000"));
    EXPECT_EQ(reply.next_round_in_ms, 700U);
    for (const std::size_t i : {0U, 1U}) progress.validators[i].prepared_round = 0;
    reply = explain(progress, connected_to({b, c, d}), now_ms);
    EXPECT_TRUE(says(reply, "2 of 3 needed votes to prepare in round 0; missing: 0x03"));
    for (auto& validator : progress.validators) validator.prepared_round = 0;
    progress.validators[3].committed_round = 0;
    reply = explain(progress, connected_to({b, c, d}), now_ms);
    EXPECT_TRUE(says(reply, "1 of 3 needed votes to commit in round 0; missing: 0x01"));
    // Votes of another round don't count in this one.
    progress.round = 1;
    reply = explain(progress, connected_to({b, c, d}), now_ms);
    EXPECT_TRUE(says(reply, "no block was proposed in round 1"));
}

TEST(finality, names_clocks_and_the_nodes_own_trouble) {
    auto progress = progress_of_four();
    progress.trouble = "block 0x01 of 0x02 is wrong here: state root";
    auto network = connected_to({b, c, d});
    network.peers[1].skew_ms = 7'200'000;
    const auto reply = explain(progress, network, now_ms);
    EXPECT_TRUE(says(reply, "the clock of 0x0300000000000000000000000000000000000000 is 7200000 ms ahead"));
    EXPECT_TRUE(says(reply, "this node: block 0x01"));
}

TEST(finality, a_chain_with_nothing_to_do_says_so) {
    const auto reply = explain(progress_of_four(), connected_to({b, c, d}), now_ms);
    ASSERT_EQ(reply.reasons.size(), 1U);
    EXPECT_TRUE(says(reply, "nothing waits for a block"));
}

}  // namespace
}  // namespace weft::service::monitor
