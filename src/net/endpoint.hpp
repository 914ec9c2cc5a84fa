#pragma once
// Where a server listens or a client connects: "127.0.0.1:8545", "[::1]:8545", "name:8545", or "unix:/path".

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace weft::net {

struct Endpoint {
    /// Host name or numeric address without brackets; the path of a Unix socket.
    std::string host;
    std::uint16_t port = 0;
    bool is_unix = false;

    /// @errors invalid_argument  no port, a port above 65535, an empty host or path.
    [[nodiscard]] static Result<Endpoint> parse(std::string_view text);
    [[nodiscard]] std::string to_string() const;
    bool operator==(const Endpoint&) const = default;
};

/// An URL's parts: "http://host:8545/path?query", "https", "ws" or "wss". The port defaults to 80, with TLS to 443.
struct Url {
    std::string scheme;
    Endpoint endpoint;
    std::string target;  // path and query, at least "/"

    [[nodiscard]] bool secure() const { return scheme == "https" || scheme == "wss"; }

    /// @errors invalid_argument  another scheme, or what Endpoint::parse refuses.
    [[nodiscard]] static Result<Url> parse(std::string_view text);
};

}  // namespace weft::net
