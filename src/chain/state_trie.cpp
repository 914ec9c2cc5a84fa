#include "chain/state_trie.hpp"

#include "chain/trie_node.hpp"
#include "base/rlp.hpp"
#include "crypto/keccak.hpp"

namespace weft::chain {

namespace {

/// Of a thread, direct-mapped. 4096 times 40 to 100 bytes: smaller than the second-level cache, bigger than a block's
/// working set.
constexpr std::size_t key_cache_count = 4096;

template <class Key>
struct KeyCache {
    struct Place {
        Key key{};
        Hash hash{};
        bool used = false;
    };
    std::vector<Place> places{key_cache_count};

    template <class ToBytes>
    const Hash& get(const Key& key, ToBytes&& to_view) {
        Place& place = places[std::hash<Key>{}(key) % key_cache_count];
        if (!place.used || place.key != key) {
            place.key = key;
            place.hash = crypto::keccak256(to_view(key));
            place.used = true;
        }
        return place.hash;
    }
};

/// A storage value as its leaf holds it: the RLP of its bytes without leading zeros.
Bytes encode_slot(const U256& value) {
    rlp::Writer out;
    out.number(value);
    return out.take();
}

std::optional<U256> decode_slot(BytesView encoded) {
    rlp::Reader in(encoded);
    const auto value = in.u256();
    if (!value || !in.done()) return std::nullopt;
    return *value;
}

}  // namespace

const Hash& hashed_key(const Address& address) {
    thread_local KeyCache<Address> cache;
    return cache.get(address, [](const Address& key) { return key.view(); });
}

const Hash& hashed_key(const U256& slot) {
    thread_local KeyCache<U256> cache;
    Hash bytes;
    return cache.get(slot, [&bytes](const U256& key) {
        bytes = key.to_hash();
        return bytes.view();
    });
}

Trie StateTrie::storage_trie(const detail::Leaf* leaf, const Hash& hashed_address, const Hash& storage_root) const {
    Trie storage(source_, hashed_address, storage_root);
    if (leaf != nullptr && storage_root != empty_trie_root) storage.root_ = leaf->storage.pointer();
    return storage;
}

void StateTrie::keep_storage(detail::Leaf* leaf, const Trie& storage) {
    damaged_ = damaged_ || storage.damaged();
    nodes_loaded_ += storage.nodes_loaded();
    if (leaf != nullptr && storage.root_ && leaf->storage.node.load() == nullptr) {
        (void)leaf->storage.install(storage.root_);
    }
}

std::optional<Account> StateTrie::account(const Address& address) {
    const auto encoded = accounts_.get(hashed_key(address));
    if (!encoded) return std::nullopt;
    auto account = decode_account(*encoded);
    if (!account) {
        damaged_ = true;
        return std::nullopt;
    }
    return *account;
}

U256 StateTrie::storage(const Address& address, const U256& key) {
    const Hash owner = hashed_key(address);
    detail::Leaf* leaf = accounts_.find_leaf(owner);
    if (leaf == nullptr) return {};
    const auto account = decode_account(leaf->value);
    if (!account || account->storage_root == empty_trie_root) return {};
    Trie storage = storage_trie(leaf, owner, account->storage_root);
    const auto encoded = storage.get(hashed_key(key));
    std::optional<U256> value = U256{};
    if (encoded) value = decode_slot(*encoded);
    if (!value) damaged_ = true;
    keep_storage(leaf, storage);
    return value.value_or(U256{});
}

std::vector<Bytes> StateTrie::account_proof(const Address& address) { return accounts_.proof(hashed_key(address)); }

std::vector<Bytes> StateTrie::storage_proof(const Address& address, const U256& key) {
    const Hash owner = hashed_key(address);
    detail::Leaf* leaf = accounts_.find_leaf(owner);
    if (leaf == nullptr) return {};
    const auto account = decode_account(leaf->value);
    if (!account) return {};
    Trie storage = storage_trie(leaf, owner, account->storage_root);
    auto proof = storage.proof(hashed_key(key));
    keep_storage(leaf, storage);
    return proof;
}

void StateTrie::prune() {
    (void)accounts_.prune();
    nodes_loaded_ = 0;
}

void StateTrie::for_each_account(const std::function<void(const Hash&, const Account&)>& visit) {
    accounts_.for_each([&](BytesView key, BytesView value) {
        const auto account = decode_account(value);
        if (!account) {
            damaged_ = true;
            return;
        }
        visit(Hash::from(key), *account);
    });
}

void StateTrie::for_each_slot(const Hash& hashed_address, const std::function<void(const Hash&, const U256&)>& visit) {
    const detail::Leaf* leaf = accounts_.find_leaf(hashed_address);
    if (leaf == nullptr) return;
    const auto account = decode_account(leaf->value);
    if (!account) return;
    Trie storage = storage_trie(leaf, hashed_address, account->storage_root);
    storage.for_each([&](BytesView key, BytesView value) {
        visit(Hash::from(key), decode_slot(value).value_or(U256{}));
    });
    damaged_ = damaged_ || storage.damaged();
}

void StateTrie::apply_account(AccountChange& change, std::vector<NodeChange>& nodes) {
    const Hash owner = hashed_key(change.address);
    detail::Leaf* leaf = accounts_.find_leaf(owner);
    Hash storage_root = empty_trie_root;
    if (leaf != nullptr) {
        const auto before = decode_account(leaf->value);
        damaged_ = damaged_ || !before;
        if (before) storage_root = before->storage_root;
    }
    const bool wiped = (change.deleted || change.storage_wiped) && storage_root != empty_trie_root;
    detail::NodePtr storage_node;
    if (wiped || !change.slots.empty()) {
        Trie storage = storage_trie(leaf, owner, storage_root);
        if (wiped) storage.wipe();
        for (const auto& slot : change.slots) {
            if (slot.value.is_zero()) {
                storage.erase(hashed_key(slot.key));
            } else {
                storage.insert(hashed_key(slot.key), encode_slot(slot.value));
            }
        }
        storage_root = storage.commit(nodes);
        storage_node = storage.root_;
        damaged_ = damaged_ || storage.damaged();
        nodes_loaded_ += storage.nodes_loaded();
        change.account.storage_root = storage_root;
    } else {
        change.account.storage_root = storage_root;
        if (leaf != nullptr) storage_node = leaf->storage.pointer();
    }
    if (change.deleted) {
        accounts_.erase(owner);
        return;
    }
    detail::Leaf* now = accounts_.insert_leaf(owner, encode(change.account));
    now->storage.replace(std::move(storage_node));
}

Hash StateTrie::apply(StateChanges& changes, std::vector<NodeChange>* nodes) {
    for (auto& change : changes.accounts) apply_account(change, pending_);
    const Hash root = accounts_.root();
    if (nodes != nullptr) {
        nodes->insert(nodes->end(), std::make_move_iterator(pending_.begin()), std::make_move_iterator(pending_.end()));
        pending_.clear();
        (void)accounts_.commit(*nodes);
    }
    return root;
}

}  // namespace weft::chain
