#pragma once
// Headers, blocks, withdrawals and requests: contents, encodings and roots.

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "base/u256.hpp"
#include "base/workers.hpp"
#include "chain/account.hpp"
#include "chain/bloom.hpp"
#include "chain/transaction.hpp"

namespace weft::chain {

struct Header {
    Hash parent_hash;
    Hash ommers_hash = empty_list_hash;
    Address coinbase;
    Hash state_root = empty_trie_root;
    Hash transactions_root = empty_trie_root;
    Hash receipts_root = empty_trie_root;
    Bloom logs_bloom;
    U256 difficulty;
    std::uint64_t number = 0;
    std::uint64_t gas_limit = 0;
    std::uint64_t gas_used = 0;
    std::uint64_t timestamp = 0;
    Bytes extra_data;
    Hash mix_hash;  // from Paris: prev_randao
    std::uint64_t nonce = 0;
    // Each comes with its fork; one that is there means that those before it are too.
    std::optional<U256> base_fee;                  // London
    std::optional<Hash> withdrawals_root;          // Shanghai
    std::optional<std::uint64_t> blob_gas_used;    // Cancun
    std::optional<std::uint64_t> excess_blob_gas;  // Cancun
    std::optional<Hash> parent_beacon_root;        // Cancun
    std::optional<Hash> requests_hash;             // Prague

    bool operator==(const Header&) const = default;
};

/// An amount that left the beacon chain. @source EIP-4895.
struct Withdrawal {
    std::uint64_t index = 0;
    std::uint64_t validator_index = 0;
    Address address;
    std::uint64_t amount_gwei = 0;
    bool operator==(const Withdrawal&) const = default;
};

struct Block {
    Header header;
    std::vector<TransactionPtr> transactions;
    std::vector<Header> ommers;
    std::optional<std::vector<Withdrawal>> withdrawals;  // from Shanghai
};

[[nodiscard]] Bytes encode(const Header& header);
/// @errors invalid_argument  not a header.
[[nodiscard]] Result<Header> decode_header(BytesView encoded);
[[nodiscard]] Hash hash_of(const Header& header);

[[nodiscard]] Bytes encode(const Block& block);
/// Reads a block; its transactions' senders are not recovered (recover_senders).
/// @errors invalid_argument  not a block.
[[nodiscard]] Result<Block> decode_block(BytesView encoded);
/// Fills in the senders that are missing. @errors invalid_argument  "invalid sender" of a transaction.
[[nodiscard]] Result<void> recover_senders(std::span<TransactionPtr> transactions,
                                           evm::Revision revision = evm::Revision::osaka,
                                           Workers& workers = serial_workers());

/// Body parts as peers and the engine exchange them.
[[nodiscard]] Bytes encode(const Withdrawal& withdrawal);
[[nodiscard]] Result<Withdrawal> decode_withdrawal(BytesView encoded);

[[nodiscard]] Hash transactions_root(std::span<const TransactionPtr> transactions);
[[nodiscard]] Hash withdrawals_root(std::span<const Withdrawal> withdrawals);
[[nodiscard]] Hash ommers_hash(std::span<const Header> ommers);
/// SHA-256 over the hashes of the non-empty requests; each is its type and then its data. @source EIP-7685.
[[nodiscard]] Hash requests_hash(std::span<const Bytes> requests);

}  // namespace weft::chain
