#pragma once
// State that lives in memory alone: for tests, fixtures, and chains nobody wants to keep.

#include <string>
#include <unordered_map>
#include <vector>

#include "chain/state.hpp"
#include "chain/state_trie.hpp"
#include "chain/trie.hpp"

namespace weft::chain {

/// The nodes of tries by path, newest version only.
class MemoryNodes final : public NodeSource {
  public:
    [[nodiscard]] Bytes node(const Hash& owner, NibblesView path) override;
    void put(std::span<const NodeChange> changes);
    [[nodiscard]] std::size_t count() const { return nodes_.size(); }
    bool operator==(const MemoryNodes& other) const { return nodes_ == other.nodes_; }

  private:
    std::unordered_map<std::string, Bytes> nodes_;  // by owner and path
};

/// Contract code by hash.
class MemoryCodes {
  public:
    void put(std::span<const CodeChange> codes);
    /// Never null. @pre the code was put.
    [[nodiscard]] evm::CodePtr code(const Hash& code_hash) const;

  private:
    std::unordered_map<Hash, evm::CodePtr> codes_;
};

/// Reads everything from a state trie.
class TrieStateReader : public StateReader {
  public:
    /// @param trie, codes  outlive this.
    TrieStateReader(StateTrie& trie, const MemoryCodes& codes) : trie_(trie), codes_(codes) {}

    [[nodiscard]] std::optional<Account> account(const Address& address) override { return trie_.account(address); }
    [[nodiscard]] U256 storage(const Address& address, const U256& key) override { return trie_.storage(address, key); }
    [[nodiscard]] evm::CodePtr code(const Hash& code_hash) override { return codes_.code(code_hash); }
    [[nodiscard]] Hash block_hash(std::uint64_t /*number*/) override { return {}; }
    [[nodiscard]] bool has_storage(const Address& address) override {
        const auto found = trie_.account(address);
        return found && found->storage_root != empty_trie_root;
    }

  private:
    StateTrie& trie_;
    const MemoryCodes& codes_;
};

}  // namespace weft::chain
