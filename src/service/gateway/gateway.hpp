#pragma once
// gateway: JSON-RPC as Ethereum's clients speak it, over HTTP and WebSocket.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "base/task.hpp"
#include "net/cors.hpp"
#include "net/http.hpp"
#include "net/jsonrpc.hpp"
#include "net/loop.hpp"
#include "observe/health.hpp"
#include "service/gateway/ports.hpp"

namespace weft::service::gateway {

struct GatewayConfig {
    /// What web3_clientVersion answers.
    std::string client_version = "weft/v0.1.0/linux-amd64/cpp23";
    /// Origins that browsers may call from; "*" is any of them.
    net::Cors cors;
    /// A second address that serves WebSocket alone; empty: none.
    std::string websocket_address;
    std::int64_t request_timeout_ns = 30 * ns_per_s;
    /// Of methods that run contract code: geth's --rpc.evmtimeout.
    std::int64_t call_timeout_ns = 5 * ns_per_s;
    /// A filter that nobody asks is forgotten after so long.
    std::int64_t filter_timeout_ns = 300 * ns_per_s;
    /// Gas that eth_call and its relatives give a call that names none.
    std::uint64_t call_gas = 50'000'000;
    /// Take legacy transactions without a chain id: geth's --rpc.allow-unprotected-txs.
    bool allow_unprotected = false;
    net::RpcLimits limits;
    net::HttpOptions http;
    /// Asked by /healthz and /readyz if there; must outlive the gateway.
    observe::Health* health = nullptr;
};

struct Core;

/// Owns     filters and subscriptions; no chain state.
/// Serves   JSON-RPC on `/` (HTTP POST and WebSocket); of the same methods gRPC, GraphQL on /graphql, REST under
///          /v1 and its /openapi.json; GET /healthz, /readyz and /metrics.
/// Calls    storage, validation, contract, consensus, wallet, network, monitor: see Ports.
/// Publishes nothing.
/// Fails    towards the client with a JSON-RPC error: a service that can't be reached costs its methods only.
class Gateway {
  public:
    /// @param loops  must outlive the gateway and run before listen().
    Gateway(net::LoopGroup& loops, Ports ports, GatewayConfig config = {});
    ~Gateway();
    Gateway(const Gateway&) = delete;
    Gateway& operator=(const Gateway&) = delete;

    /// @errors as net::HttpServer::listen.
    [[nodiscard]] Result<void> listen(std::string_view http_address);
    [[nodiscard]] net::Endpoint local_address() const;
    /// Of GatewayConfig::websocket_address.
    [[nodiscard]] net::Endpoint local_websocket_address() const;

    /// Answers one JSON-RPC body, as a client that is not connected would be: no subscriptions. Empty for
    /// notifications.
    Task<std::string> answer(std::string body);

    /// Ends subscriptions, lets requests end and closes.
    Task<void> stop();

  private:
    struct Servers;
    /// Requests in progress hold it too; the servers they came from may end before them.
    std::shared_ptr<Core> core_;
    std::unique_ptr<Servers> servers_;
};

}  // namespace weft::service::gateway
