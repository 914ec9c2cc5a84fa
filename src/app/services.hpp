#pragma once
// What `weft run` starts: one service of a system in this process, until a signal arrives.

#include <cstdint>
#include <memory>
#include <string>

#include "app/config.hpp"
#include "app/registration.hpp"
#include "app/signals.hpp"
#include "app/validators.hpp"
#include "base/result.hpp"
#include "net/grpc.hpp"

namespace weft::app {

struct ServiceOptions {
    SystemConfig system;
    /// Name of the instance, "node-0".
    std::string id;
    /// Where the registry's gRPC server is.
    std::string registry;
    /// Where this service's gRPC server listens.
    std::string listen = "127.0.0.1:0";
};

/// This process as an instance of a service, with what the settings say of it.
[[nodiscard]] api::registry::Instance make_instance(const ServiceOptions& options, std::string service,
                                                    std::string address);

/// @errors what stops the service from starting: an address in use, a database that can't be opened.
[[nodiscard]] Result<void> run_registry(const StopSignals& signals, const ServiceOptions& options);
[[nodiscard]] Result<void> run_node(const StopSignals& signals, const ServiceOptions& options);
[[nodiscard]] Result<void> run_contract(const StopSignals& signals, const ServiceOptions& options);
// One service of a node that has a process for each: its instance's id ends with the node's, "storage-0".
[[nodiscard]] Result<void> run_storage(const StopSignals& signals, const ServiceOptions& options);
[[nodiscard]] Result<void> run_validation(const StopSignals& signals, const ServiceOptions& options);
[[nodiscard]] Result<void> run_consensus(const StopSignals& signals, const ServiceOptions& options);
[[nodiscard]] Result<void> run_network(const StopSignals& signals, const ServiceOptions& options);
[[nodiscard]] Result<void> run_monitor(const StopSignals& signals, const ServiceOptions& options);
[[nodiscard]] Result<void> run_gateway(const StopSignals& signals, const ServiceOptions& options);

/// Nodes and gateway in this process, calling each other directly: no registry, no gRPC. The gateway serves the first
/// node; they are each other's peers as they would be in processes of their own.
class SingleProcess {
  public:
    /// @errors as run_node and run_gateway.
    [[nodiscard]] static Result<std::unique_ptr<SingleProcess>> start(const SystemConfig& system,
                                                                      const std::vector<NodePlace>& places);
    /// Lets what runs end, within a bound.
    ~SingleProcess();
    /// Where JSON-RPC is served; ws is empty if it is not.
    [[nodiscard]] std::string http() const;
    [[nodiscard]] std::string ws() const;

  private:
    struct State;
    explicit SingleProcess(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

inline constexpr net::GrpcChannelOptions registry_channel = {.backoff_max_ns = 200 * ns_per_ms};

/// Where a process finds others: the registry, unless the settings say something else.
/// @errors as make_source.
[[nodiscard]] Result<mesh::Port<api::registry::List>> list_port(net::LoopGroup& loops, const net::GrpcClient& registry,
                                                                const SystemConfig& system);

/// Event loops of a process that shares the machine's processors with others.
[[nodiscard]] std::size_t loops_beside_others(const SystemConfig& system);

/// Callers turn away first, then calls in flight end, then the service.
void leave(Registration& registration, net::GrpcServer& server);

/// Makes a folder and those above it.
/// @errors permission_denied, resource_exhausted, internal  "DIR: what".
[[nodiscard]] Result<void> make_folder(const std::string& path);

}  // namespace weft::app
