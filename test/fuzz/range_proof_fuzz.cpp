// A range of a trie as a peer would prove it, under a root that its first node fits:
// [first, last, [[key, value]], [node]].

#include "base/rlp.hpp"
#include "chain/range_proof.hpp"
#include "crypto/keccak.hpp"

using namespace weft;

namespace {

struct Claim {
    chain::KeyRange range;
    std::vector<chain::TrieEntry> entries;
    std::vector<Bytes> proof;
};

Result<Claim> read(BytesView input) {
    Claim out;
    rlp::Reader outer(input);
    WEFT_TRY(rlp::Reader items, outer.list());
    WEFT_TRY(out.range.first, items.fixed<Hash>());
    WEFT_TRY(out.range.last, items.fixed<Hash>());
    WEFT_TRY(rlp::Reader entries, items.list());
    while (!entries.done()) {
        WEFT_TRY(rlp::Reader entry, entries.list());
        WEFT_TRY(const Hash key, entry.fixed<Hash>());
        WEFT_TRY(const BytesView value, entry.string());
        out.entries.push_back({key, to_bytes(value)});
    }
    WEFT_TRY(rlp::Reader nodes, items.list());
    while (!nodes.done()) {
        WEFT_TRY(const BytesView node, nodes.string());
        out.proof.push_back(to_bytes(node));
    }
    return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    auto claim = read(BytesView(data, size));
    if (!claim) return 0;
    auto& [range, entries, proof] = *claim;
    const Hash root = proof.empty() ? chain::empty_trie_root : crypto::keccak256(proof[0]);
    const auto verified = chain::verify_range(root, range, entries, proof);
    if (!verified || entries.empty()) return 0;
    // What is right is right in one way only.
    auto changed = entries;
    changed.back().value.push_back(1);
    WEFT_ASSERT(!chain::verify_range(root, range, changed, proof));
    changed.pop_back();
    WEFT_ASSERT(!chain::verify_range(root, range, changed, proof));
    proof.push_back({0xc0});
    WEFT_ASSERT(!chain::verify_range(root, range, entries, proof));
    return 0;
}
