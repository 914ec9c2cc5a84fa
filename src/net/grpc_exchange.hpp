#pragma once
// gRPC calls as exchanges of an HTTP/2 connection, for every server that has such connections.

#include <memory>
#include <string_view>

#include "net/grpc.hpp"
#include "net/http2_connection.hpp"

namespace weft::net {

/// Whether a request of that content type is a gRPC call.
[[nodiscard]] bool is_grpc(std::string_view content_type);
[[nodiscard]] std::unique_ptr<Exchange> make_grpc_exchange(Http2Connection& connection, std::int32_t stream_id,
                                                           std::shared_ptr<const GrpcService> service);

/// Puts a call with streams in the place of an exchange, which is freed, and starts its handler.
void start_grpc_stream(Http2Connection& connection, std::int32_t stream_id, Exchange& instead_of,
                       std::shared_ptr<const GrpcService> service, const GrpcStreamHandler& handler,
                       const mesh::Context& context);

}  // namespace weft::net
