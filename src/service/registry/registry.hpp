#pragma once

#include <cstdint>
#include <memory>

#include "api/registry.hpp"
#include "mesh/lease_table.hpp"
#include "net/grpc.hpp"
#include "net/loop.hpp"

namespace weft::service::registry {

struct RegistryOptions {
    mesh::LeaseConfig leases;
    /// Between two checks of an instance, and for how long one may take.
    std::int64_t check_interval_ns = ns_per_s;
    std::int64_t check_timeout_ns = 800 * ns_per_ms;
    /// Calls of List that may wait for a change; and for how long.
    std::size_t waiting_max = 10'000;
    std::int64_t wait_ns_max = 60 * ns_per_s;
    /// Of one instance.
    std::size_t labels_max = 64;
};

/// Knows which instances of which service are there and which of them answer.
///
/// Owns       the lease table, in memory: after a restart it is empty, and the instances, whose renewals are refused,
///            register again within a renewal's interval. Clients keep their view meanwhile (mesh/discovery.hpp).
/// Serves     api::registry::Register, Renew, Deregister, List, Drain.
/// Calls      every instance each second, as it wants to be checked (service/registry/check.hpp).
/// Publishes  changes, to whoever waits in List.
/// Fails      open: an instance that one check misses stays healthy, and an absent registry stops no call
///            between services.
class Registry {
  public:
    /// @param loops  must outlive the registry. The table lives on one of them.
    explicit Registry(net::LoopGroup& loops, RegistryOptions options = {});
    /// Ends the calls that wait, with cancelled, and the checks.
    ~Registry();
    Registry(const Registry&) = delete;
    Registry& operator=(const Registry&) = delete;

    /// From any thread; a port outlives the registry and answers unavailable then.
    [[nodiscard]] mesh::Port<api::registry::Register> register_port() const;
    [[nodiscard]] mesh::Port<api::registry::Renew> renew_port() const;
    [[nodiscard]] mesh::Port<api::registry::Deregister> deregister_port() const;
    [[nodiscard]] mesh::Port<api::registry::List> list_port() const;
    [[nodiscard]] mesh::Port<api::registry::Drain> drain_port() const;

    /// Offers all of them; before the server listens.
    void serve(net::GrpcServer& server) const;

  private:
    struct Core;
    std::shared_ptr<Core> core_;
};

}  // namespace weft::service::registry
