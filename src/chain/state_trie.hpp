#pragma once
// The state of all accounts as a trie of tries: an account's storage hangs below its leaf, so that a copy of the root
// is a snapshot of everything.

#include <functional>
#include <optional>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "base/u256.hpp"
#include "base/workers.hpp"
#include "chain/account.hpp"
#include "chain/state.hpp"
#include "chain/trie.hpp"

namespace weft::chain {

/// keccak256 of an address or a storage key, remembered in a bounded cache of the calling thread.
[[nodiscard]] const Hash& hashed_key(const Address& address);
[[nodiscard]] const Hash& hashed_key(const U256& slot);

class StateTrie {
  public:
    StateTrie() : StateTrie(nullptr, empty_trie_root) {}
    StateTrie(NodeSource* source, const Hash& root) : source_(source), accounts_(source, Hash{}, root) {}

    [[nodiscard]] std::optional<Account> account(const Address& address);
    [[nodiscard]] U256 storage(const Address& address, const U256& key);
    [[nodiscard]] std::vector<Bytes> account_proof(const Address& address);
    [[nodiscard]] std::vector<Bytes> storage_proof(const Address& address, const U256& key);
    [[nodiscard]] Hash root() { return accounts_.root(); }
    [[nodiscard]] bool damaged() const { return damaged_ || accounts_.damaged(); }

    /// Upper bound of the nodes in memory; above @p nodes_max, prune() lets go of those not used since the last one.
    [[nodiscard]] std::size_t nodes_loaded() const { return nodes_loaded_ + accounts_.nodes_loaded(); }
    void prune();

    /// Calls visit with every hashed address and account, in order. Loads all of it.
    void for_each_account(const std::function<void(const Hash& hashed_address, const Account& account)>& visit);
    void for_each_slot(const Hash& hashed_address,
                       const std::function<void(const Hash& hashed_key, const U256& value)>& visit);

    /// Puts a block's changes into the trie.
    ///
    /// @param changes  gets each account's new storage_root filled in.
    /// @param nodes    gets the paths that changed since the last commit; null while building, where only the root
    ///                 matters (they are then with a later commit).
    /// @param workers  load nodes, change storage tries and hash, with more than one at once if there is much to do.
    /// @return         the new root. Check damaged() before using it.
    Hash apply(StateChanges& changes, std::vector<NodeChange>* nodes, Workers& workers = serial_workers());

  private:
    class Applier;
    [[nodiscard]] Trie storage_trie(const detail::Leaf* leaf, const Hash& hashed_address,
                                    const Hash& storage_root) const;
    void keep_storage(detail::Leaf* leaf, const Trie& storage);

    NodeSource* source_;
    Trie accounts_;
    std::vector<NodeChange> pending_;  // of storage tries, while accounts_ has some pending too
    bool damaged_ = false;
    std::size_t nodes_loaded_ = 0;
};

/// trie.apply(changes, nodes).
inline Hash apply(StateTrie& trie, StateChanges& changes, std::vector<NodeChange>* nodes,
                  Workers& workers = serial_workers()) {
    return trie.apply(changes, nodes, workers);
}

}  // namespace weft::chain
