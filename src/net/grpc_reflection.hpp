#pragma once
// grpc.reflection: what a server has, told to tools that were given no .proto files (grpcurl, Postman).
//
// @source  github.com/grpc/grpc, doc/server-reflection.md

#include <vector>

#include "base/wire_schema.hpp"
#include "net/grpc.hpp"

namespace weft::net {

/// Adds grpc.reflection.v1 and v1alpha, which tell of @p files, of health and of themselves; before a server listens.
void add_reflection(GrpcService& service, std::vector<wire::FileDescriptor> files);

/// Of the health service.
[[nodiscard]] wire::FileDescriptor health_descriptor();

}  // namespace weft::net
