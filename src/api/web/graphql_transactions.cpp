#include <algorithm>

#include "api/web/graphql_objects.hpp"
#include "base/u256.hpp"
#include "net/graphql/plan.hpp"

namespace weft::api::web {

namespace {

/// The transaction's receipt, out of its block's; null if it is in none. Keeps the list it is of in @p owner.
Task<const json::Value*> receipt(Transaction& tx, Json& owner) {
    if (tx.block_hash().empty()) co_return nullptr;
    owner = co_await tx.reader->receipts(tx.block_hash());
    const std::uint64_t index = number_of(tx["transactionIndex"]);
    if (index >= owner->items().size()) {
        co_await Result<void>(fail(ErrorCode::not_found, "the transaction's receipt is not known"));
    }
    co_return &owner->items()[index];
}

/// A member of the receipt, by the field's own name.
Task<Resolved> of_receipt(Transaction& tx, FieldCall call) {
    Json owner;
    const json::Value* const found = co_await receipt(tx, owner);
    co_return found ? leaf_of((*found)[call.planned.field->name]) : Resolved{};
}

Task<Resolved> created_contract(Transaction& tx, FieldCall call) {
    Json owner;
    const json::Value* const found = co_await receipt(tx, owner);
    co_return found ? account_at(tx.reader, (*found)["contractAddress"], call) : Resolved{};
}

Task<Resolved> logs(Transaction& tx, FieldCall) {
    Json owner;
    const json::Value* const found = co_await receipt(tx, owner);
    co_return found ? parts_of<LogEntry>(tx.reader, owner, (*found)["logs"]) : Resolved{};
}

/// What is paid above the base fee.
Task<Resolved> effective_tip(Transaction& tx, FieldCall) {
    if (tx.block_hash().empty()) co_return Resolved{};
    const Json block = co_await tx.reader->block(tx.block_hash(), false);
    const U256 base_fee = u256_from_quantity((*block)["baseFeePerGas"].text()).value_or(U256{});
    const bool dynamic = tx["maxFeePerGas"].is_string();
    const U256 most = co_await u256_from_quantity(tx[dynamic ? "maxFeePerGas" : "gasPrice"].text());
    const U256 tip = dynamic ? co_await u256_from_quantity(tx["maxPriorityFeePerGas"].text()) : most;
    co_return Resolved::text(to_quantity(most < base_fee ? U256{} : std::min(tip, most - base_fee)));
}

Task<Resolved> block(Transaction& tx, FieldCall call) {
    if (tx.block_hash().empty()) co_return Resolved{};
    co_return block_of(tx.reader, co_await tx.reader->block(tx.block_hash(), wants_transactions(call)));
}

Task<Resolved> raw(Transaction& tx, FieldCall) {
    co_return leaf_of(
        *co_await tx.reader->ask("eth_getRawTransactionByHash", params_json({json::quote(tx["hash"].text())})));
}

Task<Resolved> raw_receipt(Transaction& tx, FieldCall) {
    if (tx.block_hash().empty()) co_return Resolved::text("0x");
    const Json all = co_await tx.reader->ask("debug_getRawReceipts", params_json({json::quote(tx.block_hash())}));
    const std::uint64_t index = number_of(tx["transactionIndex"]);
    co_return index < all->items().size() ? leaf_of(all->items()[index]) : Resolved::text("0x");
}

Task<Resolved> transaction_of(LogEntry& log, FieldCall) {
    const Json block = co_await log.reader->block(log["blockHash"].text(), true);
    const auto& items = (*block)["transactions"].items();
    const std::uint64_t index = number_of(log["transactionIndex"]);
    if (index >= items.size()) co_return Resolved{};
    co_return Resolved::of(std::make_shared<Transaction>(log.reader, block, items[index]));
}

Resolved texts(const json::Value& list) {
    if (!list.is_array()) return {};
    std::vector<Resolved> out;
    for (const auto& item : list.items()) out.push_back(leaf_of(item));
    return Resolved::list(std::move(out));
}

void bind_logs(Schema& schema) {
    bind_member<LogEntry>(schema, "Log", "index", "logIndex");
    bind_member<LogEntry>(schema, "Log", "data");
    schema.now<LogEntry>("Log", "topics", [](LogEntry& log, auto&) { return texts(log["topics"]); });
    schema.now<LogEntry>("Log", "account", [](LogEntry& log, const FieldCall& call) {
        return account_at(log.reader, log["address"], call);
    });
    schema.later<LogEntry>("Log", "transaction", transaction_of);
    bind_member<Part>(schema, "AccessTuple", "address");
    schema.now<Part>("AccessTuple", "storageKeys", [](Part& entry, auto&) { return texts(entry["storageKeys"]); });
}

}  // namespace

Task<Resolved> logs_of(ReaderPtr reader, std::string range, const json::Value& filter) {
    std::string query = "{" + range;
    if (!filter["addresses"].items().empty()) query += ",\"address\":" + json::to_string(filter["addresses"]);
    if (filter["topics"].is_array()) {
        query += ",\"topics\":[";
        for (const auto& alternatives : filter["topics"].items()) {
            if (&alternatives != filter["topics"].items().data()) query += ',';
            // No alternative is any topic here, and none at all there.
            query += alternatives.items().empty() ? "null" : json::to_string(alternatives);
        }
        query += ']';
    }
    const Json found = co_await reader->ask("eth_getLogs", params_json({query + "}"}));
    co_return parts_of<LogEntry>(reader, found, *found);
}

void bind_transactions(Schema& schema) {
    for (const auto* name : {"hash", "nonce", "value", "gasPrice", "maxFeePerGas", "maxPriorityFeePerGas",
                             "maxFeePerBlobGas", "gas", "r", "s", "v", "yParity", "type"}) {
        bind_member<Transaction>(schema, "Transaction", name);
    }
    bind_member<Transaction>(schema, "Transaction", "index", "transactionIndex");
    bind_member<Transaction>(schema, "Transaction", "inputData", "input");
    for (const auto* name : {"from", "to"}) {
        schema.now<Transaction>("Transaction", name, [name](Transaction& tx, const FieldCall& call) {
            return account_at(tx.reader, tx[name], call);
        });
    }
    schema.now<Transaction>("Transaction", "accessList", [](Transaction& tx, auto&) {
        const json::Value& list = tx["accessList"];
        return list.is_array() ? parts_of<Part>(tx.reader, tx.owner, list) : Resolved{};
    });
    schema.now<Transaction>("Transaction", "blobVersionedHashes",
                            [](Transaction& tx, auto&) { return texts(tx["blobVersionedHashes"]); });
    for (const auto* name :
         {"status", "gasUsed", "cumulativeGasUsed", "effectiveGasPrice", "blobGasUsed", "blobGasPrice"}) {
        schema.later<Transaction>("Transaction", name, of_receipt);
    }
    schema.later<Transaction>("Transaction", "createdContract", created_contract);
    schema.later<Transaction>("Transaction", "logs", logs);
    schema.later<Transaction>("Transaction", "effectiveTip", effective_tip);
    schema.later<Transaction>("Transaction", "block", block);
    schema.later<Transaction>("Transaction", "raw", raw);
    schema.later<Transaction>("Transaction", "rawReceipt", raw_receipt);
    bind_logs(schema);
}

}  // namespace weft::api::web
