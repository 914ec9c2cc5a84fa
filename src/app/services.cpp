#include "app/services.hpp"

#include <filesystem>
#include <string_view>
#include <thread>

#include <unistd.h>

#include "app/command.hpp"
#include "app/discovered.hpp"
#include "app/neighbours.hpp"
#include "app/node.hpp"
#include "app/registration.hpp"
#include "app/remote_contract.hpp"
#include "app/source.hpp"
#include "net/port.hpp"
#include "observe/health.hpp"
#include "observe/log.hpp"
#include "service/gateway/gateway.hpp"
#include "service/registry/registry.hpp"

namespace weft::app {

namespace {

/// For each part of a service that is told to end.
constexpr std::int64_t end_ns = ns_per_s;

service::gateway::GatewayConfig gateway_config(const SystemConfig& system, observe::Health* health) {
    service::gateway::GatewayConfig config;
    config.health = health;
    config.websocket_address = system.ws;
    return config;
}

template <mesh::Operation R>
Task<typename R::Reply> call_either(const Discovered& first_instances, mesh::Port<R> first, mesh::Port<R> second,
                                    mesh::Context context, R request) {
    if (first_instances.healthy_count() != 0) {
        auto reply = co_await settled(first(context, request));
        if (reply || reply.error().code != ErrorCode::unavailable) co_return std::move(reply);
    }
    co_return co_await second(context, std::move(request));
}

}  // namespace

Result<mesh::Port<api::registry::List>> list_port(net::LoopGroup& loops, const net::GrpcClient& registry,
                                                  const SystemConfig& system) {
    if (system.discovery.empty()) return net::remote_port<api::registry::List>(registry);
    return make_source(loops, system.discovery);
}

api::registry::Instance make_instance(const ServiceOptions& options, std::string service, std::string address) {
    api::registry::Instance instance;
    instance.id = options.id;
    instance.service = std::move(service);
    instance.address = std::move(address);
    instance.pid = static_cast<std::uint64_t>(::getpid());
    instance.started_unix_ms = static_cast<std::uint64_t>(unix_ms());
    instance.labels.push_back({"version", std::string(version)});
    if (!options.system.zone.empty()) instance.labels.push_back({"zone", options.system.zone});
    // The setting was read before.
    for (auto& [name, value] : parse_labels(options.system.labels).value_or(std::vector<LabelText>{})) {
        instance.labels.push_back({std::move(name), std::move(value)});
    }
    return instance;
}

void leave(Registration& registration, net::GrpcServer& server) {
    (void)weft::run(registration.leave(mesh::Context::with_timeout(end_ns / 2)));
    (void)weft::run(server.stop(end_ns));
}

Result<void> make_folder(const std::string& path) {
    std::error_code wrong;
    std::filesystem::create_directories(path, wrong);
    if (!wrong) return {};
    ErrorCode code = ErrorCode::internal;
    if (wrong == std::errc::permission_denied) code = ErrorCode::permission_denied;
    if (wrong == std::errc::no_space_on_device) code = ErrorCode::resource_exhausted;
    return fail(code, path + ": " + wrong.message());
}

/// Gateway and node share the machine's processors: with a loop for each in both, every call changes processors twice.
/// Measured on two: 77,000 eth_getBalance a second with one loop each, 63,000 with two.
std::size_t loops_beside_others(const SystemConfig& system) {
    if (system.loops != 0) return system.loops;
    return std::max(1U, std::thread::hardware_concurrency() / 2);
}

Result<void> run_registry(const StopSignals& signals, const ServiceOptions& options) {
    const observe::Log log("registry");
    net::LoopGroup loops(1);
    loops.start();
    const service::registry::Registry registry(loops);
    net::GrpcServer server(loops);
    registry.serve(server);
    WEFT_CHECK(server.listen(options.listen));
    log.info("listening", {{"address", server.local_address().to_string()}});
    signals.wait();
    (void)weft::run(server.stop(end_ns));
    return {};
}

Result<void> run_node(const StopSignals& signals, const ServiceOptions& options) {
    const observe::Log log("node");
    const std::string data = options.system.data + "/" + options.id;
    WEFT_CHECK(make_folder(data));
    WEFT_TRY(auto config, make_node_config(options.system, data));
    net::LoopGroup loops(loops_beside_others(options.system));
    loops.start();
    WEFT_TRY(auto node, Node::open(loops, std::move(config)));
    net::GrpcServer server(loops);
    node->serve(server);
    WEFT_CHECK(server.listen(options.listen));
    const std::string address = server.local_address().to_string();
    Registration registration(loops, net::GrpcClient(loops, options.registry, registry_channel),
                              make_instance(options, "node", address));
    log.info("listening", {{"address", address}, {"data", data}});
    signals.wait();
    node->stop();  // first: whoever waits for events gets an answer, and the server need not wait for them
    leave(registration, server);
    return {};
}

/// A port to the contract services where there are healthy ones, else to the node, which can do all that they can:
/// also if the last of them is lost during the call, for what they serve may be repeated.
template <mesh::Operation R>
mesh::Port<R> contract_port(std::shared_ptr<Discovered> contracts, mesh::Port<R> node) {
    return {[own = discovered_port<R>(contracts), other = std::move(node), contracts](
                mesh::Context context, R request) { return call_either<R>(*contracts, own, other, context, request); }};
}

Result<void> run_contract(const StopSignals& signals, const ServiceOptions& options) {
    const observe::Log log("contract");
    WEFT_TRY(const auto chain, make_node_config(options.system, ""));
    net::LoopGroup loops(loops_beside_others(options.system));
    loops.start();
    const net::GrpcClient registry(loops, options.registry, registry_channel);
    WEFT_TRY(const auto list, list_port(loops, registry, options.system));
    DiscoveredOptions options_of_nodes;
    options_of_nodes.roster.zone = options.system.zone;
    Neighbours nodes(loops, list, options.system.layout, options_of_nodes);
    RemoteContract::Ports ports;
    nodes.fill(ports);
    RemoteContract contract(loops, chain.genesis.config, std::move(ports), chain.call_threads, chain.call_limits);
    net::GrpcServer server(loops);
    contract.serve(server);
    WEFT_CHECK(server.listen(options.listen));
    const std::string address = server.local_address().to_string();
    RegistrationOptions registering;
    registering.ready = [&nodes] { return nodes.ready(); };
    Registration registration(loops, registry, make_instance(options, "contract", address), registering);
    log.info("listening", {{"address", address}});
    signals.wait();
    leave(registration, server);
    contract.stop();  // what still executes ends first, and then what it resumed
    loops.stop();
    return {};
}

Result<void> run_gateway(const StopSignals& signals, const ServiceOptions& options) {
    net::LoopGroup loops(loops_beside_others(options.system));
    loops.start();
    const net::GrpcClient registry(loops, options.registry, registry_channel);
    WEFT_TRY(const auto list, list_port(loops, registry, options.system));
    DiscoveredOptions options_of_nodes;
    // What a client has read of one node it shall not miss at the next.
    options_of_nodes.roster.choice = mesh::Choice::first;
    options_of_nodes.roster.zone = options.system.zone;
    Neighbours nodes(loops, list, options.system.layout, options_of_nodes);
    service::gateway::Ports ports;
    for_each_port(ports, [&]<class R>(mesh::Port<R>& port) { port = nodes.port<R>(); });
    DiscoveredOptions options_of_contracts;
    options_of_contracts.roster.choice = mesh::Choice::least_outstanding;
    options_of_contracts.roster.zone = options.system.zone;
    const auto contracts = Discovered::make(loops, list, "contract", options_of_contracts);
    for_each_contract_port(ports,
                           [&]<class R>(mesh::Port<R>& port) { port = contract_port<R>(contracts, nodes.port<R>()); });
    const auto has_node = [&nodes] { return nodes.ready(); };
    observe::Health health;
    health.add_check("node", has_node);
    service::gateway::Gateway gateway(loops, std::move(ports), gateway_config(options.system, &health));
    WEFT_CHECK(gateway.listen(options.system.http));
    net::GrpcServer server(loops);  // for health checks
    WEFT_CHECK(server.listen(options.listen));
    RegistrationOptions registering;
    registering.ready = has_node;
    Registration registration(loops, registry, make_instance(options, "gateway", server.local_address().to_string()),
                              registering);
    signals.wait();
    (void)weft::run(gateway.stop());
    leave(registration, server);
    return {};
}

struct SingleProcess::State {
    explicit State(std::size_t loop_count) : loops(loop_count) {}
    net::LoopGroup loops;
    observe::Health health;
    std::vector<std::unique_ptr<Node>> nodes;
    std::unique_ptr<service::gateway::Gateway> gateway;
    bool has_ws = false;
};

SingleProcess::SingleProcess(std::unique_ptr<State> state) : state_(std::move(state)) {}

Result<std::unique_ptr<SingleProcess>> SingleProcess::start(const SystemConfig& system,
                                                            const std::vector<NodePlace>& places) {
    auto state = std::make_unique<State>(system.loops);
    state->loops.start();
    for (const auto& place : places) {
        SystemConfig own = system;
        own.p2p = place.p2p;
        const std::string data = system.data + "/" + place.id;  // a chain can be taken up in either layout
        WEFT_CHECK(make_folder(data));
        WEFT_TRY(auto config, make_node_config(own, data));
        WEFT_TRY(auto node, Node::open(state->loops, std::move(config)));
        state->nodes.push_back(std::move(node));
    }
    state->gateway = std::make_unique<service::gateway::Gateway>(state->loops, state->nodes.front()->ports(),
                                                                 gateway_config(system, &state->health));
    WEFT_CHECK(state->gateway->listen(system.http));
    state->has_ws = !system.ws.empty();
    return std::unique_ptr<SingleProcess>(new SingleProcess(std::move(state)));
}

SingleProcess::~SingleProcess() {
    if (!state_->gateway) return;
    for (const auto& node : state_->nodes) node->stop();
    (void)weft::run(state_->gateway->stop());
    state_->gateway.reset();
    state_->nodes.clear();
    state_->loops.stop();
}

std::string SingleProcess::http() const { return state_->gateway->local_address().to_string(); }

std::string SingleProcess::ws() const {
    return state_->has_ws ? state_->gateway->local_websocket_address().to_string() : std::string();
}

}  // namespace weft::app
