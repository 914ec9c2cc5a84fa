#include "chain/range_proof.hpp"

#include <algorithm>
#include <map>
#include <random>

#include "chain/memory.hpp"
#include "crypto/keccak.hpp"
#include <gtest/gtest.h>

namespace weft::chain {
namespace {

/// A stored trie beside a plain map.
struct Model {
    std::mt19937_64 random;
    MemoryNodes nodes;
    Hash root = empty_trie_root;
    std::map<Hash, Bytes> pairs;

    Model(std::uint64_t seed, std::size_t count) : random(seed) {
        for (std::size_t i = 0; i < count; ++i) pairs[key()] = value();
        Trie trie(&nodes, Hash{}, empty_trie_root);
        for (const auto& [key, value] : pairs) trie.insert(key, value);
        std::vector<NodeChange> changes;
        root = trie.commit(changes);
        nodes.put(changes);
    }

    /// Keys that differ at their beginning, in the middle, or so late that small nodes are embedded in their parents.
    Hash key() {
        Hash out;
        const std::size_t at = std::array<std::size_t, 4>{0, 1, 15, 30}[random() % 4];
        out.bytes[0] = static_cast<std::uint8_t>(random() % 3 * 0x7f);
        out.bytes[at] = static_cast<std::uint8_t>(random() % 4 * 0x11);
        out.bytes[31] = static_cast<std::uint8_t>(random() % 5 * 0x33);
        return out;
    }
    Bytes value() {
        Bytes out(random() % 3 == 0 ? 40 : 1);
        for (auto& byte : out) byte = static_cast<std::uint8_t>(1 + random() % 255);
        return out;
    }
    /// Edges on keys, beside them, and anywhere.
    Hash edge() {
        Hash out = key();
        if (!pairs.empty() && random() % 2 == 0) out = std::next(pairs.begin(), random() % pairs.size())->first;
        if (random() % 4 == 0 && out != last_key) out = key_after(out);
        return random() % 10 == 0 ? last_key : out;
    }
    KeyRange range() {
        KeyRange out{edge(), edge()};
        if (out.first > out.last) std::swap(out.first, out.last);
        return random() % 10 == 0 ? KeyRange{} : out;
    }
    [[nodiscard]] std::vector<TrieEntry> entries(const KeyRange& range) const {
        std::vector<TrieEntry> out;
        for (auto at = pairs.lower_bound(range.first); at != pairs.end() && at->first <= range.last; ++at) {
            out.push_back({at->first, at->second});
        }
        return out;
    }
    [[nodiscard]] std::vector<Bytes> proof(const KeyRange& range) {
        return prove_range(nodes, Hash{}, root, range).value();
    }
};

constexpr std::array<std::size_t, 8> counts = {0, 1, 2, 3, 5, 20, 60, 200};

TEST(range_proof, entries_of_any_range_are_visited_and_proved) {
    for (std::uint64_t seed = 0; seed < 400; ++seed) {
        SCOPED_TRACE(seed);
        Model model(seed, counts[seed % counts.size()]);
        for (int i = 0; i < 10; ++i) {
            const KeyRange range = model.range();
            const auto wanted = model.entries(range);
            std::vector<TrieEntry> seen;
            ASSERT_TRUE(visit_range(model.nodes, Hash{}, model.root, range, [&](const Hash& key, BytesView value) {
                seen.push_back({key, to_bytes(value)});
                return true;
            }));
            ASSERT_EQ(seen.size(), wanted.size());
            for (std::size_t k = 0; k < seen.size(); ++k) {
                ASSERT_EQ(seen[k].key, wanted[k].key);
                ASSERT_EQ(seen[k].value, wanted[k].value);
            }
            const auto verified = verify_range(model.root, range, wanted, model.proof(range));
            ASSERT_TRUE(verified) << verified.error().message;
        }
    }
}

TEST(range_proof, a_visit_ends_when_it_is_told_to) {
    Model model(1, 50);
    std::size_t count = 0;
    ASSERT_TRUE(
        visit_range(model.nodes, Hash{}, model.root, {}, [&](const Hash&, BytesView) { return ++count < 7; }));
    EXPECT_EQ(count, 7U);
}

TEST(range_proof, the_whole_trie_needs_no_proof_and_a_trie_without_entries_neither) {
    Model model(2, 60);
    EXPECT_TRUE(model.proof({}).empty());
    EXPECT_TRUE(verify_range(model.root, {}, model.entries({}), {}));
    EXPECT_TRUE(verify_range(empty_trie_root, {}, {}, {}));
    EXPECT_TRUE(verify_range(empty_trie_root, {key_after({}), key_after({})}, {}, {}));
    EXPECT_FALSE(verify_range(model.root, {}, {}, {}));
    EXPECT_FALSE(verify_range(empty_trie_root, {}, std::vector<TrieEntry>{{Hash{}, {1}}}, {}));
}

/// One way to lie about a range. @return  whether it is a lie: there may have been nothing to change.
using Forgery = bool (*)(Model& model, KeyRange& range, std::vector<TrieEntry>& entries, std::vector<Bytes>& proof);
struct NamedForgery {
    const char* name;
    Forgery forge;
};
constexpr NamedForgery forgeries[] = {
    {"a missing entry", [](Model& model, KeyRange&, std::vector<TrieEntry>& entries, std::vector<Bytes>&) {
         if (entries.empty()) return false;
         entries.erase(entries.begin() + static_cast<std::ptrdiff_t>(model.random() % entries.size()));
         return true;
     }},
    {"the first entry is missing", [](Model&, KeyRange&, std::vector<TrieEntry>& entries, std::vector<Bytes>&) {
         if (entries.empty()) return false;
         entries.erase(entries.begin());
         return true;
     }},
    {"the last entry is missing", [](Model&, KeyRange&, std::vector<TrieEntry>& entries, std::vector<Bytes>&) {
         if (entries.empty()) return false;
         entries.pop_back();
         return true;
     }},
    {"no entries at all", [](Model&, KeyRange&, std::vector<TrieEntry>& entries, std::vector<Bytes>&) {
         if (entries.empty()) return false;
         entries.clear();
         return true;
     }},
    {"an entry more", [](Model& model, KeyRange& range, std::vector<TrieEntry>& entries, std::vector<Bytes>&) {
         const Hash key = model.edge();
         if (key < range.first || key > range.last || model.pairs.contains(key)) return false;
         entries.insert(std::ranges::lower_bound(entries, key, {}, &TrieEntry::key), {key, {1}});
         return true;
     }},
    {"another value", [](Model& model, KeyRange&, std::vector<TrieEntry>& entries, std::vector<Bytes>&) {
         if (entries.empty()) return false;
         entries[model.random() % entries.size()].value[0] ^= 1;
         return true;
     }},
    {"no value", [](Model& model, KeyRange&, std::vector<TrieEntry>& entries, std::vector<Bytes>&) {
         if (entries.empty()) return false;
         entries[model.random() % entries.size()].value.clear();
         return true;
     }},
    {"another order", [](Model&, KeyRange&, std::vector<TrieEntry>& entries, std::vector<Bytes>&) {
         if (entries.size() < 2) return false;
         std::swap(entries.front(), entries.back());
         return true;
     }},
    {"an entry twice", [](Model& model, KeyRange&, std::vector<TrieEntry>& entries, std::vector<Bytes>&) {
         if (entries.empty()) return false;
         const auto at = entries.begin() + static_cast<std::ptrdiff_t>(model.random() % entries.size());
         entries.insert(at, TrieEntry(*at));
         return true;
     }},
    {"an entry outside", [](Model& model, KeyRange& range, std::vector<TrieEntry>& entries, std::vector<Bytes>&) {
         const auto above = model.pairs.upper_bound(range.last);
         if (above == model.pairs.end()) return false;
         entries.push_back({above->first, above->second});
         return true;
     }},
    {"a range that claims more on the left", [](Model& model, KeyRange& range, std::vector<TrieEntry>&,
                                                std::vector<Bytes>&) {
         const auto first = model.pairs.lower_bound(range.first);
         if (first == model.pairs.begin()) return false;
         range.first = std::prev(first)->first;
         return true;
     }},
    {"a range that claims more on the right", [](Model& model, KeyRange& range, std::vector<TrieEntry>&,
                                                 std::vector<Bytes>&) {
         const auto above = model.pairs.upper_bound(range.last);
         if (above == model.pairs.end()) return false;
         range.last = above->first;
         return true;
     }},
    {"a range that ends before it begins", [](Model&, KeyRange& range, std::vector<TrieEntry>&, std::vector<Bytes>&) {
         if (range.first == range.last) return false;
         std::swap(range.first, range.last);
         return true;
     }},
    {"a shorter proof", [](Model& model, KeyRange&, std::vector<TrieEntry>&, std::vector<Bytes>& proof) {
         if (proof.empty()) return false;
         proof.erase(proof.begin() + static_cast<std::ptrdiff_t>(model.random() % proof.size()));
         return true;
     }},
    {"a longer proof", [](Model& model, KeyRange&, std::vector<TrieEntry>&, std::vector<Bytes>& proof) {
         proof.push_back(proof.empty() ? Bytes{0xc0} : Bytes(proof[model.random() % proof.size()]));
         return true;
     }},
    {"another byte in the proof", [](Model& model, KeyRange&, std::vector<TrieEntry>&, std::vector<Bytes>& proof) {
         if (proof.empty()) return false;
         Bytes& node = proof[model.random() % proof.size()];
         node[model.random() % node.size()] ^= static_cast<std::uint8_t>(1 + model.random() % 255);
         return true;
     }},
    {"another order of the proof", [](Model&, KeyRange&, std::vector<TrieEntry>&, std::vector<Bytes>& proof) {
         if (proof.size() < 2) return false;
         std::swap(proof.front(), proof.back());
         return true;
     }},
};

TEST(range_proof, a_forged_range_is_refused) {
    for (const auto& [name, forge] : forgeries) {
        SCOPED_TRACE(name);
        std::size_t refused = 0;
        for (std::uint64_t seed = 0; seed < 150; ++seed) {
            SCOPED_TRACE(seed);
            Model model(seed, counts[seed % counts.size()]);
            KeyRange range = model.range();
            auto entries = model.entries(range);
            auto proof = model.proof(range);
            if (!forge(model, range, entries, proof)) continue;
            const auto verified = verify_range(model.root, range, entries, proof);
            ASSERT_FALSE(verified);
            ASSERT_EQ(verified.error().code, ErrorCode::invalid_argument);
            ++refused;
        }
        EXPECT_GT(refused, 20U);
    }
}

TEST(range_proof, another_root_is_refused) {
    Model model(5, 60);
    const KeyRange range = model.range();
    Hash root = model.root;
    root.bytes[7] ^= 1;
    EXPECT_FALSE(verify_range(root, range, model.entries(range), model.proof(range)));
    EXPECT_FALSE(verify_range(root, {}, model.entries({}), {}));
}

TEST(range_proof, a_store_that_lost_a_node_proves_nothing) {
    for (std::uint64_t seed = 0; seed < 40; ++seed) {
        SCOPED_TRACE(seed);
        Model model(seed, 60);
        // The root alone: everything below is lost.
        MemoryNodes broken;
        broken.put(std::vector<NodeChange>{{Hash{}, {}, model.nodes.node(Hash{}, {})}});
        const KeyRange single{model.pairs.begin()->first, model.pairs.begin()->first};
        EXPECT_EQ(prove_range(broken, Hash{}, model.root, single).error().code, ErrorCode::data_loss);
        const auto visited =
            visit_range(broken, Hash{}, model.root, {}, [](const Hash&, BytesView) { return true; });
        EXPECT_EQ(visited.error().code, ErrorCode::data_loss);
    }
}

TEST(range_proof, ranges_that_make_up_the_key_space_give_every_stored_node) {
    for (std::uint64_t seed = 0; seed < 100; ++seed) {
        SCOPED_TRACE(seed);
        Model model(seed, counts[seed % counts.size()]);
        MemoryNodes given;
        KeyRange range;
        for (bool done = false; !done;) {
            range.last = model.random() % 6 == 0 ? last_key : std::max(range.first, model.edge());
            const auto verified = verify_range(
                model.root, range, model.entries(range), model.proof(range), [&](NibblesView path, BytesView rlp) {
                    given.put(std::vector<NodeChange>{{Hash{}, to_bytes(path), to_bytes(rlp)}});
                });
            ASSERT_TRUE(verified) << verified.error().message;
            done = range.last == last_key;
            if (!done) range.first = key_after(range.last);
        }
        ASSERT_TRUE(given == model.nodes);
    }
}

/// Nodes that no trie has, under a root that is their hash: none of them may be followed too far.
TEST(range_proof, nodes_of_no_trie_are_refused) {
    const Bytes long_leaf = [] {
        Bytes out = {0xe3, 0xa1, 0x30};  // an odd path of 65 nibbles
        out.resize(35, 0x11);
        out.push_back(0x01);
        return out;
    }();
    const Bytes no_path_extension = [] {
        Bytes out = {0xe2, 0x00, 0xa0};
        out.resize(35, 0x22);
        return out;
    }();
    const Bytes short_leaf = {0xc2, 0x20, 0x01};
    const Bytes branch_with_value = [] {
        Bytes out = {0xd1};
        out.resize(17, 0x80);
        out.push_back(0x01);
        return out;
    }();
    for (const auto& node : {long_leaf, no_path_extension, short_leaf, branch_with_value, Bytes{}, Bytes{0x80}}) {
        const Hash root = crypto::keccak256(node);
        const auto verified = verify_range(root, {key_after({}), last_key}, {}, std::vector<Bytes>{node});
        ASSERT_FALSE(verified);
        EXPECT_EQ(verified.error().code, ErrorCode::invalid_argument);
    }
}

TEST(range_proof, the_key_after_another_carries) {
    Hash key;
    key.bytes[30] = 4;
    key.bytes[31] = 0xff;
    Hash next;
    next.bytes[30] = 5;
    EXPECT_EQ(key_after(key), next);
}

}  // namespace
}  // namespace weft::chain
