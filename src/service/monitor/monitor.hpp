#pragma once
// The monitor service: how the node is, asked of its services one by one.
//
// Owns     nothing.
// Serves   weft.Monitor.
// Calls    weft.Storage/Head, weft.Validation/PoolStatus, weft.Network/Status, weft.Consensus/Status.
// Fails    never as a whole: a service that does not answer is what it reports.

#include <functional>

#include "api/consensus.hpp"
#include "api/monitor.hpp"
#include "api/network.hpp"
#include "api/storage.hpp"
#include "api/validation.hpp"
#include "mesh/service.hpp"

namespace weft::service::monitor {

struct Ports {
    mesh::Port<api::storage::Head> head;
    mesh::Port<api::validation::PoolStatus> pool_status;
    mesh::Port<api::network::Status> network_status;
    mesh::Port<api::consensus::Status> consensus_status;
    /// Bytes of the database on disk.
    std::function<std::uint64_t()> disk_size;
};

class Monitor {
  public:
    explicit Monitor(Ports ports) : ports_(std::move(ports)) {}
    Task<api::monitor::ReportReply> report(mesh::Context context, api::monitor::Report);

  private:
    Ports ports_;
};

}  // namespace weft::service::monitor
