#include "chain/trie_build.hpp"

#include <algorithm>

#include "chain/trie_node.hpp"
#include "crypto/keccak.hpp"

namespace weft::chain {

using namespace detail;

namespace {

/// Entries in memory at once: some megabytes. More are cut up by their next nibble.
constexpr std::size_t piece_max = 16'384;

void link(Link& to, const Hash& hash) {
    to.bytes = hash.bytes;
    to.size = Link::hashed;
}

/// A part that is small enough to be in memory as a whole: all nodes of one height are hashed together.
class Piece {
  public:
    Piece(std::span<const TrieEntry> entries, const TrieBuild& build) : entries_(entries), build_(build) {}

    Hash run(NibblesView path) {
        Nibbles at(path);
        const std::size_t top = collect(0, entries_.size(), at);
        for (const auto& level : levels_) hash(level);
        for (auto& node : nodes_) build_.emit(node.path.view(), node.rlp);
        return nodes_[top].hash;
    }

  private:
    static constexpr std::size_t none = ~std::size_t{0};
    struct Node {
        Nibbles path;
        NodeKind kind = NodeKind::leaf;
        std::size_t entry = 0;                // a leaf's
        Nibbles part;                         // an extension's
        std::array<std::size_t, 16> children;  // nodes; an extension has the first only
        Bytes rlp;
        Hash hash;
    };

    /// Adds the nodes of entries [first, end), which share the nibbles of @p path. @return the top one's number.
    std::size_t collect(std::size_t first, std::size_t end, Nibbles& path) {
        Node node;
        node.path = path;
        node.children.fill(none);
        std::size_t height = 0;
        if (end - first == 1) {
            node.entry = first;
            return add(std::move(node), height);
        }
        const std::uint8_t depth = path.count;
        const KeyNibbles low(entries_[first].key);
        const KeyNibbles high(entries_[end - 1].key);
        const std::size_t common = common_prefix(low.view().subspan(depth), high.view().subspan(depth));
        if (common > 0) {
            node.kind = NodeKind::extension;
            node.part = Nibbles(low.view().subspan(depth, common));
            path.push(node.part.view());
            node.children[0] = collect(first, end, path);
            height = heights_[node.children[0]] + 1;
        } else {
            node.kind = NodeKind::branch;
            while (first < end) {
                const std::uint8_t nibble = nibble_of(first, depth);
                std::size_t next = first;
                while (next < end && nibble_of(next, depth) == nibble) ++next;
                path.push(nibble);
                node.children[nibble] = collect(first, next, path);
                height = std::max(height, heights_[node.children[nibble]] + 1);
                path.count = depth;
                first = next;
            }
        }
        path.count = depth;
        return add(std::move(node), height);
    }
    [[nodiscard]] std::uint8_t nibble_of(std::size_t entry, std::size_t depth) const {
        const std::uint8_t byte = entries_[entry].key.bytes[depth / 2];
        return depth % 2 == 0 ? byte >> 4 : byte & 15;
    }
    std::size_t add(Node node, std::size_t height) {
        if (levels_.size() <= height) levels_.resize(height + 1);
        levels_[height].push_back(nodes_.size());
        heights_.push_back(height);
        nodes_.push_back(std::move(node));
        return nodes_.size() - 1;
    }
    void hash(const std::vector<std::size_t>& level) {
        std::vector<crypto::HashJob> jobs;
        for (const auto at : level) {
            Node& node = nodes_[at];
            encode(node);
            WEFT_ASSERT(node.rlp.size() >= 32);
            jobs.push_back({node.rlp, node.hash.data()});
        }
        crypto::keccak256_many(jobs);
    }
    void encode(Node& node) {
        if (node.kind == NodeKind::leaf) {
            const TrieEntry& entry = entries_[node.entry];
            encode_node(Leaf(KeyNibbles(entry.key).view().subspan(node.path.count), entry.value), node.rlp);
        } else if (node.kind == NodeKind::extension) {
            Extension extension(node.part.view());
            link(extension.child, nodes_[node.children[0]].hash);
            encode_node(extension, node.rlp);
        } else {
            Branch branch;
            for (std::size_t i = 0; i < 16; ++i) {
                if (node.children[i] != none) link(branch.children[i], nodes_[node.children[i]].hash);
            }
            encode_node(branch, node.rlp);
        }
    }

    std::span<const TrieEntry> entries_;
    const TrieBuild& build_;
    std::vector<Node> nodes_;
    std::vector<std::size_t> heights_;
    std::vector<std::vector<std::size_t>> levels_;
};

Hash finish_branch(const Branch& branch, NibblesView path, const TrieBuild& build) {
    Bytes rlp;
    encode_node(branch, rlp);
    build.emit(path, rlp);
    return crypto::keccak256(rlp);
}

}  // namespace

Hash build_trie(std::span<const TrieItem> items, NibblesView path, const TrieBuild& build) {
    WEFT_ASSERT(!items.empty());
    if (items.size() <= piece_max) {
        std::vector<TrieEntry> entries;
        entries.reserve(items.size());
        build.fill(items, entries);
        std::ranges::sort(entries, {}, &TrieEntry::key);
        return Piece(entries, build).run(path);
    }
    // So many hashed keys don't all go the same way.
    const unsigned shift = 60 - 4 * static_cast<unsigned>(path.size());
    Branch branch;
    std::size_t children = 0;
    while (!items.empty()) {
        const std::uint64_t nibble = items[0].prefix >> shift & 15;
        const auto end = std::ranges::find_if(items, [&](const TrieItem& item) {
            return (item.prefix >> shift & 15) != nibble;
        });
        const auto count = static_cast<std::size_t>(end - items.begin());
        Nibbles below(path);
        below.push(static_cast<std::uint8_t>(nibble));
        link(branch.children[nibble], build_trie(items.first(count), below.view(), build));
        items = items.subspan(count);
        ++children;
    }
    WEFT_ASSERT(children > 1);
    return finish_branch(branch, path, build);
}

Hash build_trie(std::span<const std::vector<TrieItem>, 16> items, std::span<const TrieBuild, 16> build,
                Workers& workers) {
    std::vector<TrieItem> all;
    std::size_t count = 0;
    std::size_t parts = 0;
    for (const auto& part : items) {
        count += part.size();
        parts += part.empty() ? 0 : 1;
    }
    if (count <= piece_max || parts < 2) {
        for (const auto& part : items) all.insert(all.end(), part.begin(), part.end());
        return build_trie(all, {}, build[15]);
    }
    Branch branch;
    workers.run(16, [&](std::size_t i) {
        const auto nibble = static_cast<std::uint8_t>(i);
        if (!items[i].empty()) {
            link(branch.children[i], build_trie(items[i], NibblesView(&nibble, 1), build[i]));
        }
    });
    return finish_branch(branch, {}, build[15]);
}

}  // namespace weft::chain
