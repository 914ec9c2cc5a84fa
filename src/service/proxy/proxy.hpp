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

/// Owns     connections to the upstreams, what is known of them, a cache; no chain state.
/// Serves   JSON-RPC on `/` (HTTP POST and WebSocket), GET /status, /healthz, /readyz and /metrics.
/// Calls    the upstreams, by JSON-RPC.
/// Publishes nothing.
/// Fails    towards the client with a JSON-RPC error, when no upstream can answer.
class Proxy {
  public:
    /// @param loops  must outlive the proxy and run before listen(); the first one's thread does the work.
    Proxy(net::LoopGroup& loops, ProxyConfig config);
    ~Proxy();
    Proxy(const Proxy&) = delete;
    Proxy& operator=(const Proxy&) = delete;

    /// @errors invalid_argument  an upstream's URL; and as net::HttpServer::listen.
    [[nodiscard]] Result<void> listen(std::string_view http_address);
    [[nodiscard]] net::Endpoint local_address() const;
    Task<void> stop();

  private:
    struct State;
    std::shared_ptr<State> state_;
};

}  // namespace weft::service::proxy
