#include "service/storage/database.hpp"

#include <gtest/gtest.h>

#include <filesystem>

#include "chain/execute.hpp"

namespace weft::service::storage {
namespace {

Address account_number(std::uint8_t number) {
    Address out;
    out.bytes[0] = 0x70;
    out.bytes[19] = number;
    return out;
}

class DatabaseTest : public testing::Test {
  protected:
    DatabaseTest() {
        std::filesystem::remove_all(path_);
        const Address rich[] = {account_number(1)};
        genesis_ = chain::dev_genesis(rich);
        open();
    }
    ~DatabaseTest() override {
        database_.reset();
        std::filesystem::remove_all(path_);
    }

    void open() {
        database_.reset();
        DatabaseConfig config;
        config.path = path_;
        auto opened = Database::open(config, genesis_);
        ASSERT_TRUE(opened) << opened.error().message;
        database_ = *std::move(opened);
    }

    chain::StateChanges change(const Address& address, std::uint64_t balance,
                               std::vector<chain::SlotChange> slots = {}) {
        const Head head = database_->head();
        StateView view(*database_, head.version, head.block->header.number);
        chain::State state(view);
        state.begin_block(head.block->header.number, evm::Revision::osaka);
        state.begin_transaction();
        state.set_balance(address, balance);
        if (!slots.empty()) state.set_nonce(address, 1);
        for (const auto& [key, value] : slots) state.set_storage(address, key, value);
        state.end_transaction();
        return state.take_changes();
    }

    /// A block whose only content is that change.
    api::SealedBlockPtr commit(const chain::StateChanges& changes) {
        const Head head = database_->head();
        auto block = std::make_shared<api::SealedBlock>();
        chain::BlockAttributes attributes;
        attributes.timestamp = head.block->header.timestamp + 1;
        block->header = chain::make_header(genesis_.config, head.block->header, attributes);
        auto root = database_->root(changes);
        EXPECT_TRUE(root);
        block->header.state_root = *root;
        block->hash = chain::hash_of(block->header);
        const auto committed = database_->commit(block, changes);
        EXPECT_TRUE(committed) << committed.error().message;
        return block;
    }

    std::uint64_t balance_at(const Address& address, std::uint64_t version) {
        const auto found = database_->account(address, version);
        EXPECT_TRUE(found);
        return found->account ? found->account->balance.low() : 0;
    }

    std::string path_ = std::string(WEFT_BUILD_DIR) + "/database_test";
    chain::Genesis genesis_;
    std::unique_ptr<Database> database_;
    const Address one_ = account_number(7);
};

TEST_F(DatabaseTest, begins_with_the_genesis_block) {
    const Head head = database_->head();
    EXPECT_EQ(head.block->header.number, 0U);
    EXPECT_EQ(head.block->hash, chain::hash_of(genesis_.header));
}

TEST_F(DatabaseTest, every_past_state_can_be_read) {
    for (std::uint64_t i = 1; i <= 5; ++i) commit(change(one_, i * 100, {{1, i}}));
    for (std::uint64_t number = 0; number <= 5; ++number) {
        SCOPED_TRACE(number);
        const auto version = database_->version_of(number);
        ASSERT_TRUE(version);
        EXPECT_EQ(balance_at(one_, *version), number * 100);
        EXPECT_EQ(*database_->slot(one_, 1, *version), U256(number));
    }
    EXPECT_FALSE(database_->version_of(6));
}

TEST_F(DatabaseTest, reopens_at_the_last_committed_block) {
    commit(change(one_, 100));
    const auto last = commit(change(one_, 200, {{3, 4}}));
    open();
    const Head head = database_->head();
    EXPECT_EQ(head.block->hash, last->hash);
    EXPECT_EQ(balance_at(one_, head.version), 200U);
    EXPECT_EQ(*database_->slot(one_, 3, head.version), U256(4));
    commit(change(one_, 300));
    EXPECT_EQ(database_->head().block->header.number, 3U);
}

TEST_F(DatabaseTest, going_back_undoes_blocks_and_amendments) {
    commit(change(one_, 100));
    const auto version = database_->head().version;
    const auto hash = database_->head().block->hash;
    ASSERT_TRUE(database_->amend(change(one_, 150)));
    EXPECT_EQ(balance_at(one_, database_->head().version), 150U);
    const auto gone = commit(change(one_, 200, {{9, 9}}));
    const auto removed = database_->rewind(version);
    ASSERT_TRUE(removed);
    ASSERT_EQ(removed->size(), 1U);
    EXPECT_EQ(removed->front()->hash, gone->hash);
    EXPECT_EQ(database_->head().block->hash, hash);
    EXPECT_EQ(balance_at(one_, database_->head().version), 100U);
    EXPECT_TRUE(database_->slot(one_, 9, database_->head().version)->is_zero());
    EXPECT_EQ(*database_->block(gone->hash), nullptr);
    const auto again = commit(change(one_, 500));
    EXPECT_EQ(again->header.number, 2U);
    open();
    EXPECT_EQ(balance_at(one_, database_->head().version), 500U);
}

TEST_F(DatabaseTest, an_amendment_belongs_to_the_newest_block_and_the_next_root) {
    commit(change(one_, 100));
    ASSERT_TRUE(database_->amend(change(one_, 150)));
    EXPECT_EQ(database_->head().block->header.number, 1U);
    commit(change(account_number(8), 1));
    EXPECT_EQ(balance_at(one_, *database_->version_of(1)), 150U);
    EXPECT_EQ(balance_at(one_, *database_->version_of(2)), 150U);
}

TEST_F(DatabaseTest, refuses_a_block_that_is_not_on_the_head_or_has_another_root) {
    const auto changes = change(one_, 100);
    auto block = std::make_shared<api::SealedBlock>();
    block->header.number = 1;
    const auto foreign = database_->commit(block, changes);
    ASSERT_FALSE(foreign);
    EXPECT_EQ(foreign.error().code, ErrorCode::failed_precondition);
    block->header.parent_hash = database_->head().block->hash;
    const auto wrong_root = database_->commit(block, changes);
    ASSERT_FALSE(wrong_root);
    EXPECT_EQ(database_->head().block->header.number, 0U);
    EXPECT_EQ(balance_at(one_, database_->head().version), 0U);
}

TEST_F(DatabaseTest, refuses_the_database_of_another_chain) {
    database_.reset();
    genesis_.header.extra_data = {1};
    DatabaseConfig config;
    config.path = path_;
    const auto opened = Database::open(config, genesis_);
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, ErrorCode::failed_precondition);
    EXPECT_NE(opened.error().message.find("belongs to the chain of genesis"), std::string::npos);
}

TEST_F(DatabaseTest, caches_stay_within_their_bounds_under_a_flood) {
    database_.reset();
    DatabaseConfig config;
    config.path = path_;
    config.accounts_cached_max = 640;
    config.slots_cached_max = 640;
    config.trie_nodes_max = 2'000;
    config.codes_cached_size_max = 10'000;
    config.blocks_cached_size_max = 20'000;
    database_ = Database::open(config, genesis_).value();
    constexpr std::size_t shards = 64;  // each may have one more
    std::vector<Hash> codes;
    for (std::uint64_t round = 0; round < 40; ++round) {
        const Head head = database_->head();
        StateView view(*database_, head.version, head.block->header.number);
        chain::State state(view);
        state.begin_block(1, evm::Revision::osaka);
        for (std::uint64_t i = 0; i < 100; ++i) {
            const Address address = Address::from(U256(1'000 + round * 100 + i).to_hash().view().last(20));
            state.set_balance(address, U256(1));
            state.set_nonce(address, 1);
            for (std::uint64_t key = 0; key < 4; ++key) state.set_storage(address, U256(key), U256(round + 1));
            if (i < 10) {
                state.set_code(address, Bytes(500 + round * 10 + i, 0x5b));
                codes.push_back(state.code_hash(address));
            }
        }
        state.end_transaction();
        (void)commit(state.take_changes());
        for (const auto& hash : codes) ASSERT_NE((*database_->code(hash)).get(), nullptr);
        const auto cached = database_->cached();
        EXPECT_LE(cached.accounts, config.accounts_cached_max + shards);
        EXPECT_LE(cached.slots, config.slots_cached_max + shards);
        EXPECT_LE(cached.trie_nodes, config.trie_nodes_max);
        EXPECT_LE(cached.codes_size, config.codes_cached_size_max);
        EXPECT_LE(cached.blocks_size, config.blocks_cached_size_max);
    }
    const auto cached = database_->cached();
    EXPECT_GT(cached.accounts, 300U);
    EXPECT_GT(cached.blocks, 1U);
    EXPECT_LT(cached.blocks, 40U);
    EXPECT_EQ((*database_->block(3))->header.number, 3U) << "what a cache let go of is still there";
}

}  // namespace
}  // namespace weft::service::storage
