#pragma once
// JSON-RPC calls of this program's own commands.

#include <cstdint>
#include <string>
#include <string_view>

#include "base/json.hpp"
#include "base/result.hpp"

namespace weft::app {

inline constexpr const char* rpc_option_help =
    "where JSON-RPC is served (default: the system of this user that was started last)";

/// @param url         empty: the system of this user that was started last.
/// @param parameters  a JSON array.
/// @return            the result.
/// @errors            not_found  no url, and no system runs; failed_precondition  the server's error; those of HTTP.
[[nodiscard]] Result<json::Value> ask(const std::string& url, std::string_view method, std::string_view parameters,
                                      std::int64_t timeout_ns);

}  // namespace weft::app
