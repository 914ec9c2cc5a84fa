#pragma once
// The file of `weft gateway --config FILE`: upstreams, rules, keys, limits. Sending SIGHUP reads it again.

#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "net/tls_web.hpp"
#include "service/proxy/config.hpp"

namespace weft::app {

inline constexpr std::size_t loops_max = 64;
/// @source EIP-2294.
inline constexpr std::uint64_t chain_id_max = 0x7fff'ffff'ffff'ffdb;

struct GatewayFile {
    service::proxy::ProxyConfig proxy;
    /// Addresses to listen on, plain and with TLS.
    std::vector<std::string> http;
    std::vector<std::string> https;
    net::TlsServerOptions tls;
    /// Event loops, each on a thread; 0: one a processor.
    std::size_t loops = 0;
};

/// @param file  named in errors: "gateway.yaml:12: upstreams: want ...".
/// @errors invalid_argument  what is wrong, and where.
[[nodiscard]] Result<GatewayFile> parse_gateway_file(std::string_view file, std::string_view text);
/// @errors also not_found  there is no such file.
[[nodiscard]] Result<GatewayFile> read_gateway_file(const std::string& path);

/// What the file may hold, with an example of each; for help.
[[nodiscard]] std::string_view gateway_file_example();

}  // namespace weft::app
