#pragma once
// Which JSON-RPC error an Error is. Clients match on geth's texts and codes, so both are kept.

#include <string>
#include <string_view>

#include "base/bytes.hpp"
#include "base/result.hpp"

namespace weft::service::gateway {

namespace code {
inline constexpr std::int32_t reverted = 3;
inline constexpr std::int32_t transaction_pending = 4;
inline constexpr std::int32_t method_not_found = -32601;
inline constexpr std::int32_t invalid_params = -32602;
inline constexpr std::int32_t internal = -32603;
inline constexpr std::int32_t server = -32000;
inline constexpr std::int32_t unavailable = -32001;
inline constexpr std::int32_t timeout = -32002;
inline constexpr std::int32_t unsupported = -32004;
}  // namespace code

/// An error that carries its JSON-RPC code already.
[[nodiscard]] std::unexpected<Error> rpc_fail(std::int32_t rpc_code, std::string message);
[[nodiscard]] inline std::unexpected<Error> invalid_params(std::string message) {
    return rpc_fail(code::invalid_params, std::move(message));
}
/// "the method NAME does not exist/is not available"
[[nodiscard]] std::unexpected<Error> no_such_method(std::string_view name);

/// What a service answered, as the client is told it: a code for those that have none, the reason of a revert in its
/// message, and clean words for services that can't be reached.
[[nodiscard]] Error to_rpc_error(Error error);

/// "execution reverted", with the reason if @p output is the ABI's Error(string) or Panic(uint256).
[[nodiscard]] std::string revert_message(BytesView output);

}  // namespace weft::service::gateway
