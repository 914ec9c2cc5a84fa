#include "app/import.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "app/chain_file.hpp"
#include "base/fixtures.hpp"
#include "chain/test_chain.hpp"

namespace weft::app {
namespace {

using service::storage::Database;

chain::Genesis proof_of_work_genesis() {
    auto genesis = chain::dev_genesis(std::vector<Address>{chain::test_address(1), chain::test_address(2)});
    const auto chain_id = genesis.config.chain_id;
    genesis.config = chain::config_of(chain::Fork::london);
    genesis.config.chain_id = chain_id;
    auto& header = genesis.header;
    header.difficulty = U256(1'000'000);
    header.withdrawals_root.reset();
    header.blob_gas_used.reset();
    header.excess_blob_gas.reset();
    header.parent_beacon_root.reset();
    header.requests_hash.reset();
    return genesis;
}

class ImportTest : public testing::Test {
  protected:
    ImportTest() { std::filesystem::remove_all(path_); }
    ~ImportTest() override {
        database_.reset();
        std::filesystem::remove_all(path_);
    }

    void open(const chain::Genesis& genesis) {
        genesis_ = genesis;
        database_.reset();
        service::storage::DatabaseConfig config;
        config.path = path_;
        auto opened = Database::open(config, genesis_);
        ASSERT_TRUE(opened) << opened.error().message;
        database_ = *std::move(opened);
    }
    /// Takes encodings in order. @return what add() or finish() said, "" if nothing.
    std::string import(std::span<const Bytes> blocks) {
        ChainImport import(*database_, genesis_.config, serial_workers());
        Result<void> done;
        for (const auto& block : blocks) {
            done = import.add(block);
            if (!done) break;
        }
        if (done) done = import.finish();
        imported_ = import.imported();
        skipped_ = import.skipped();
        return done ? "" : done.error().message;
    }
    Hash head() { return database_->head().block->hash; }

    /// @p count blocks, the first of which has a transfer if @p with_transfer.
    static std::vector<Bytes> make_chain(std::size_t count, bool with_transfer) {
        chain::TestChain chain(proof_of_work_genesis());
        std::vector<Bytes> out;
        for (std::size_t i = 0; i < count; ++i) {
            std::vector<chain::TransactionPtr> transactions;
            if (i == 0 && with_transfer) {
                transactions.push_back(chain::sign_transaction(
                    chain::TestChain::transfer(0, chain::address_with_end(1), U256(5)), chain::test_key(1)));
            }
            out.push_back(chain::encode(chain.build(transactions).block));
        }
        return out;
    }
    static Hash hash_of(BytesView encoded) { return chain::hash_of(chain::decode_block(encoded)->header); }

    const std::string path_ = std::string(WEFT_BUILD_DIR) + "/import_test";
    chain::Genesis genesis_;
    std::unique_ptr<Database> database_;
    std::uint64_t imported_ = 0;
    std::uint64_t skipped_ = 0;
};

TEST_F(ImportTest, a_broken_off_import_goes_on_where_it_ended) {
    open(proof_of_work_genesis());
    const auto chain = make_chain(6, true);
    EXPECT_EQ(import(std::span(chain).first(2)), "");
    EXPECT_EQ(imported_, 2U);
    open(proof_of_work_genesis());
    EXPECT_EQ(import(chain), "");
    EXPECT_EQ(imported_, 4U);
    EXPECT_EQ(skipped_, 2U);
    EXPECT_EQ(head(), hash_of(chain[5]));
    U256 total = genesis_.header.difficulty;
    for (const auto& block : chain) total += chain::decode_block(block)->header.difficulty;
    EXPECT_EQ(to_decimal(database_->head().block->total_difficulty), to_decimal(total));
}

TEST_F(ImportTest, a_fork_replaces_the_chain_once_it_has_more_difficulty) {
    open(proof_of_work_genesis());
    const auto chain = make_chain(5, false);
    const auto fork = make_chain(6, true);
    ASSERT_EQ(import(chain), "");
    const std::string refused = import(std::span(fork).first(5));
    EXPECT_TRUE(refused.starts_with("block 1 (" + to_hex(hash_of(fork[0])) + "): a fork of 5 blocks")) << refused;
    EXPECT_TRUE(refused.contains("no more than the chain's")) << refused;
    EXPECT_EQ(head(), hash_of(chain[4]));
    EXPECT_EQ(import(fork), "");
    EXPECT_EQ(head(), hash_of(fork[5]));
    EXPECT_EQ(imported_, 6U);
    const auto taken_back = database_->block(hash_of(chain[2]));
    EXPECT_TRUE(taken_back && *taken_back == nullptr);
}

TEST_F(ImportTest, a_fork_with_a_bad_block_leaves_the_chain_as_it_was) {
    open(proof_of_work_genesis());
    const auto chain = make_chain(5, false);
    auto fork = make_chain(6, true);
    auto bad = *chain::decode_block(fork[5]);
    bad.header.state_root.bytes[0] ^= 1;
    fork[5] = chain::encode(bad);
    ASSERT_EQ(import(chain), "");
    const std::string refused = import(fork);
    EXPECT_TRUE(refused.starts_with("block 6 (")) << refused;
    EXPECT_TRUE(refused.contains("invalid merkle root")) << refused;
    EXPECT_EQ(head(), hash_of(chain[4]));
    EXPECT_EQ(imported_, 0U);
    // ... and it goes on.
    const auto longer = make_chain(7, false);
    EXPECT_EQ(import(std::span(longer).subspan(5)), "");
    EXPECT_EQ(imported_, 2U);
}

TEST_F(ImportTest, says_which_block_is_wrong_and_why) {
    const auto chain = make_chain(4, true);
    const auto changed = [&](auto change) {
        auto block = *chain::decode_block(chain[1]);
        change(block);
        return chain::encode(block);
    };
    const struct {
        const char* name;
        Bytes second;
        std::string want;
    } cases[] = {
        {"no RLP", Bytes{0xc1, 0xff}, "rlp"},
        {"difficulty", changed([](auto& block) { block.header.difficulty += U256(1); }), "invalid difficulty: have "},
        {"time", changed([](auto& block) { block.header.timestamp = 0; }), "invalid timestamp"},
        {"gas limit", changed([](auto& block) { block.header.gas_limit *= 2; }), "invalid gas limit: have "},
        {"ommers", changed([](auto& block) { block.ommers.push_back(block.header); }), "uncle root hash mismatch"},
        {"proof of stake", changed([](auto& block) { block.header.difficulty = {}; }), "invalid difficulty"},
        {"unknown parent", changed([](auto& block) { block.header.parent_hash = {}; }), "its parent is not there"},
        {"another genesis", changed([](auto& block) {
             block.header.number = 0;
             block.header.parent_hash = {};
         }),
         "the first block of another chain"},
        {"left out", chain[2], "its parent is not there"},
    };
    for (const auto& [name, second, want] : cases) {
        SCOPED_TRACE(name);
        std::filesystem::remove_all(path_);
        open(proof_of_work_genesis());
        const std::string said = import(std::vector<Bytes>{chain[0], second, chain[1]});
        EXPECT_TRUE(said.contains(want)) << said;
        EXPECT_EQ(imported_, 1U);
        EXPECT_EQ(head(), hash_of(chain[0]));
        EXPECT_EQ(import(chain), "");
        database_.reset();
    }
}

TEST_F(ImportTest, the_specifications_chain_has_every_fork_and_goes_out_as_it_came_in) {
    const auto folder = fixture("execution-apis");
    if (!folder) GTEST_SKIP() << no_fixtures;
    const std::string file = *folder / "tests" / "chain.rlp";
    open(*chain::parse_genesis(read_fixture(*folder / "tests" / "genesis.json")));
    auto reader = ChainFileReader::open(file);
    ASSERT_TRUE(reader) << reader.error().message;
    ChainImport import(*database_, genesis_.config, serial_workers());
    while (true) {
        const auto encoded = reader->next();
        ASSERT_TRUE(encoded) << encoded.error().message;
        if (!*encoded) break;
        const auto added = import.add(**encoded);
        ASSERT_TRUE(added) << added.error().message;
    }
    ASSERT_TRUE(import.finish());
    EXPECT_EQ(import.imported(), 54U);
    EXPECT_EQ(to_hex(head()), "0xd226371d0b1551adb03fb52b71f08e3e11247fe9b1af994768af8cdaa8e7dcd7");

    const std::string copy = path_ + ".rlp";
    std::size_t ommers = 0;
    auto writer = ChainFileWriter::create(copy);
    ASSERT_TRUE(writer) << writer.error().message;
    for (std::uint64_t number = 1; number <= 54; ++number) {
        const auto block = *database_->block(number);
        ommers += block->ommers.size();
        writer->put(chain::encode(api::to_block(*block)));
    }
    ASSERT_TRUE(writer->finish());
    EXPECT_EQ(ommers, 18U);
    EXPECT_EQ(to_decimal(database_->head().block->total_difficulty), "4732352");
    EXPECT_EQ(read_fixture(copy), read_fixture(file));
    std::filesystem::remove(copy);
}

TEST(chain_file, says_where_it_is_wrong) {
    const std::string path = std::string(WEFT_BUILD_DIR) + "/chain_file_test.rlp";
    const struct {
        const char* name;
        Bytes content;
        std::size_t blocks;
        std::string want;
    } cases[] = {
        {"empty", {}, 0, ""},
        {"two lists", {0xc1, 0x01, 0xc0}, 2, ""},
        {"a string", {0xc0, 0x80}, 1, "byte 1: no block begins here"},
        {"cut off", {0xc0, 0xc2, 0x01}, 1, "byte 1: the file ends within a block"},
        {"cut off in its size", {0xf9, 0x01}, 0, "byte 0: the file ends within a block"},
        {"more than there is", {0xf8, 0x60, 0x01}, 0, "byte 0: the file ends within a block"},
        {"too large", {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, 0, "byte 0: a block of more than 64 MiB"},
    };
    for (const auto& [name, content, blocks, want] : cases) {
        SCOPED_TRACE(name);
        std::ofstream(path, std::ios::binary) << as_text(content);
        auto reader = ChainFileReader::open(path);
        ASSERT_TRUE(reader);
        std::size_t count = 0;
        auto next = reader->next();
        for (; next && *next; next = reader->next()) ++count;
        EXPECT_EQ(count, blocks);
        EXPECT_EQ(next ? "" : next.error().message, want.empty() ? "" : path + ": " + want);
    }
    std::filesystem::remove(path);
    EXPECT_EQ(ChainFileReader::open(path).error().code, ErrorCode::not_found);
    EXPECT_EQ(ChainFileReader::open(WEFT_BUILD_DIR).error().code, ErrorCode::invalid_argument);
}

TEST(chain_file, has_its_name_only_when_it_is_whole) {
    const std::string path = std::string(WEFT_BUILD_DIR) + "/chain_file_whole.rlp";
    std::ofstream(path, std::ios::binary) << "before";
    {
        auto writer = ChainFileWriter::create(path);
        ASSERT_TRUE(writer);
        writer->put(Bytes{0xc0});
    }
    EXPECT_EQ(read_fixture(path), "before");
    EXPECT_FALSE(std::filesystem::exists(path + ".part"));
    auto writer = ChainFileWriter::create(path);
    ASSERT_TRUE(writer);
    writer->put(Bytes{0xc0});
    ASSERT_TRUE(writer->finish());
    EXPECT_EQ(read_fixture(path), "\xc0");
    std::filesystem::remove(path);
    EXPECT_FALSE(ChainFileWriter::create("/nowhere/at/all"));
}

}  // namespace
}  // namespace weft::app
