// Hashing and committing a trie, and roots of lists that no trie is kept of.

#include <algorithm>
#include <map>

#include "chain/trie.hpp"
#include "chain/trie_node.hpp"
#include "crypto/keccak.hpp"

namespace weft::chain {

using namespace detail;

namespace {

/// Brings the links below some of a trie's nodes up to date and notes what changed: level by level from the leaves up,
/// so that a level's nodes are hashed together.
class LinkUpdater {
  public:
    explicit LinkUpdater(const Hash& owner) : owner_(owner) {}

    /// Takes in a link and the dirty ones below it. @param path  where it leads.
    void add(Link& link, Nibbles path) { collect(link, path, 0); }
    void run() {
        for (auto level = levels_.rbegin(); level != levels_.rend(); ++level) update(*level);
    }
    [[nodiscard]] std::vector<NodeChange> take_changes() { return std::move(changes_); }

  private:
    struct Item {
        Link* link;
        std::size_t change;
    };

    void collect(Link& link, Nibbles& path, std::size_t level) {
        if (link.size != Link::dirty) return;
        if (levels_.size() <= level) levels_.resize(level + 1);
        levels_[level].push_back({&link, changes_.size()});
        changes_.push_back({owner_, to_bytes(path.view()), {}});
        TrieNode& node = *link.node.load(std::memory_order_relaxed);
        const std::uint8_t depth = path.count;
        if (node.kind == NodeKind::extension) {
            auto& extension = as_extension(node);
            path.push(extension.path.view());
            collect(extension.child, path, level + 1);
        } else if (node.kind == NodeKind::branch) {
            auto& branch = as_branch(node);
            for (std::uint8_t i = 0; i < 16; ++i) {
                if (branch.children[i].size != Link::dirty) continue;
                path.push(i);
                collect(branch.children[i], path, level + 1);
                path.count = depth;
            }
        }
        path.count = depth;
    }
    void update(const std::vector<Item>& level) {
        jobs_.clear();
        for (const auto& [link, change] : level) {
            Bytes& rlp = changes_[change].rlp;
            rlp.reserve(branch_size_max);
            encode_node(*link->node.load(std::memory_order_relaxed), rlp);
            if (rlp.size() < Link::hashed) {
                std::memcpy(link->bytes.data(), rlp.data(), rlp.size());
                link->size = static_cast<std::uint8_t>(rlp.size());
                rlp.clear();  // one of 32 bytes or more may have been stored here
                continue;
            }
            link->size = Link::hashed;
            jobs_.push_back({rlp, link->bytes.data()});
        }
        crypto::keccak256_many(jobs_);
    }

    static constexpr std::size_t branch_size_max = 3 + 16 * 33 + 1;  // without a value

    const Hash& owner_;
    std::vector<NodeChange> changes_;
    std::vector<std::vector<Item>> levels_;
    std::vector<crypto::HashJob> jobs_;
};

/// Of several changes of a path the last one counts.
void keep_last(std::vector<NodeChange>& changes) {
    std::map<BytesView, std::size_t, decltype([](BytesView a, BytesView b) {
                 return std::ranges::lexicographical_compare(a, b);
             })>
        last;
    for (std::size_t i = 0; i < changes.size(); ++i) last[changes[i].path] = i;
    std::vector<NodeChange> kept;
    kept.reserve(last.size());
    for (const auto& [path, at] : last) kept.push_back(std::move(changes[at]));
    changes = std::move(kept);
}

}  // namespace

/// Brings a trie's root up to date.
class TrieHasher {
  public:
    TrieHasher(Trie& trie, Workers& workers) : trie_(trie), workers_(workers) {}

    void run() {
        for (auto& path : trie_.removed_) trie_.pending_.push_back({trie_.owner_, std::move(path), {}});
        const bool may_repeat = !trie_.pending_.empty();
        trie_.removed_.clear();
        if (trie_.root_) {
            update_children(*trie_.root_.get());
            Bytes rlp;
            encode_node(*trie_.root_.get(), rlp);
            crypto::keccak256_into(rlp.data(), rlp.size(), trie_.root_hash_.data());
            trie_.pending_.push_back({trie_.owner_, {}, std::move(rlp)});
        } else {
            trie_.root_hash_ = empty_trie_root;
        }
        trie_.dirty_ = false;
        trie_.changed_ = 0;
        if (may_repeat) keep_last(trie_.pending_);
    }

  private:
    /// About what the nodes take that one changed key makes dirty.
    static constexpr std::int64_t change_ns = 500;

    void update_children(TrieNode& root) {
        if (root.kind == NodeKind::extension) {
            auto& extension = as_extension(root);
            LinkUpdater updater(trie_.owner_);
            updater.add(extension.child, extension.path);
            updater.run();
            take(updater);
        } else if (root.kind == NodeKind::branch) {
            auto& branch = as_branch(root);
            // Cut into as many parts as can run at once, though one for each child would balance better: the fewer
            // parts, the more nodes of a level are hashed together.
            const bool pays = workers_.pays(static_cast<std::int64_t>(trie_.changed_) * change_ns);
            const std::size_t parts = pays ? std::min<std::size_t>(workers_.width(), 16) : 1;
            std::vector<LinkUpdater> updaters(parts, LinkUpdater(trie_.owner_));
            workers_.run(parts, [&](std::size_t part) {
                for (auto i = static_cast<std::uint8_t>(part); i < 16; i += static_cast<std::uint8_t>(parts)) {
                    Nibbles path;
                    path.push(i);
                    updaters[part].add(branch.children[i], path);
                }
                updaters[part].run();
            });
            for (auto& updater : updaters) take(updater);
        }
    }
    void take(LinkUpdater& updater) {
        auto changes = updater.take_changes();
        trie_.pending_.insert(trie_.pending_.end(), std::make_move_iterator(changes.begin()),
                              std::make_move_iterator(changes.end()));
    }

    Trie& trie_;
    Workers& workers_;
};

Hash Trie::root(Workers& workers) {
    if (dirty_) TrieHasher(*this, workers).run();
    return root_hash_;
}

Hash Trie::commit(std::vector<NodeChange>& changes, Workers& workers) {
    const Hash hash = root(workers);
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
