// JSON-RPC bodies: the answer is nothing or JSON, and only what is no JSON is called that.

#include "net/jsonrpc.hpp"

using namespace weft;
using namespace weft::net;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const RpcMethod echo = [](const json::Value& params, CallContext&) -> Task<std::string> {
        co_return json::to_string(params);
    };
    static const RpcMethod refuse = [](const json::Value& params, CallContext&) -> Task<std::string> {
        co_return std::unexpected(Error{ErrorCode::internal, json::to_string(params), {1}, 3});
    };
    static const RpcLookup lookup = [](std::string_view name) {
        return name == "e" ? &echo : name == "r" ? &refuse : nullptr;
    };
    const std::string_view body(reinterpret_cast<const char*>(data), size);
    const auto answer = run(dispatch(body, lookup, {}, {.batch_items_max = 10, .response_bytes_max = 1'000}));
    WEFT_ASSERT(answer.has_value());
    if (answer->empty()) return 0;
    const auto parsed = json::parse(*answer);
    WEFT_ASSERT(parsed && (parsed->is_object() || parsed->is_array()));
    if (json::parse(body)) WEFT_ASSERT((*parsed)["error"]["code"].text() != "-32700");
    const auto check = [](const json::Value& one) {
        WEFT_ASSERT(one["jsonrpc"].text() == "2.0" && one.find("id") != nullptr);
        WEFT_ASSERT((one.find("result") != nullptr) != (one.find("error") != nullptr));
    };
    if (parsed->is_object()) check(*parsed);
    for (const auto& item : parsed->items()) check(item);
    return 0;
}
