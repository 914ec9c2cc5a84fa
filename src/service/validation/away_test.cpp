// What the pool does when storage or consensus is away: it forgets nothing that it has promised.

#include <gtest/gtest.h>

#include <filesystem>

#include "service/validation/validation.hpp"

namespace weft::service::validation {
namespace {

mesh::Context soon() { return mesh::Context::with_timeout(ns_per_s); }

chain::TransactionPtr transfer(std::uint64_t nonce) {
    chain::Transaction transaction;
    transaction.type = chain::TransactionType::dynamic_fee;
    transaction.chain_id = 1;
    transaction.nonce = nonce;
    transaction.gas_limit = 21'000;
    transaction.max_fee_per_gas = 1'000'000'000;
    transaction.to = Address{{1}};
    Hash secret;
    secret.bytes.fill(7);
    return chain::sign_transaction(transaction, secret);
}

class AwayTest : public testing::Test {
  protected:
    AwayTest() {
        std::filesystem::remove_all(path_);
        open();
    }
    ~AwayTest() override {
        validation_.reset();
        std::filesystem::remove_all(path_);
    }

    void open() {
        validation_.reset();
        Ports ports;
        ports.get_account = {[this](mesh::Context, auto) -> Task<chain::Account> {
            if (storage_away_) co_return fail(ErrorCode::unavailable, "storage is away");
            co_return account_;
        }};
        ports.open_state = {[this](mesh::Context,
                                   api::storage::OpenState request) -> Task<api::storage::OpenStateReply> {
            if (storage_away_) co_return fail(ErrorCode::unavailable, "storage is away");
            api::storage::OpenStateReply reply;
            for (std::size_t i = 0; i < request.keys.accounts.size(); ++i) {
                reply.values.accounts.push_back({true, account_});
            }
            co_return reply;
        }};
        ports.announce = {[](mesh::Context, auto) -> Task<api::Empty> {
            co_return fail(ErrorCode::unavailable, "network is away");
        }};
        ports.notify = {[](mesh::Context, auto) -> Task<api::consensus::SealReply> {
            co_return fail(ErrorCode::unavailable, "consensus is away");
        }};
        auto kept = store::Kv::open(path_, Validation::kept_tables);
        ASSERT_TRUE(kept);
        validation_ = std::make_unique<Validation>(config_, std::move(ports), *std::move(kept), 1, pool_);
    }
    Result<void> start() { return validation_->start(head_of({})); }

    api::SealedBlockPtr head_of(std::vector<chain::TransactionPtr> transactions) {
        auto head = std::make_shared<api::SealedBlock>();
        head->header.gas_limit = 30'000'000;
        head->header.base_fee = 7;
        head->transactions = std::move(transactions);
        return head;
    }
    Result<api::validation::SubmitReply> submit(std::uint64_t nonce) {
        return run(validation_->submit(soon(), {chain::encode_network_form(*transfer(nonce)), {}, true}));
    }
    std::uint64_t pending() { return run(validation_->pool_status(soon(), {}))->pending; }

    const std::string path_ = std::string(WEFT_BUILD_DIR) + "/away_test";
    const chain::ChainConfig config_ = chain::config_of(chain::Fork::osaka);
    net::WorkerPool pool_{1, 16};
    chain::Account account_{.nonce = 5, .balance = U256(1'000'000'000'000'000'000ULL)};
    bool storage_away_ = false;
    std::unique_ptr<Validation> validation_;
};

TEST_F(AwayTest, a_transaction_is_kept_when_its_sealer_is_away) {
    ASSERT_TRUE(start());
    ASSERT_TRUE(submit(5));
    open();
    ASSERT_TRUE(start());
    EXPECT_EQ(pending(), 1U);
}

TEST_F(AwayTest, what_was_kept_is_not_forgotten_because_the_state_can_not_be_read) {
    ASSERT_TRUE(start());
    ASSERT_TRUE(submit(5));
    open();
    storage_away_ = true;
    const auto started = start();
    ASSERT_FALSE(started);
    EXPECT_EQ(started.error().code, ErrorCode::unavailable);
    storage_away_ = false;
    ASSERT_TRUE(start());
    EXPECT_EQ(pending(), 1U);
    ASSERT_TRUE(start()) << "begun again it knows them";
    EXPECT_EQ(pending(), 1U);
}

TEST_F(AwayTest, a_head_that_can_not_be_followed_changes_nothing) {
    ASSERT_TRUE(start());
    ASSERT_TRUE(submit(5));
    ASSERT_TRUE(submit(6));
    const auto head = head_of({transfer(5)});
    storage_away_ = true;
    const auto changed = run(validation_->head_changed(soon(), {head, {head}, false}));
    ASSERT_FALSE(changed);
    EXPECT_EQ(changed.error().code, ErrorCode::unavailable);
    EXPECT_EQ(pending(), 2U);
    storage_away_ = false;
    account_.nonce = 6;
    ASSERT_TRUE(run(validation_->head_changed(soon(), {head, {head}, false})));
    EXPECT_EQ(pending(), 1U);
    // Told twice it is the same.
    ASSERT_TRUE(run(validation_->head_changed(soon(), {head, {head}, false})));
    EXPECT_EQ(pending(), 1U);
}

TEST_F(AwayTest, nothing_is_admitted_while_the_state_can_not_be_read) {
    ASSERT_TRUE(start());
    storage_away_ = true;
    const auto submitted = submit(5);
    ASSERT_FALSE(submitted);
    EXPECT_EQ(submitted.error().code, ErrorCode::unavailable);
    EXPECT_EQ(pending(), 0U);
}

}  // namespace
}  // namespace weft::service::validation
