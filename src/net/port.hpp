#pragma once
// Typed calls over gRPC: an operation's request and reply are structs, base/wire.hpp gives their bytes. The caller of a port
// can't tell a remote one from a direct one.

#include <string>
#include <utility>

#include "base/wire.hpp"
#include "mesh/service.hpp"
#include "net/grpc.hpp"

namespace weft::net {

/// A port whose calls go to @p client.
template <mesh::Operation R>
[[nodiscard]] mesh::Port<R> remote_port(GrpcClient client) {
    // Not a coroutine itself: a coroutine's captures would not outlive the port.
    const auto call = [](GrpcClient to, mesh::Context context, R request) -> Task<typename R::Reply> {
        const Bytes sent = wire::encode(request);
        const Bytes received = co_await to.call(context, R::method, sent);
        co_return wire::decode<typename R::Reply>(received);
    };
    return {[client = std::move(client), call](mesh::Context context, R request) {
        return call(client, context, std::move(request));
    }};
}

/// Offers an operation; before the server listens.
template <mesh::Operation R>
void serve(GrpcServer& server, mesh::Port<R> port) {
    const auto answer = [](mesh::Port<R> to, mesh::Context context, BytesView received) -> Task<Bytes> {
        auto request = co_await wire::decode<R>(received);
        const auto reply = co_await to(context, std::move(request));
        co_return wire::encode(reply);
    };
    server.handle(std::string(R::method), [port = std::move(port), answer](mesh::Context context, BytesView received) {
        return answer(port, context, received);
    });
}

}  // namespace weft::net
