#include "chain/range_proof.hpp"

#include <algorithm>

#include "chain/trie_node.hpp"
#include "crypto/keccak.hpp"

namespace weft::chain {

using namespace detail;

namespace {

std::unexpected<Error> not_all(const char* why) { return fail(ErrorCode::invalid_argument, why); }
std::unexpected<Error> lost() { return fail(ErrorCode::data_loss, "a node of the trie is missing"); }

enum class Place : std::uint8_t { outside, inside, across };

/// Where the keys below a path are.
Place place_of(NibblesView path, const KeyRange& range) {
    Hash low;
    Hash high = last_key;
    for (std::size_t i = 0; i < path.size(); ++i) {
        const unsigned shift = i % 2 == 0 ? 4 : 0;
        low.bytes[i / 2] |= static_cast<std::uint8_t>(path[i] << shift);
        high.bytes[i / 2] &= static_cast<std::uint8_t>(~((15U ^ path[i]) << shift));
    }
    if (high < range.first || low > range.last) return Place::outside;
    return range.first <= low && high <= range.last ? Place::inside : Place::across;
}

Link root_link(const Hash& root) {
    Link out;
    if (root == empty_trie_root) return out;
    out.bytes = root.bytes;
    out.size = Link::hashed;
    return out;
}

bool leads_to(const Link& link, BytesView rlp) {
    const BytesView held(link.bytes.data(), std::min<std::size_t>(link.size, link.bytes.size()));
    return std::ranges::equal(held, link.size == Link::hashed ? crypto::keccak256(rlp).view() : rlp);
}

/// A path that goes on. @return nothing if no key is that long.
std::optional<Nibbles> joined(const Nibbles& path, NibblesView more) {
    if (path.count + more.size() > nibbles_max) return std::nullopt;
    Nibbles out = path;
    out.push(more);
    return out;
}
Nibbles joined(const Nibbles& path, std::uint8_t nibble) {
    Nibbles out = path;
    out.push(nibble);
    return out;
}

/// The key that ends with a leaf, or nothing if that is no whole key.
std::optional<Hash> key_of(const Nibbles& path, const Leaf& leaf) {
    const auto nibbles = joined(path, leaf.path.view());
    if (!nibbles || nibbles->count != nibbles_max) return std::nullopt;
    Hash out;
    for (std::size_t i = 0; i < Hash::size; ++i) {
        out.bytes[i] = static_cast<std::uint8_t>(nibbles->nibble[2 * i] << 4 | nibbles->nibble[2 * i + 1]);
    }
    return out;
}

/// Walks a stored trie where it is in the range, or across its edges alone.
class StoredTrie {
  public:
    StoredTrie(NodeSource& source, const Hash& owner, const KeyRange& range)
        : source_(source), owner_(owner), range_(range) {}

    /// @return whether to go on.
    Result<bool> visit(const Link& link, const Nibbles& path,
                       const std::function<bool(const Hash& key, BytesView value)>& each) {
        if (link.empty() || place_of(path.view(), range_) == Place::outside) return true;
        WEFT_TRY(const Loaded loaded, load(link, path));
        TrieNode& node = *loaded.node.get();
        if (node.kind == NodeKind::leaf) {
            const auto key = key_of(path, as_leaf(node));
            if (!key) return lost();
            return *key < range_.first || *key > range_.last || each(*key, as_leaf(node).value);
        }
        if (node.kind == NodeKind::extension) {
            const auto below = joined(path, as_extension(node).path.view());
            if (!below) return lost();
            return visit(as_extension(node).child, *below, each);
        }
        if (path.count == nibbles_max) return lost();
        for (std::uint8_t i = 0; i < 16; ++i) {
            WEFT_TRY(const bool more, visit(as_branch(node).children[i], joined(path, i), each));
            if (!more) return false;
        }
        return true;
    }

    Result<void> prove(const Link& link, const Nibbles& path, std::vector<Bytes>& proof) {
        if (link.empty() || place_of(path.view(), range_) != Place::across) return {};
        WEFT_TRY(Loaded loaded, load(link, path));
        if (link.size == Link::hashed) proof.push_back(std::move(loaded.rlp));
        TrieNode& node = *loaded.node.get();
        if (node.kind == NodeKind::leaf) return {};
        if (node.kind == NodeKind::extension) {
            const auto below = joined(path, as_extension(node).path.view());
            if (!below) return lost();
            return prove(as_extension(node).child, *below, proof);
        }
        if (path.count == nibbles_max) return lost();
        for (std::uint8_t i = 0; i < 16; ++i) {
            WEFT_CHECK(prove(as_branch(node).children[i], joined(path, i), proof));
        }
        return {};
    }

  private:
    struct Loaded {
        Bytes rlp;
        NodePtr node;
    };

    Result<Loaded> load(const Link& link, const Nibbles& path) {
        Loaded out;
        if (link.size == Link::hashed) {
            out.rlp = source_.node(owner_, path.view());
            if (!leads_to(link, out.rlp)) return lost();
        } else {
            out.rlp.assign(link.bytes.data(), link.bytes.data() + link.size);
        }
        out.node = decode_node(out.rlp);
        if (!out.node) return lost();
        return out;
    }

    NodeSource& source_;
    const Hash& owner_;
    const KeyRange& range_;
};

using Entries = std::span<const TrieEntry>;

/// Checks entries against the hashes of a trie, from the root down.
class Verifier {
  public:
    Verifier(const KeyRange& range, std::span<const Bytes> proof, const EmitNode& emit)
        : range_(range), proof_(proof), emit_(emit) {}

    /// @param entries  those below the path.
    Result<void> check(const Link& link, const Nibbles& path, Entries entries) {
        const Place place = place_of(path.view(), range_);
        if (place == Place::outside) {
            WEFT_ASSERT(entries.empty());
            return {};
        }
        if (link.empty()) return entries.empty() ? Result<void>{} : not_all("entries that the trie has not");
        if (place == Place::inside) {
            if (entries.empty()) return not_all("entries of the trie are missing");
            const Bytes rlp = build(entries, path);
            if (!leads_to(link, rlp)) return not_all("other entries than the trie has");
            if (link.size == Link::hashed) give(path, rlp);
            return {};
        }
        WEFT_TRY(const NodePtr node, open(link, path));
        switch (node.get()->kind) {
            case NodeKind::leaf: return check_leaf(as_leaf(*node.get()), path, entries);
            case NodeKind::extension: return check_extension(as_extension(*node.get()), path, entries);
            case NodeKind::branch: break;
        }
        return check_branch(as_branch(*node.get()), path, entries);
    }

    [[nodiscard]] bool used_all() const { return used_ == proof_.size(); }

  private:
    Result<NodePtr> open(const Link& link, const Nibbles& path) {
        BytesView rlp(link.bytes.data(), std::min<std::size_t>(link.size, link.bytes.size()));
        if (link.size == Link::hashed) {
            if (used_ == proof_.size()) return not_all("the proof is too short");
            rlp = proof_[used_++];
            if (!leads_to(link, rlp)) return not_all("the proof has another node than the trie");
            give(path, rlp);
        }
        NodePtr node = decode_node(rlp);
        if (!node) return not_all("the proof has something that is no node");
        return node;
    }

    Result<void> check_leaf(const Leaf& leaf, const Nibbles& path, Entries entries) const {
        const auto key = key_of(path, leaf);
        if (!key) return not_all("the proof has a key of another length");
        const bool is_here = range_.first <= *key && *key <= range_.last;
        if (entries.size() != (is_here ? 1U : 0U)) return not_all("other entries than the trie has");
        if (is_here && (entries[0].key != *key || entries[0].value != leaf.value)) {
            return not_all("other entries than the trie has");
        }
        return {};
    }

    Result<void> check_extension(const Extension& extension, const Nibbles& path, Entries entries) {
        const auto below = joined(path, extension.path.view());
        if (extension.path.count == 0 || !below) return not_all("the proof has a key of another length");
        // Entries are in order: what the first and the last begin with, all do.
        const auto is_below = [&](const TrieEntry& entry) {
            return std::ranges::equal(KeyNibbles(entry.key).view().first(below->count), below->view());
        };
        if (!entries.empty() && !(is_below(entries.front()) && is_below(entries.back()))) {
            return not_all("entries that the trie has not");
        }
        return check(extension.child, *below, entries);
    }

    Result<void> check_branch(const Branch& branch, const Nibbles& path, Entries entries) {
        if (path.count == nibbles_max || !branch.value.empty()) return not_all("the proof has a key of another length");
        for (std::uint8_t i = 0; i < 16; ++i) {
            const Entries below = take(entries, path.count, i);
            WEFT_CHECK(check(branch.children[i], joined(path, i), below));
        }
        WEFT_ASSERT(entries.empty());
        return {};
    }

    /// Takes off the front what has this nibble at that depth.
    static Entries take(Entries& entries, std::size_t depth, std::uint8_t nibble) {
        const auto end = std::ranges::find_if(entries, [&](const TrieEntry& entry) {
            const std::uint8_t byte = entry.key.bytes[depth / 2];
            return (depth % 2 == 0 ? byte >> 4 : byte & 15) != nibble;
        });
        const Entries out = entries.first(static_cast<std::size_t>(end - entries.begin()));
        entries = entries.subspan(out.size());
        return out;
    }

    /// The node at a path that has exactly these entries below it.
    Bytes build(Entries entries, const Nibbles& path) {
        Bytes out;
        const KeyNibbles low(entries.front().key);
        const auto rest = low.view().subspan(path.count);
        if (entries.size() == 1) {
            encode_node(Leaf(rest, entries[0].value), out);
            return out;
        }
        const KeyNibbles high(entries.back().key);
        const std::size_t common = common_prefix(rest, high.view().subspan(path.count));
        if (common > 0) {
            Extension extension(rest.first(common));
            Nibbles below = path;
            below.push(rest.first(common));
            link(extension.child, entries, below);
            encode_node(extension, out);
            return out;
        }
        Branch branch;
        for (std::uint8_t i = 0; i < 16; ++i) {
            const Entries below = take(entries, path.count, i);
            if (!below.empty()) link(branch.children[i], below, joined(path, i));
        }
        encode_node(branch, out);
        return out;
    }
    void link(Link& to, Entries entries, const Nibbles& path) {
        const Bytes rlp = build(entries, path);
        if (rlp.size() < Hash::size) {
            std::ranges::copy(rlp, to.bytes.begin());
            to.size = static_cast<std::uint8_t>(rlp.size());
            return;
        }
        to.bytes = crypto::keccak256(rlp).bytes;
        to.size = Link::hashed;
        give(path, rlp);
    }

    void give(const Nibbles& path, BytesView rlp) const {
        if (emit_) emit_(path.view(), rlp);
    }

    const KeyRange& range_;
    std::span<const Bytes> proof_;
    const EmitNode& emit_;
    std::size_t used_ = 0;
};

}  // namespace

Hash key_after(Hash key) {
    for (std::size_t i = Hash::size; i-- > 0;) {
        if (++key.bytes[i] != 0) return key;
    }
    WEFT_ASSERT(false);
    return key;
}

Result<void> visit_range(NodeSource& source, const Hash& owner, const Hash& root, const KeyRange& range,
                         const std::function<bool(const Hash& key, BytesView value)>& visit) {
    WEFT_CHECK(StoredTrie(source, owner, range).visit(root_link(root), {}, visit));
    return {};
}

Result<std::vector<Bytes>> prove_range(NodeSource& source, const Hash& owner, const Hash& root,
                                       const KeyRange& range) {
    WEFT_ASSERT(range.first <= range.last);
    std::vector<Bytes> proof;
    WEFT_CHECK(StoredTrie(source, owner, range).prove(root_link(root), {}, proof));
    return proof;
}

Result<void> verify_range(const Hash& root, const KeyRange& range, std::span<const TrieEntry> entries,
                          std::span<const Bytes> proof, const EmitNode& emit) {
    if (range.first > range.last) return not_all("a range that ends before it begins");
    for (std::size_t i = 0; i < entries.size(); ++i) {
        if (entries[i].key < range.first || entries[i].key > range.last) return not_all("an entry outside the range");
        if (i > 0 && entries[i].key <= entries[i - 1].key) return not_all("entries that are not in order");
        if (entries[i].value.empty()) return not_all("an entry without a value");
    }
    Verifier verifier(range, proof, emit);
    WEFT_CHECK(verifier.check(root_link(root), {}, entries));
    if (!verifier.used_all()) return not_all("the proof has nodes of no use");
    return {};
}

}  // namespace weft::chain
