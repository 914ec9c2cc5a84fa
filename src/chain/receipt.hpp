#pragma once
// What a transaction left behind: the part the block commits to and what clients ask for besides.

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "base/u256.hpp"
#include "chain/bloom.hpp"
#include "chain/transaction.hpp"
#include "evm/host.hpp"

namespace weft::chain {

struct Receipt {
    TransactionType type = TransactionType::legacy;
    bool success = false;
    std::optional<Hash> post_state;  // before Byzantium, in place of success
    std::uint64_t cumulative_gas_used = 0;
    Bloom bloom;
    std::vector<evm::Log> logs;
    // Not part of the consensus form.
    std::uint64_t gas_used = 0;
    U256 effective_gas_price;
    std::optional<Address> contract_address;
    std::uint64_t blob_gas_used = 0;
    U256 blob_gas_price;

    bool operator==(const Receipt&) const = default;
};

/// The consensus form.
[[nodiscard]] Bytes encode(const Receipt& receipt);
/// Reads the consensus form.
/// @errors invalid_argument  not a receipt.
[[nodiscard]] Result<Receipt> decode_receipt(BytesView encoded);

/// Everything but the bloom, in a form of our own for storage.
[[nodiscard]] Bytes encode_for_storage(const Receipt& receipt);
/// @errors invalid_argument  not written by encode_for_storage.
[[nodiscard]] Result<Receipt> decode_from_storage(BytesView encoded);

[[nodiscard]] Hash receipts_root(std::span<const Receipt> receipts);
/// The union of the receipts' filters.
[[nodiscard]] Bloom bloom_of(std::span<const Receipt> receipts);
/// keccak256 of the RLP of the logs: what state tests compare.
[[nodiscard]] Hash logs_hash(std::span<const evm::Log> logs);

}  // namespace weft::chain
