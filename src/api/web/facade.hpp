#pragma once
// All that is offered of a chain besides JSON-RPC: GraphQL on /graphql, REST under /v1, what tells of it on
// /openapi.json, and gRPC. A gateway holds one over whatever answers JSON-RPC for it.

#include <optional>

#include "api/web/graphql.hpp"
#include "api/web/grpc.hpp"
#include "api/web/rest.hpp"

namespace weft::api::web {

class Facade {
  public:
    explicit Facade(net::RpcCall call, GrpcHooks hooks = {});

    /// The answer if the path is one of these and the method is not OPTIONS, which is the gateway's; @p request is then
    /// moved from. The façade outlives the task.
    [[nodiscard]] std::optional<Task<net::Response>> answer(mesh::Context context, net::Request& request) const;

    /// For HttpServer::grpc. The façade outlives its calls, too.
    [[nodiscard]] const std::shared_ptr<const net::GrpcService>& grpc() const { return grpc_; }

  private:
    GraphQl graphql_;
    Rest rest_;
    std::string openapi_;
    std::shared_ptr<const net::GrpcService> grpc_;
};

}  // namespace weft::api::web
