#include "chain/trie.hpp"

#include <map>
#include <random>

#include "base/fixtures.hpp"
#include "base/hex.hpp"
#include "base/json.hpp"
#include "chain/memory.hpp"
#include "crypto/keccak.hpp"
#include <gtest/gtest.h>

namespace weft::chain {
namespace {

Bytes text_or_hex(std::string_view text) {
    if (text.starts_with("0x")) return from_hex(text).value();
    return to_bytes(as_bytes(text));
}

/// Puts a suite's pairs in: null and "" erase.
void put(Trie& trie, bool secure, std::string_view key_text, const json::Value& value) {
    Bytes key = text_or_hex(key_text);
    if (secure) key = to_bytes(crypto::keccak256(key));
    if (value.is_null() || value.text().empty()) {
        trie.erase(key);
    } else {
        trie.insert(key, text_or_hex(value.text()));
    }
}

class TrieSuite : public testing::TestWithParam<std::string> {};

TEST_P(TrieSuite, has_the_roots_of_the_official_tests) {
    const auto folder = fixture("ethereum-tests");
    if (!folder) GTEST_SKIP() << no_fixtures;
    const bool secure = GetParam().find("secure") != std::string::npos;
    const auto suite = json::parse(read_fixture(*folder / "TrieTests" / (GetParam() + ".json"))).value();
    ASSERT_FALSE(suite.members().empty());
    for (const auto& [name, test] : suite.members()) {
        SCOPED_TRACE(name);
        Trie trie;
        for (const auto& item : test["in"].items()) put(trie, secure, item.items()[0].text(), item.items()[1]);
        for (const auto& [key, value] : test["in"].members()) put(trie, secure, key, value);
        EXPECT_EQ(to_hex(trie.root()), test["root"].text());
    }
}

INSTANTIATE_TEST_SUITE_P(official, TrieSuite,
                         testing::Values("trieanyorder", "trieanyorder_secureTrie", "trietest", "trietest_secureTrie",
                                         "hex_encoded_securetrie_test"));

/// A trie beside a plain map, and a store that gets only what commits say.
struct Model {
    std::mt19937_64 random;
    std::size_t key_size;
    MemoryNodes nodes;
    Trie trie{&nodes, Hash{}, empty_trie_root};
    std::map<Bytes, Bytes> pairs;

    Model(std::uint64_t seed, std::size_t size) : random(seed), key_size(size) {}

    Bytes key() {
        // Few different bytes, so that keys share prefixes.
        Bytes out(key_size);
        for (auto& byte : out) byte = static_cast<std::uint8_t>((random() % 3) << 4 | (random() % 3));
        return out;
    }
    void step() {
        const Bytes k = key();
        if (random() % 3 == 0) {
            trie.erase(k);
            pairs.erase(k);
        } else {
            Bytes value(1 + random() % 50);
            for (auto& byte : value) byte = static_cast<std::uint8_t>(random());
            trie.insert(k, value);
            pairs[k] = value;
        }
    }
    Hash expected() const { return root_of_pairs({pairs.begin(), pairs.end()}); }
    Hash commit() {
        std::vector<NodeChange> changes;
        const Hash root = trie.commit(changes);
        nodes.put(changes);
        return root;
    }
};

TEST(trie, equals_the_trie_built_at_once_after_any_changes) {
    for (std::uint64_t seed = 0; seed < 60; ++seed) {
        SCOPED_TRACE(seed);
        Model model(seed, 1 + seed % 4);
        for (int round = 0; round < 30; ++round) {
            for (int i = 0; i < 8; ++i) model.step();
            if (round % 3 == 0) ASSERT_EQ(model.trie.root(), model.expected());
            if (round % 4 == 0) ASSERT_EQ(model.commit(), model.expected());
            if (round % 7 == 0) (void)model.trie.prune();
        }
        ASSERT_FALSE(model.trie.damaged());
    }
}

TEST(trie, commits_name_every_changed_path_and_no_other_remains) {
    for (std::uint64_t seed = 0; seed < 40; ++seed) {
        SCOPED_TRACE(seed);
        Model model(seed, 1 + seed % 4);
        for (int round = 0; round < 20; ++round) {
            for (int i = 0; i < 6; ++i) model.step();
            if (round % 2 == 0) (void)model.trie.root();
            const Hash root = model.commit();
            // What a trie with the same content stores that never had another.
            MemoryNodes fresh_nodes;
            Trie fresh(&fresh_nodes, Hash{}, empty_trie_root);
            for (const auto& [key, value] : model.pairs) fresh.insert(key, value);
            std::vector<NodeChange> changes;
            ASSERT_EQ(fresh.commit(changes), root);
            fresh_nodes.put(changes);
            ASSERT_TRUE(model.nodes == fresh_nodes);
            model.trie = Trie(&model.nodes, Hash{}, root);
        }
    }
}

TEST(trie, snapshots_keep_what_they_saw) {
    Model model(7, 3);
    for (int i = 0; i < 200; ++i) model.step();
    (void)model.commit();
    Trie snapshot = model.trie;
    const auto pairs = model.pairs;
    const Hash root = snapshot.root();
    for (int i = 0; i < 300; ++i) model.step();
    (void)model.trie.root();
    (void)model.trie.prune();
    EXPECT_EQ(snapshot.root(), root);
    std::map<Bytes, Bytes> seen;
    snapshot.for_each([&](BytesView key, BytesView value) { seen[to_bytes(key)] = to_bytes(value); });
    EXPECT_EQ(seen, pairs);
}

TEST(trie, pruned_nodes_come_back_from_the_source) {
    Model model(3, 4);
    for (int i = 0; i < 400; ++i) model.step();
    (void)model.commit();
    const std::size_t before = model.trie.prune();  // everything was just used
    const std::size_t after = model.trie.prune();   // and nothing since
    EXPECT_LT(after, before);
    EXPECT_EQ(after, 1U);
    for (const auto& [key, value] : model.pairs) {
        const auto found = model.trie.get(key);
        ASSERT_TRUE(found);
        EXPECT_EQ(to_bytes(*found), value);
    }
    EXPECT_FALSE(model.trie.damaged());
}

TEST(trie, wipe_leaves_nothing_stored) {
    Model model(5, 3);
    for (int i = 0; i < 300; ++i) model.step();
    (void)model.commit();
    model.trie.wipe();
    EXPECT_EQ(model.commit(), empty_trie_root);
    EXPECT_EQ(model.nodes.count(), 0U);
    model.trie.insert(model.key(), Bytes{1});
    EXPECT_NE(model.commit(), empty_trie_root);
    EXPECT_EQ(model.nodes.count(), 1U);
}

/// A source that lies about one path.
class DamagedNodes final : public NodeSource {
  public:
    explicit DamagedNodes(NodeSource& good) : good_(good) {}
    Bytes node(const Hash& owner, NibblesView path) override {
        Bytes rlp = good_.node(owner, path);
        if (path.size() == 1 && !rlp.empty()) rlp.back() ^= 1;
        return rlp;
    }

  private:
    NodeSource& good_;
};

TEST(trie, a_damaged_node_is_noticed) {
    Model model(11, 4);
    for (int i = 0; i < 200; ++i) model.step();
    const Hash root = model.commit();
    DamagedNodes damaged(model.nodes);
    Trie trie(&damaged, Hash{}, root);
    for (const auto& [key, value] : model.pairs) (void)trie.get(key);
    EXPECT_TRUE(trie.damaged());
    EXPECT_TRUE(Trie(&model.nodes, Hash{}, Hash{}).get(Bytes(4)) == std::nullopt);
}

/// Follows a proof by hashes. @return the value it proves; nullopt for proven absence.
std::optional<Bytes> verify(std::span<const Bytes> proof, const Hash& root, BytesView key) {
    MemoryNodes nodes;
    // Nodes are loaded by path and checked by hash, so a source that has only the proof's nodes is a verifier.
    class ProofNodes final : public NodeSource {
      public:
        explicit ProofNodes(std::span<const Bytes> nodes) : nodes_(nodes) {}
        Bytes node(const Hash&, NibblesView) override { return at_ < nodes_.size() ? nodes_[at_++] : Bytes{}; }

      private:
        std::span<const Bytes> nodes_;
        std::size_t at_ = 0;
    } source(proof);
    Trie trie(&source, Hash{}, root);
    const auto value = trie.get(key);
    EXPECT_FALSE(trie.damaged());
    if (!value) return std::nullopt;
    return to_bytes(*value);
}

TEST(trie, proofs_show_presence_and_absence) {
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
        SCOPED_TRACE(seed);
        Model model(seed, 2 + seed % 3);
        for (int i = 0; i < 100; ++i) model.step();
        const Hash root = model.commit();
        for (int i = 0; i < 50; ++i) {
            const Bytes key = model.key();
            const auto proof = model.trie.proof(key);
            const auto value = verify(proof, root, key);
            const auto want = model.pairs.find(key);
            ASSERT_EQ(value.has_value(), want != model.pairs.end());
            if (value) ASSERT_EQ(*value, want->second);
        }
    }
    EXPECT_TRUE(Trie().proof(Bytes{1}).empty());
}

TEST(trie, ordered_root_is_that_of_the_rlp_keys) {
    for (const std::size_t count : {0UL, 1UL, 2UL, 17UL, 127UL, 128UL, 129UL, 256UL, 300UL}) {
        SCOPED_TRACE(count);
        std::vector<Bytes> values;
        std::vector<std::pair<Bytes, Bytes>> pairs;
        for (std::size_t i = 0; i < count; ++i) {
            values.emplace_back(1 + i % 70, static_cast<std::uint8_t>(1 + i));
            Bytes key = i == 0 ? Bytes{0x80} : i < 128 ? Bytes{static_cast<std::uint8_t>(i)} :
                        i < 256 ? Bytes{0x81, static_cast<std::uint8_t>(i)} :
                                  Bytes{0x82, static_cast<std::uint8_t>(i >> 8), static_cast<std::uint8_t>(i)};
            pairs.emplace_back(key, values.back());
        }
        EXPECT_EQ(ordered_root(std::span<const Bytes>(values)), root_of_pairs(pairs));
    }
}

}  // namespace
}  // namespace weft::chain
