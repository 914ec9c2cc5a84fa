#include "service/gateway/core.hpp"

#include "service/gateway/errors.hpp"
#include "service/gateway/feed.hpp"
#include "service/gateway/filters.hpp"
#include "service/gateway/subscriptions.hpp"

namespace weft::service::gateway {

namespace {

constexpr std::int64_t ready_timeout_ns = ns_per_s;

}  // namespace

Core::Core(net::LoopGroup& loop_group, Ports the_ports, GatewayConfig the_config)
    : loops(loop_group),
      ports(std::move(the_ports)),
      config(std::move(the_config)),
      methods(*this),
      feed(std::make_unique<Feed>(*this)),
      filters(std::make_unique<Filters>(config.filter_timeout_ns)),
      subscriptions(std::make_unique<Subscriptions>()),
      facade(
          [this](mesh::Context context, std::string_view method, std::string params) {
              return call(context, method, std::move(params));
          },
          {.hold = [this] { return shared_from_this(); },
           .ready = [this] { return is_ready(); },
           .subscribe =
               [this](mesh::Context context, net::SessionPtr session, std::string params) {
                   return call(context, "eth_subscribe", std::move(params), std::move(session));
               },
           .activate = [this](std::uint64_t session) { subscriptions->activate(session); },
           .unsubscribe = [this](std::uint64_t session) { subscriptions->remove_session(session); },
           .timeout_ns = config.request_timeout_ns}),
      lookup_([this](std::string_view name) { return methods.find(name); }) {
    add_read_methods(methods);
    add_fee_methods(methods);
    add_call_methods(methods);
    add_send_methods(methods);
    add_filter_methods(methods);
    add_subscription_methods(methods);
    add_debug_methods(methods);
    add_pool_methods(methods);
    add_development_methods(methods);
    add_web3_methods(methods);
    add_config_methods(methods);
    add_simulate_methods(methods);
    add_build_methods(methods);
    add_monitor_methods(methods);
    add_validator_methods(methods);
}

Core::~Core() = default;

Task<ChainFacts> Core::facts(mesh::Context context) {
    if (const std::uint64_t known = chain_id_.load(std::memory_order_acquire); known != 0) {
        co_return ChainFacts{known, development_.load(std::memory_order_relaxed)};
    }
    const auto status = co_await ports.status(context, {});
    development_.store(status.development, std::memory_order_relaxed);
    chain_id_.store(status.chain_id, std::memory_order_release);
    co_return ChainFacts{status.chain_id, status.development};
}

Task<bool> Core::is_ready() {
    const auto self = shared_from_this();
    if (config.health != nullptr) co_return config.health->ready();
    co_return (co_await settled(ports.head(mesh::Context::with_timeout(ready_timeout_ns), {}))).has_value();
}

Task<std::string> Core::dispatch(std::string_view body, net::CallContext call) {
    return net::dispatch(body, lookup_, std::move(call), config.limits);
}

Task<std::string> Core::call(mesh::Context context, std::string_view method, std::string params_json,
                             net::SessionPtr session) {
    const net::RpcMethod* const found = methods.find(method);
    if (found == nullptr) co_await Result<void>(no_such_method(method));
    const json::Value params = co_await json::parse(params_json);
    net::CallContext rpc;
    rpc.context = context;
    rpc.method = method;
    rpc.session = std::move(session);
    co_return co_await (*found)(params, rpc);
}

}  // namespace weft::service::gateway
