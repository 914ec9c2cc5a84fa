#pragma once
// A trie made all at once from keys in order, from the leaves up: for states with millions of accounts, which would
// take long one insertion at a time and would not fit into memory as nodes.

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "chain/trie.hpp"

namespace weft::chain {

/// A key of a trie to be built, by the number its owner knows it by.
struct TrieItem {
    std::uint64_t prefix = 0;  // the key's first 8 bytes, big-endian
    std::uint32_t index = 0;
};
struct TrieEntry {
    Hash key;
    Bytes value;
};

struct TrieBuild {
    /// Gives the entries of some items. Called for some ten thousand at a time.
    std::function<void(std::span<const TrieItem> items, std::vector<TrieEntry>& entries)> fill;
    /// Takes a node. Children come before their parent and siblings in order: with a mark above all nibbles at the end
    /// of each path, paths come in order.
    std::function<void(NibblesView path, BytesView rlp)> emit;
};

/// Builds what is below @p path.
///
/// @param items  of all keys that begin with @p path, ordered by prefix; at least one.
/// @pre     no two keys are equal, and values are so big that no node is embedded in its parent: at least 4 bytes do.
/// @return  the hash of the top node: the trie's root if @p path is empty.
[[nodiscard]] Hash build_trie(std::span<const TrieItem> items, NibblesView path, const TrieBuild& build);

/// build_trie() of a whole trie with its 16 parts at once. @param items  below each first nibble, each ordered.
/// @param build  for each part; the root itself goes to the last one's emit.
[[nodiscard]] Hash build_trie(std::span<const std::vector<TrieItem>, 16> items, std::span<const TrieBuild, 16> build,
                              Workers& workers);

}  // namespace weft::chain
