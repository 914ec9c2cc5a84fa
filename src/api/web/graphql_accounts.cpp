#include "api/web/graphql_objects.hpp"
#include "base/hex.hpp"

namespace weft::api::web {

namespace {

Task<BlockId> state_of(const ReaderPtr& reader, const BlockId& block) {
    if (!block.empty()) co_return block;
    co_return co_await reader->latest_id();
}

/// A read of one of eth_'s methods that take an address and a state.
template <const char* method>
Task<Resolved> read_account(Account& account, FieldCall) {
    const BlockId block = co_await state_of(account.reader, account.block);
    co_return leaf_of(
        *co_await account.reader->ask(method, params_json({json::quote(account.address), state_param(block)})));
}

constexpr char balance[] = "eth_getBalance";
constexpr char nonce[] = "eth_getTransactionCount";
constexpr char code[] = "eth_getCode";

Task<Resolved> storage(Account& account, FieldCall call) {
    const BlockId block = co_await state_of(account.reader, account.block);
    co_return leaf_of(*co_await account.reader->ask(
        "eth_getStorageAt",
        params_json({json::quote(account.address), json::quote(call.arguments["slot"].text()), state_param(block)})));
}

Resolved call_result(const json::Value& output, std::string gas_used, bool success) {
    auto out = std::make_shared<CallResult>();
    out->data = output.is_string() ? output.text() : "0x";
    out->gas_used = std::move(gas_used);
    out->success = success;
    return Resolved::of(std::move(out));
}

/// Code by which nodes answer a call that the contract reverted.
constexpr std::int32_t reverted_code = 3;

/// Arguments of a call as eth_call takes them: the same names.
std::string call_json(const json::Value& data) {
    json::Writer out;
    out.begin_object();
    for (const auto& [name, value] : data.members()) {
        if (!value.is_null()) out.key(name).value(value);
    }
    out.end_object();
    return out.take();
}

}  // namespace

Resolved account_in(const ReaderPtr& reader, const json::Value& address, BlockId block) {
    if (!address.is_string()) return {};
    auto out = std::make_shared<Account>();
    out->reader = reader;
    out->address = address.text();
    out->block = std::move(block);
    return Resolved::of(std::move(out));
}

Resolved account_at(const ReaderPtr& reader, const json::Value& address, const FieldCall& call) {
    return account_in(reader, address, call.arguments["block"].text());
}

Task<Resolved> call_at(ReaderPtr reader, BlockId block, FieldCall call) {
    const std::string data = call_json(call.arguments["data"]);
    if (call.selects("gasUsed")) {
        const Json traced = co_await reader->ask(
            "debug_traceCall",
            params_json({data, state_param(block), R"({"tracer":"callTracer","tracerConfig":{"onlyTopCall":true}})"}));
        co_return call_result((*traced)["output"], (*traced)["gasUsed"].text(), !(*traced)["error"].is_string());
    }
    const auto result = co_await settled(reader->ask("eth_call", params_json({data, state_param(block)})));
    if (result) co_return call_result(**result, {}, true);
    if (result.error().detail != reverted_code) co_await Result<void>(std::unexpected(result.error()));
    co_return call_result(json::Value::string(to_hex(result.error().data)), {}, false);
}

Task<Resolved> estimate_at(ReaderPtr reader, BlockId block, FieldCall call) {
    const std::string data = call_json(call.arguments["data"]);
    co_return leaf_of(*co_await reader->ask("eth_estimateGas", params_json({data, state_param(block)})));
}

void bind_accounts(Schema& schema) {
    schema.now<Account>("Account", "address", [](Account& account, auto&) { return Resolved::text(account.address); });
    schema.later<Account>("Account", "balance", read_account<balance>);
    schema.later<Account>("Account", "transactionCount", read_account<nonce>);
    schema.later<Account>("Account", "code", read_account<code>);
    schema.later<Account>("Account", "storage", storage);
    schema.now<CallResult>("CallResult", "data", [](CallResult& call, auto&) { return Resolved::text(call.data); });
    schema.now<CallResult>("CallResult", "gasUsed",
                           [](CallResult& call, auto&) { return Resolved::text(call.gas_used); });
    schema.now<CallResult>("CallResult", "status",
                           [](CallResult& call, auto&) { return quantity_leaf(call.success ? 1 : 0); });
}

}  // namespace weft::api::web
