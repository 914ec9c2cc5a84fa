#include "service/gateway/format.hpp"

#include <algorithm>

#include "chain/block.hpp"

namespace weft::service::gateway {

using json::Writer;

namespace {

void data_or_null(Writer& out, std::string_view name, const std::optional<Address>& address) {
    if (address) {
        out.data(name, *address);
    } else {
        out.null(name);
    }
}

void write_hashes(Writer& out, std::string_view name, const std::vector<Hash>& hashes) {
    out.key(name).begin_array();
    for (const auto& hash : hashes) out.data(hash);
    out.end_array();
}

void write_withdrawals(Writer& out, const std::vector<chain::Withdrawal>& withdrawals) {
    out.key("withdrawals").begin_array();
    for (const auto& item : withdrawals) {
        out.begin_object();
        out.quantity("index", item.index).quantity("validatorIndex", item.validator_index);
        out.data("address", item.address).quantity("amount", item.amount_gwei);
        out.end_object();
    }
    out.end_array();
}

void write_authorizations(Writer& out, const std::vector<chain::Authorization>& list) {
    out.key("authorizationList").begin_array();
    for (const auto& item : list) {
        out.begin_object();
        out.quantity("chainId", item.chain_id).data("address", item.address).quantity("nonce", item.nonce);
        out.quantity("yParity", std::uint64_t{item.y_parity}).quantity("r", item.r).quantity("s", item.s);
        out.end_object();
    }
    out.end_array();
}

void write_signature(Writer& out, const chain::Transaction& tx) {
    out.quantity("v", tx.v()).quantity("r", tx.r).quantity("s", tx.s);
    if (tx.type != chain::TransactionType::legacy) out.quantity("yParity", std::uint64_t{tx.y_parity});
}

/// What the types from 1 on have besides, except the fees.
void write_typed_fields(Writer& out, const chain::Transaction& tx) {
    if (tx.has_access_list()) {
        out.key("accessList");
        write_access_list(out, tx.access_list);
    }
    if (tx.chain_id) out.quantity("chainId", *tx.chain_id);
    if (tx.type == chain::TransactionType::blob) write_hashes(out, "blobVersionedHashes", tx.blob_hashes);
    if (tx.type == chain::TransactionType::set_code) write_authorizations(out, tx.authorizations);
}

}  // namespace

void write_header(Writer& out, const chain::Header& header, const Hash& hash, bool pending) {
    std::uint8_t nonce[8];
    for (int i = 0; i < 8; ++i) nonce[i] = static_cast<std::uint8_t>(header.nonce >> (56 - 8 * i));
    // A block that nobody sealed has none of these yet.
    if (pending) {
        out.null("hash").null("nonce").null("miner");
    } else {
        out.data("hash", hash).data("nonce", nonce).data("miner", header.coinbase);
    }
    out.quantity("number", header.number);
    out.data("parentHash", header.parent_hash);
    out.data("mixHash", header.mix_hash);
    out.data("sha3Uncles", header.ommers_hash);
    out.data("logsBloom", header.logs_bloom);
    out.data("stateRoot", header.state_root);
    out.quantity("difficulty", header.difficulty);
    out.data("extraData", header.extra_data);
    out.quantity("gasLimit", header.gas_limit)
        .quantity("gasUsed", header.gas_used)
        .quantity("timestamp", header.timestamp);
    out.data("transactionsRoot", header.transactions_root);
    out.data("receiptsRoot", header.receipts_root);
    if (header.base_fee) out.quantity("baseFeePerGas", *header.base_fee);
    if (header.withdrawals_root) out.data("withdrawalsRoot", *header.withdrawals_root);
    if (header.blob_gas_used) out.quantity("blobGasUsed", *header.blob_gas_used);
    if (header.excess_blob_gas) out.quantity("excessBlobGas", *header.excess_blob_gas);
    if (header.parent_beacon_root) out.data("parentBeaconBlockRoot", *header.parent_beacon_root);
    if (header.requests_hash) out.data("requestsHash", *header.requests_hash);
}

void write_block_members(Writer& out, const api::SealedBlock& block, bool full_transactions, bool pending) {
    write_header(out, block.header, block.hash, pending);
    out.quantity("size", block.size);
    out.key("transactions").begin_array();
    for (std::size_t i = 0; i < block.transactions.size(); ++i) {
        if (full_transactions) {
            write_transaction(out, *block.transactions[i], Place::in(block, i));
        } else {
            out.data(block.transactions[i]->hash);
        }
    }
    out.end_array();
    out.key("uncles").begin_array();
    for (const auto& ommer : block.ommers) out.data(chain::hash_of(ommer));
    out.end_array();
    if (block.header.withdrawals_root) write_withdrawals(out, block.withdrawals);
}

void write_block(Writer& out, const api::SealedBlock& block, bool full_transactions, bool pending) {
    out.reserve(out.size() + 2048 + block.transactions.size() * (full_transactions ? 1200 : 70));
    out.begin_object();
    write_block_members(out, block, full_transactions, pending);
    out.end_object();
}

void write_ommer(Writer& out, const chain::Header& header) {
    out.begin_object();
    write_header(out, header, chain::hash_of(header));
    // Of a block whose body is empty: the header in a list with two empty ones. @source RLP.
    const std::uint64_t inner = chain::encode(header).size() + 2;
    out.quantity("size", inner + (inner > 0xffff ? 4 : inner > 0xff ? 3 : inner > 55 ? 2 : 1));
    out.key("uncles").begin_array().end_array();
    out.end_object();
}

void write_access_list(Writer& out, const chain::AccessList& list) {
    out.begin_array();
    for (const auto& entry : list) {
        out.begin_object();
        out.data("address", entry.address);
        write_hashes(out, "storageKeys", entry.storage_keys);
        out.end_object();
    }
    out.end_array();
}

void write_transaction(Writer& out, const chain::SignedTransaction& transaction, const std::optional<Place>& place) {
    const chain::Transaction& tx = transaction.transaction;
    out.begin_object();
    if (place) {
        out.data("blockHash", place->block_hash).quantity("blockNumber", place->block_number);
        out.quantity("blockTimestamp", place->block_timestamp).quantity("transactionIndex", place->index);
    } else {
        out.null("blockHash").null("blockNumber").null("blockTimestamp").null("transactionIndex");
    }
    out.data("from", transaction.sender);
    out.quantity("gas", tx.gas_limit);
    const bool priced = place && place->base_fee && tx.has_dynamic_fee() && tx.max_fee_per_gas >= *place->base_fee;
    out.quantity("gasPrice", priced ? chain::effective_gas_price(tx, *place->base_fee) : tx.max_fee_per_gas);
    if (tx.has_dynamic_fee()) {
        out.quantity("maxFeePerGas", tx.max_fee_per_gas).quantity("maxPriorityFeePerGas", tx.max_priority_fee_per_gas);
    }
    if (tx.type == chain::TransactionType::blob) out.quantity("maxFeePerBlobGas", tx.max_fee_per_blob_gas);
    out.data("hash", transaction.hash);
    out.data("input", tx.data);
    out.quantity("nonce", tx.nonce);
    data_or_null(out, "to", tx.to);
    out.quantity("value", tx.value);
    out.quantity("type", static_cast<std::uint64_t>(tx.type));
    write_typed_fields(out, tx);
    write_signature(out, tx);
    out.end_object();
}

void write_unplaced_transaction(Writer& out, const chain::SignedTransaction& transaction) {
    const chain::Transaction& tx = transaction.transaction;
    out.begin_object();
    out.quantity("type", static_cast<std::uint64_t>(tx.type));
    out.quantity("nonce", tx.nonce);
    data_or_null(out, "to", tx.to);
    out.quantity("gas", tx.gas_limit);
    if (tx.has_dynamic_fee()) {
        out.null("gasPrice");
        out.quantity("maxPriorityFeePerGas", tx.max_priority_fee_per_gas).quantity("maxFeePerGas", tx.max_fee_per_gas);
    } else {
        out.quantity("gasPrice", tx.gas_price()).null("maxPriorityFeePerGas").null("maxFeePerGas");
    }
    if (tx.type == chain::TransactionType::blob) out.quantity("maxFeePerBlobGas", tx.max_fee_per_blob_gas);
    out.quantity("value", tx.value);
    out.data("input", tx.data);
    write_typed_fields(out, tx);
    write_signature(out, tx);
    out.data("hash", transaction.hash);
    out.end_object();
}

void write_log(Writer& out, const api::LogEntry& entry) {
    out.begin_object();
    out.data("address", entry.log.address);
    write_hashes(out, "topics", entry.log.topics);
    out.data("data", entry.log.data);
    out.quantity("blockNumber", entry.block_number);
    out.data("transactionHash", entry.transaction_hash);
    out.quantity("transactionIndex", entry.transaction_index);
    out.data("blockHash", entry.block_hash);
    out.quantity("blockTimestamp", entry.block_timestamp);
    out.quantity("logIndex", entry.log_index);
    out.boolean("removed", entry.removed);
    out.end_object();
}

void write_logs(Writer& out, const std::vector<api::LogEntry>& entries) {
    out.begin_array();
    for (const auto& entry : entries) write_log(out, entry);
    out.end_array();
}

void write_receipt(Writer& out, const chain::SignedTransaction& transaction, const chain::Receipt& receipt,
                   const Place& place, std::uint64_t first_log_index) {
    const chain::Transaction& tx = transaction.transaction;
    out.begin_object();
    out.data("blockHash", place.block_hash).quantity("blockNumber", place.block_number);
    out.data("transactionHash", transaction.hash).quantity("transactionIndex", place.index);
    out.data("from", transaction.sender);
    data_or_null(out, "to", tx.to);
    out.quantity("gasUsed", receipt.gas_used).quantity("cumulativeGasUsed", receipt.cumulative_gas_used);
    data_or_null(out, "contractAddress", receipt.contract_address);
    out.key("logs").begin_array();
    for (std::size_t i = 0; i < receipt.logs.size(); ++i) {
        write_log(out, {receipt.logs[i], place.block_hash, place.block_number, place.block_timestamp, transaction.hash,
                        place.index, first_log_index + i, false});
    }
    out.end_array();
    out.data("logsBloom", receipt.bloom);
    out.quantity("type", static_cast<std::uint64_t>(tx.type));
    out.quantity("effectiveGasPrice", receipt.effective_gas_price);
    // EIP-658: before Byzantium the state root stood in the status's place.
    if (receipt.post_state) {
        out.data("root", *receipt.post_state);
    } else {
        out.quantity("status", std::uint64_t{receipt.success});
    }
    if (tx.type == chain::TransactionType::blob) {
        out.quantity("blobGasUsed", receipt.blob_gas_used).quantity("blobGasPrice", receipt.blob_gas_price);
    }
    out.end_object();
}

void write_receipts(Writer& out, const api::SealedBlock& block) {
    const std::size_t count = std::min(block.transactions.size(), block.receipts.size());
    out.begin_array();
    std::uint64_t log_index = 0;
    for (std::size_t i = 0; i < count; ++i) {
        write_receipt(out, *block.transactions[i], block.receipts[i], Place::in(block, i), log_index);
        log_index += block.receipts[i].logs.size();
    }
    out.end_array();
}

namespace {
template <class T>
bool has(const std::vector<T>& list, const T& item) {
    return std::ranges::find(list, item) != list.end();
}
}  // namespace

bool matches(const evm::Log& log, const api::storage::LogFilter& filter) {
    if (!filter.addresses.empty() && !has(filter.addresses, log.address)) return false;
    if (filter.topics.size() > log.topics.size()) return false;
    for (std::size_t i = 0; i < filter.topics.size(); ++i) {
        const auto& choice = filter.topics[i].any_of;
        if (!choice.empty() && !has(choice, log.topics[i])) return false;
    }
    return true;
}

std::vector<api::LogEntry> matching_logs(const api::SealedBlock& block, const api::storage::LogFilter& filter,
                                         bool removed) {
    std::vector<api::LogEntry> out;
    std::uint64_t log_index = 0;
    const std::size_t count = std::min(block.transactions.size(), block.receipts.size());
    for (std::size_t i = 0; i < count; ++i) {
        for (const auto& log : block.receipts[i].logs) {
            const std::uint64_t own_index = log_index++;
            if (!matches(log, filter)) continue;
            out.push_back({log, block.hash, block.header.number, block.header.timestamp, block.transactions[i]->hash, i,
                           own_index, removed});
        }
    }
    return out;
}

std::string quantity_json(std::uint64_t value) {
    char text[20];
    std::size_t at = sizeof text;
    text[--at] = '"';
    do {
        text[--at] = "0123456789abcdef"[value & 15];
        value >>= 4;
    } while (value != 0);
    text[--at] = 'x';
    text[--at] = '0';
    text[--at] = '"';
    return {text + at, sizeof text - at};
}

std::string quantity_json(const U256& value) {
    if (value.fits_u64()) return quantity_json(value.low());
    json::Writer out;
    out.quantity(value);
    return out.take();
}

std::string data_json(BytesView bytes) {
    json::Writer out;
    out.data(bytes);
    return out.take();
}

}  // namespace weft::service::gateway
