// A chain in one storage, and another one that is filled from its chunks.

#include <gtest/gtest.h>

#include <filesystem>

#include "chain/test_chain.hpp"
#include "service/storage/snapshot_writer.hpp"
#include "service/storage/storage.hpp"

namespace weft::service::storage {
namespace {

using chain::SnapshotChunk;
using chain::SnapshotRange;

constexpr std::uint64_t interval = 4;
constexpr std::uint64_t chunk_bytes = 1500;

/// Creates a contract with code and that many slots, some of whose numbers others have too.
chain::TransactionPtr creation(std::uint64_t nonce, std::uint16_t slots) {
    chain::Transaction tx = chain::TestChain::transfer(nonce, {}, 0);
    tx.to = std::nullopt;
    tx.gas_limit = 8'000'000;
    for (std::uint16_t i = 0; i < slots; ++i) {
        const auto key = static_cast<std::uint16_t>(i * 7 + 1);
        append(tx.data, Bytes{0x60, static_cast<std::uint8_t>(1 + i % 200), 0x61, static_cast<std::uint8_t>(key >> 8),
                              static_cast<std::uint8_t>(key), 0x55});
    }
    append(tx.data, Bytes{0x60, 0x20, 0x60, 0x00, 0xf3});
    return chain::sign_transaction(tx, chain::test_key(1));
}

template <class T>
T value_of(Task<T> task) {
    auto result = run(std::move(task));
    EXPECT_TRUE(result) << result.error().message;
    return *std::move(result);
}

class SnapshotTest : public testing::Test {
  protected:
    SnapshotTest() {
        std::filesystem::remove_all(from_path_);
        std::filesystem::remove_all(to_path_);
        auto database = Database::open(config_of(from_path_), genesis_);
        EXPECT_TRUE(database) << database.error().message;
        from_ = std::make_unique<Storage>(*std::move(database), genesis_, 1, interval);
    }
    ~SnapshotTest() override {
        from_.reset();
        std::filesystem::remove_all(from_path_);
        std::filesystem::remove_all(to_path_);
    }

    Database& source() { return **from_->database(); }
    static DatabaseConfig config_of(const std::string& path) {
        DatabaseConfig out;
        out.path = path;
        return out;
    }

    /// Blocks of transfers to new accounts; each third one creates a contract too.
    void grow(std::uint64_t count) {
        for (std::uint64_t i = 0; i < count; ++i) {
            std::vector<chain::TransactionPtr> transactions;
            const auto number = static_cast<std::uint8_t>(chain_.head().number);
            for (std::uint8_t k = 0; k < 6; ++k) {
                Address to = chain::address_with_end(k);
                to.bytes[3] = number;
                transactions.push_back(chain::sign_transaction(chain::TestChain::transfer(nonce_++, to, U256(k + 1)),
                                                               chain::test_key(1)));
            }
            if (number % 3 == 0) transactions.push_back(creation(nonce_++, number % 2 == 0 ? 90 : 3));
            commit(chain_.build(transactions));
            ASSERT_TRUE(chain_.refusals().empty());
        }
    }
    void commit(const chain::ExecutedBlock& built) {
        auto block = std::make_shared<api::SealedBlock>();
        block->hash = built.hash;
        block->header = built.block.header;
        block->transactions = built.block.transactions;
        block->receipts = built.receipts;
        block->total_difficulty = source().head().block->total_difficulty + built.block.header.difficulty;
        block->size = chain::encode(built.block).size();
        const auto proof = number_key(built.block.header.number);
        const auto committed = source().commit(block, built.changes, proof);
        ASSERT_TRUE(committed) << committed.error().message;
    }

    /// The snapshot's block as a peer would get it.
    api::SealedBlockPtr read_head(std::uint64_t number = 0) {
        const auto reply = value_of(from_->snapshot_head({}, {number}));
        auto block = chain::decode_block(reply.block);
        EXPECT_TRUE(block) << block.error().message;
        EXPECT_TRUE(chain::recover_senders(block->transactions));
        auto out = std::make_shared<api::SealedBlock>();
        out->header = block->header;
        out->hash = chain::hash_of(block->header);
        auto receipts = chain::receipts_of(genesis_.config, *block, reply.receipts);
        EXPECT_TRUE(receipts) << receipts.error().message;
        out->transactions = std::move(block->transactions);
        out->receipts = *std::move(receipts);
        out->size = reply.block.size();
        return out;
    }
    SnapshotWriter open_writer(const api::SealedBlockPtr& head) {
        auto writer = SnapshotWriter::open(config_of(to_path_), genesis_, head, {7});
        EXPECT_TRUE(writer) << writer.error().message;
        return *std::move(writer);
    }
    void put_headers(SnapshotWriter& writer, std::uint64_t below) {
        std::vector<chain::Header> headers;
        for (std::uint64_t number = 1; number < below; ++number) {
            headers.push_back((*source().header(number))->header);
        }
        ASSERT_TRUE(writer.put_headers(headers, std::vector<Bytes>(headers.size())));
    }
    /// Takes up to @p count chunks. @return how many.
    std::size_t take(SnapshotWriter& writer, std::uint64_t number, std::size_t count = ~std::size_t{0}) {
        std::size_t done = 0;
        while (done < count && !writer.missing().empty()) {
            const SnapshotRange range = writer.missing()[done % writer.missing().size()];
            const auto chunk = value_of(from_->read_snapshot({}, {number, range, chunk_bytes}));
            const auto taken = writer.take(range, chunk);
            EXPECT_TRUE(taken) << taken.error().message;
            if (!taken) break;
            ++done;
        }
        return done;
    }

    /// That both give the same for every account and slot that the first one has had.
    void expect_same_state(const Database& to, std::uint64_t number) {
        auto& from = source();
        const std::uint64_t version = *from.version_of(number);
        const Hash root = (*from.header(number))->header.state_root;
        std::size_t accounts = 0;
        std::size_t slots = 0;
        const auto each = [&](const Hash& hashed, BytesView) {
            const Address address = Address::from(*from.preimage(hashed));
            const auto wanted = from.account(address, version)->account;
            const auto found = to.account(address, 1)->account;
            EXPECT_EQ(found, wanted);
            ++accounts;
            if (wanted->code_hash != chain::empty_code_hash) {
                EXPECT_EQ(*to.code_bytes(wanted->code_hash), *from.code_bytes(wanted->code_hash));
            }
            for (std::uint16_t key = 0; key < 700; ++key) {
                const U256 value = *from.slot(address, U256(key), version);
                EXPECT_EQ(*to.slot(address, U256(key), 1), value);
                if (!value.is_zero()) ++slots;
            }
            return true;
        };
        PastNodes past(from, version);
        ASSERT_TRUE(chain::visit_range(past, Hash{}, root, {}, each));
        EXPECT_GT(accounts, 40U);
        EXPECT_GT(slots, 90U);
    }

    /// The trie at a version.
    class PastNodes final : public chain::NodeSource {
      public:
        PastNodes(const Database& database, std::uint64_t version) : database_(database), version_(version) {}
        Bytes node(const Hash& owner, chain::NibblesView path) override {
            return database_.node_at(owner, path, version_);
        }

      private:
        const Database& database_;
        std::uint64_t version_;
    };

    std::string from_path_ = std::string(WEFT_BUILD_DIR) + "/snapshot_test_from";
    std::string to_path_ = std::string(WEFT_BUILD_DIR) + "/snapshot_test_to";
    chain::Genesis genesis_ =
        chain::dev_genesis(std::vector<Address>{chain::test_address(1), chain::test_address(2)});
    chain::TestChain chain_{genesis_};
    std::uint64_t nonce_ = 0;
    std::unique_ptr<Storage> from_;
};

TEST_F(SnapshotTest, a_database_made_of_chunks_goes_on_as_the_one_that_served_them) {
    grow(10);
    const auto head = read_head();
    ASSERT_EQ(head->header.number, 8U);
    {
        SnapshotWriter writer = open_writer(head);
        EXPECT_EQ(writer.missing().size(), SnapshotWriter::parts_count);
        put_headers(writer, 8);
        EXPECT_GT(take(writer, 8), SnapshotWriter::parts_count);
        ASSERT_TRUE(writer.finish());
    }
    auto opened = Database::open(config_of(to_path_), genesis_);
    ASSERT_TRUE(opened) << opened.error().message;
    Database& to = **opened;
    EXPECT_EQ(to.head().block->hash, head->hash);
    expect_same_state(to, 8);
    // The blocks that follow come from their bytes and end in the same state.
    for (std::uint64_t number = 9; number <= 10; ++number) {
        const auto block = *source().block(number);
        StateView view(to, to.head().version, number - 1);
        chain::StateTrie trie(&to, to.head().block->header.state_root);
        const auto executed =
            chain::import_block(genesis_.config, to.head().block->header, api::to_block(*block), view, trie);
        ASSERT_TRUE(executed) << executed.error().message;
        const auto committed = to.commit(block, executed->changes);
        ASSERT_TRUE(committed) << committed.error().message;
    }
    EXPECT_EQ(to.head().block->hash, source().head().block->hash);
    // What was taken can be served on.
    Storage served(*std::move(opened), genesis_, 2, interval);
    const auto chunk = value_of(served.read_snapshot({}, {8, {}, 1 << 20}));
    EXPECT_TRUE(chain::verify_chunk(head->header.state_root, {}, chunk));
}

TEST_F(SnapshotTest, what_is_below_the_snapshot_is_as_pruned_history_is) {
    grow(9);
    const auto head = read_head();
    {
        SnapshotWriter writer = open_writer(head);
        put_headers(writer, 8);
        (void)take(writer, 8);
        ASSERT_TRUE(writer.finish());
    }
    auto opened = Database::open(config_of(to_path_), genesis_);
    ASSERT_TRUE(opened) << opened.error().message;
    Storage to(*std::move(opened), genesis_, 2, interval);
    const auto& from = source();
    // Bodies are gone, headers and their hashes are not: BLOCKHASH and the validators' votes need them.
    EXPECT_EQ(run(to.get_block({}, {api::BlockRef::at(5)})).error().message, "pruned history unavailable");
    EXPECT_EQ(value_of(to.get_block({}, {api::BlockRef::at(5), true})).block->header.number, 5U);
    EXPECT_EQ(value_of(to.head({}, {})).first_number, 8U);
    EXPECT_TRUE(value_of(to.read_blocks({}, {5, 10})).blocks.empty());
    StateView view(**to.database(), 1, 8);
    for (std::uint64_t number = 0; number <= 8; ++number) {
        const auto wanted = *from.header(number);
        EXPECT_EQ(view.block_hash(number), wanted->hash);
        const auto found = *(*to.database())->header(number);
        ASSERT_NE(found, nullptr);
        EXPECT_EQ(found->header, wanted->header);
        EXPECT_EQ(found->total_difficulty, wanted->total_difficulty);
    }
    // No state is given out as empty that is not there.
    for (const std::uint64_t number : {0U, 5U, 7U}) {
        const auto account = run(to.get_account({}, {chain::test_address(1), api::BlockRef::at(number)}));
        EXPECT_EQ(account.error().code, ErrorCode::not_found);
    }
    api::storage::GetLogs logs;
    logs.from = api::BlockRef::at(5);
    EXPECT_EQ(run(to.get_logs({}, logs)).error().code, ErrorCode::not_found);
    logs.from = api::BlockRef::at(8);
    EXPECT_TRUE(run(to.get_logs({}, logs)));
    // The genesis block and the snapshot's are whole, with receipts.
    EXPECT_NE(value_of(to.get_block({}, {api::BlockRef::at(0)})).block, nullptr);
    const auto whole = value_of(to.get_block({}, {api::BlockRef::at(8)})).block;
    const auto wanted = *from.block(8);
    ASSERT_NE(whole, nullptr);
    EXPECT_EQ(whole->receipts, wanted->receipts);
    EXPECT_EQ(whole->size, wanted->size);
    ASSERT_FALSE(whole->transactions.empty());
    EXPECT_EQ(whole->transactions[0]->sender, chain::test_address(1));
    EXPECT_EQ(value_of(to.read_blocks({}, {8, 1})).blocks.at(0).proof, Bytes{7});
}

/// A storage that has its genesis block alone, made into one that has a snapshot's state.
class GoOver : public SnapshotTest {
  protected:
    void SetUp() override {
        grow(10);
        open();
    }
    void open() {
        to_.reset();
        auto database = Database::open(config_of(to_path_), genesis_);
        ASSERT_TRUE(database) << database.error().message;
        to_ = std::make_unique<Storage>(*std::move(database), genesis_, 2, interval);
    }
    ~GoOver() override {
        to_.reset();
        std::filesystem::remove_all(beside(config_of(to_path_)).path);
    }
    Hash begin(std::uint64_t number) {
        progress_ = value_of(to_->begin_snapshot({}, {value_of(from_->snapshot_head({}, {number}))}));
        return (*source().header(number))->hash;
    }
    void put_all(const Hash& block, std::uint64_t number) {
        const auto headers = value_of(from_->read_blocks({}, {1, number - 1, 1 << 20, true}));
        progress_ = value_of(to_->put_headers({}, {block, headers.blocks}));
        EXPECT_EQ(progress_.next_header, number);
        while (!progress_.missing.empty()) {
            const auto range = progress_.missing[0];
            auto chunk = value_of(from_->read_snapshot({}, {number, range, chunk_bytes}));
            progress_ = value_of(to_->put_chunk({}, {block, range, std::move(chunk)}));
        }
    }
    [[nodiscard]] std::uint64_t height() { return value_of(to_->head({}, {})).number; }

    std::unique_ptr<Storage> to_;
    api::storage::SnapshotProgressReply progress_;
};

TEST_F(GoOver, from_then_on_everybody_reads_the_snapshots_state) {
    const auto line = value_of(to_->open_state({}, {})).line;
    const Hash block = begin(8);
    put_all(block, 8);
    EXPECT_EQ(height(), 0U);
    const auto head = value_of(to_->finish_snapshot({}, {block}));
    EXPECT_EQ(head.hash, block);
    EXPECT_EQ(head.first_number, 8U);
    EXPECT_EQ(height(), 8U);
    expect_same_state(**to_->database(), 8);
    EXPECT_EQ(run(to_->read_state({}, {line, 1, 0, {}})).error().code, ErrorCode::aborted);
    const auto events = value_of(to_->events(mesh::Context::with_timeout(ns_per_s), {}));
    ASSERT_EQ(events.events.size(), 1U);
    EXPECT_EQ(events.events[0].block->hash, block);
    EXPECT_EQ(value_of(to_->read_blocks({}, {3, 2, 1 << 20, true})).blocks.at(1).proof, number_key(4));
    open();
    EXPECT_EQ(height(), 8U) << "and after a restart";
    EXPECT_FALSE(std::filesystem::exists(beside(config_of(to_path_)).path));
    EXPECT_EQ(run(to_->begin_snapshot({}, {value_of(from_->snapshot_head({}, {8}))})).error().code,
              ErrorCode::failed_precondition);
}

TEST_F(GoOver, waits_for_who_reads_the_old_state_and_lets_nobody_new_in) {
    const Hash block = begin(8);
    put_all(block, 8);
    auto reader = *to_->database();
    EXPECT_EQ(run(to_->finish_snapshot({}, {block})).error().code, ErrorCode::unavailable);
    EXPECT_EQ(run(to_->head({}, {})).error().code, ErrorCode::unavailable);
    EXPECT_EQ(reader->head().block->header.number, 0U);
    reader.reset();
    EXPECT_EQ(value_of(to_->finish_snapshot({}, {block})).number, 8U);
}

TEST_F(GoOver, a_newer_snapshot_takes_the_place_of_one_that_was_begun) {
    const Hash old = begin(4);
    const auto range = progress_.missing[0];
    const auto chunk = value_of(from_->read_snapshot({}, {4, range, chunk_bytes}));
    progress_ = value_of(to_->put_chunk({}, {old, range, chunk}));
    const Hash block = begin(8);
    EXPECT_EQ(progress_.missing.size(), SnapshotWriter::parts_count);
    EXPECT_EQ(run(to_->put_chunk({}, {old, range, chunk})).error().code, ErrorCode::failed_precondition);
    EXPECT_EQ(run(to_->finish_snapshot({}, {block})).error().code, ErrorCode::failed_precondition);
    put_all(block, 8);
    EXPECT_EQ(value_of(to_->finish_snapshot({}, {block})).number, 8U);
}

TEST_F(GoOver, what_is_wrong_is_refused_and_what_was_right_is_kept_across_a_restart) {
    auto head = value_of(from_->snapshot_head({}, {8}));
    auto wrong = head;
    wrong.receipts.pop_back();
    EXPECT_EQ(run(to_->begin_snapshot({}, {wrong})).error().code, ErrorCode::invalid_argument);
    wrong = head;
    wrong.number = 4;
    EXPECT_EQ(run(to_->begin_snapshot({}, {wrong})).error().code, ErrorCode::invalid_argument);
    const Hash block = begin(8);
    const auto range = progress_.missing[3];
    auto chunk = value_of(from_->read_snapshot({}, {8, range, chunk_bytes}));
    auto corrupt = chunk;
    ASSERT_FALSE(corrupt.accounts.empty());
    corrupt.accounts[0].account.balance = corrupt.accounts[0].account.balance + U256(1);
    EXPECT_EQ(run(to_->put_chunk({}, {block, range, corrupt})).error().code, ErrorCode::invalid_argument);
    progress_ = value_of(to_->put_chunk({}, {block, range, chunk}));
    const auto left = progress_.missing;
    EXPECT_EQ(run(to_->put_chunk({}, {block, range, chunk})).error().code, ErrorCode::failed_precondition);
    open();
    (void)begin(8);
    ASSERT_EQ(progress_.missing.size(), left.size());
    for (std::size_t i = 0; i < left.size(); ++i) EXPECT_EQ(progress_.missing[i].first, left[i].first);
}

TEST_F(SnapshotTest, goes_on_where_a_process_ended) {
    grow(8);
    const auto head = read_head();
    std::size_t chunks = 0;
    // A new process for each five chunks: what was taken is not asked for again.
    for (bool done = false; !done;) {
        SnapshotWriter writer = open_writer(head);
        const std::size_t before = writer.missing().size();
        EXPECT_LE(before, SnapshotWriter::parts_count);
        EXPECT_EQ(writer.finish().error().code, ErrorCode::failed_precondition);
        chunks += take(writer, 8, 5);
        done = writer.missing().empty();
        if (!done) continue;
        EXPECT_EQ(writer.finish().error().code, ErrorCode::failed_precondition) << "no headers yet";
        put_headers(writer, 8);
        ASSERT_TRUE(writer.finish());
    }
    std::filesystem::remove_all(to_path_);
    SnapshotWriter at_once = open_writer(head);
    EXPECT_EQ(take(at_once, 8), chunks);
}

TEST_F(SnapshotTest, a_snapshot_that_was_begun_is_not_mixed_with_another) {
    grow(8);
    {
        SnapshotWriter writer = open_writer(read_head(4));
        EXPECT_EQ(take(writer, 4, 2), 2U);
    }
    const auto other = SnapshotWriter::open(config_of(to_path_), genesis_, read_head(8), {});
    ASSERT_FALSE(other);
    EXPECT_EQ(other.error().code, ErrorCode::failed_precondition);
}

TEST_F(SnapshotTest, a_wrong_chunk_or_header_changes_nothing) {
    grow(8);
    SnapshotWriter writer = open_writer(read_head());
    const SnapshotRange range = writer.missing()[3];
    auto chunk = value_of(from_->read_snapshot({}, {8, range, chunk_bytes}));
    auto wrong = chunk;
    wrong.account_proof.push_back({0xc0});
    EXPECT_EQ(writer.take(range, wrong).error().code, ErrorCode::invalid_argument);
    EXPECT_EQ(writer.missing().size(), SnapshotWriter::parts_count);
    EXPECT_TRUE(writer.take(range, chunk));

    std::vector<chain::Header> headers = {(*source().header(1))->header,
                                          (*source().header(3))->header};
    EXPECT_EQ(writer.put_headers(headers, std::vector<Bytes>(2)).error().code, ErrorCode::invalid_argument);
    EXPECT_EQ(writer.next_header(), 1U);
    put_headers(writer, 8);
    EXPECT_EQ(writer.next_header(), 8U);
}

TEST_F(SnapshotTest, the_two_newest_round_blocks_are_served_and_no_others) {
    EXPECT_EQ(value_of(from_->snapshot_head({}, {})).number, 0U);
    grow(3);
    EXPECT_EQ(value_of(from_->snapshot_head({}, {})).number, 0U);
    EXPECT_EQ(run(from_->read_snapshot({}, {0, {}})).error().code, ErrorCode::not_found);
    grow(10);  // the head is 13
    const auto reply = value_of(from_->snapshot_head({}, {}));
    EXPECT_EQ(reply.number, 12U);
    EXPECT_EQ(reply.proof, number_key(12));
    EXPECT_EQ(value_of(from_->snapshot_head({}, {8})).number, 8U);
    EXPECT_EQ(value_of(from_->snapshot_head({}, {4})).number, 0U);
    for (const std::uint64_t number : {0U, 4U, 11U, 13U, 16U}) {
        SCOPED_TRACE(number);
        EXPECT_EQ(run(from_->read_snapshot({}, {number, {}})).error().code, ErrorCode::not_found);
    }
    // The older one is of the state as it was, though the chain has gone on.
    for (const std::uint64_t number : {8U, 12U}) {
        const auto chunk = value_of(from_->read_snapshot({}, {number, {}}));
        EXPECT_TRUE(chain::verify_chunk((*source().header(number))->header.state_root, {}, chunk));
    }
}

TEST_F(SnapshotTest, other_receipts_than_the_blocks_are_refused) {
    grow(8);
    const auto reply = value_of(from_->snapshot_head({}, {}));
    auto block = chain::decode_block(reply.block).value();
    ASSERT_TRUE(chain::recover_senders(block.transactions));
    auto receipts = reply.receipts;
    ASSERT_GT(receipts.size(), 1U);
    ASSERT_TRUE(chain::receipts_of(genesis_.config, block, receipts));
    std::swap(receipts[0], receipts[1]);
    EXPECT_FALSE(chain::receipts_of(genesis_.config, block, receipts));
    receipts.pop_back();
    EXPECT_FALSE(chain::receipts_of(genesis_.config, block, receipts));
}

}  // namespace
}  // namespace weft::service::storage
