#include "app/blocktest.hpp"

#include <cstdio>
#include <memory>
#include <mutex>
#include <unordered_map>

#include "app/fixture_file.hpp"
#include "base/hex.hpp"
#include "chain/execute.hpp"
#include "net/workers.hpp"

namespace weft::app {

namespace {

using namespace chain;

constexpr std::size_t queued_max = 1000;

/// A tree of blocks with the state after each; snapshots share what did not change.
class BlockTree final : public AncestorSource {
  public:
    BlockTree(const ChainConfig& config, FixtureState genesis, Block block, Workers& workers)
        : config_(config), workers_(workers), codes_(std::move(genesis.codes)) {
        head_ = hash_of(block.header);
        const U256 difficulty = block.header.difficulty;
        nodes_.emplace(head_, Node{std::move(block), std::move(genesis.trie), difficulty});
    }

    /// The rules of import, then fork choice: by total difficulty before the merge, after it what came last.
    Checked<void> import(Block block, std::size_t size) {
        const auto parent = nodes_.find(block.header.parent_hash);
        if (parent == nodes_.end()) return refuse(Rule::unknown_parent);
        const U256 parent_total = parent->second.total_difficulty;
        const bool merged = is_merged(config_, block.header);
        if (auto checked = validate_merge(config_, block.header, parent_total); !checked) return checked;
        StateTrie trie = parent->second.trie;
        Reader reader(*this, trie, block.header.parent_hash);
        auto imported = import_block(config_, parent->second.block.header, std::move(block), reader, trie, this, size,
                                     workers_);
        if (!imported) return std::unexpected(std::move(imported).error());
        codes_.put(imported->changes.codes);
        const U256 total = parent_total + imported->block.header.difficulty;
        const Node& head = nodes_.at(head_);
        const bool is_best = total > head.total_difficulty ||
                             (merged && imported->block.header.number > head.block.header.number);
        if (is_best) head_ = imported->hash;
        const Hash hash = imported->hash;
        nodes_.insert_or_assign(hash, Node{std::move(imported->block), std::move(trie), total});
        return {};
    }

    [[nodiscard]] const Hash& head() const { return head_; }
    [[nodiscard]] StateTrie& head_state() { return nodes_.at(head_).trie; }
    [[nodiscard]] const MemoryCodes& codes() const { return codes_; }
    [[nodiscard]] const Block* block(const Hash& hash) override {
        const auto found = nodes_.find(hash);
        return found == nodes_.end() ? nullptr : &found->second.block;
    }

  private:
    struct Node {
        Block block;
        StateTrie trie;
        U256 total_difficulty;
    };
    /// For any thread: one at a time.
    class Reader final : public TrieStateReader {
      public:
        Reader(BlockTree& tree, StateTrie& trie, const Hash& parent)
            : TrieStateReader(trie, tree.codes_), tree_(tree), parent_(parent) {}
        [[nodiscard]] bool is_thread_safe() const override { return true; }
        [[nodiscard]] std::optional<Account> account(const Address& address) override {
            const std::lock_guard lock(mutex_);
            return TrieStateReader::account(address);
        }
        [[nodiscard]] U256 storage(const Address& address, const U256& key) override {
            const std::lock_guard lock(mutex_);
            return TrieStateReader::storage(address, key);
        }
        [[nodiscard]] bool has_storage(const Address& address) override {
            const std::lock_guard lock(mutex_);
            return TrieStateReader::has_storage(address);
        }
        [[nodiscard]] Hash block_hash(std::uint64_t number) override {
            Hash hash = parent_;
            const Block* at = tree_.block(hash);
            while (at != nullptr && at->header.number > number) {
                hash = at->header.parent_hash;
                at = tree_.block(hash);
            }
            return at == nullptr ? Hash{} : hash;
        }

      private:
        std::mutex mutex_;
        BlockTree& tree_;
        Hash parent_;
    };

    const ChainConfig& config_;
    Workers& workers_;
    MemoryCodes codes_;
    std::unordered_map<Hash, Node> nodes_;
    Hash head_;
};

/// The text of the first "expectException..." member; "" if there is none.
std::string expected_exception(const json::Value& block) {
    for (const auto& [key, value] : block.members()) {
        if (key.starts_with("expectException")) return value.text();
    }
    return {};
}

Checked<void> import_encoded(BlockTree& tree, BytesView encoded) {
    auto block = decode_block(encoded);
    if (!block) return refuse(Rule::malformed_block, block.error().message);
    return tree.import(*std::move(block), encoded.size());
}

/// Imports the blocks. @return what was wrong, or nothing.
std::string import_all(BlockTree& tree, const json::Value& blocks, Score& score) {
    std::size_t at = 0;
    for (const auto& block : blocks.items()) {
        const std::string where = "block " + std::to_string(at++) + " ";
        const std::string expected = expected_exception(block);
        const bool is_valid = expected.empty() && block.find("blockHeader") != nullptr;
        const auto imported = import_encoded(tree, fixture_bytes(block["rlp"]));
        if (imported && !is_valid) return where + "accepted, expected " + expected;
        if (!imported && is_valid) return where + "refused: " + imported.error().message;
        if (!imported && !expected.empty() && !is_expected(expected, imported.error().rule)) {
            score.other_reason(expected, fixture_name(imported.error().rule));
        }
    }
    return {};
}

void run_test(const std::string& name, const json::Value& test, Score& score, Workers& workers) {
    using enum json::Kind;
    constexpr std::pair<std::string_view, json::Kind> members[] = {
        {"network", string}, {"genesisRLP", string}, {"pre", object}, {"blocks", array}, {"lastblockhash", string}};
    if (const std::string wrong = wrong_form(test, members); !wrong.empty()) return score.fail(name, wrong);
    auto config = config_from_fixture_name(test["network"].text());
    if (!config) return score.skip("unknown network " + test["network"].text());
    if (const auto* id = test["config"].find("chainid")) config->chain_id = fixture_u64(*id);
    set_blob_schedule(*config, test["config"]["blobSchedule"]);

    auto genesis = decode_block(fixture_bytes(test["genesisRLP"]));
    if (!genesis) return score.fail(name, "genesis: " + genesis.error().message);
    FixtureState pre = fixture_state(test["pre"]);
    if (pre.trie.root() != genesis->header.state_root)
        return score.fail(name, "genesis: state root " + to_hex(pre.trie.root()));
    BlockTree tree(*config, std::move(pre), *std::move(genesis), workers);

    if (const std::string wrong = import_all(tree, test["blocks"], score); !wrong.empty())
        return score.fail(name, wrong);
    if (tree.head() != fixture_hash(test["lastblockhash"])) {
        std::string why = "head " + to_hex(tree.head()) + ", expected " + test["lastblockhash"].text() + "\n";
        if (test.find("postState") != nullptr) why += difference(test["postState"], tree.head_state(), tree.codes());
        return score.fail(name, why);
    }
    if (test.find("postState") != nullptr) {
        const std::string why = difference(test["postState"], tree.head_state(), tree.codes());
        if (!why.empty()) return score.fail(name, why);
    }
    score.pass();
}

}  // namespace

int blocktest_command(std::span<const std::string> paths, std::size_t width) {
    // Whatever is small enough to be done in order is cut up all the same: it is what is to be tested.
    constexpr std::int64_t always = 0;
    net::WorkerPool pool(width, queued_max);
    net::PoolWorkers workers(pool, width, always);
    return run_fixture_files("blocktest", paths, [&](const std::string& name, const json::Value& test, Score& score) {
        if (test.find("post") != nullptr && test.find("blocks") == nullptr) {
            score.skip("not a blockchain test");
        } else {
            run_test(name, test, score, workers);
        }
    });
}

}  // namespace weft::app
