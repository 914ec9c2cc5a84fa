#pragma once
// JSON-RPC 2.0 without Ethereum: a body in, an answer out. Ids come back exactly as they came, batches run concurrently
// and are answered in order, and the answers' limits and error texts are geth's, because clients match on them.

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json.hpp"
#include "base/task.hpp"
#include "mesh/service.hpp"
#include "net/websocket.hpp"

namespace weft::net {

/// Codes of the specification, and geth's own.
namespace rpc_code {
inline constexpr std::int32_t parse_error = -32700;
inline constexpr std::int32_t invalid_request = -32600;
inline constexpr std::int32_t method_not_found = -32601;
inline constexpr std::int32_t invalid_params = -32602;
inline constexpr std::int32_t internal_error = -32603;
inline constexpr std::int32_t server_error = -32000;
inline constexpr std::int32_t response_too_large = -32003;
inline constexpr std::int32_t limit_exceeded = -32005;
}  // namespace rpc_code

/// What a method may know besides its parameters.
struct CallContext {
    mesh::Context context = {};
    /// The connection, for subscriptions; null over HTTP.
    SessionPtr session = {};
    std::string_view peer = {};
    /// Whether reads must see every block that was final when they came (weft-consistency: strong).
    bool is_strong = false;
    /// The method's name; set by dispatch().
    std::string_view method = {};
};

/// Gives the result as JSON text. An Error becomes a JSON-RPC error: its detail is the code (0: by ErrorCode), its data
/// error.data in hexadecimal. @p params is an array or an object; absent and null are an empty array.
using RpcMethod = std::function<Task<std::string>(const json::Value& params, CallContext& call)>;
/// The method of that name, or null. What it points to must live until dispatch() has ended.
using RpcLookup = std::function<const RpcMethod*(std::string_view name)>;

struct RpcLimits {
    std::size_t batch_items_max = 1'000;
    /// All results of one body together; later ones are answered with response_too_large.
    std::size_t response_bytes_max = 25'000'000;
    /// Items of one batch that run at once.
    std::size_t concurrent_max = 64;
};

/// Answers one body: a request or a batch. Empty if there is nothing to answer (notifications). Never an error.
///
/// @p body and @p lookup must live until the task ends.
Task<std::string> dispatch(std::string_view body, const RpcLookup& lookup, CallContext call, RpcLimits limits = {});

/// Why the body of a POST is not read as JSON-RPC (415), or empty. It has one of geth's three media types for JSON, or
/// none: but a page (Origin) must name one, because a page of any site may send what has none, or a form's, without
/// asking first.
[[nodiscard]] std::string_view rpc_body_refusal(const Request& request);

/// {"jsonrpc":"2.0","id":null,"error":{...}}, for what fails before there is a request.
[[nodiscard]] std::string rpc_error(std::int32_t code, std::string_view message, std::string_view id_json = "null");
/// An Error with a JSON-RPC code.
[[nodiscard]] std::unexpected<Error> rpc_fail(std::int32_t code, std::string message);
/// The code that an Error is answered with.
[[nodiscard]] std::int32_t rpc_code_of(const Error& error);
/// {"jsonrpc":"2.0","method":METHOD,"params":PARAMS}, what a subscription sends.
[[nodiscard]] std::string rpc_notification(std::string_view method, std::string_view params_json);

}  // namespace weft::net
