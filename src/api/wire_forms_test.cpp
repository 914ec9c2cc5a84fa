// What crosses between the services of a node is the same on the other side.

#include <gtest/gtest.h>

#include "api/consensus.hpp"
#include "api/contract.hpp"
#include "api/network.hpp"
#include "api/storage.hpp"
#include "api/validation.hpp"
#include "base/wire.hpp"
#include "evm/code.hpp"

namespace weft::api {
namespace {

template <class T>
T through_the_wire(const T& value) {
    auto out = wire::decode<T>(wire::encode(value));
    EXPECT_TRUE(out) << out.error().message;
    return out ? *std::move(out) : T{};
}

Hash hash_of_byte(std::uint8_t byte) {
    Hash out;
    out.bytes.fill(byte);
    return out;
}

chain::TransactionPtr transfer(std::uint64_t nonce = 3) {
    chain::Transaction transaction;
    transaction.type = chain::TransactionType::dynamic_fee;
    transaction.chain_id = 31'337;
    transaction.nonce = nonce;
    transaction.gas_limit = 21'000;
    transaction.max_fee_per_gas = 7;
    transaction.to = Address{{1}};
    return chain::sign_transaction(transaction, hash_of_byte(7));
}

SealedBlockPtr block_of(std::vector<chain::TransactionPtr> transactions) {
    auto block = std::make_shared<SealedBlock>();
    block->header.number = 9;
    block->header.parent_hash = hash_of_byte(2);
    block->header.base_fee = U256(7);
    block->header.extra_data = {1, 2, 3};
    block->hash = chain::hash_of(block->header);
    block->transactions = std::move(transactions);
    block->receipts.resize(block->transactions.size());
    return block;
}

chain::StateChanges some_changes() {
    chain::StateChanges changes;
    chain::AccountChange written;
    written.address = Address{{5}};
    written.account.nonce = 4;
    written.account.balance = U256(1) << 200;
    written.storage_wiped = true;
    written.slots = {{U256(1), U256(2)}, {U256(3), U256{}}};
    chain::AccountChange deleted;
    deleted.address = Address{{6}};
    deleted.deleted = true;
    changes.accounts = {written, deleted};
    const Bytes code{0x60, 0x00};
    changes.codes.push_back({hash_of_byte(8), evm::make_code(code, hash_of_byte(8)), code});
    return changes;
}

TEST(wire_forms, a_commit_arrives_whole) {
    const auto changes = some_changes();
    const storage::CommitDelta sent{block_of({transfer()}), storage::to_delta(changes), {9, 9}};
    auto received = through_the_wire(sent);
    ASSERT_TRUE(received.block);
    EXPECT_EQ(received.block->hash, sent.block->hash);
    EXPECT_EQ(chain::hash_of(received.block->header), sent.block->hash);
    ASSERT_EQ(received.block->transactions.size(), 1U);
    EXPECT_EQ(received.block->transactions[0]->sender, sent.block->transactions[0]->sender);
    EXPECT_EQ(chain::encode(to_block(*received.block)), chain::encode(to_block(*sent.block)));
    EXPECT_EQ(received.proof, sent.proof);
    const auto again = storage::to_changes(std::move(received.delta));
    ASSERT_EQ(again.accounts.size(), 2U);
    EXPECT_EQ(again.accounts[0].account.balance, changes.accounts[0].account.balance);
    EXPECT_TRUE(again.accounts[0].storage_wiped);
    ASSERT_EQ(again.accounts[0].slots.size(), 2U);
    EXPECT_EQ(again.accounts[0].slots[0].value, U256(2));
    EXPECT_EQ(again.accounts[0].slots[1].key, U256(3));
    EXPECT_TRUE(again.accounts[0].slots[1].value.is_zero());
    EXPECT_TRUE(again.accounts[1].deleted);
    ASSERT_EQ(again.codes.size(), 1U);
    EXPECT_EQ(again.codes[0].bytes, changes.codes[0].bytes);
    EXPECT_EQ(to_bytes(again.codes[0].code->bytes()), changes.codes[0].bytes);
}

TEST(wire_forms, a_root_for_the_next_block_is_told_from_one_of_the_past) {
    EXPECT_TRUE(through_the_wire(storage::RootOf{{}, {}, true}).is_next);
    const auto past = through_the_wire(storage::RootOf{{}, BlockRef::with_hash(hash_of_byte(4)), false});
    EXPECT_FALSE(past.is_next);
    EXPECT_EQ(past.base.hash, hash_of_byte(4));
}

TEST(wire_forms, a_build_keeps_its_header_and_the_order_of_its_transactions) {
    contract::Build request;
    request.header.number = 5;
    request.header.extra_data = {4};
    request.transactions = {transfer(3), transfer(4)};
    const auto received = through_the_wire(request);
    EXPECT_EQ(chain::hash_of(received.header), chain::hash_of(request.header));
    ASSERT_EQ(received.transactions.size(), 2U);
    EXPECT_EQ(received.transactions[0]->hash, request.transactions[0]->hash);
    EXPECT_EQ(received.transactions[1]->hash, request.transactions[1]->hash);
}

TEST(wire_forms, a_head_and_what_joined_with_it) {
    const auto block = block_of({transfer()});
    const auto received = through_the_wire(validation::HeadChanged{block, {block}, true});
    EXPECT_EQ(received.head->hash, block->hash);
    ASSERT_EQ(received.added.size(), 1U);
    EXPECT_EQ(received.added[0]->transactions.at(0)->hash, block->transactions[0]->hash);
    EXPECT_TRUE(received.clear);
}

TEST(wire_forms, a_message_to_all_is_told_from_one_to_somebody) {
    EXPECT_FALSE(through_the_wire(network::Send{{}, {1}, {{2}, {}}}).to);
    const auto to_one = through_the_wire(network::Send{Address{}, {1}, {{2}, {}}});
    ASSERT_TRUE(to_one.to);
    EXPECT_EQ(to_one.blocks, (std::vector<Bytes>{{2}, {}}));
}

TEST(wire_forms, a_deliver_has_its_blocks) {
    const auto received = through_the_wire(consensus::Deliver{Address{{3}}, {1, 2}, {{4, 5}}});
    EXPECT_EQ(received.from, Address{{3}});
    EXPECT_EQ(received.payload, (Bytes{1, 2}));
    EXPECT_EQ(received.blocks, (std::vector<Bytes>{{4, 5}}));
}

}  // namespace
}  // namespace weft::api
