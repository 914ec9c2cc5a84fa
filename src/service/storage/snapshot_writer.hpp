#pragma once
// Fills a new database from the chunks of a snapshot, in a folder of its own that is no chain's until finish(). Each
// chunk is one write together with what is still missing: a process that dies goes on where it was.

#include <memory>
#include <vector>

#include "chain/snapshot.hpp"
#include "service/storage/database.hpp"

namespace weft::service::storage {

class SnapshotWriter {
  public:
    /// Goes on with a snapshot of that block, or begins it.
    ///
    /// @param head   the snapshot's block, with its receipts, known to be final; the caller vouches for it.
    /// @param proof  why it is final, to be kept with it.
    /// @errors as store::Kv::open; already_exists  the database is complete; failed_precondition  another snapshot was
    ///         begun there.
    [[nodiscard]] static Result<SnapshotWriter> open(const DatabaseConfig& config, const chain::Genesis& genesis,
                                                     api::SealedBlockPtr head, Bytes proof);

    /// What is to be asked for, in parts that don't overlap: at first parts_count.
    [[nodiscard]] const std::vector<chain::SnapshotRange>& missing() const { return sync_.missing; }
    static constexpr std::size_t parts_count = 16;
    [[nodiscard]] bool is_missing(const chain::SnapshotRange& range) const;

    /// Verifies a chunk and writes it.
    /// @param range  one of missing(); what follows it takes its place, or nothing.
    /// @errors invalid_argument  the chunk is not right: whoever sent it is to blame; as store::Kv::write.
    [[nodiscard]] Result<void> take(const chain::SnapshotRange& range, const chain::SnapshotChunk& chunk);

    /// The headers below the snapshot's block: 1, 2, ... Each time anew after open().
    /// @param proofs  as many: why each is final, to be kept with it, or empty.
    /// @errors invalid_argument  it does not follow on the one before; as store::Kv::write.
    [[nodiscard]] Result<void> put_headers(std::span<const chain::Header> headers, std::span<const Bytes> proofs);
    /// The number of the header that is wanted next.
    [[nodiscard]] std::uint64_t next_header() const { return last_.number + 1; }

    /// Makes it a database that Database::open() takes.
    /// @errors failed_precondition  something is missing; as store::Kv::write.
    [[nodiscard]] Result<void> finish();

  private:
    SnapshotWriter(store::Kv kv, const chain::Genesis& genesis, api::SealedBlockPtr head, Bytes proof);
    [[nodiscard]] Result<void> begin();
    void put_accounts(store::Kv::Batch& batch, const chain::SnapshotChunk& chunk) const;

    /// The newest header, and what comes with it.
    struct Last {
        std::uint64_t number = 0;
        Hash hash;
        U256 total_difficulty;
    };

    store::Kv kv_;
    const chain::Genesis* genesis_;
    api::SealedBlockPtr head_;
    Bytes proof_;
    StoredSync sync_;
    Last last_;
};

}  // namespace weft::service::storage
