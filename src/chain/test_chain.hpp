#pragma once
// A development chain in memory, for this room's tests: state, nodes by path, and blocks built and imported on it.

#include <gtest/gtest.h>

#include "base/hex.hpp"
#include "chain/execute.hpp"
#include "chain/genesis.hpp"
#include "chain/memory.hpp"
#include "crypto/keccak.hpp"
#include "crypto/secp256k1.hpp"

namespace weft::chain {

/// The secret key number @p index, from 1.
inline Hash test_key(std::uint64_t index) { return U256(index).to_hash(); }
inline Address test_address(std::uint64_t index) { return *crypto::address_of(test_key(index)); }
inline Address address_with_end(std::uint8_t last) {
    Address address;
    address.bytes[0] = 0xaa;
    address.bytes[19] = last;
    return address;
}

class TestChain {
  public:
    explicit TestChain(Genesis genesis = dev_genesis(std::vector<Address>{test_address(1), test_address(2)}))
        : config_(genesis.config), head_(genesis.header), trie_(&nodes_, empty_trie_root) {
        StateChanges changes = genesis_changes(genesis);
        std::vector<NodeChange> nodes;
        (void)trie_.apply(changes, &nodes);
        keep(changes, nodes);
    }

    /// A transfer that is ready to go into the next block.
    [[nodiscard]] static Transaction transfer(std::uint64_t nonce, const Address& to, const U256& value) {
        Transaction tx;
        tx.type = TransactionType::dynamic_fee;
        tx.chain_id = 31337;
        tx.nonce = nonce;
        tx.gas_limit = 21000;
        tx.max_fee_per_gas = U256(10'000'000'000);
        tx.max_priority_fee_per_gas = U256(1'000'000'000);
        tx.to = to;
        tx.value = value;
        return tx;
    }

    /// Builds a block of transactions, skipping the refused ones, and makes it the head.
    ExecutedBlock build(std::span<const TransactionPtr> transactions) {
        BlockAttributes attributes;
        attributes.timestamp = head_.timestamp + 1;
        attributes.coinbase = address_with_end(0xcb);
        const Header header = make_header(config_, head_, attributes);
        TrieStateReader reader(trie_, codes_);
        State state(reader);
        BlockExecution execution(config_, header, state, &trie_);
        EXPECT_TRUE(execution.begin());
        refusals_.clear();
        for (const auto& transaction : transactions) {
            if (auto added = execution.add(transaction); !added) refusals_.push_back(added.error());
        }
        auto sealed = seal_block(execution, header, attributes, trie_);
        EXPECT_TRUE(sealed) << sealed.error().message;
        keep(sealed->changes, sealed->nodes);
        head_ = sealed->block.header;
        return *std::move(sealed);
    }
    /// Imports a block onto the head.
    Checked<void> import(const Block& block) {
        TrieStateReader reader(trie_, codes_);
        auto imported = import_block(config_, head_, block, reader, trie_);
        if (!imported) return std::unexpected(imported.error());
        keep(imported->changes, imported->nodes);
        head_ = imported->block.header;
        return {};
    }

    [[nodiscard]] const std::vector<Refusal>& refusals() const { return refusals_; }
    [[nodiscard]] StateTrie& trie() { return trie_; }
    [[nodiscard]] MemoryNodes& nodes() { return nodes_; }
    [[nodiscard]] const MemoryCodes& codes() const { return codes_; }
    [[nodiscard]] const Header& head() const { return head_; }
    [[nodiscard]] const ChainConfig& config() const { return config_; }

  private:
    void keep(const StateChanges& changes, std::span<const NodeChange> nodes) {
        codes_.put(changes.codes);
        nodes_.put(nodes);
    }

    ChainConfig config_;
    Header head_;
    MemoryNodes nodes_;
    MemoryCodes codes_;
    StateTrie trie_;
    std::vector<Refusal> refusals_;
};

}  // namespace weft::chain
