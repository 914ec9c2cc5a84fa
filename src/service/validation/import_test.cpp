#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "crypto/siphash.hpp"
#include "service/validation/validation.hpp"

namespace weft::service::validation {
namespace {

using api::validation::Admission;

Hash secret() {
    Hash out;
    out.bytes.fill(7);
    return out;
}

chain::TransactionPtr transfer(std::uint64_t nonce, std::uint64_t chain_id = 1) {
    chain::Transaction transaction;
    transaction.type = chain::TransactionType::dynamic_fee;
    transaction.chain_id = chain_id;
    transaction.nonce = nonce;
    transaction.gas_limit = 21'000;
    transaction.max_fee_per_gas = 1'000'000'000;
    transaction.to = Address{{1}};
    return chain::sign_transaction(transaction, secret());
}

/// A pool whose state has one rich account, at nonce 5.
class ImportTest : public testing::Test {
  protected:
    ImportTest() {
        Ports ports;
        ports.get_account = {[](mesh::Context, auto) -> Task<chain::Account> {
            chain::Account account;
            account.nonce = 5;
            account.balance = U256(1'000'000'000'000'000'000ULL);
            co_return account;
        }};
        ports.announce = {[this](mesh::Context, api::network::Announce request) -> Task<api::Empty> {
            announced_.push_back(std::move(request));
            co_return api::Empty{};
        }};
        ports.notify = {[](mesh::Context, auto) -> Task<api::consensus::SealReply> {
            co_return api::consensus::SealReply{};
        }};
        auto kept = store::Kv::open(path_, Validation::kept_tables);
        EXPECT_TRUE(kept);
        validation_ = std::make_unique<Validation>(config_, std::move(ports), *std::move(kept), 1, pool_);
        auto head = std::make_shared<api::SealedBlock>();
        head->header.gas_limit = 30'000'000;
        head->header.base_fee = 7;
        EXPECT_TRUE(validation_->start(head));
    }
    ~ImportTest() override {
        validation_.reset();
        std::filesystem::remove_all(path_);
    }
    std::vector<Admission> import(std::vector<Bytes> transactions) {
        auto reply = run(validation_->import(mesh::Context::with_timeout(20 * ns_per_s),
                                             {std::move(transactions), "somebody"}));
        EXPECT_TRUE(reply) << reply.error().message;
        return reply ? reply->admissions : std::vector<Admission>();
    }

    const chain::ChainConfig config_ = chain::config_of(chain::Fork::osaka);
    const std::string path_ = testing::TempDir() + "weft_import_" + std::to_string(getpid());
    net::WorkerPool pool_{1, 16};
    std::vector<api::network::Announce> announced_;
    std::unique_ptr<Validation> validation_;
};

TEST_F(ImportTest, each_transaction_gets_its_own_answer) {
    const auto known = transfer(5);
    EXPECT_EQ(import({known->encoded}), std::vector{Admission::added});
    auto forged = transfer(6)->transaction;
    forged.r = 0;
    const auto got = import({transfer(6)->encoded, known->encoded, transfer(4)->encoded, Bytes{0x02, 0xc0}, Bytes{},
                             chain::encode(forged), transfer(7, 2)->encoded});
    EXPECT_EQ(got, (std::vector{Admission::added, Admission::known, Admission::refused, Admission::malformed,
                                Admission::malformed, Admission::malformed, Admission::malformed}));
}

TEST_F(ImportTest, what_is_new_goes_to_others_than_who_sent_it) {
    (void)import({transfer(5)->encoded, transfer(6)->encoded, transfer(4)->encoded});
    ASSERT_EQ(announced_.size(), 1U);
    EXPECT_EQ(announced_[0].from, "somebody");
    ASSERT_EQ(announced_[0].transactions.size(), 2U);
    EXPECT_EQ(announced_[0].transactions[1]->hash, transfer(6)->hash);
    (void)import({transfer(5)->encoded, Bytes{}});
    EXPECT_EQ(announced_.size(), 1U);
}

TEST_F(ImportTest, too_many_at_once_are_refused) {
    const auto reply = run(validation_->import(
        {}, {std::vector<Bytes>(api::validation::import_count_max + 1), "somebody"}));
    EXPECT_EQ(reply.error().code, ErrorCode::resource_exhausted);
}

TEST_F(ImportTest, short_ids_find_what_waits_behind_a_gap_too_and_nothing_ambiguous) {
    (void)import({transfer(5)->encoded, transfer(6)->encoded, transfer(9)->encoded});
    const crypto::SipKey key{3, 4};
    const auto id = [&](std::uint64_t nonce) {
        return crypto::siphash24(key, transfer(nonce)->hash) & 0xffffffffffff;
    };
    const auto match = [&](std::vector<std::uint64_t> ids) {
        return *run(validation_->match({}, {key.low, key.high, std::move(ids)}));
    };
    const auto found = match({id(8), id(9), id(5)});
    EXPECT_EQ(found.indices, (std::vector<std::uint64_t>{1, 2}));
    EXPECT_EQ(found.transactions.at(0)->hash, transfer(9)->hash);
    EXPECT_EQ(found.transactions.at(1)->hash, transfer(5)->hash);
    EXPECT_EQ(match({id(6), id(5), id(6)}).indices, std::vector<std::uint64_t>{1});
    EXPECT_TRUE(match({}).indices.empty());
    const auto other_key = *run(validation_->match({}, {key.high, key.low, {id(5)}}));
    EXPECT_TRUE(other_key.indices.empty());
}

}  // namespace
}  // namespace weft::service::validation
