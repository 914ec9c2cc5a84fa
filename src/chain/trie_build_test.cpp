#include "chain/trie_build.hpp"

#include <algorithm>
#include <array>
#include <random>

#include "chain/memory.hpp"
#include "chain/test_workers.hpp"
#include "crypto/keccak.hpp"
#include <gtest/gtest.h>

namespace weft::chain {
namespace {

TEST(trie_build, makes_the_trie_that_insertions_make) {
    // Around the size from which a trie is cut up.
    for (const std::uint32_t count : {1U, 2U, 17U, 1'000U, 16'384U, 16'385U, 60'000U}) {
        SCOPED_TRACE(count);
        const auto key_of = [](std::uint32_t i) { return crypto::keccak256(U256(i).to_hash()); };
        const auto value_of = [](std::uint32_t i) { return Bytes(4 + i % 40, static_cast<std::uint8_t>(i | 1)); };
        MemoryNodes nodes;
        Trie inserted(&nodes, Hash{}, empty_trie_root);
        std::array<std::vector<TrieItem>, 16> items;
        for (std::uint32_t i = 0; i < count; ++i) {
            const Hash key = key_of(i);
            inserted.insert(key, value_of(i));
            std::uint64_t prefix = 0;
            for (std::size_t byte = 0; byte < 8; ++byte) prefix = prefix << 8 | key.bytes[byte];
            items[prefix >> 60].push_back({prefix, i});
        }
        for (auto& part : items) std::ranges::sort(part, {}, &TrieItem::prefix);
        std::vector<NodeChange> changes;
        const Hash want = inserted.commit(changes);
        nodes.put(changes);

        std::array<std::vector<NodeChange>, 16> built;
        std::array<TrieBuild, 16> builds;
        for (std::size_t i = 0; i < 16; ++i) {
            builds[i].fill = [&](std::span<const TrieItem> some, std::vector<TrieEntry>& out) {
                for (const auto& item : some) out.push_back({key_of(item.index), value_of(item.index)});
            };
            builds[i].emit = [&, i](NibblesView path, BytesView rlp) {
                built[i].push_back({Hash{}, to_bytes(path), to_bytes(rlp)});
            };
        }
        TestWorkers workers(3);
        EXPECT_EQ(build_trie(items, builds, workers), want);
        MemoryNodes got;
        Bytes last;
        for (const auto& part : built) {
            for (const auto& change : part) {
                Bytes marked = change.path;
                marked.push_back(16);
                EXPECT_TRUE(std::ranges::lexicographical_compare(last, marked)) << "not in order";
                last = marked;
            }
            got.put(part);
        }
        EXPECT_TRUE(got == nodes);
    }
}

}  // namespace
}  // namespace weft::chain
