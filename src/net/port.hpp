#pragma once
// Operations over gRPC: a handler becomes a method of a server, a method of a server becomes a port.

#include <string>
#include <utility>

#include "base/wire.hpp"
#include "mesh/service.hpp"
#include "net/grpc.hpp"

namespace weft::net {

namespace detail {

template <mesh::Operation Request>
Task<typename Request::Reply> call_remote(GrpcClient client, mesh::Context context, Request request) {
    const Bytes message = wire::encode(request);
    const Bytes reply = co_await client.call(context, Request::method, message);
    auto decoded = wire::decode<typename Request::Reply>(reply);
    if (!decoded)
        co_return fail(ErrorCode::data_loss,
                       "reply of " + std::string(Request::method) + ": " + decoded.error().message);
    co_return *std::move(decoded);
}

template <mesh::Operation Request>
Task<Bytes> call_local(mesh::Port<Request> port, mesh::Context context, BytesView message) {
    Request request = co_await wire::decode<Request>(message);
    co_return wire::encode(co_await port(context, std::move(request)));
}

}  // namespace detail

/// The operation as its server at the other end performs it.
template <mesh::Operation Request>
[[nodiscard]] mesh::Port<Request> remote_port(GrpcClient client) {
    return mesh::Port<Request>([client = std::move(client)](mesh::Context context, Request request) {
        return detail::call_remote<Request>(client, context, std::move(request));
    });
}

/// Offers an operation to other processes; before the server listens.
template <mesh::Operation Request>
void serve(GrpcServer& server, mesh::Port<Request> port) {
    server.handle(std::string(Request::method), [port = std::move(port)](mesh::Context context, BytesView message) {
        return detail::call_local<Request>(port, context, message);
    });
}

}  // namespace weft::net
