// Letting go of nodes that were not used for a while.

#include "chain/trie.hpp"
#include "chain/trie_node.hpp"

namespace weft::chain {

using namespace detail;

namespace {

/// Nodes that others can reach are not written: they are left to them, and a lighter copy takes their place here.
class Pruner {
  public:
    [[nodiscard]] std::size_t kept() const { return kept_; }

    NodePtr run(NodePtr node, bool unique) {
        ++kept_;
        unique = unique && node.get()->references.load(std::memory_order_acquire) == 1;
        switch (node.get()->kind) {
            case NodeKind::leaf:
                if (as_leaf(*node.get()).storage.node.load() != nullptr) {
                    prune(as_leaf(*own<Leaf>(node, unique)).storage, unique);
                }
                break;
            case NodeKind::extension: prune(as_extension(*own<Extension>(node, unique)).child, unique); break;
            case NodeKind::branch:
                for (auto& child : as_branch(*own<Branch>(node, unique)).children) prune(child, unique);
                break;
        }
        node.get()->used.store(false, std::memory_order_relaxed);
        return node;
    }

  private:
    template <class Node>
    static TrieNode* own(NodePtr& node, bool unique) {
        if (!unique) node = NodePtr(new Node(static_cast<const Node&>(*node.get())));
        return node.get();
    }
    void prune(Link& link, bool unique) {
        const TrieNode* child = link.node.load(std::memory_order_acquire);
        if (child == nullptr) return;
        WEFT_ASSERT(link.size != Link::dirty);
        if (!child->used.load(std::memory_order_relaxed)) {
            (void)link.detach();
            return;
        }
        NodePtr taken = unique ? link.detach() : link.pointer();
        link.replace(run(std::move(taken), unique));
    }

    std::size_t kept_ = 0;
};

}  // namespace

std::size_t Trie::prune() {
    (void)root();
    Pruner pruner;
    if (root_) root_ = pruner.run(std::move(root_), true);
    nodes_loaded_ = pruner.kept();
    return nodes_loaded_;
}

}  // namespace weft::chain
