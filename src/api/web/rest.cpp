#include "api/web/rest.hpp"

#include <algorithm>
#include <map>

#include "api/web/reader.hpp"
#include "api/web/rest_table.hpp"
#include "base/hex.hpp"

namespace weft::api::web {

namespace {

using net::RestCall;
using net::RestReply;

constexpr std::uint64_t items_by_default = 100;
constexpr std::uint64_t blocks_by_default = 20;
constexpr std::uint64_t span_by_default = 1'000;

std::uint64_t number_of(const json::Value& quantity) { return quantity_from_hex(quantity.text()).value_or(0); }

Result<void> not_found(std::string what) { return fail(ErrorCode::not_found, std::move(what)); }

/// Whether what is said of block @p number of the chain can never be said otherwise.
Task<bool> is_final(Reader& reader, std::uint64_t number) {
    const auto final = co_await settled(reader.block("finalized", false));
    co_return final && (*final)->is_object() && number <= number_of((**final)["number"]);
}

/// What was asked for by hash is what it is; by number, only once that is final.
Task<bool> is_immutable(Reader& reader, const BlockId& id, const json::Value& block) {
    if (is_block_hash(id)) co_return true;
    if (!id.starts_with("0x")) co_return false;
    co_return co_await is_final(reader, number_of(block["number"]));
}

RestReply reply(json::Writer& out, bool immutable = false) { return {out.take(), 200, immutable}; }
RestReply reply(const json::Value& value, bool immutable = false) { return {json::to_string(value), 200, immutable}; }

Task<RestReply> chain(Reader& reader, const RestCall&) {
    json::Writer out;
    out.begin_object();
    out.key("chainId").value(*co_await reader.ask("eth_chainId", "[]"));
    out.key("client").value(*co_await reader.ask("web3_clientVersion", "[]"));
    const auto write_place = [&](std::string_view name, const json::Value* block) {
        out.key(name);
        if (block == nullptr || !block->is_object()) {
            out.null();
        } else {
            out.begin_object().key("number").value((*block)["number"]).key("hash").value((*block)["hash"]);
            out.key("timestamp").value((*block)["timestamp"]).end_object();
        }
    };
    const Json head = co_await reader.latest(false);
    write_place("head", head.get());
    for (const auto* tag : {"safe", "finalized"}) {
        // Chains that have no such block yet answer with an error or null.
        const auto block = co_await settled(reader.block(tag, false));
        write_place(tag, block ? block->get() : nullptr);
    }
    out.key("syncing").value(*co_await reader.ask("eth_syncing", "[]"));
    out.end_object();
    co_return reply(out);
}

Task<RestReply> list_blocks(Reader& reader, const RestCall& call) {
    const std::uint64_t newest = number_of((*co_await reader.latest(false))["number"]);
    const std::uint64_t first = call.has("from") ? std::min(newest, co_await quantity_from_hex(call["from"])) : newest;
    const std::uint64_t count = std::min(call.number("limit", blocks_by_default), first + 1);
    json::Writer out;
    out.begin_object().key("blocks").begin_array();
    for (std::uint64_t i = 0; i < count; ++i) {
        out.value(*co_await existing_block(reader, weft::to_quantity(first - i)));
    }
    out.end_array().key("next");
    if (count == first + 1) {
        out.null();
    } else {
        out.quantity(first - count);
    }
    out.end_object();
    co_return reply(out);
}

Task<RestReply> get_block(Reader& reader, const RestCall& call) {
    const Json block = co_await existing_block(reader, call["block"], call["full"] == "true");
    co_return reply(*block, co_await is_immutable(reader, call["block"], *block));
}

/// A page of a list of a block: {"block", "count", NAME, "next"}.
void write_page(json::Writer& out, const RestCall& call, const json::Value& block, std::string_view name,
                const std::vector<json::Value>& items) {
    const std::size_t offset = std::min<std::size_t>(call.number("offset", 0), items.size());
    const std::size_t count = std::min<std::size_t>(call.number("limit", items_by_default), items.size() - offset);
    out.begin_object().key("block").value(block["hash"]);
    out.key("count").unsigned_integer(items.size());
    out.key(name).begin_array();
    for (std::size_t i = 0; i < count; ++i) out.value(items[offset + i]);
    out.end_array().key("next");
    if (offset + count < items.size()) {
        out.unsigned_integer(offset + count);
    } else {
        out.null();
    }
    out.end_object();
}

Task<RestReply> list_transactions(Reader& reader, const RestCall& call) {
    const Json block = co_await existing_block(reader, call["block"], true);
    json::Writer out;
    write_page(out, call, *block, "transactions", (*block)["transactions"].items());
    co_return reply(out, co_await is_immutable(reader, call["block"], *block));
}

Task<RestReply> get_block_transaction(Reader& reader, const RestCall& call) {
    const Json block = co_await existing_block(reader, call["block"], true);
    const auto& items = (*block)["transactions"].items();
    const std::uint64_t index = call.number("index", 0);
    if (index >= items.size()) co_await not_found("the block has no such transaction");
    co_return reply(items[index], co_await is_immutable(reader, call["block"], *block));
}

Task<RestReply> list_receipts(Reader& reader, const RestCall& call) {
    if (call["block"] == "pending") {
        co_await Result<void>(net::rest_fail("block", "a pending block has no receipts"));
    }
    const Json block = co_await existing_block(reader, call["block"]);
    const Json receipts = co_await reader.receipts((*block)["hash"].text());
    json::Writer out;
    write_page(out, call, *block, "receipts", receipts->items());
    co_return reply(out, co_await is_immutable(reader, call["block"], *block));
}

Task<RestReply> send_transaction(Reader& reader, const RestCall& call) {
    const Json hash = co_await reader.tell("eth_sendRawTransaction", params_json({json::quote(call["raw"])}));
    json::Writer out;
    out.begin_object().string("hash", hash->text()).end_object();
    co_return RestReply{out.take(), 202, false, "/v1/transactions/" + hash->text()};
}

Task<RestReply> of_transaction(Reader& reader, const RestCall& call, std::string_view method, std::string what) {
    const Json found = co_await reader.ask(method, params_json({json::quote(call["hash"])}));
    if (!found->is_object()) co_await not_found(what + " not found");
    const json::Value& number = (*found)["blockNumber"];
    co_return reply(*found, number.is_string() && co_await is_final(reader, number_of(number)));
}
Task<RestReply> get_transaction(Reader& reader, const RestCall& call) {
    return of_transaction(reader, call, "eth_getTransactionByHash", "transaction");
}
Task<RestReply> get_receipt(Reader& reader, const RestCall& call) {
    return of_transaction(reader, call, "eth_getTransactionReceipt", "receipt");
}

Task<RestReply> get_account(Reader& reader, const RestCall& call) {
    const BlockId state = co_await pinned_state(reader, call["block"]);
    const std::string params = params_json({json::quote(call["address"]), state_param(state)});
    const Json code = co_await reader.ask("eth_getCode", params);
    json::Writer out;
    out.begin_object().string("address", call["address"]).string("block", state);
    out.key("balance").value(*co_await reader.ask("eth_getBalance", params));
    out.key("nonce").value(*co_await reader.ask("eth_getTransactionCount", params));
    out.key("codeSize").unsigned_integer(code->text().size() / 2 - (code->text().size() < 2 ? 0 : 1));
    out.end_object();
    co_return reply(out, is_block_hash(call["block"]));
}

RestReply data_reply(const BlockId& state, const json::Value& data, bool immutable) {
    json::Writer out;
    out.begin_object().string("block", state).key("data").value(data).end_object();
    return reply(out, immutable);
}

Task<RestReply> get_storage(Reader& reader, const RestCall& call) {
    const BlockId state = co_await pinned_state(reader, call["block"]);
    const Json data = co_await reader.ask(
        "eth_getStorageAt", params_json({json::quote(call["address"]), json::quote(call["slot"]), state_param(state)}));
    co_return data_reply(state, *data, is_block_hash(call["block"]));
}

Task<RestReply> get_code(Reader& reader, const RestCall& call) {
    const BlockId state = co_await pinned_state(reader, call["block"]);
    const Json data =
        co_await reader.ask("eth_getCode", params_json({json::quote(call["address"]), state_param(state)}));
    co_return data_reply(state, *data, is_block_hash(call["block"]));
}

std::string texts_json(const std::vector<std::string>& texts) {
    json::Writer out;
    out.begin_array();
    for (const auto& text : texts) out.string(text);
    out.end_array();
    return out.take();
}

Task<RestReply> get_proof(Reader& reader, const RestCall& call) {
    const BlockId state = co_await pinned_state(reader, call["block"]);
    const Json proof = co_await reader.ask(
        "eth_getProof", params_json({json::quote(call["address"]), texts_json(call.list("slot")), state_param(state)}));
    co_return reply(*proof, is_block_hash(call["block"]));
}

/// Members of eth_getLogs' filter that say who and what.
std::string log_filter(const RestCall& call) {
    std::string out;
    if (call.has("address")) out += ",\"address\":" + texts_json(call.list("address"));
    std::string topics;
    std::size_t used = 0;
    std::size_t position = 0;
    for (const std::string_view name : {"topic0", "topic1", "topic2", "topic3"}) {
        if (position != 0) topics += ',';
        topics += call.has(name) ? texts_json(call.list(name)) : "null";
        if (call.has(name)) used = topics.size();
        ++position;
    }
    // What comes after the last one that is given would ask for logs with that many topics.
    if (used != 0) out += ",\"topics\":[" + topics.substr(0, used) + "]";
    return out;
}

Task<RestReply> list_logs(Reader& reader, const RestCall& call) {
    if (call.has("block") && (call.has("from") || call.has("to"))) {
        co_await Result<void>(net::rest_fail("block", "not together with from or to"));
    }
    std::uint64_t first = 0;
    std::uint64_t last = 0;
    std::optional<std::uint64_t> next;
    std::string range;
    if (call.has("block")) {
        first = last = number_of((*co_await existing_block(reader, call["block"]))["number"]);
        range = "\"blockHash\":" + json::quote(call["block"]);
    } else {
        const std::uint64_t newest = number_of((*co_await reader.latest(false))["number"]);
        last = call.has("to") ? std::min(newest, co_await quantity_from_hex(call["to"])) : newest;
        first = call.has("from") ? co_await quantity_from_hex(call["from"]) : last;
        if (first > last) co_await Result<void>(net::rest_fail("from", "beyond the last block"));
        const std::uint64_t end = first + std::min(call.number("span", span_by_default) - 1, last - first);
        if (end < last) next = end + 1;
        last = end;
        range = "\"fromBlock\":" + json::quote(weft::to_quantity(first)) +
                ",\"toBlock\":" + json::quote(weft::to_quantity(last));
    }
    const Json logs = co_await reader.ask("eth_getLogs", params_json({"{" + range + log_filter(call) + "}"}));
    json::Writer out;
    out.begin_object().quantity("from", first).quantity("to", last).key("logs").value(*logs).key("next");
    if (next) {
        out.quantity(*next);
    } else {
        out.null();
    }
    out.end_object();
    const bool fixed = call.has("block") || (call.has("from") && call.has("to"));
    co_return reply(out, fixed && (call.has("block") || co_await is_final(reader, last)));
}

/// The body's members as eth_call takes them, and the state.
Task<std::string> call_params(Reader& reader, const RestCall& call) {
    json::Writer out;
    out.begin_object();
    for (const auto& [name, values] : call.values) {
        if (name != "block") out.string(name, values.front());
    }
    out.end_object();
    co_return params_json({out.text(), state_param(co_await pinned_state(reader, call["block"]))});
}

/// Code by which nodes answer a call that the contract reverted.
constexpr std::int32_t reverted_code = 3;

Task<RestReply> make_call(Reader& reader, const RestCall& call) {
    const auto result = co_await settled(reader.ask("eth_call", co_await call_params(reader, call)));
    if (!result && result.error().detail != reverted_code) co_await Result<void>(std::unexpected(result.error()));
    json::Writer out;
    out.begin_object().boolean("success", result.has_value());
    if (result) {
        out.key("output").value(**result);
    } else {
        out.data("output", result.error().data).string("error", result.error().message);
    }
    out.end_object();
    co_return reply(out);
}

Task<RestReply> estimate(Reader& reader, const RestCall& call) {
    const Json gas = co_await reader.ask("eth_estimateGas", co_await call_params(reader, call));
    json::Writer out;
    out.begin_object().key("gas").value(*gas).end_object();
    co_return reply(out);
}

Task<RestReply> fees(Reader& reader, const RestCall&) {
    const Json history = co_await reader.ask("eth_feeHistory", R"(["0x14","latest",[10,50,90]])");
    json::Writer out;
    out.begin_object();
    out.key("gasPrice").value(*co_await reader.ask("eth_gasPrice", "[]"));
    out.key("maxPriorityFeePerGas").value(*co_await reader.ask("eth_maxPriorityFeePerGas", "[]"));
    const auto& base_fees = (*history)["baseFeePerGas"].items();
    out.key("nextBaseFeePerGas").value(base_fees.empty() ? json::Value{} : base_fees.back());
    out.key("history").value(*history);
    out.end_object();
    co_return reply(out);
}

Task<RestReply> validators(Reader& reader, const RestCall& call) {
    const Json block = co_await existing_block(reader, call["block"]);
    const Json list =
        co_await reader.ask("qbft_getValidatorsByBlockNumber", params_json({json::to_string((*block)["number"])}));
    json::Writer out;
    out.begin_object().key("block").value((*block)["hash"]).key("validators").value(*list).end_object();
    co_return reply(out, co_await is_immutable(reader, call["block"], *block));
}

using Handler = Task<RestReply> (*)(Reader& reader, const RestCall& call);

const std::map<std::string_view, Handler> handlers = {
    {"getChain", chain},
    {"listBlocks", list_blocks},
    {"getBlock", get_block},
    {"listBlockTransactions", list_transactions},
    {"getBlockTransaction", get_block_transaction},
    {"listBlockReceipts", list_receipts},
    {"sendTransaction", send_transaction},
    {"getTransaction", get_transaction},
    {"getReceipt", get_receipt},
    {"getAccount", get_account},
    {"getStorage", get_storage},
    {"getCode", get_code},
    {"getProof", get_proof},
    {"listLogs", list_logs},
    {"call", make_call},
    {"estimate", estimate},
    {"getFees", fees},
    {"listValidators", validators},
};

Task<RestReply> handle(net::RpcCall call, Handler handler, const RestCall& request) {
    Reader reader(std::move(call), request.context);
    co_return co_await handler(reader, request);
}

}  // namespace

Rest::Rest(net::RpcCall call) : table_(make_rest_table()) {
    for (const auto& route : table_.routes) WEFT_ASSERT(handlers.contains(route.id));
    handler_ = [call = std::move(call)](std::string_view id, const RestCall& request) {
        return handle(call, handlers.at(id), request);
    };
}

Task<net::Response> Rest::serve(mesh::Context context, net::Request request) const {
    return net::serve_rest(table_, handler_, context, std::move(request));
}

}  // namespace weft::api::web
