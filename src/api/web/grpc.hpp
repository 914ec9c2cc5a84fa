#pragma once
// weft.chain.v1 (api/chain_v1.hpp) over JSON-RPC, whoever answers that: a chain for clients that speak gRPC.
//
//   JSON-RPC                                     gRPC
//   -32700, -32600, -32602                       INVALID_ARGUMENT
//   -32601 no such method, -32004                UNIMPLEMENTED
//   -32005 limits, -32003 the answer's size      RESOURCE_EXHAUSTED
//   -32001, and any text with "not found"        NOT_FOUND
//   -32002 no answer in time                     DEADLINE_EXCEEDED
//   -32603                                       INTERNAL
//   3 reverted, -32000 and others                FAILED_PRECONDITION
//
// What is null in JSON-RPC is NOT_FOUND. The code itself is in the status' detail (chain_v1::RpcError).

#include <cstdint>
#include <functional>
#include <memory>

#include "net/grpc.hpp"
#include "net/rpc_call.hpp"
#include "net/websocket.hpp"

namespace weft::api::web {

/// What a gateway adds to its calls.
struct GrpcHooks {
    /// What must live as long as a call runs: some run longer than they are waited for.
    std::function<std::shared_ptr<const void>()> hold = {};
    /// Who may call; empty: everybody.
    net::GrpcAdmission admission = {};
    /// What health checks ask; empty: always.
    std::function<Task<bool>()> ready = {};
    /// eth_subscribe for a session, which gets the notices; activate() lets them come, and unsubscribe() forgets the
    /// session by its id. Empty: there are no streams.
    std::function<Task<std::string>(mesh::Context, net::SessionPtr session, std::string params)> subscribe = {};
    std::function<void(std::uint64_t session)> activate = {};
    std::function<void(std::uint64_t session)> unsubscribe = {};
    /// No call takes longer, whatever its grpc-timeout.
    std::int64_t timeout_ns = 30 * ns_per_s;
};

/// The service, for HttpServer::grpc.
[[nodiscard]] std::shared_ptr<const net::GrpcService> make_grpc_service(net::RpcCall call, GrpcHooks hooks);

}  // namespace weft::api::web
