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

/// A block's changes on their way into the tries: every key hashed, then each account's leaf found and its storage
/// changed, then the accounts written.
class StateTrie::Applier {
  public:
    Applier(StateTrie& trie, StateChanges& changes, Workers& workers)
        : trie_(trie), changes_(changes.accounts), workers_(workers), accounts_(changes_.size()) {}

    void run() {
        hash_keys();
        trie_.accounts_.load_root();
        if (!workers_.pays(static_cast<std::int64_t>(keys_.size()) * change_ns)) {
            Part part{trie_.accounts_, {}, {}};
            for (std::size_t i = 0; i < changes_.size(); ++i) change_storage(i, part, serial_workers());
            take(part);
        } else {
            run_parallel();
        }
        std::vector<TrieUpdate> updates(changes_.size());
        for (std::size_t i = 0; i < changes_.size(); ++i) {
            updates[i].key = keys_[accounts_[i].first_key];
            if (!changes_[i].deleted) updates[i].value = encode(changes_[i].account);
            updates[i].storage = std::move(accounts_[i].storage);
        }
        trie_.accounts_.update(updates, workers_);
    }

  private:
    /// About what an account or a slot takes if its nodes are in memory.
    static constexpr std::int64_t change_ns = 1'000;
    static constexpr std::int64_t hash_ns = 100;
    static constexpr std::size_t accounts_a_piece = 16;
    /// A storage trie with as many changes is cut up itself.
    static constexpr std::size_t slots_alone_min = 128;

    struct AccountWork {
        std::size_t first_key = 0;  // the account's, then its slots'
        detail::NodePtr storage;
    };
    /// What one piece of the work reads with and leaves.
    struct Part {
        Trie accounts;
        std::vector<NodeChange> nodes;
        std::size_t nodes_loaded = 0;
        bool damaged = false;
    };

    void hash_keys() {
        std::size_t count = 0;
        for (std::size_t i = 0; i < changes_.size(); ++i) {
            accounts_[i].first_key = count;
            count += 1 + changes_[i].slots.size();
        }
        keys_.resize(count);
        Workers& workers = workers_.pays(static_cast<std::int64_t>(count) * hash_ns) ? workers_ : serial_workers();
        run_ranges(workers, changes_.size(), 4 * accounts_a_piece,
                   [&](std::size_t first, std::size_t end) { hash_keys(first, end); });
    }
    void hash_keys(std::size_t first, std::size_t end) {
        std::vector<Hash> slots;
        for (std::size_t i = first; i < end; ++i) {
            for (const auto& slot : changes_[i].slots) slots.push_back(slot.key.to_hash());
        }
        std::vector<crypto::HashJob> jobs;
        std::size_t slot = 0;
        for (std::size_t i = first; i < end; ++i) {
            std::size_t key = accounts_[i].first_key;
            jobs.push_back({changes_[i].address.view(), keys_[key++].data()});
            for (std::size_t k = 0; k < changes_[i].slots.size(); ++k) {
                jobs.push_back({slots[slot++].view(), keys_[key++].data()});
            }
        }
        crypto::keccak256_many(jobs);
    }
    void run_parallel() {
        std::vector<std::size_t> few;
        std::vector<std::size_t> many;
        for (std::size_t i = 0; i < changes_.size(); ++i) {
            (changes_[i].slots.size() < slots_alone_min ? few : many).push_back(i);
        }
        std::vector<Part> parts((few.size() + accounts_a_piece - 1) / accounts_a_piece);
        run_ranges(workers_, few.size(), accounts_a_piece, [&](std::size_t first, std::size_t end) {
            Part& part = parts[first / accounts_a_piece];
            part.accounts = trie_.accounts_;
            for (std::size_t i = first; i < end; ++i) change_storage(few[i], part, serial_workers());
            part.accounts = {};
        });
        for (auto& part : parts) take(part);
        Part alone{trie_.accounts_, {}, {}};
        for (const auto i : many) change_storage(i, alone, workers_);
        take(alone);
    }
    void take(Part& part) {
        trie_.nodes_loaded_ += part.nodes_loaded;
        trie_.damaged_ = trie_.damaged_ || part.damaged;
        trie_.pending_.insert(trie_.pending_.end(), std::make_move_iterator(part.nodes.begin()),
                              std::make_move_iterator(part.nodes.end()));
    }

    void change_storage(std::size_t index, Part& part, Workers& workers) {
        AccountChange& change = changes_[index];
        const Hash& owner = keys_[accounts_[index].first_key];
        const std::size_t loaded_before = part.accounts.nodes_loaded();
        detail::Leaf* leaf = part.accounts.find_leaf(owner);
        part.nodes_loaded += part.accounts.nodes_loaded() - loaded_before;
        part.damaged = part.damaged || part.accounts.damaged();
        Hash storage_root = empty_trie_root;
        if (leaf != nullptr) {
            const auto before = decode_account(leaf->value);
            part.damaged = part.damaged || !before;
            if (before) storage_root = before->storage_root;
        }
        change.account.storage_root = storage_root;
        const bool wiped = (change.deleted || change.storage_wiped) && storage_root != empty_trie_root;
        if (!wiped && change.slots.empty()) {
            if (leaf != nullptr) accounts_[index].storage = leaf->storage.pointer();
            return;
        }
        Trie storage = trie_.storage_trie(leaf, owner, storage_root);
        if (wiped) storage.wipe();
        std::vector<TrieUpdate> updates(change.slots.size());
        for (std::size_t i = 0; i < updates.size(); ++i) {
            updates[i].key = keys_[accounts_[index].first_key + 1 + i];
            if (!change.slots[i].value.is_zero()) updates[i].value = encode_slot(change.slots[i].value);
        }
        storage.update(updates, workers);
        change.account.storage_root = storage.commit(part.nodes, workers);
        accounts_[index].storage = storage.root_;
        part.nodes_loaded += storage.nodes_loaded();
        part.damaged = part.damaged || storage.damaged();
    }

    StateTrie& trie_;
    std::vector<AccountChange>& changes_;
    Workers& workers_;
    std::vector<AccountWork> accounts_;
    std::vector<Hash> keys_;
};

Hash StateTrie::apply(StateChanges& changes, std::vector<NodeChange>* nodes, Workers& workers) {
    Applier(*this, changes, workers).run();
    const Hash root = accounts_.root(workers);
    if (nodes != nullptr) {
        nodes->insert(nodes->end(), std::make_move_iterator(pending_.begin()), std::make_move_iterator(pending_.end()));
        pending_.clear();
        (void)accounts_.commit(*nodes, workers);
    }
    return root;
}

}  // namespace weft::chain
