#pragma once
// The storage service.
//
// Owns     the chain's blocks, receipts, states and tries; no other service writes them.
// Serves   weft.Storage.
// Calls    nobody.
// Publishes  each block added and removed, in order (Events).
// Fails    closed: a commit that can't be written whole is refused, and the head stays.

#include <memory>
#include <mutex>
#include <optional>

#include "api/storage.hpp"
#include "base/task.hpp"
#include "bus/feed.hpp"
#include "service/storage/database.hpp"
#include "service/storage/recent_changes.hpp"
#include "service/storage/snapshot_writer.hpp"

namespace weft::service::storage {

class Storage {
  public:
    /// @param genesis  the chain's; must outlive the service.
    /// @param snapshot_interval  chain::snapshot_interval but in tests.
    Storage(std::unique_ptr<Database> database, const chain::Genesis& genesis, std::uint64_t epoch,
            std::uint64_t snapshot_interval = chain::snapshot_interval);

    Task<api::storage::HeadReply> head(mesh::Context, api::storage::Head);
    Task<api::storage::BlockReply> get_block(mesh::Context, api::storage::GetBlock);
    Task<api::storage::TransactionReply> get_transaction(mesh::Context, api::storage::GetTransaction);
    Task<chain::Account> get_account(mesh::Context, api::storage::GetAccount);
    Task<api::storage::CodeReply> get_code(mesh::Context, api::storage::GetCode);
    Task<api::storage::SlotReply> get_slot(mesh::Context, api::storage::GetSlot);
    Task<api::storage::ProofReply> get_proof(mesh::Context, api::storage::GetProof);
    Task<api::storage::LogsReply> get_logs(mesh::Context, api::storage::GetLogs);
    Task<api::storage::FeeHistoryReply> fee_history(mesh::Context, api::storage::FeeHistory);
    Task<api::storage::EventsReply> events(mesh::Context, api::storage::Events);
    Task<api::storage::ReadBlocksReply> read_blocks(mesh::Context, api::storage::ReadBlocks);
    Task<api::storage::SnapshotHeadReply> snapshot_head(mesh::Context, api::storage::SnapshotHead);
    Task<chain::SnapshotChunk> read_snapshot(mesh::Context, api::storage::ReadSnapshot);
    Task<api::storage::SnapshotProgressReply> begin_snapshot(mesh::Context, api::storage::BeginSnapshot);
    Task<api::storage::SnapshotProgressReply> put_headers(mesh::Context, api::storage::PutHeaders);
    Task<api::storage::SnapshotProgressReply> put_chunk(mesh::Context, api::storage::PutChunk);
    Task<api::storage::HeadReply> finish_snapshot(mesh::Context, api::storage::FinishSnapshot);
    Task<api::storage::OpenStateReply> open_state(mesh::Context, api::storage::OpenState);
    Task<api::storage::StateValues> read_state(mesh::Context, api::storage::ReadState);
    Task<api::storage::RootReply> root_of(mesh::Context, api::storage::RootOf);
    Task<api::storage::RootReply> root(mesh::Context, api::storage::Root);
    Task<api::storage::CommitReply> commit(mesh::Context, api::storage::Commit);
    Task<api::storage::CommitReply> commit_delta(mesh::Context, api::storage::CommitDelta);
    Task<api::storage::UsageReply> usage(mesh::Context, api::storage::Usage);
    Task<api::storage::CommitReply> amend(mesh::Context, api::storage::Amend);
    Task<api::storage::HeadReply> rewind(mesh::Context, api::storage::Rewind);

    using DatabasePtr = std::shared_ptr<Database>;
    /// Where a reference points: the block and the newest version of its state.
    struct Resolved {
        DatabasePtr database;  // that has them
        api::SealedBlockPtr block;  // its transactions may be missing if it is not recent
        std::uint64_t version = 0;
    };
    /// @errors not_found  "header not found".
    [[nodiscard]] Result<Resolved> resolve(const api::BlockRef& ref) const;
    /// Whoever holds it keeps it from being closed.
    /// @errors unavailable  it is just being replaced by one that was made of a snapshot.
    [[nodiscard]] Result<DatabasePtr> database() const;
    /// Ends the waits of readers of events.
    void stop() { feed_.close(); }

  private:
    [[nodiscard]] static Result<api::SealedBlockPtr> find_block(const Database& database, const api::BlockRef& ref,
                                                                bool header_only);

    /// Whether a block's state is one that is served in chunks.
    [[nodiscard]] bool is_snapshot(const Database& database, std::uint64_t number) const;
    [[nodiscard]] static Result<api::storage::StateValues> read(const Database& database, std::uint64_t version,
                                                                std::uint64_t number,
                                                                const api::storage::StateKeys& keys);

    /// What is made of a snapshot.
    struct Making {
        SnapshotWriter writer;
        Hash block;
        bool is_finished = false;
    };
    /// @pre making_mutex_ is held. @errors failed_precondition  no snapshot of that block is being made.
    [[nodiscard]] Result<Making*> making(const Hash& block);
    [[nodiscard]] Result<api::storage::SnapshotProgressReply> begin(api::storage::BeginSnapshot request);
    [[nodiscard]] Result<api::storage::SnapshotProgressReply> put(api::storage::PutHeaders request);
    [[nodiscard]] Result<api::storage::SnapshotProgressReply> put(const api::storage::PutChunk& request);
    [[nodiscard]] Result<DatabasePtr> finish(const Hash& block);
    [[nodiscard]] Result<DatabasePtr> withdraw_database();
    [[nodiscard]] Result<DatabasePtr> go_over(DatabasePtr old);

    mutable std::mutex database_mutex_;
    DatabasePtr database_;
    /// Nobody new gets the database until then: who waits to replace it waits for those who have it.
    std::int64_t closed_until_ns_ = 0;
    std::mutex making_mutex_;
    std::optional<Making> making_;
    RecentChanges recent_;
    const chain::Genesis& genesis_;
    const std::uint64_t snapshot_interval_;
    bus::Feed<api::storage::ChainEvent> feed_;
};

}  // namespace weft::service::storage
