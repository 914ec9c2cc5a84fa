#pragma once
// weft bench grpc: what a unary gRPC call costs a server, weft's beside libgrpc++'s.

#include <string>

#include "base/result.hpp"

namespace weft::app {

struct BenchGrpcOptions {
    /// test/grpc_peer; empty: the one that was built with this program.
    std::string peer = {};
    int seconds = 4;
    /// Of a request and its reply.
    std::size_t message_bytes = 64;
};

/// Each server has a processor to itself, h2load another: the same call, echoed, over connections with many calls each
/// and with one each. A peer that is not there is named and left out.
/// @errors unavailable  h2load is not installed, or a server does not start.
[[nodiscard]] Result<void> bench_grpc(const BenchGrpcOptions& options);

/// The server that is measured: prints its address and echoes until it is killed.
[[nodiscard]] Result<void> serve_grpc_bench();

}  // namespace weft::app
