#include "chain/trie.hpp"

#include <algorithm>

#include "chain/trie_node.hpp"
#include "crypto/keccak.hpp"

namespace weft::chain {

using namespace detail;

/// Finds and loads nodes.
class TrieReader {
  public:
    explicit TrieReader(Trie& trie) : trie_(trie) {}

    /// The root node, or null for an empty trie.
    TrieNode* root() {
        if (!trie_.root_ && !trie_.dirty_ && trie_.root_hash_ != empty_trie_root && !trie_.damaged_) {
            trie_.root_ = load_stored({}, trie_.root_hash_);
        }
        return mark(trie_.root_.get());
    }

    /// The node a link leads to, or null if it leads nowhere or the node is lost.
    /// @param path  where that node is.
    TrieNode* follow(const Link& link, NibblesView path) {
        if (TrieNode* node = link.node.load(std::memory_order_acquire)) return mark(node);
        if (link.empty()) return nullptr;
        NodePtr loaded;
        if (link.size == Link::hashed) {
            Hash hash;
            hash.bytes = link.bytes;
            loaded = load_stored(path, hash);
        } else {
            loaded = decode_node(BytesView(link.bytes.data(), link.size));
            if (!loaded) trie_.damaged_ = true;
        }
        return loaded ? link.install(std::move(loaded)) : nullptr;
    }

    /// The leaf of a key, or null. Not for keys that end in a branch.
    Leaf* leaf(NibblesView key) {
        TrieNode* node = root();
        std::size_t depth = 0;
        while (node != nullptr) {
            const auto rest = key.subspan(depth);
            switch (node->kind) {
                case NodeKind::leaf:
                    return std::ranges::equal(as_leaf(*node).path.view(), rest) ? &as_leaf(*node) : nullptr;
                case NodeKind::extension: {
                    auto& extension = as_extension(*node);
                    if (common_prefix(extension.path.view(), rest) != extension.path.count) return nullptr;
                    depth += extension.path.count;
                    node = follow(extension.child, key.first(depth));
                    break;
                }
                case NodeKind::branch: {
                    if (rest.empty()) {
                        branch_ = &as_branch(*node);
                        return nullptr;
                    }
                    ++depth;
                    node = follow(as_branch(*node).children[rest[0]], key.first(depth));
                    break;
                }
            }
        }
        return nullptr;
    }
    /// After leaf(): the branch the key ended in, or null.
    [[nodiscard]] Branch* branch() const { return branch_; }

  private:
    static TrieNode* mark(TrieNode* node) {
        if (node != nullptr && !node->used.load(std::memory_order_relaxed)) {
            node->used.store(true, std::memory_order_relaxed);
        }
        return node;
    }
    NodePtr load_stored(NibblesView path, const Hash& hash) {
        if (trie_.source_ != nullptr) {
            const Bytes encoded = trie_.source_->node(trie_.owner_, path);
            ++trie_.nodes_loaded_;
            if (!encoded.empty() && crypto::keccak256(encoded) == hash) {
                if (NodePtr node = decode_node(encoded)) return node;
            }
        }
        trie_.damaged_ = true;
        return {};
    }

    Trie& trie_;
    Branch* branch_ = nullptr;
};

/// Changes the trie along one key.
class TrieEditor {
  public:
    TrieEditor(Trie& trie, NibblesView key) : trie_(trie), reader_(trie), key_(key) {}

    /// @param depth  nibbles of the key above the node that is the trie's root: not 0 in a part of a trie.
    void insert(BytesView value, std::size_t depth = 0) {
        if (depth == 0) (void)reader_.root();
        value_ = value;
        trie_.root_ = insert_at(std::move(trie_.root_), depth, true);
        trie_.dirty_ = true;
    }
    void erase() {
        trie_.root_ = erase_at(std::move(trie_.root_), 0, true);
        trie_.dirty_ = true;
    }
    /// After insert(): the key's leaf; null if it ended in a branch.
    [[nodiscard]] Leaf* leaf() const { return leaf_; }

  private:
    /// The node itself if nothing else can reach it, else a copy.
    /// @param unique  whether everything above is ours alone; afterwards: whether the children are, too.
    template <class Node>
    Node* own(NodePtr& node, bool& unique) {
        unique = unique && node.get()->references.load(std::memory_order_acquire) == 1;
        if (!unique) {
            node = NodePtr(new Node(static_cast<const Node&>(*node.get())));
            ++trie_.nodes_loaded_;
        }
        return static_cast<Node*>(node.get());
    }
    /// Takes a link's child out to be changed. The link is dirty then, or empty.
    NodePtr take_child(Link& link, std::size_t depth, bool unique) {
        (void)reader_.follow(link, key_.first(depth));
        return unique ? link.detach() : link.pointer();
    }

    NodePtr make_leaf(std::size_t depth) {
        ++trie_.nodes_loaded_;
        leaf_ = new Leaf(key_.subspan(depth), value_);
        return NodePtr(leaf_);
    }
    NodePtr insert_at(NodePtr node, std::size_t depth, bool unique) {
        if (!node) return make_leaf(depth);
        switch (node.get()->kind) {
            case NodeKind::leaf: return insert_at_leaf(std::move(node), depth, unique);
            case NodeKind::extension: return insert_at_extension(std::move(node), depth, unique);
            case NodeKind::branch: break;
        }
        auto* branch = own<Branch>(node, unique);
        if (depth == key_.size()) {
            branch->value = to_bytes(value_);
            return node;
        }
        Link& link = branch->children[key_[depth]];
        NodePtr child = take_child(link, depth + 1, unique);
        link.set(insert_at(std::move(child), depth + 1, unique));
        return node;
    }
    NodePtr insert_at_leaf(NodePtr node, std::size_t depth, bool unique) {
        auto* leaf = own<Leaf>(node, unique);
        const auto rest = key_.subspan(depth);
        const std::size_t common = common_prefix(leaf->path.view(), rest);
        if (common == rest.size() && common == leaf->path.count) {
            leaf->value.assign(value_.begin(), value_.end());
            leaf_ = leaf;
            return node;
        }
        auto* branch = new Branch;
        NodePtr split(branch);
        ++trie_.nodes_loaded_;
        if (common == leaf->path.count) {
            branch->value = std::move(leaf->value);
        } else {
            const std::uint8_t at = leaf->path.nibble[common];
            leaf->path = Nibbles(NibblesView(leaf->path.view()).subspan(common + 1));
            branch->children[at].set(std::move(node));
        }
        add_to_split(*branch, depth + common);
        return wrap(std::move(split), rest.first(common));
    }
    NodePtr insert_at_extension(NodePtr node, std::size_t depth, bool unique) {
        auto* extension = own<Extension>(node, unique);
        const auto rest = key_.subspan(depth);
        const std::size_t common = common_prefix(extension->path.view(), rest);
        if (common == extension->path.count) {
            NodePtr child = take_child(extension->child, depth + common, unique);
            extension->child.set(insert_at(std::move(child), depth + common, unique));
            return node;
        }
        auto* branch = new Branch;
        NodePtr split(branch);
        ++trie_.nodes_loaded_;
        const std::uint8_t at = extension->path.nibble[common];
        if (common + 1 == extension->path.count) {
            branch->children[at] = extension->child;
        } else {
            extension->path = Nibbles(NibblesView(extension->path.view()).subspan(common + 1));
            branch->children[at].set(std::move(node));
        }
        add_to_split(*branch, depth + common);
        return wrap(std::move(split), rest.first(common));
    }
    void add_to_split(Branch& branch, std::size_t depth) {
        if (depth == key_.size()) {
            branch.value = to_bytes(value_);
        } else {
            branch.children[key_[depth]].set(make_leaf(depth + 1));
        }
    }
    NodePtr wrap(NodePtr branch, NibblesView path) {
        if (path.empty()) return branch;
        auto* extension = new Extension(path);
        extension->child.set(std::move(branch));
        ++trie_.nodes_loaded_;
        return NodePtr(extension);
    }

    void note_removed(NibblesView path) { trie_.removed_.push_back(to_bytes(path)); }

    /// @pre the key is in the subtree.
    NodePtr erase_at(NodePtr node, std::size_t depth, bool unique) {
        switch (node.get()->kind) {
            case NodeKind::leaf: note_removed(key_.first(depth)); return {};
            case NodeKind::extension: {
                auto* extension = own<Extension>(node, unique);
                depth += extension->path.count;
                NodePtr child = erase_at(take_child(extension->child, depth, unique), depth, unique);
                if (child.get()->kind == NodeKind::branch) {
                    extension->child.set(std::move(child));
                    return node;
                }
                note_removed(key_.first(depth));
                return prepend(extension->path.view(), std::move(child));
            }
            case NodeKind::branch: break;
        }
        auto* branch = own<Branch>(node, unique);
        if (depth == key_.size()) {
            branch->value.clear();
        } else {
            Link& link = branch->children[key_[depth]];
            NodePtr child = take_child(link, depth + 1, unique);
            link.set(erase_at(std::move(child), depth + 1, unique));
        }
        return collapse(std::move(node), depth, unique);
    }
    /// Replaces a branch that has become one of one child or only a value.
    NodePtr collapse(NodePtr node, std::size_t depth, bool unique) {
        auto& branch = as_branch(*node.get());
        std::size_t count = 0;
        std::uint8_t at = 0;
        for (std::uint8_t i = 0; i < 16; ++i) {
            if (branch.children[i].empty()) continue;
            ++count;
            at = i;
        }
        if (count + (branch.value.empty() ? 0 : 1) > 1) return node;
        if (count == 0) {
            ++trie_.nodes_loaded_;
            return NodePtr(new Leaf({}, branch.value));
        }
        Nibbles path(key_.first(depth));
        path.push(at);
        Link& link = branch.children[at];
        TrieNode* child = reader_.follow(link, path.view());
        const NibblesView step(&path.nibble[depth], 1);
        if (child == nullptr) return node;  // damaged
        if (child->kind == NodeKind::branch) {
            auto* extension = new Extension(step);
            extension->child = link;
            ++trie_.nodes_loaded_;
            return NodePtr(extension);
        }
        note_removed(path.view());
        NodePtr taken = unique ? link.detach() : link.pointer();
        return prepend(step, std::move(taken), unique);
    }
    /// A leaf or extension with @p path before its own.
    NodePtr prepend(NibblesView path, NodePtr node, bool unique = true) {
        Nibbles joined(path);
        if (node.get()->kind == NodeKind::leaf) {
            auto* leaf = own<Leaf>(node, unique);
            joined.push(leaf->path.view());
            leaf->path = joined;
        } else {
            auto* extension = own<Extension>(node, unique);
            joined.push(extension->path.view());
            extension->path = joined;
        }
        return node;
    }

    Trie& trie_;
    TrieReader reader_;
    NibblesView key_;
    BytesView value_;
    Leaf* leaf_ = nullptr;
};

Trie::Trie(NodeSource* source, const Hash& owner, const Hash& root)
    : source_(source), owner_(owner), root_hash_(root) {}

bool Trie::is_empty() const { return dirty_ ? !root_ : root_hash_ == empty_trie_root; }

std::optional<BytesView> Trie::get(BytesView key) {
    const KeyNibbles nibbles(key);
    TrieReader reader(*this);
    if (const Leaf* leaf = reader.leaf(nibbles.view())) return BytesView(leaf->value);
    if (reader.branch() != nullptr && !reader.branch()->value.empty()) return BytesView(reader.branch()->value);
    return std::nullopt;
}

void Trie::load_root() { (void)TrieReader(*this).root(); }

Leaf* Trie::find_leaf(BytesView key) { return TrieReader(*this).leaf(KeyNibbles(key).view()); }

Leaf* Trie::insert_leaf(BytesView key, BytesView value) {
    WEFT_ASSERT(!value.empty());
    const KeyNibbles nibbles(key);
    TrieEditor editor(*this, nibbles.view());
    editor.insert(value);
    return editor.leaf();
}

void Trie::insert(BytesView key, BytesView value) { (void)insert_leaf(key, value); }

namespace {

/// About what a key takes, its hashing left aside.
constexpr std::int64_t update_ns = 1'000;

void put(Trie& trie, TrieUpdate& update, std::size_t depth) {
    const KeyNibbles nibbles(update.key);
    TrieEditor editor(trie, nibbles.view());
    editor.insert(update.value, depth);
    editor.leaf()->storage.replace(std::move(update.storage));
}

}  // namespace

/// The children of a root that is a branch, each changed as a trie of its own.
class TrieParts {
  public:
    TrieParts(Trie& trie, Branch& root, bool unique) : trie_(trie), root_(root), unique_(unique) {}

    void insert(std::span<TrieUpdate> updates, Workers& workers) {
        std::array<std::vector<TrieUpdate*>, 16> by_child;
        for (auto& update : updates) {
            if (!update.value.empty()) by_child[update.key.bytes[0] >> 4].push_back(&update);
        }
        std::array<Trie, 16> parts;
        workers.run(parts.size(), [&](std::size_t i) {
            if (!by_child[i].empty()) insert_below(static_cast<std::uint8_t>(i), parts[i], by_child[i]);
        });
        for (const auto& part : parts) {
            trie_.nodes_loaded_ += part.nodes_loaded_;
            trie_.damaged_ = trie_.damaged_ || part.damaged_;
        }
    }

  private:
    void insert_below(std::uint8_t child, Trie& part, const std::vector<TrieUpdate*>& updates) {
        part.source_ = trie_.source_;
        part.owner_ = trie_.owner_;
        Link& link = root_.children[child];
        (void)TrieReader(part).follow(link, NibblesView(&child, 1));
        part.root_ = unique_ ? link.detach() : link.pointer();
        for (auto* update : updates) put(part, *update, 1);
        link.set(std::move(part.root_));
    }

    Trie& trie_;
    Branch& root_;
    bool unique_;
};

void Trie::update(std::span<TrieUpdate> updates, Workers& workers) {
    changed_ += updates.size();
    TrieNode* root = workers.pays(std::ssize(updates) * update_ns) ? TrieReader(*this).root() : nullptr;
    if (root != nullptr && root->kind == NodeKind::branch) {
        const bool unique = root->references.load(std::memory_order_acquire) == 1;
        if (!unique) {
            root_ = NodePtr(new Branch(as_branch(*root)));
            ++nodes_loaded_;
        }
        TrieParts(*this, as_branch(*root_.get()), unique).insert(updates, workers);
        dirty_ = true;
    } else {
        for (auto& update : updates) {
            if (!update.value.empty()) put(*this, update, 0);
        }
    }
    // A key that goes may take branches with it, the root too.
    for (const auto& update : updates) {
        if (update.value.empty()) erase(update.key);
    }
}

void Trie::erase(BytesView key) {
    if (!get(key)) return;
    const KeyNibbles nibbles(key);
    TrieEditor(*this, nibbles.view()).erase();
}

namespace {

/// Visits every node, parents first. visit(node, path, is_embedded).
template <class Visit>
void walk(TrieReader& reader, TrieNode* node, Nibbles& path, bool is_embedded, Visit& visit) {
    if (node == nullptr) return;
    visit(*node, path, is_embedded);
    const auto descend = [&](Link& link) {
        if (link.empty()) return;
        walk(reader, reader.follow(link, path.view()), path, link.size < Link::hashed, visit);
    };
    const std::uint8_t depth = path.count;
    if (node->kind == NodeKind::extension) {
        path.push(as_extension(*node).path.view());
        descend(as_extension(*node).child);
        path.count = depth;
    } else if (node->kind == NodeKind::branch) {
        for (std::uint8_t i = 0; i < 16; ++i) {
            path.push(i);
            descend(as_branch(*node).children[i]);
            path.count = depth;
        }
    }
}

}  // namespace

void Trie::wipe() {
    (void)root();
    TrieReader reader(*this);
    Nibbles path;
    auto visit = [&](TrieNode&, const Nibbles& at, bool is_embedded) {
        if (!is_embedded) pending_.push_back({owner_, to_bytes(at.view()), {}});
    };
    walk(reader, reader.root(), path, false, visit);
    root_ = {};
    dirty_ = true;
}

std::vector<Bytes> Trie::proof(BytesView key) {
    (void)root();
    const KeyNibbles nibbles(key);
    const auto view = nibbles.view();
    TrieReader reader(*this);
    std::vector<Bytes> out;
    std::size_t depth = 0;
    bool is_embedded = false;
    for (TrieNode* node = reader.root(); node != nullptr;) {
        if (!is_embedded) encode_node(*node, out.emplace_back());
        const Link* next = nullptr;
        if (node->kind == NodeKind::extension) {
            const auto& extension = as_extension(*node);
            if (common_prefix(extension.path.view(), view.subspan(depth)) != extension.path.count) break;
            depth += extension.path.count;
            next = &extension.child;
        } else if (node->kind == NodeKind::branch && depth < view.size()) {
            next = &as_branch(*node).children[view[depth++]];
        }
        if (next == nullptr || next->empty()) break;
        is_embedded = next->size < Link::hashed;
        node = reader.follow(*next, view.first(depth));
    }
    return out;
}

void Trie::for_each(const std::function<void(BytesView, BytesView)>& visit) {
    (void)root();
    TrieReader reader(*this);
    Nibbles path;
    const auto give = [&](const Nibbles& key, BytesView value) {
        Bytes packed(key.count / 2);
        for (std::size_t i = 0; i < packed.size(); ++i) {
            packed[i] = static_cast<std::uint8_t>(key.nibble[2 * i] << 4 | key.nibble[2 * i + 1]);
        }
        visit(packed, value);
    };
    auto each = [&](TrieNode& node, const Nibbles& at, bool) {
        if (node.kind == NodeKind::leaf) {
            Nibbles key = at;
            key.push(as_leaf(node).path.view());
            give(key, as_leaf(node).value);
        } else if (node.kind == NodeKind::branch && !as_branch(node).value.empty()) {
            give(at, as_branch(node).value);
        }
    };
    walk(reader, reader.root(), path, false, each);
}

}  // namespace weft::chain
