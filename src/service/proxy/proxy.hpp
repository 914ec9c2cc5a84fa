#pragma once
// proxy: the gateway in front of foreign Ethereum nodes.

#include <memory>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "base/task.hpp"
#include "net/http.hpp"
#include "net/loop.hpp"
#include "service/proxy/config.hpp"

namespace weft::service::proxy {

/// Owns     connections to the upstreams, what is known of them, a cache, subscriptions and filters; no chain state.
/// Serves   JSON-RPC on `/` (HTTP POST and WebSocket), gRPC, GraphQL on /graphql, REST under /v1, GET /openapi.json,
///          /status, /healthz, /readyz and /metrics.
/// Calls    the upstreams, by JSON-RPC.
/// Publishes nothing.
/// Fails    towards the client with a JSON-RPC error, when no upstream can answer.
class Proxy {
  public:
    /// @param loops  must outlive the proxy and run before listen(); each does the work of its own connections.
    Proxy(net::LoopGroup& loops, ProxyConfig config);
    ~Proxy();
    Proxy(const Proxy&) = delete;
    Proxy& operator=(const Proxy&) = delete;

    /// May be called for several addresses, and with TLS for others.
    /// @param tls      null: plain.
    /// @errors invalid_argument  an upstream's URL, a key; and as net::HttpServer::listen.
    [[nodiscard]] Result<void> listen(std::string_view address, std::shared_ptr<net::TlsServer> tls = {});
    /// Of the first listen().
    [[nodiscard]] net::Endpoint local_address() const;

    /// Takes another configuration: upstreams, rules, keys, limits. No connection is dropped, no subscription lost, and
    /// calls under way end as they began. What concerns listening (http, TLS) stays as it was.
    /// @errors as listen(); then nothing has changed.
    [[nodiscard]] Result<void> reload(ProxyConfig config);

    Task<void> stop();

  private:
    struct State;
    std::shared_ptr<State> state_;
};

}  // namespace weft::service::proxy
