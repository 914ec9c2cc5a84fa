#pragma once
// The nodes of a trie, for the files that implement it.

#include <array>
#include <atomic>
#include <cstring>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "chain/trie.hpp"

namespace weft::chain::detail {

/// A node's part of a key, one nibble a byte.
struct Nibbles {
    std::uint8_t count = 0;
    std::array<std::uint8_t, nibbles_max> nibble{};

    Nibbles() = default;
    explicit Nibbles(NibblesView view) : count(static_cast<std::uint8_t>(view.size())) {
        WEFT_ASSERT(view.size() <= nibbles_max);
        if (!view.empty()) std::memcpy(nibble.data(), view.data(), view.size());
    }
    [[nodiscard]] NibblesView view() const { return {nibble.data(), count}; }
    void push(std::uint8_t value) {
        WEFT_ASSERT(count < nibbles_max);
        nibble[count++] = value;
    }
    void push(NibblesView view) {
        for (const auto value : view) push(value);
    }
};

enum class NodeKind : std::uint8_t { leaf, extension, branch };

struct TrieNode {
    explicit TrieNode(NodeKind which) : kind(which) {}
    std::atomic<std::uint32_t> references{1};
    NodeKind kind;
    std::atomic<bool> used{true};  // since the last prune
};

/// A reference to a child: what the parent's encoding holds of it, and the child itself once it was needed.
struct Link {
    static constexpr std::uint8_t none = 0;
    static constexpr std::uint8_t hashed = 32;  // from 1 to 31: the child's RLP itself
    static constexpr std::uint8_t dirty = 255;  // the child changed and bytes mean nothing

    std::atomic<TrieNode*> node{nullptr};
    std::array<std::uint8_t, 32> bytes{};
    std::uint8_t size = none;

    Link() = default;
    Link(const Link& other) : bytes(other.bytes), size(other.size) {
        if (TrieNode* shared = other.node.load(std::memory_order_acquire)) {
            retain(shared);
            node.store(shared, std::memory_order_relaxed);
        }
    }
    Link& operator=(const Link& other) {
        if (this == &other) return *this;
        Link copy(other);
        bytes = copy.bytes;
        size = copy.size;
        drop(node.exchange(copy.node.exchange(nullptr)));
        return *this;
    }
    ~Link() { drop(node.load(std::memory_order_relaxed)); }

    [[nodiscard]] bool empty() const { return size == none; }
    [[nodiscard]] NodePtr pointer() const {
        TrieNode* raw = node.load(std::memory_order_acquire);
        if (raw != nullptr) retain(raw);
        return NodePtr(raw);
    }
    /// Makes @p child what the link leads to; null makes it lead nowhere.
    void set(NodePtr child) {
        size = child ? dirty : none;
        drop(node.exchange(child.take(), std::memory_order_acq_rel));
    }
    /// Puts another object in the child's place that encodes the same.
    void replace(NodePtr child) { drop(node.exchange(child.take(), std::memory_order_acq_rel)); }
    /// Takes the child out, if it is loaded, so that its owner may change it in place.
    [[nodiscard]] NodePtr detach() { return NodePtr(node.exchange(nullptr, std::memory_order_acq_rel)); }
    /// Keeps a child that was loaded; if another thread was faster, its one. @return the child kept.
    [[nodiscard]] TrieNode* install(NodePtr loaded) const {
        TrieNode* expected = nullptr;
        auto& place = const_cast<std::atomic<TrieNode*>&>(node);
        if (place.compare_exchange_strong(expected, loaded.get(), std::memory_order_acq_rel)) return loaded.take();
        return expected;
    }

  private:
    static void drop(TrieNode* raw) {
        if (raw != nullptr) release(raw);
    }
};

/// Memory of nodes that went, for the nodes that come: a block replaces a few dozen, and the general allocator merges
/// and splits pieces of their sizes all the time. Per thread and kind of node.
void* allocate_node(std::size_t size);
void free_node(void* memory, std::size_t size);

template <class Node>
struct Recycled {
    static void* operator new(std::size_t size) { return allocate_node(size); }
    static void operator delete(void* memory) { free_node(memory, sizeof(Node)); }
};

struct Leaf : TrieNode, Recycled<Leaf> {
    Leaf(NibblesView suffix, BytesView bytes) : TrieNode(NodeKind::leaf), path(suffix), value(to_bytes(bytes)) {}
    Leaf(const Leaf& other) : TrieNode(NodeKind::leaf), path(other.path), value(other.value), storage(other.storage) {}
    Nibbles path;
    Bytes value;
    /// In the account trie: the root of the account's storage, if it was needed. Only its pointer counts.
    Link storage;
};

struct Extension : TrieNode, Recycled<Extension> {
    explicit Extension(NibblesView part) : TrieNode(NodeKind::extension), path(part) {}
    Extension(const Extension& other) : TrieNode(NodeKind::extension), path(other.path), child(other.child) {}
    Nibbles path;
    Link child;
};

struct Branch : TrieNode, Recycled<Branch> {
    Branch() : TrieNode(NodeKind::branch) {}
    Branch(const Branch& other) : TrieNode(NodeKind::branch), children(other.children), value(other.value) {}
    std::array<Link, 16> children;
    Bytes value;  // of the key that ends here; empty: none. Never in tries with keys of one length.
};

inline Leaf& as_leaf(TrieNode& node) { return static_cast<Leaf&>(node); }
inline Extension& as_extension(TrieNode& node) { return static_cast<Extension&>(node); }
inline Branch& as_branch(TrieNode& node) { return static_cast<Branch&>(node); }

/// Nibbles of a key.
class KeyNibbles {
  public:
    explicit KeyNibbles(BytesView key) : count_(key.size() * 2) {
        WEFT_ASSERT(count_ <= nibbles_max);
        for (std::size_t i = 0; i < key.size(); ++i) {
            nibble_[2 * i] = key[i] >> 4;
            nibble_[2 * i + 1] = key[i] & 15;
        }
    }
    [[nodiscard]] NibblesView view() const { return {nibble_.data(), count_}; }

  private:
    std::array<std::uint8_t, nibbles_max> nibble_;
    std::size_t count_;
};

[[nodiscard]] inline std::size_t common_prefix(NibblesView a, NibblesView b) {
    std::size_t count = 0;
    while (count < a.size() && count < b.size() && a[count] == b[count]) ++count;
    return count;
}

/// A node from its RLP. Embedded children stay in their links until they are needed.
/// @return null if it is no node.
[[nodiscard]] NodePtr decode_node(BytesView encoded);
/// Appends a node's RLP. @pre none of its links is dirty.
void encode_node(const TrieNode& node, Bytes& out);
/// Appends the hexadecimal-prefix encoding of a path as an RLP string (Yellow Paper, appendix C).
void encode_path(NibblesView path, bool is_leaf, Bytes& out);
/// Appends the prefix of an RLP string or list of @p size bytes.
void encode_prefix(std::uint8_t base, std::size_t size, Bytes& out);
/// Appends an RLP string.
void encode_string(BytesView bytes, Bytes& out);

}  // namespace weft::chain::detail
