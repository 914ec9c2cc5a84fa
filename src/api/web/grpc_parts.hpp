#pragma once
// What the files of the gRPC façade share.

#include "api/chain_v1.hpp"
#include "api/web/grpc.hpp"
#include "base/json.hpp"

namespace weft::api::web {

/// Members of eth_getLogs' object that say who and what.
void write_filter(json::Writer& out, const chain_v1::LogFilter& filter);

/// An error as the table of grpc.hpp has it.
[[nodiscard]] Error to_grpc_error(Error error);

/// Heads and Logs, of subscriptions; before the server listens.
void add_streams(net::GrpcService& service, std::shared_ptr<const GrpcHooks> hooks);

}  // namespace weft::api::web
