#pragma once
// Proofs that some entries are all that a trie has between two keys.
//
// The edges of the range [first, last] cut the trie: a subtree is outside of the range, inside it, or across an edge. A
// proof is the stored nodes across the edges, root first, siblings in order; an embedded node is in its parent. Who
// verifies it walks down from the root: a node across an edge must be the next one of the proof and have the hash that
// leads to it, a subtree inside is built anew from the entries and must have that hash, one outside says nothing. So a
// range that is the whole key space needs no proof at all, and a proof has one form.
//
// Every stored node is inside one of the ranges that make up the key space, or across an edge of one: who verifies them
// all has been given all nodes of the trie.

#include <functional>
#include <span>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "chain/trie.hpp"
#include "chain/trie_build.hpp"

namespace weft::chain {

/// The greatest key.
inline constexpr Hash last_key = [] {
    Hash out;
    out.bytes.fill(0xff);
    return out;
}();
/// The key after another one. @pre  it is not last_key.
[[nodiscard]] Hash key_after(Hash key);

struct KeyRange {
    Hash first;
    Hash last = last_key;  // itself in the range
};

/// Calls @p visit with the entries of a stored trie in a range, in order, until it answers false.
/// @errors data_loss  the source lacks a node or has another one.
[[nodiscard]] Result<void> visit_range(NodeSource& source, const Hash& owner, const Hash& root, const KeyRange& range,
                                       const std::function<bool(const Hash& key, BytesView value)>& visit);

/// The proof of a range of a stored trie.
/// @pre  first is not above last. @errors data_loss  as visit_range().
[[nodiscard]] Result<std::vector<Bytes>> prove_range(NodeSource& source, const Hash& owner, const Hash& root,
                                                     const KeyRange& range);

/// Takes a stored node: one inside of the range, or of the proof.
using EmitNode = std::function<void(NibblesView path, BytesView rlp)>;

/// Whether @p entries, in order, are all that the trie of that root has in the range.
///
/// @param emit  told of nodes while it is not known yet whether everything is right; may be empty.
/// @errors invalid_argument  they are not, or the proof is not the range's.
[[nodiscard]] Result<void> verify_range(const Hash& root, const KeyRange& range, std::span<const TrieEntry> entries,
                                        std::span<const Bytes> proof, const EmitNode& emit = {});

}  // namespace weft::chain
