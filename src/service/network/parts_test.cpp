#include <gtest/gtest.h>

#include "service/network/compact.hpp"
#include "service/network/outbox.hpp"
#include "service/network/score.hpp"
#include "service/network/test_network.hpp"
#include "service/network/told.hpp"

namespace weft::service::network {
namespace {

FramePtr frame_of(std::size_t size) { return std::make_shared<const Bytes>(size); }

constexpr std::size_t small_lanes[] = {1000, 1000, 1000, 1000};

TEST(outbox, sends_higher_lanes_first_and_each_in_order) {
    Outbox outbox(small_lanes);
    const Lane order[] = {Lane::transactions, Lane::blocks, Lane::consensus, Lane::requests, Lane::consensus};
    for (std::size_t i = 0; i < 5; ++i) ASSERT_TRUE(outbox.add(order[i], frame_of(i + 1)));
    std::vector<std::size_t> sizes;
    while (const auto frame = outbox.next()) sizes.push_back(frame->size());
    EXPECT_EQ(sizes, (std::vector<std::size_t>{3, 5, 2, 4, 1}));
}

TEST(outbox, a_full_lane_takes_no_more_and_an_empty_one_any_frame) {
    Outbox outbox(small_lanes);
    EXPECT_TRUE(outbox.add(Lane::blocks, frame_of(5000)));
    EXPECT_FALSE(outbox.add(Lane::blocks, frame_of(1)));
    EXPECT_TRUE(outbox.add(Lane::requests, frame_of(1)));
    EXPECT_EQ(outbox.size(Lane::blocks), 5000U);
    ASSERT_TRUE(outbox.next());
    EXPECT_EQ(outbox.size(Lane::blocks), 0U);
    EXPECT_TRUE(outbox.add(Lane::blocks, frame_of(1000)));
}

TEST(outbox, a_lane_that_waits_long_gets_one_frame_through) {
    constexpr std::size_t lanes[] = {64 << 20, 64 << 20, 64 << 20, 64 << 20};
    Outbox outbox(lanes);
    constexpr std::size_t vote = 1 << 16;
    ASSERT_TRUE(outbox.add(Lane::transactions, frame_of(7)));
    ASSERT_TRUE(outbox.add(Lane::transactions, frame_of(7)));
    std::vector<std::size_t> at;
    for (std::size_t i = 0; i < 40; ++i) {
        ASSERT_TRUE(outbox.add(Lane::consensus, frame_of(vote)));
        if (outbox.next()->size() == 7) at.push_back(i);
    }
    const std::size_t turns = Outbox::guard_bytes / vote;
    EXPECT_EQ(at, (std::vector{turns, 2 * turns + 1}));
}

TEST(score, fades) {
    Score score;
    score.blame(100, 0);
    EXPECT_DOUBLE_EQ(score.at(0), -100);
    EXPECT_NEAR(score.at(60 * ns_per_s), -90, 1e-9);
    EXPECT_NEAR(score.at(600 * ns_per_s), -34.867, 1e-3);
    score.blame(10, 60 * ns_per_s);
    EXPECT_NEAR(score.at(60 * ns_per_s), -100, 1e-9);
}

TEST(token_bucket, lends_and_waits_until_it_is_paid) {
    TokenBucket bucket(1000, 500, 0);
    EXPECT_EQ(bucket.take(500, 0), 0);
    EXPECT_NEAR(static_cast<double>(bucket.take(100, 0)), 0.1 * ns_per_s, 2);
    EXPECT_EQ(bucket.take(0, ns_per_s / 10 + 1), 0);
    EXPECT_EQ(bucket.take(500, 100 * ns_per_s), 0);  // no more than the burst was saved
    EXPECT_GT(bucket.take(1, 100 * ns_per_s), 0);
}

TEST(told, remembers_so_many_and_for_so_long) {
    Told told;
    const auto hash = [](std::size_t i) {
        Hash out;
        for (int byte = 0; byte < 4; ++byte) out.bytes[byte] = static_cast<std::uint8_t>(i >> (8 * byte));
        return out;
    };
    EXPECT_FALSE(told.see(hash(0), 1));
    EXPECT_TRUE(told.see(hash(0), 2));
    EXPECT_FALSE(told.see(hash(0), 1 + Told::seen_ns));
    told.of(hash(0)).set(5);
    told.of(hash(1)).set(5);
    told.forget_peer(5);
    EXPECT_FALSE(told.of(hash(0)).any() || told.of(hash(1)).any());
    for (std::size_t i = 2; i < Told::count_max + 2; ++i) (void)told.of(hash(i));
    EXPECT_EQ(told.size(), Told::count_max);
    EXPECT_FALSE(told.contains(hash(1)));
    EXPECT_TRUE(told.contains(hash(2)));
}

/// What arrives of a compact form.
struct Sent {
    Bytes payload;
    Proposal proposal;
};
std::unique_ptr<Sent> sent(const OpenBlock& block, std::uint64_t nonce, bool all_unknown) {
    const auto form = make_compact(block, nonce, [&](const Hash&) { return all_unknown; });
    Proposal proposal;
    proposal.blocks.push_back(form->message);
    auto out = std::make_unique<Sent>();
    out->payload = encode(proposal);
    out->proposal = *decode<Proposal>(out->payload);
    return out;
}

TEST(compact_block, holds_prefilled_transactions_up_to_a_limit_and_ids_for_the_rest) {
    std::vector<chain::TransactionPtr> transactions;
    for (std::uint64_t nonce = 0; nonce < 30; ++nonce) transactions.push_back(test_transaction(nonce, 1000));
    const auto block = *open_block(test_block(5, transactions));
    const auto some = sent(*block, 1, true);
    const auto& compact = some->proposal.blocks[0];
    EXPECT_EQ(compact.prefilled.size(), prefilled_bytes_max / transactions[0]->encoded.size());
    auto assembly = *Assembly::begin(compact);
    EXPECT_EQ(assembly.ids().size() + compact.prefilled.size(), 30U);
    const auto missing = assembly.missing();
    ASSERT_EQ(missing.size(), assembly.ids().size());
    std::vector<Blob> rest;
    for (const auto index : missing) rest.emplace_back(BytesView(transactions[index]->encoded));
    EXPECT_FALSE(assembly.fill(std::span(rest).first(1)));
    EXPECT_TRUE(assembly.fill(rest));
    EXPECT_EQ((*assembly.finish())->encoded, block->encoded);
    EXPECT_EQ(assembly.hash(), block->hash);
}

TEST(compact_block, another_nonce_gives_other_ids_and_a_wrong_match_is_found_out) {
    const std::vector transactions{test_transaction(1), test_transaction(2)};
    const auto block = *open_block(test_block(5, transactions));
    const auto first = sent(*block, 1, false);
    const auto second = sent(*block, 2, false);
    auto assembly = *Assembly::begin(first->proposal.blocks[0]);
    EXPECT_NE(assembly.ids(), Assembly::begin(second->proposal.blocks[0])->ids());
    assembly.match(0, transactions[0]->encoded, transactions[0]);
    assembly.match(1, transactions[0]->encoded, transactions[0]);
    EXPECT_EQ(assembly.finish().error().code, ErrorCode::failed_precondition);
    assembly.match(1, transactions[1]->encoded, transactions[1]);
    EXPECT_EQ((*assembly.finish())->encoded, block->encoded);
}

TEST(compact_block, that_is_none_is_refused) {
    const std::vector transactions{test_transaction(1), test_transaction(2)};
    const auto block = *open_block(test_block(5, transactions));
    const auto form = sent(*block, 1, true);
    const std::pair<std::string_view, std::function<void(CompactBlock&)>> cases[] = {
        {"no header", [](CompactBlock& compact) { compact.header.bytes = compact.rest.bytes; }},
        {"no rest", [&](CompactBlock& compact) { compact.rest.bytes = compact.rest.bytes.first(0); }},
        {"part of an id", [&](CompactBlock& compact) { compact.ids = BytesView(form->payload).first(7); }},
        {"index out of range", [](CompactBlock& compact) { compact.prefilled[1].index = 2; }},
        {"indices out of order", [](CompactBlock& compact) { compact.prefilled[0].index = 1; }},
        {"empty transaction", [](CompactBlock& compact) { compact.prefilled[0].transaction = BytesView(); }},
    };
    EXPECT_TRUE(Assembly::begin(form->proposal.blocks[0]));
    for (const auto& [name, change] : cases) {
        SCOPED_TRACE(name);
        CompactBlock bad = form->proposal.blocks[0];
        change(bad);
        const auto begun = Assembly::begin(bad);
        ASSERT_FALSE(begun);
        EXPECT_EQ(begun.error().code, ErrorCode::invalid_argument);
    }
}

TEST(open_block, refuses_what_is_no_block) {
    const Bytes block = test_block(5, {});
    EXPECT_TRUE(open_block(block));
    for (const auto& bad : {Bytes{}, Bytes{0xc0}, Bytes{0x80}, Bytes(block.begin(), block.end() - 1),
                            Bytes{0xc2, 0xc0, 0xc0}}) {
        SCOPED_TRACE(bad.size());
        EXPECT_FALSE(open_block(bad));
    }
}

}  // namespace
}  // namespace weft::service::network
