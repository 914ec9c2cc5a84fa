#pragma once
// What the gateway's methods share. Internal to this folder.

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "api/web/facade.hpp"
#include "base/json.hpp"
#include "net/jsonrpc.hpp"
#include "service/gateway/gateway.hpp"
#include "service/gateway/methods.hpp"
#include "service/gateway/params.hpp"

namespace weft::service::gateway {

class Feed;
class Filters;
class Subscriptions;

/// What never changes while a chain lives.
struct ChainFacts {
    std::uint64_t chain_id = 0;
    bool development = false;
};

/// What transactions pay, as of one head.
struct Fees {
    Hash head;
    U256 base_fee;       // of the head; 0 before London
    U256 next_base_fee;  // of the block after it
    U256 blob_base_fee;  // of the head
    U256 tip;            // suggested
};

struct Core : std::enable_shared_from_this<Core> {
    Core(net::LoopGroup& loop_group, Ports the_ports, GatewayConfig the_config);
    ~Core();

    net::LoopGroup& loops;
    Ports ports;
    GatewayConfig config;
    MethodTable methods;
    std::unique_ptr<Feed> feed;
    std::unique_ptr<Filters> filters;
    std::unique_ptr<Subscriptions> subscriptions;
    api::web::Facade facade;

    std::mutex fees_mutex;
    std::optional<Fees> fees;  // the last answer

    /// Asks consensus once, then never again.
    Task<ChainFacts> facts(mesh::Context context);
    /// Whether calls can be answered: what health checks over gRPC are told.
    Task<bool> is_ready();
    Task<std::string> dispatch(std::string_view body, net::CallContext call);
    /// One call of a method, for the façades.
    /// @errors  those of the method; method_not_found.
    Task<std::string> call(mesh::Context context, std::string_view method, std::string params_json,
                           net::SessionPtr session = {});

  private:
    std::atomic<std::uint64_t> chain_id_{0};
    std::atomic<bool> development_{false};
    net::RpcLookup lookup_;
};

/// One call of one method.
struct Call {
    Core& core;
    Params params;
    mesh::Context context;
    const net::SessionPtr& session;
    std::string_view method;

    [[nodiscard]] Ports& ports() const { return core.ports; }
};

}  // namespace weft::service::gateway
