#pragma once
// The Merkle Patricia trie (Yellow Paper, appendix D), persistent: nodes are immutable once committed and shared, a
// change copies the path to it, and a snapshot is a root pointer.
//
// Nodes are stored by PATH: the owner (zero for the account trie, the hashed address for a storage trie) and the
// nibbles from the root. They are loaded when first needed and checked against the hash that leads to them. A commit
// names exactly the paths that changed, so a store that keeps versions of paths can answer for any past root.
//
// Invariants:
//   1. A node reachable from a committed root is never written again, but for its children's loaded-pointers, which
//   only
//      go from null to a node that has the referenced hash.
//   2. A branch has at least two children or a child and a value; an extension leads to a branch.
//   3. A link to a changed node is dirty until root() hashes the node, and so are the links above it.
//
// A Trie belongs to one thread at a time; copies share nodes and may be used on different threads.
// A node that only one Trie can reach (every reference count from its root on is 1) is changed in place.

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "base/workers.hpp"
#include "chain/account.hpp"

namespace weft::chain {

/// Nibbles from a root, one a byte.
using NibblesView = BytesView;
/// 32 bytes of key are 64 nibbles.
inline constexpr std::size_t nibbles_max = 64;

/// Where tries read what was committed. Called from whichever thread uses a trie: implementations are thread-safe.
class NodeSource {
  public:
    virtual ~NodeSource() = default;
    /// The RLP stored at a path, or nothing.
    /// @param owner  zero for the account trie, keccak256(address) for the storage of an account.
    [[nodiscard]] virtual Bytes node(const Hash& owner, NibblesView path) = 0;
};

/// One path that a commit changed.
struct NodeChange {
    Hash owner;
    Bytes path;  // one nibble a byte
    Bytes rlp;   // empty: nothing is at this path any more
    bool operator==(const NodeChange&) const = default;
};

namespace detail {
struct TrieNode;
struct Leaf;
void retain(TrieNode* node);
void release(TrieNode* node);

/// Shared ownership of a node.
class NodePtr {
  public:
    NodePtr() = default;
    explicit NodePtr(TrieNode* adopted) : node_(adopted) {}
    NodePtr(const NodePtr& other) : node_(other.node_) {
        if (node_ != nullptr) retain(node_);
    }
    NodePtr(NodePtr&& other) noexcept : node_(std::exchange(other.node_, nullptr)) {}
    NodePtr& operator=(NodePtr other) noexcept {
        std::swap(node_, other.node_);
        return *this;
    }
    ~NodePtr() {
        if (node_ != nullptr) release(node_);
    }
    [[nodiscard]] TrieNode* get() const { return node_; }
    [[nodiscard]] TrieNode* take() { return std::exchange(node_, nullptr); }
    explicit operator bool() const { return node_ != nullptr; }

  private:
    TrieNode* node_ = nullptr;
};
}  // namespace detail

/// A key's new value.
struct TrieUpdate {
    Hash key;
    Bytes value;  // empty: the key goes
    /// For the account trie: the root of the storage that goes with the value.
    detail::NodePtr storage;
};

class Trie {
  public:
    /// An empty trie.
    Trie() = default;
    /// The trie of a committed root; empty_trie_root for none.
    Trie(NodeSource* source, const Hash& owner, const Hash& root);

    /// The value of a key, or nothing. The view holds until the trie changes.
    [[nodiscard]] std::optional<BytesView> get(BytesView key);
    /// @param value  not empty.
    void insert(BytesView key, BytesView value);
    /// No effect if the key is absent.
    void erase(BytesView key);

    /// insert() or erase() of each, in any order. @param updates  each key once; used up.
    void update(std::span<TrieUpdate> updates, Workers& workers = serial_workers());

    /// The root of what it holds now. Hashes dirty paths only.
    [[nodiscard]] Hash root(Workers& workers = serial_workers());
    /// root(), and appends the paths that differ from the last commit.
    Hash commit(std::vector<NodeChange>& changes, Workers& workers = serial_workers());
    /// Empties the trie: the next commit names every stored path as gone. Loads the whole trie.
    void wipe();

    /// RLP of the nodes from the root towards a key, as eth_getProof gives them: also for an absent key, then up to the
    /// node that shows its absence. Embedded nodes are parts of their parents. Empty for an empty trie.
    [[nodiscard]] std::vector<Bytes> proof(BytesView key);

    /// Calls @p visit with every key and value, in order of keys. Loads the whole trie.
    void for_each(const std::function<void(BytesView key, BytesView value)>& visit);

    /// A node was needed that the source does not have or that has another hash. Reads then saw an empty subtree, and
    /// nothing this trie says may be used.
    [[nodiscard]] bool damaged() const { return damaged_; }
    [[nodiscard]] bool is_empty() const;
    /// Nodes loaded or made since the last prune, an upper bound of what is in memory.
    [[nodiscard]] std::size_t nodes_loaded() const { return nodes_loaded_; }
    /// Lets go of clean nodes that were not used since the last call. Must be committed. @return nodes kept.
    std::size_t prune();

  private:
    friend class StateTrie;
    friend class TrieReader;
    friend class TrieEditor;
    friend class TrieHasher;
    friend class TrieParts;

    /// Loads the root node, so that copies share what each loads below it.
    void load_root();
    /// The key's leaf, or null. The pointer holds until the trie changes.
    [[nodiscard]] detail::Leaf* find_leaf(BytesView key);
    detail::Leaf* insert_leaf(BytesView key, BytesView value);

    NodeSource* source_ = nullptr;
    Hash owner_;
    detail::NodePtr root_;              // null: empty, or not loaded yet
    Hash root_hash_ = empty_trie_root;  // right unless dirty_
    bool dirty_ = false;
    std::size_t changed_ = 0;           // keys, since the last root()
    std::vector<NodeChange> pending_;   // of root() calls since the last commit
    std::vector<Bytes> removed_;        // paths at which a stored node may be gone since the last root()
    std::size_t nodes_loaded_ = 0;
    bool damaged_ = false;
};

/// Root of the trie of key rlp(i) and value values[i], which is how blocks commit to lists.
[[nodiscard]] Hash ordered_root(std::span<const BytesView> values);
[[nodiscard]] Hash ordered_root(std::span<const Bytes> values);
/// Root of any list of pairs. @param pairs  sorted here; keys distinct, none a prefix of another.
[[nodiscard]] Hash root_of_pairs(std::vector<std::pair<Bytes, Bytes>> pairs);

}  // namespace weft::chain
