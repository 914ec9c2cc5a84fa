#pragma once
// The monitor service: how the node is, asked of its services one by one, and what contracts do, block by block.
//
// Owns     statistics of contracts, in memory: they begin anew with the process.
// Serves   weft.Monitor.
// Calls    weft.Storage/Head, Events, Usage; weft.Validation/PoolStatus, weft.Network/Status, weft.Consensus/Status,
//          weft.Contract/Activity.
// Publishes  what contracts did in each block that it looked at (ContractEvents).
// Fails    never as a whole: a service that does not answer is what it reports; a block that can't be looked at counts
//          as skipped.
//
// The chain's own path has nothing of this in it: blocks are executed once more, after they were committed, and the
// monitor takes no more than its share of the time for that. A block that comes while it owes time is skipped.

#include <atomic>
#include <mutex>
#include <optional>

#include "api/consensus.hpp"
#include "api/monitor.hpp"
#include "api/network.hpp"
#include "api/storage.hpp"
#include "api/validation.hpp"
#include "bus/feed.hpp"
#include "mesh/service.hpp"
#include "net/loop.hpp"
#include "service/monitor/contract_statistics.hpp"

namespace weft::service::monitor {

struct Ports {
    mesh::Port<api::storage::Head> head;
    mesh::Port<api::validation::PoolStatus> pool_status;
    mesh::Port<api::network::Status> network_status;
    mesh::Port<api::consensus::Status> consensus_status;
    mesh::Port<api::consensus::Progress> consensus_progress;
    mesh::Port<api::storage::Events> storage_events;
    mesh::Port<api::contract::Activity> activity;
    mesh::Port<api::storage::Usage> usage;
};

class Monitor {
  public:
    /// @param share_percent  of the time that may go into executing blocks once more; 100: every block; 0: none.
    /// @param epoch          not zero; tells this process's positions from those of another.
    Monitor(Ports ports, std::uint64_t share_percent, std::uint64_t epoch)
        : ports_(std::move(ports)), share_percent_(share_percent), feed_(blocks_kept_max, epoch) {}
    /// Begins to watch; the service must outlive the loop's tasks, or stop() and the end of storage's events be waited
    /// for.
    void start(net::Loop& loop);
    void stop();

    Task<api::monitor::ReportReply> report(mesh::Context context, api::monitor::Report);
    Task<api::monitor::FinalityReply> finality(mesh::Context context, api::monitor::Finality);
    Task<api::monitor::TopContractsReply> top_contracts(mesh::Context, api::monitor::TopContracts request);
    Task<api::monitor::ContractStatsReply> contract_stats(mesh::Context, api::monitor::ContractStats request);
    Task<api::monitor::ContractEventsReply> contract_events(mesh::Context, api::monitor::ContractEvents request);

  private:
    static constexpr std::size_t blocks_kept_max = 256;

    Task<void> watch(net::Loop& loop, Promise<void> ended);
    Task<void> look_at(api::SealedBlockPtr block);
    void count_skipped(std::uint64_t number);

    Ports ports_;
    const std::uint64_t share_percent_;
    bus::Feed<api::monitor::BlockActivity> feed_;
    std::int64_t free_at_ns_ = 0;  // until then it owes time
    std::atomic<bool> stopping_{false};
    std::optional<Future<void>> ended_;

    std::mutex mutex_;  // over what follows
    ContractStatistics statistics_;
    api::monitor::Coverage coverage_;
};

}  // namespace weft::service::monitor
