#include "service/gateway/web.hpp"

#include "service/gateway/core.hpp"

namespace weft::service::gateway {

namespace {

net::RpcCall own_methods(Core& core) {
    return [&core](mesh::Context context, std::string_view method, std::string params) {
        return core.call(context, method, std::move(params));
    };
}

Task<net::Response> graphql(std::shared_ptr<Core> core, net::Request request) {
    const auto context = mesh::Context::with_timeout(core->config.request_timeout_ns);
    co_return co_await core->web->graphql.serve(context, std::move(request));
}

}  // namespace

Web::Web(Core& core) : graphql(own_methods(core)) {}

std::optional<Task<net::Response>> answer_web(const std::shared_ptr<Core>& core, net::Request& request) {
    if (request.method == "OPTIONS") return {};
    if (request.path == "/graphql") return graphql(core, std::move(request));
    return {};
}

}  // namespace weft::service::gateway
