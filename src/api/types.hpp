#pragma once
// What several services' operations share.

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "base/bytes.hpp"
#include "base/u256.hpp"
#include "base/wire.hpp"
#include "chain/block.hpp"
#include "chain/receipt.hpp"
#include "chain/transaction.hpp"
#include "mesh/service.hpp"

namespace weft::api {

using wire::Empty;

enum class BlockTag : std::uint8_t { latest, pending, safe, finalized, earliest, number, hash };

/// Which block is meant.
struct BlockRef {
    BlockTag tag = BlockTag::latest;
    std::uint64_t number = 0;  // of tag number
    Hash hash;                 // of tag hash
    /// EIP-1898: with a hash, refuse a block that is not on the canonical chain.
    bool require_canonical = false;

    [[nodiscard]] static BlockRef at(std::uint64_t number) { return {BlockTag::number, number, {}, false}; }
    [[nodiscard]] static BlockRef with_hash(const Hash& hash) { return {BlockTag::hash, 0, hash, false}; }
};

/// A block with all that came of it; immutable once made, shared by everyone who reads it.
struct SealedBlock {
    Hash hash;
    chain::Header header;
    std::vector<chain::TransactionPtr> transactions;
    std::vector<chain::Receipt> receipts;  // as many as transactions
    std::vector<chain::Header> ommers;
    /// From Shanghai: the header has a withdrawals_root then.
    std::vector<chain::Withdrawal> withdrawals;
    U256 total_difficulty;
    std::uint64_t size = 0;  // bytes of its RLP
};
using SealedBlockPtr = std::shared_ptr<const SealedBlock>;

/// The block alone, as it is encoded and hashed.
[[nodiscard]] inline chain::Block to_block(const SealedBlock& block) {
    chain::Block out{block.header, block.transactions, block.ommers, std::nullopt};
    if (block.header.withdrawals_root) out.withdrawals = block.withdrawals;
    return out;
}

/// One log where it stands.
struct LogEntry {
    evm::Log log;
    Hash block_hash;
    std::uint64_t block_number = 0;
    std::uint64_t block_timestamp = 0;
    Hash transaction_hash;
    std::uint64_t transaction_index = 0;
    std::uint64_t log_index = 0;
    bool removed = false;
};

/// A reply that is JSON text already: traces and simulations, whose shape is the tracer's.
struct JsonReply {
    std::string json;
};

}  // namespace weft::api
