#include "app/node.hpp"

#include <gtest/gtest.h>

#include <filesystem>

#include "app/signals.hpp"
#include "base/hex.hpp"
#include "base/time.hpp"
#include "chain/validate.hpp"

namespace weft::app {
namespace {

mesh::Context soon() { return mesh::Context::with_timeout(20 * ns_per_s); }

class NodeTest : public testing::Test {
  protected:
    NodeTest() : loops_(1) {
        // The database's threads outlive the test: they must leave the signals that other tests send to those who wait.
        const StopSignals inherited;
        std::filesystem::remove_all(path_);
        loops_.start();
        open();
    }
    ~NodeTest() override {
        node_.reset();
        loops_.stop();
        std::filesystem::remove_all(path_);
    }

    void open(bool mining = true) {
        node_.reset();
        SystemConfig system;
        system.dev = true;
        system.no_mining = !mining;
        auto config = make_node_config(system, path_);
        ASSERT_TRUE(config) << config.error().message;
        keys_ = config->keys;
        chain_id_ = config->genesis.config.chain_id;
        auto opened = Node::open(loops_, *std::move(config));
        ASSERT_TRUE(opened) << opened.error().message;
        node_ = *std::move(opened);
        ports_ = node_->ports();
    }

    Bytes signed_transfer(std::size_t from, std::uint64_t nonce, std::uint64_t value = 1) {
        chain::Transaction transaction;
        transaction.type = chain::TransactionType::dynamic_fee;
        transaction.chain_id = chain_id_;
        transaction.nonce = nonce;
        transaction.gas_limit = 21'000;
        transaction.max_fee_per_gas = 20'000'000'000;
        transaction.max_priority_fee_per_gas = 1'000'000'000;
        transaction.to = target_;
        transaction.value = value;
        return chain::sign_transaction(transaction, keys_[from].secret)->encoded;
    }
    Result<Hash> submit(Bytes encoded) {
        WEFT_TRY(const auto reply, run(ports_.submit(soon(), {std::move(encoded), {}, true})));
        return reply.hash;
    }
    std::uint64_t height() { return run(ports_.head(soon(), {}))->number; }
    U256 balance(const Address& address, api::BlockRef block = {}) {
        return run(ports_.get_account(soon(), {address, block}))->balance;
    }

    std::string path_ = std::string(WEFT_BUILD_DIR) + "/node_test";
    net::LoopGroup loops_;
    std::unique_ptr<Node> node_;
    service::gateway::Ports ports_;
    std::vector<service::wallet::Wallet::Key> keys_;
    std::uint64_t chain_id_ = 0;
    const Address target_{{0xaa, 0xbb}};
};

TEST_F(NodeTest, a_transaction_is_in_a_block_when_its_submission_is_answered) {
    const auto hash = submit(signed_transfer(0, 0, 5));
    ASSERT_TRUE(hash) << hash.error().message;
    const auto found = run(ports_.get_transaction(soon(), {*hash}));
    ASSERT_TRUE(found && found->transaction && found->receipt);
    EXPECT_TRUE(found->receipt->success);
    EXPECT_EQ(found->block_number, 1U);
    EXPECT_EQ(balance(target_), U256(5));
    EXPECT_EQ(balance(target_, api::BlockRef::at(0)), U256(0));
}

TEST_F(NodeTest, a_gap_waits_and_its_filling_seals_both) {
    ASSERT_TRUE(submit(signed_transfer(0, 1)));
    EXPECT_EQ(height(), 0U);
    EXPECT_EQ(run(ports_.pool_status(soon(), {}))->queued, 1U);
    ASSERT_TRUE(submit(signed_transfer(0, 0)));
    EXPECT_EQ(run(ports_.get_account(soon(), {keys_[0].address, {}}))->nonce, 2U);
    EXPECT_EQ(run(ports_.pool_status(soon(), {}))->queued, 0U);
}

TEST_F(NodeTest, refusals_have_the_words_clients_know) {
    ASSERT_TRUE(submit(signed_transfer(0, 0)));
    const auto again = submit(signed_transfer(0, 0));
    ASSERT_FALSE(again);
    EXPECT_EQ(again.error().message, "nonce too low: next nonce 1, tx nonce 0");
    const auto garbage = submit({0xc0});
    ASSERT_FALSE(garbage);
    EXPECT_EQ(garbage.error().code, ErrorCode::invalid_argument);
}

TEST_F(NodeTest, what_was_acknowledged_before_its_block_survives_the_process) {
    open(false);
    const auto hash = submit(signed_transfer(0, 0, 9));
    ASSERT_TRUE(hash);
    EXPECT_EQ(height(), 0U);
    open(false);
    EXPECT_TRUE(run(ports_.get_pooled(soon(), {*hash}))->transaction);
    ASSERT_TRUE(run(ports_.mine(soon(), {})));
    EXPECT_EQ(balance(target_), U256(9));
    open(false);
    EXPECT_EQ(run(ports_.pool_status(soon(), {}))->pending, 0U);
    EXPECT_EQ(balance(target_), U256(9));
}

TEST_F(NodeTest, a_snapshot_is_gone_back_to_once) {
    ASSERT_TRUE(submit(signed_transfer(0, 0)));
    const auto snapshot = run(ports_.snapshot(soon(), {}));
    ASSERT_TRUE(snapshot);
    ASSERT_TRUE(submit(signed_transfer(0, 1)));
    ASSERT_TRUE(run(ports_.set_account(soon(), {target_, U256(77), {}, {}, {}})));
    EXPECT_EQ(balance(target_), U256(77));
    EXPECT_TRUE(run(ports_.revert(soon(), {snapshot->id}))->reverted);
    EXPECT_EQ(height(), 1U);
    EXPECT_EQ(balance(target_), U256(1));
    EXPECT_FALSE(run(ports_.revert(soon(), {snapshot->id}))->reverted);
    ASSERT_TRUE(submit(signed_transfer(0, 1)));
    EXPECT_EQ(balance(target_), U256(2));
}

TEST_F(NodeTest, a_changed_account_is_in_the_next_block_s_proof) {
    ASSERT_TRUE(run(ports_.set_account(soon(), {target_, U256(1000), 3, Bytes{0x60, 0x01}, {{U256(1), U256(2)}}})));
    ASSERT_TRUE(run(ports_.mine(soon(), {})));
    const auto proof = run(ports_.get_proof(soon(), {target_, {U256(1).to_hash()}, {}}));
    ASSERT_TRUE(proof);
    EXPECT_EQ(proof->account.balance, U256(1000));
    EXPECT_EQ(proof->account.nonce, 3U);
    EXPECT_EQ(proof->storage.at(0).value, U256(2));
    EXPECT_FALSE(proof->account_proof.empty());
}

TEST_F(NodeTest, impersonation_is_asked_for_and_taken_back) {
    const Bytes unsigned_one = signed_transfer(0, 0);
    ASSERT_TRUE(run(ports_.set_account(soon(), {target_, U256(1) << 80, {}, {}, {}})));
    const auto as_target = [&] { return run(ports_.submit(soon(), {unsigned_one, target_, true})); };
    EXPECT_FALSE(as_target());
    ASSERT_TRUE(run(ports_.impersonate(soon(), {target_, true, false})));
    EXPECT_TRUE(as_target());
    EXPECT_EQ(run(ports_.get_account(soon(), {target_, {}}))->nonce, 1U);
    ASSERT_TRUE(run(ports_.impersonate(soon(), {target_, false, false})));
    EXPECT_FALSE(run(ports_.submit(soon(), {signed_transfer(0, 1), target_, true})));
}

TEST_F(NodeTest, a_reverted_call_has_code_3_and_its_data) {
    // PUSH1 42, PUSH1 0, MSTORE, PUSH1 32, PUSH1 0, REVERT
    ASSERT_TRUE(run(ports_.set_account(soon(), {target_, {}, {}, from_hex("0x602a60005260206000fd").value(), {}})));
    api::contract::Call call;
    call.call.to = target_;
    const auto reply = run(ports_.call(soon(), call));
    ASSERT_FALSE(reply);
    EXPECT_EQ(reply.error().detail, 3);
    EXPECT_EQ(U256::from_bytes(reply.error().data), U256(42));
    EXPECT_EQ(reply.error().message, "execution reverted");
}

TEST_F(NodeTest, state_overrides_leave_no_trace) {
    api::contract::Call call;
    call.call.to = target_;
    api::contract::AccountOverride account;
    account.address = target_;
    account.code = from_hex("0x602a60005260206000f3").value();
    call.overrides = {account};
    const auto reply = run(ports_.call(soon(), call));
    ASSERT_TRUE(reply) << reply.error().message;
    EXPECT_EQ(U256::from_bytes(reply->output), U256(42));
    EXPECT_TRUE(run(ports_.get_code(soon(), {target_, {}}))->code.empty());
}

TEST_F(NodeTest, a_moved_precompile_answers_at_its_new_address) {
    api::contract::Call call;
    call.call.to = target_;
    call.call.data = {1, 2, 3};
    api::contract::AccountOverride identity;
    identity.address.bytes[19] = 4;
    identity.move_precompile_to = target_;
    call.overrides = {identity};
    const auto reply = run(ports_.call(soon(), call));
    ASSERT_TRUE(reply) << reply.error().message;
    EXPECT_EQ(reply->output, (Bytes{1, 2, 3}));
}

TEST_F(NodeTest, the_pending_block_holds_what_waits_and_changes_nothing) {
    open(false);
    ASSERT_TRUE(submit(signed_transfer(0, 0, 6)));
    const auto pending = run(ports_.pending_block(soon(), {}));
    ASSERT_TRUE(pending && pending->block) << pending.error().message;
    EXPECT_EQ(pending->block->header.number, 1U);
    EXPECT_EQ(pending->block->transactions.size(), 1U);
    EXPECT_EQ(height(), 0U);
    api::contract::Call call;
    call.block.tag = api::BlockTag::pending;
    // PUSH20 target, BALANCE, PUSH1 0, MSTORE, PUSH1 32, PUSH1 0, RETURN as init code of a creation
    call.call.data = from_hex("0x73" + to_hex_digits(target_) + "3160005260206000f3").value();
    const auto reply = run(ports_.call(soon(), call));
    ASSERT_TRUE(reply) << reply.error().message;
    EXPECT_EQ(U256::from_bytes(reply->output), U256(6));
}

TEST_F(NodeTest, events_have_every_block_once_and_in_order) {
    const auto before = run(ports_.storage_events(soon(), {~std::uint64_t{0}, 0, 0}));
    ASSERT_TRUE(before);
    for (std::uint64_t i = 0; i < 3; ++i) ASSERT_TRUE(submit(signed_transfer(0, i)));
    const auto page = run(ports_.storage_events(soon(), {before->next, 0, before->epoch}));
    ASSERT_TRUE(page);
    ASSERT_EQ(page->events.size(), 3U);
    for (std::uint64_t i = 0; i < 3; ++i) EXPECT_EQ(page->events[i].block->header.number, i + 1);
}

TEST_F(NodeTest, a_chain_that_is_not_for_development_takes_no_orders) {
    node_.reset();
    SystemConfig system;
    auto config = make_node_config(system, path_);
    ASSERT_TRUE(config);
    auto opened = Node::open(loops_, *std::move(config));
    ASSERT_TRUE(opened) << opened.error().message;
    const auto ports = (*opened)->ports();
    EXPECT_EQ(run(ports.mine(soon(), {})).error().code, ErrorCode::permission_denied);
    EXPECT_EQ(run(ports.set_account(soon(), {target_, U256(1), {}, {}, {}})).error().code,
              ErrorCode::permission_denied);
    EXPECT_EQ(run(ports.snapshot(soon(), {})).error().code, ErrorCode::permission_denied);
}

}  // namespace
}  // namespace weft::app
