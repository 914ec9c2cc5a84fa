#pragma once
// Does what consensus/pbft/snapshot_sync.hpp decides: asks peers, gives storage what they sent.

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "api/network.hpp"
#include "api/storage.hpp"
#include "consensus/pbft/snapshot_sync.hpp"
#include "mesh/service.hpp"
#include "observe/log.hpp"

namespace weft::service::consensus {

struct SnapshotPorts {
    mesh::Port<api::network::FetchHeaders> fetch_headers;
    mesh::Port<api::network::FetchSnapshot> fetch_snapshot;
    mesh::Port<api::network::FetchChunk> fetch_chunk;
    mesh::Port<api::network::Penalize> penalize;
    mesh::Port<api::storage::BeginSnapshot> begin;
    mesh::Port<api::storage::PutHeaders> put_headers;
    mesh::Port<api::storage::PutChunk> put_chunk;
    mesh::Port<api::storage::FinishSnapshot> finish;
};

class SnapshotDriver {
  public:
    /// What is going on, in words, and the number of the snapshot's block or 0.
    using Tell = std::function<void(std::string what, std::uint64_t number)>;

    SnapshotDriver(weft::consensus::pbft::SnapshotConfig config, SnapshotPorts ports, Tell tell);

    /// Blocks until storage has a snapshot's state.
    /// @return  false: there is none that would be worth it.
    /// @errors cancelled  stop() was called.
    [[nodiscard]] Result<bool> run();
    /// From another thread: run() ends soon.
    void stop();

  private:
    /// What a peer sent for AskChunk.
    struct Arrived {
        std::uint64_t attempt = 0;
        chain::SnapshotRange range;
        Result<api::network::FetchChunkReply> reply;
    };
    /// Outlives the driver for who answers too late.
    struct Inbox {
        std::mutex mutex;
        std::condition_variable wake;
        std::deque<Arrived> arrived;
        bool is_stopping = false;
    };
    using Event = weft::consensus::pbft::SnapshotEvent;
    using Actions = std::vector<weft::consensus::pbft::SnapshotAction>;

    // Each answers at once, or later, which is nothing here.
    [[nodiscard]] std::optional<Event> perform(const weft::consensus::pbft::AskPivot& action);
    [[nodiscard]] std::optional<Event> perform(const weft::consensus::pbft::PrepareStorage& action);
    [[nodiscard]] std::optional<Event> perform(const weft::consensus::pbft::AskHeaders& action);
    [[nodiscard]] std::optional<Event> perform(const weft::consensus::pbft::KeepHeaders& action);
    [[nodiscard]] std::optional<Event> perform(const weft::consensus::pbft::AskChunk& action);
    [[nodiscard]] std::optional<Event> perform(const weft::consensus::pbft::Finish& action);
    [[nodiscard]] std::optional<Event> perform(const weft::consensus::pbft::BlamePeer& action);
    [[nodiscard]] std::optional<Event> perform(const weft::consensus::pbft::Pause& action);
    [[nodiscard]] std::optional<Event> perform(const weft::consensus::pbft::Synced& action);
    [[nodiscard]] std::optional<Event> perform(const weft::consensus::pbft::Unsuited& action);
    /// The next chunk's event; nothing if nothing has arrived when the pause ends, or the service ends.
    [[nodiscard]] std::optional<Event> wait();
    [[nodiscard]] Event keep(Arrived arrived);
    [[nodiscard]] Event failed(const Error& error) const;

    const weft::consensus::pbft::SnapshotConfig config_;
    const SnapshotPorts ports_;
    const Tell tell_;
    const observe::Log log_{"consensus"};
    const std::shared_ptr<Inbox> inbox_ = std::make_shared<Inbox>();

    weft::consensus::pbft::SnapshotState state_;
    api::storage::SnapshotHeadReply head_;           // the pivot's
    std::vector<api::storage::StoredBlock> headers_;  // found last
    std::int64_t resume_ns_ = 0;                      // 0: no pause
    std::uint64_t resume_attempt_ = 0;
    std::optional<bool> outcome_;
};

}  // namespace weft::service::consensus
