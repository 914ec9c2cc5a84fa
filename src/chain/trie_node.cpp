#include "chain/trie_node.hpp"

#include "base/rlp.hpp"

namespace weft::chain::detail {

void retain(TrieNode* node) { node->references.fetch_add(1, std::memory_order_relaxed); }

void release(TrieNode* node) {
    if (node->references.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
    // At most nibbles_max levels deep, twice with storage below a leaf.
    switch (node->kind) {
        case NodeKind::leaf: delete &as_leaf(*node); break;
        case NodeKind::extension: delete &as_extension(*node); break;
        case NodeKind::branch: delete &as_branch(*node); break;
    }
}

namespace {

constexpr std::size_t recycled_max = 256;  // of each size: 0.2 MiB for branches

struct FreeList {
    std::size_t size;
    std::size_t count = 0;
    std::array<void*, recycled_max> memory{};
};
/// Set once a thread's lists are gone: nodes may outlive them in its other thread-local objects.
thread_local bool lists_closed = false;
struct FreeLists {
    std::array<FreeList, 3> lists{FreeList{sizeof(Leaf)}, FreeList{sizeof(Extension)}, FreeList{sizeof(Branch)}};
    ~FreeLists() {
        lists_closed = true;
        for (auto& list : lists) {
            while (list.count > 0) ::operator delete(list.memory[--list.count]);
        }
    }
    FreeList& of(std::size_t size) {
        for (auto& list : lists) {
            if (list.size == size) return list;
        }
        WEFT_ASSERT(false);
        return lists[0];
    }
};
thread_local FreeLists free_lists;

}  // namespace

void* allocate_node(std::size_t size) {
    if (!lists_closed) {
        FreeList& list = free_lists.of(size);
        if (list.count > 0) return list.memory[--list.count];
    }
    return ::operator new(size);
}

void free_node(void* memory, std::size_t size) {
    if (!lists_closed) {
        FreeList& list = free_lists.of(size);
        if (list.count < recycled_max) {
            list.memory[list.count++] = memory;
            return;
        }
    }
    ::operator delete(memory);
}

void encode_prefix(std::uint8_t base, std::size_t size, Bytes& out) {
    if (size <= 55) {
        out.push_back(static_cast<std::uint8_t>(base + size));
        return;
    }
    std::uint8_t bytes[8];
    std::size_t count = 0;
    for (std::size_t rest = size; rest != 0; rest >>= 8) bytes[count++] = static_cast<std::uint8_t>(rest);
    out.push_back(static_cast<std::uint8_t>(base + 55 + count));
    while (count != 0) out.push_back(bytes[--count]);
}

void encode_string(BytesView bytes, Bytes& out) {
    if (bytes.size() != 1 || bytes[0] >= 0x80) encode_prefix(0x80, bytes.size(), out);
    append(out, bytes);
}

void encode_path(NibblesView path, bool is_leaf, Bytes& out) {
    std::uint8_t packed[nibbles_max / 2 + 1];
    const bool odd = path.size() % 2 != 0;
    packed[0] = static_cast<std::uint8_t>((is_leaf ? 0x20 : 0) | (odd ? 0x10 | path[0] : 0));
    std::size_t size = 1;
    for (std::size_t i = odd ? 1 : 0; i < path.size(); i += 2) {
        packed[size++] = static_cast<std::uint8_t>(path[i] << 4 | path[i + 1]);
    }
    encode_string(BytesView(packed, size), out);
}

namespace {

std::size_t size_of_path(std::size_t nibbles) {
    // A single byte is always below 0x80.
    return nibbles < 2 ? 1 : nibbles / 2 + 2;
}

std::size_t size_of_link(const Link& link) {
    WEFT_ASSERT(link.size != Link::dirty);
    if (link.size == Link::none) return 1;
    return link.size == Link::hashed ? 33 : link.size;
}

void encode_link(const Link& link, Bytes& out) {
    if (link.size == Link::none) {
        out.push_back(0x80);
        return;
    }
    if (link.size == Link::hashed) out.push_back(0x80 + 32);
    out.insert(out.end(), link.bytes.data(), link.bytes.data() + link.size);
}

/// Reads a link: nothing, a hash, or a node small enough to be embedded.
bool read_link(rlp::Reader& in, Link& link) {
    if (in.next_is_list()) {
        const auto item = in.item();
        if (!item || item->size() >= 32) return false;
        std::memcpy(link.bytes.data(), item->data(), item->size());
        link.size = static_cast<std::uint8_t>(item->size());
        return true;
    }
    const auto bytes = in.string();
    if (!bytes || (!bytes->empty() && bytes->size() != 32)) return false;
    if (bytes->empty()) return true;
    std::memcpy(link.bytes.data(), bytes->data(), 32);
    link.size = Link::hashed;
    return true;
}

NodePtr decode_short(BytesView packed, rlp::Reader& in) {
    if (packed.empty() || packed[0] >= 0x40) return {};
    Nibbles path;
    const bool odd = (packed[0] & 0x10) != 0;
    if (2 * (packed.size() - 1) + (odd ? 1 : 0) > nibbles_max) return {};
    if (odd) path.push(packed[0] & 15);
    for (const auto byte : packed.subspan(1)) {
        path.push(byte >> 4);
        path.push(byte & 15);
    }
    if ((packed[0] & 0x20) != 0) {
        const auto value = in.string();
        if (!value || !in.done()) return {};
        return NodePtr(new Leaf(path.view(), *value));
    }
    auto* extension = new Extension(path.view());
    NodePtr owner(extension);
    if (!read_link(in, extension->child) || extension->child.empty() || !in.done()) return {};
    return owner;
}

}  // namespace

NodePtr decode_node(BytesView encoded) {
    rlp::Reader outer(encoded);
    auto list = outer.list();
    if (!list || !outer.done()) return {};
    std::size_t count = 0;
    for (rlp::Reader in = *list; !in.done(); ++count) {
        if (!in.item()) return {};
    }
    if (count == 2) {
        const auto packed = list->string();
        return packed ? decode_short(*packed, *list) : NodePtr();
    }
    if (count != 17) return {};
    auto* branch = new Branch;
    NodePtr owner(branch);
    for (auto& child : branch->children) {
        if (!read_link(*list, child)) return {};
    }
    const auto value = list->string();
    if (!value) return {};
    branch->value = to_bytes(*value);
    return owner;
}

void encode_node(const TrieNode& node, Bytes& out) {
    switch (node.kind) {
        case NodeKind::leaf: {
            const auto& leaf = static_cast<const Leaf&>(node);
            std::size_t value = leaf.value.size();
            if (value != 1 || leaf.value[0] >= 0x80) {
                value += value <= 55 ? 1 : value < 256 ? 2 : value < 65536 ? 3 : value < 1U << 24 ? 4 : 5;
            }
            encode_prefix(0xc0, size_of_path(leaf.path.count) + value, out);
            encode_path(leaf.path.view(), true, out);
            encode_string(leaf.value, out);
            return;
        }
        case NodeKind::extension: {
            const auto& extension = static_cast<const Extension&>(node);
            encode_prefix(0xc0, size_of_path(extension.path.count) + size_of_link(extension.child), out);
            encode_path(extension.path.view(), false, out);
            encode_link(extension.child, out);
            return;
        }
        case NodeKind::branch: {
            const auto& branch = static_cast<const Branch&>(node);
            Bytes value;
            encode_string(branch.value, value);
            std::size_t size = value.size();
            for (const auto& child : branch.children) size += size_of_link(child);
            encode_prefix(0xc0, size, out);
            for (const auto& child : branch.children) encode_link(child, out);
            append(out, value);
            return;
        }
    }
}

}  // namespace weft::chain::detail
