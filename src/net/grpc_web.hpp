#pragma once
// grpc-web: calls of a GrpcService as requests and responses of HTTP/1.1 or HTTP/2, for browsers, which see no
// trailers. The status stands at the end of the body, in a frame of its own:
//
//   body = { compressed(1) length(4) message } 0x80 length(4) "grpc-status: 0\r\n" ...
//
// and with application/grpc-web-text all of it in base64, piece by piece, each padded.
//
// @source  github.com/grpc/grpc, doc/PROTOCOL-WEB.md

#include <memory>

#include "net/grpc.hpp"
#include "net/http.hpp"

namespace weft::net {

/// Whether a request is such a call; of what is, the path says which.
[[nodiscard]] bool is_grpc_web(const Request& request);
/// Answers it. Calls are admitted as those over gRPC itself are; methods that take streams get the messages of the
/// body.
Task<Response> serve_grpc_web(std::shared_ptr<const GrpcService> service, Request request);

/// Base64 in pieces, each of which may be padded.
/// @errors invalid_argument
[[nodiscard]] Result<std::string> from_base64_pieces(std::string_view text);

}  // namespace weft::net
