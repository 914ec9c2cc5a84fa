// Hashing and committing a trie, and roots of lists that no trie is kept of.

#include <algorithm>
#include <map>

#include "chain/trie.hpp"
#include "chain/trie_node.hpp"
#include "crypto/keccak.hpp"

namespace weft::chain {

using namespace detail;

/// Brings links up to date, from the leaves up, and notes what changed.
class TrieHasher {
  public:
    explicit TrieHasher(Trie& trie) : trie_(trie) {}

    void run() {
        for (auto& path : trie_.removed_) trie_.pending_.push_back({trie_.owner_, std::move(path), {}});
        const bool may_repeat = !trie_.pending_.empty();
        trie_.removed_.clear();
        if (trie_.root_) {
            update(*trie_.root_.get());
            encode(*trie_.root_.get());
            crypto::keccak256_into(scratch_.data(), scratch_.size(), trie_.root_hash_.data());
            note(scratch_);
        } else {
            trie_.root_hash_ = empty_trie_root;
        }
        trie_.dirty_ = false;
        if (may_repeat) keep_last();
    }

  private:
    void encode(const TrieNode& node) {
        scratch_.clear();
        encode_node(node, scratch_);
    }
    void note(BytesView rlp) {
        auto& change = trie_.pending_.emplace_back();
        change.owner = trie_.owner_;
        change.path.assign(path_.view().begin(), path_.view().end());
        change.rlp.assign(rlp.begin(), rlp.end());
    }
    void update(TrieNode& node) {
        if (node.kind == NodeKind::extension) {
            auto& extension = as_extension(node);
            const std::uint8_t depth = path_.count;
            path_.push(extension.path.view());
            update(extension.child);
            path_.count = depth;
        } else if (node.kind == NodeKind::branch) {
            auto& branch = as_branch(node);
            for (std::uint8_t i = 0; i < 16; ++i) {
                if (branch.children[i].size != Link::dirty) continue;
                path_.push(i);
                update(branch.children[i]);
                --path_.count;
            }
        }
    }
    void update(Link& link) {
        if (link.size != Link::dirty) return;
        TrieNode& node = *link.node.load(std::memory_order_relaxed);
        update(node);
        encode(node);
        if (scratch_.size() < 32) {
            std::memcpy(link.bytes.data(), scratch_.data(), scratch_.size());
            link.size = static_cast<std::uint8_t>(scratch_.size());
            note({});  // one of 32 bytes or more may have been stored here
            return;
        }
        crypto::keccak256_into(scratch_.data(), scratch_.size(), link.bytes.data());
        link.size = Link::hashed;
        note(scratch_);
    }
    /// Of several changes of a path the last one counts.
    void keep_last() {
        std::map<BytesView, std::size_t, decltype([](BytesView a, BytesView b) {
                     return std::ranges::lexicographical_compare(a, b);
                 })>
            last;
        for (std::size_t i = 0; i < trie_.pending_.size(); ++i) last[trie_.pending_[i].path] = i;
        std::vector<NodeChange> kept;
        kept.reserve(last.size());
        for (const auto& [path, at] : last) kept.push_back(trie_.pending_[at]);
        trie_.pending_ = std::move(kept);
    }

    Trie& trie_;
    Bytes scratch_;
    Nibbles path_;
};

Hash Trie::root() {
    if (dirty_) TrieHasher(*this).run();
    return root_hash_;
}

Hash Trie::commit(std::vector<NodeChange>& changes) {
    const Hash hash = root();
    changes.insert(changes.end(), std::make_move_iterator(pending_.begin()), std::make_move_iterator(pending_.end()));
    pending_.clear();
    return hash;
}

namespace {

struct Pair {
    Nibbles key;
    BytesView value;
};

/// The root of a trie built in one go from sorted pairs.
class ListHasher {
  public:
    Hash root(std::span<const Pair> pairs) {
        if (pairs.empty()) return empty_trie_root;
        Bytes out;
        encode(pairs, 0, out);
        return crypto::keccak256(out);
    }

  private:
    /// Appends the RLP of the node that holds @p pairs, which share the first @p depth nibbles.
    void encode(std::span<const Pair> pairs, std::size_t depth, Bytes& out) {
        if (pairs.size() == 1) {
            Bytes body;
            encode_path(pairs[0].key.view().subspan(depth), true, body);
            encode_string(pairs[0].value, body);
            return wrap(body, out);
        }
        const auto first = pairs.front().key.view().subspan(depth);
        const auto last = pairs.back().key.view().subspan(depth);
        const std::size_t common = common_prefix(first, last);
        Bytes body;
        if (common > 0) {
            encode_path(first.first(common), false, body);
            append_reference(pairs, depth + common, body);
            return wrap(body, out);
        }
        body.reserve(17 * 33);
        std::size_t at = 0;
        for (std::uint8_t nibble = 0; nibble < 16; ++nibble) {
            std::size_t end = at;
            while (end < pairs.size() && pairs[end].key.nibble[depth] == nibble) ++end;
            if (end == at) {
                body.push_back(0x80);
            } else {
                append_reference(pairs.subspan(at, end - at), depth + 1, body);
            }
            at = end;
        }
        body.push_back(0x80);
        wrap(body, out);
    }
    void append_reference(std::span<const Pair> pairs, std::size_t depth, Bytes& out) {
        Bytes node;
        encode(pairs, depth, node);
        if (node.size() < 32) return append(out, node);
        out.push_back(0x80 + 32);
        append(out, crypto::keccak256(node));
    }
    static void wrap(BytesView body, Bytes& out) {
        encode_prefix(0xc0, body.size(), out);
        append(out, body);
    }
};

Nibbles to_nibbles(BytesView key) { return Nibbles(KeyNibbles(key).view()); }

/// Calls visit(i) for every index below @p count in the order of rlp(i): 1 to 127, 0 (which is 0x80), 128 and up.
template <class Visit>
void for_each_in_key_order(std::size_t count, Visit&& visit) {
    for (std::size_t i = 1; i < count && i < 128; ++i) visit(i);
    if (count > 0) visit(0);
    for (std::size_t i = 128; i < count; ++i) visit(i);
}

template <class Value>
Hash root_of_list(std::span<const Value> values) {
    std::vector<Pair> pairs;
    pairs.reserve(values.size());
    for_each_in_key_order(values.size(), [&](std::size_t i) {
        std::uint8_t key[5];
        std::size_t size = 0;
        if (i == 0) {
            key[size++] = 0x80;
        } else {
            const std::size_t bytes = i < 256 ? 1 : i < 65536 ? 2 : i < 1U << 24 ? 3 : 4;
            if (i >= 128) key[size++] = static_cast<std::uint8_t>(0x80 + bytes);
            for (std::size_t byte = bytes; byte-- > 0;) key[size++] = static_cast<std::uint8_t>(i >> (8 * byte));
        }
        pairs.push_back({to_nibbles(BytesView(key, size)), BytesView(values[i])});
    });
    return ListHasher().root(pairs);
}

}  // namespace

Hash ordered_root(std::span<const BytesView> values) { return root_of_list(values); }
Hash ordered_root(std::span<const Bytes> values) { return root_of_list(values); }

Hash root_of_pairs(std::vector<std::pair<Bytes, Bytes>> pairs) {
    std::ranges::sort(pairs);
    std::vector<Pair> sorted;
    sorted.reserve(pairs.size());
    for (const auto& [key, value] : pairs) sorted.push_back({to_nibbles(key), BytesView(value)});
    return ListHasher().root(sorted);
}

}  // namespace weft::chain
