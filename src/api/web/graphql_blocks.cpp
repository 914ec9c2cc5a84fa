#include <algorithm>

#include "api/web/graphql_objects.hpp"
#include "base/hex.hpp"
#include "chain/fork.hpp"

namespace weft::api::web {

namespace {

Resolved list_size(const json::Value& list) {
    return list.is_array() ? quantity_leaf(list.items().size()) : Resolved{};
}

Resolved next_base_fee(const Block& block) {
    const auto base_fee = u256_from_quantity(block["baseFeePerGas"].text());
    if (!base_fee) return {};
    chain::Header header;
    header.base_fee = *base_fee;
    header.gas_limit = number_of(block["gasLimit"]);
    header.gas_used = number_of(block["gasUsed"]);
    return header.gas_limit == 0 ? Resolved{} : Resolved::text(to_quantity(chain::next_base_fee(header)));
}

/// The block's transactions, whole. It may have been read without them.
Task<Json> with_transactions(Block& block) {
    const auto& items = block["transactions"].items();
    if (std::ranges::all_of(items, &json::Value::is_object)) co_return block.owner;
    co_return co_await block.reader->block(block.hash(), true);
}

Task<Resolved> transactions(Block& block, FieldCall) {
    if (!block["transactions"].is_array()) co_return Resolved{};
    const Json full = co_await with_transactions(block);
    co_return parts_of<Transaction>(block.reader, full, (*full)["transactions"]);
}

Task<Resolved> transaction_at(Block& block, FieldCall call) {
    const std::uint64_t index = number_of(call.arguments["index"]);
    if (index >= block["transactions"].items().size()) co_return Resolved{};
    const Json full = co_await with_transactions(block);
    co_return Resolved::of(
        std::make_shared<Transaction>(block.reader, full, (*full)["transactions"].items().at(index)));
}

Task<Resolved> parent(Block& block, FieldCall call) {
    if (number_of(block["number"]) == 0) co_return Resolved{};
    co_return block_of(block.reader,
                       co_await block.reader->block(block["parentHash"].text(), wants_transactions(call)));
}

Task<Resolved> ommer(Block& block, std::uint64_t index) {
    co_return block_of(
        block.reader,
        co_await block.reader->ask("eth_getUncleByBlockHashAndIndex",
                                   params_json({json::quote(block.hash()), json::quote(weft::to_quantity(index))})));
}

Task<Resolved> ommer_at(Block& block, FieldCall call) {
    const std::uint64_t index = number_of(call.arguments["index"]);
    if (index >= block["uncles"].items().size()) co_return Resolved{};
    co_return co_await ommer(block, index);
}

Task<Resolved> ommers(Block& block, FieldCall) {
    if (!block["uncles"].is_array()) co_return Resolved{};
    std::vector<Resolved> out;
    for (std::size_t i = 0; i < block["uncles"].items().size(); ++i) out.push_back(co_await ommer(block, i));
    co_return Resolved::list(std::move(out));
}

Task<Resolved> logs(Block& block, FieldCall call) {
    return logs_of(block.reader, R"("blockHash":")" + block.hash() + "\"", call.arguments["filter"]);
}
Task<Resolved> call_here(Block& block, FieldCall call) { return call_at(block.reader, block.hash(), call); }
Task<Resolved> estimate_here(Block& block, FieldCall call) { return estimate_at(block.reader, block.hash(), call); }

Task<Resolved> raw_header(Block& block, FieldCall) {
    co_return leaf_of(*co_await block.reader->ask("debug_getRawHeader", params_json({json::quote(block.hash())})));
}
Task<Resolved> raw(Block& block, FieldCall) {
    co_return leaf_of(*co_await block.reader->ask("debug_getRawBlock", params_json({json::quote(block.hash())})));
}

}  // namespace

Resolved block_of(const ReaderPtr& reader, const Json& block) {
    return block->is_object() ? Resolved::of(std::make_shared<Block>(reader, block)) : Resolved{};
}

void bind_blocks(Schema& schema) {
    for (const auto* name : {"number", "hash", "nonce", "transactionsRoot", "stateRoot", "receiptsRoot", "extraData",
                             "gasLimit", "gasUsed", "baseFeePerGas", "timestamp", "logsBloom", "mixHash", "difficulty",
                             "withdrawalsRoot", "blobGasUsed", "excessBlobGas"}) {
        bind_member<Block>(schema, "Block", name);
    }
    bind_member<Block>(schema, "Block", "ommerHash", "sha3Uncles");
    schema.now<Block>("Block", "nextBaseFeePerGas", [](Block& block, auto&) { return next_base_fee(block); });
    schema.now<Block>("Block", "transactionCount",
                      [](Block& block, auto&) { return list_size(block["transactions"]); });
    schema.now<Block>("Block", "ommerCount", [](Block& block, auto&) { return list_size(block["uncles"]); });
    schema.now<Block>("Block", "miner", [](Block& block, const FieldCall& call) {
        return account_at(block.reader, block["miner"], call);
    });
    schema.now<Block>("Block", "account", [](Block& block, const FieldCall& call) {
        return account_in(block.reader, call.arguments["address"], block.hash());
    });
    schema.now<Block>("Block", "withdrawals", [](Block& block, auto&) {
        const json::Value& list = block["withdrawals"];
        return list.is_array() ? parts_of<Part>(block.reader, block.owner, list) : Resolved{};
    });
    schema.later<Block>("Block", "transactions", transactions);
    schema.later<Block>("Block", "transactionAt", transaction_at);
    schema.later<Block>("Block", "parent", parent);
    schema.later<Block>("Block", "ommers", ommers);
    schema.later<Block>("Block", "ommerAt", ommer_at);
    schema.later<Block>("Block", "logs", logs);
    schema.later<Block>("Block", "call", call_here);
    schema.later<Block>("Block", "estimateGas", estimate_here);
    schema.later<Block>("Block", "rawHeader", raw_header);
    schema.later<Block>("Block", "raw", raw);
    bind_member<Part>(schema, "Withdrawal", "index");
    bind_member<Part>(schema, "Withdrawal", "validator", "validatorIndex");
    bind_member<Part>(schema, "Withdrawal", "address");
    bind_member<Part>(schema, "Withdrawal", "amount");
}

}  // namespace weft::api::web
