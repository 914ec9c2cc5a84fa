#pragma once
// The chain's values as Ethereum's clients expect them in JSON: geth's field names, field sets and nulls.

#include <optional>
#include <string>

#include "api/storage.hpp"
#include "api/types.hpp"
#include "base/json.hpp"
#include "chain/transaction.hpp"

namespace weft::service::gateway {

/// Where a transaction stands.
struct Place {
    Hash block_hash;
    std::uint64_t block_number = 0;
    std::uint64_t block_timestamp = 0;
    std::uint64_t index = 0;
    std::optional<U256> base_fee;

    [[nodiscard]] static Place in(const api::SealedBlock& block, std::size_t index) {
        return {block.hash, block.header.number, block.header.timestamp, index, block.header.base_fee};
    }
    [[nodiscard]] static Place of(const api::storage::TransactionReply& reply) {
        return {reply.block_hash, reply.block_number, reply.block_timestamp, reply.index, reply.base_fee};
    }
};

/// The members of a header, without the braces.
void write_header(json::Writer& out, const chain::Header& header, const Hash& hash, bool pending = false);
/// The members of a block, without the braces, for those who add some.
void write_block_members(json::Writer& out, const api::SealedBlock& block, bool full_transactions,
                         bool pending = false);
void write_block(json::Writer& out, const api::SealedBlock& block, bool full_transactions, bool pending = false);
/// An ommer as a block without transactions.
void write_ommer(json::Writer& out, const chain::Header& header);

/// @param place  none: it waits in the pool.
void write_transaction(json::Writer& out, const chain::SignedTransaction& transaction,
                       const std::optional<Place>& place);
/// As geth marshals a transaction that is in no block and no pool: what eth_signTransaction and eth_fillTransaction
/// give.
void write_unplaced_transaction(json::Writer& out, const chain::SignedTransaction& transaction);

/// @param first_log_index  index in the block of the receipt's first log.
void write_receipt(json::Writer& out, const chain::SignedTransaction& transaction, const chain::Receipt& receipt,
                   const Place& place, std::uint64_t first_log_index);
/// The receipts of a block, as an array.
void write_receipts(json::Writer& out, const api::SealedBlock& block);

void write_log(json::Writer& out, const api::LogEntry& entry);
void write_logs(json::Writer& out, const std::vector<api::LogEntry>& entries);
void write_access_list(json::Writer& out, const chain::AccessList& list);

/// The logs of a block that @p filter lets through.
[[nodiscard]] std::vector<api::LogEntry> matching_logs(const api::SealedBlock& block,
                                                       const api::storage::LogFilter& filter, bool removed);
[[nodiscard]] bool matches(const evm::Log& log, const api::storage::LogFilter& filter);

// One value as JSON text.
[[nodiscard]] std::string quantity_json(std::uint64_t value);
[[nodiscard]] std::string quantity_json(const U256& value);
[[nodiscard]] std::string data_json(BytesView bytes);

}  // namespace weft::service::gateway
