#include "api/web/facade.hpp"

#include "net/grpc_web.hpp"

namespace weft::api::web {

namespace {

Task<net::Response> at_once(net::Response response) { co_return response; }

}  // namespace

Facade::Facade(net::RpcCall call, GrpcHooks hooks)
    : graphql_(call),
      rest_(call),
      openapi_(net::openapi_document(rest_.table())),
      grpc_(make_grpc_service(std::move(call), std::move(hooks))) {}

std::optional<Task<net::Response>> Facade::answer(mesh::Context context, net::Request& request) const {
    if (request.method == "OPTIONS") return {};
    if (net::is_grpc_web(request)) return net::serve_grpc_web(grpc_, std::move(request));
    if (request.path == "/graphql") return graphql_.serve(context, std::move(request));
    if (net::owns(rest_.table(), request.path)) return rest_.serve(context, std::move(request));
    if (request.path != "/openapi.json") return {};
    if (request.method == "GET" || request.method == "HEAD") {
        return at_once({200, "application/json", openapi_, {{"Cache-Control", "no-cache"}}});
    }
    return at_once({405, "text/plain; charset=utf-8", "method not allowed\n", {{"Allow", "GET, HEAD, OPTIONS"}}});
}

}  // namespace weft::api::web
