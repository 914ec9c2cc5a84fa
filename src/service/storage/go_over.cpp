// How storage goes over to a database that was made of a snapshot.

#include <filesystem>

#include "base/time.hpp"
#include "service/storage/replace_folder.hpp"
#include "service/storage/storage.hpp"

namespace weft::service::storage {

namespace {

/// So long readers are turned away for the sake of one that is not done; then the old database is open to all again.
constexpr std::int64_t closed_ns = 5 * ns_per_s;

/// The snapshot's block as it is kept.
Result<api::SealedBlockPtr> to_sealed(const chain::ChainConfig& config, const api::storage::SnapshotHeadReply& head) {
    WEFT_TRY(auto block, chain::decode_block(head.block));
    if (block.header.number == 0 || block.header.number != head.number) {
        return fail(ErrorCode::invalid_argument, "the snapshot is of another block");
    }
    if (chain::transactions_root(block.transactions) != block.header.transactions_root) {
        return fail(ErrorCode::invalid_argument, "the snapshot's block has other transactions than its header says");
    }
    WEFT_CHECK(chain::recover_senders(block.transactions));
    auto out = std::make_shared<api::SealedBlock>();
    WEFT_TRY(out->receipts, chain::receipts_of(config, block, head.receipts));
    out->hash = chain::hash_of(block.header);
    out->header = std::move(block.header);
    out->transactions = std::move(block.transactions);
    out->ommers = std::move(block.ommers);
    if (block.withdrawals) out->withdrawals = *std::move(block.withdrawals);
    out->size = head.block.size();
    return out;
}

api::storage::SnapshotProgressReply progress_of(const SnapshotWriter& writer) {
    return {writer.missing(), writer.next_header()};
}

}  // namespace

Task<api::storage::SnapshotProgressReply> Storage::begin_snapshot(mesh::Context, api::storage::BeginSnapshot request) {
    co_return begin(std::move(request));
}

Task<api::storage::SnapshotProgressReply> Storage::put_headers(mesh::Context, api::storage::PutHeaders request) {
    co_return put(std::move(request));
}

Task<api::storage::SnapshotProgressReply> Storage::put_chunk(mesh::Context, api::storage::PutChunk request) {
    co_return put(request);
}

Task<api::storage::HeadReply> Storage::finish_snapshot(mesh::Context context, api::storage::FinishSnapshot request) {
    const auto now = co_await finish(request.block);
    feed_.publish({0, api::storage::EventKind::block_added, now->head().block});
    co_return co_await head(context, {});
}

Result<api::storage::SnapshotProgressReply> Storage::begin(api::storage::BeginSnapshot request) {
    WEFT_TRY(const auto served, database());
    if (served->head().block->header.number != 0) {
        return fail(ErrorCode::failed_precondition, "the chain has blocks already: it goes on from them");
    }
    WEFT_TRY(const auto head, to_sealed(genesis_.config, request.head));
    DatabaseConfig config = beside(served->config());
    config.sync = true;  // what takes the place of a database must not need luck
    const auto open = [&] { return SnapshotWriter::open(config, genesis_, head, request.head.proof); };
    const std::lock_guard lock(making_mutex_);
    making_.reset();
    auto writer = open();
    if (!writer && (writer.error().code == ErrorCode::failed_precondition ||
                    writer.error().code == ErrorCode::already_exists || writer.error().code == ErrorCode::data_loss)) {
        // Another snapshot, or one that can't be gone on with: nobody misses it.
        std::error_code none;
        std::filesystem::remove_all(config.path, none);
        WEFT_TRY(auto anew, open());
        making_.emplace(std::move(anew), head->hash);
    } else {
        if (!writer) return std::unexpected(std::move(writer).error());
        making_.emplace(*std::move(writer), head->hash);
    }
    return progress_of(making_->writer);
}

Result<Storage::Making*> Storage::making(const Hash& block) {
    if (making_ && making_->block == block) return &*making_;
    return fail(ErrorCode::failed_precondition, "no snapshot of that block was begun");
}

Result<api::storage::SnapshotProgressReply> Storage::put(api::storage::PutHeaders request) {
    std::vector<chain::Header> headers;
    std::vector<Bytes> proofs;
    for (auto& [header, proof] : request.headers) {
        WEFT_TRY(auto decoded, chain::decode_header(header));
        headers.push_back(std::move(decoded));
        proofs.push_back(std::move(proof));
    }
    const std::lock_guard lock(making_mutex_);
    WEFT_TRY(Making* const made, making(request.block));
    WEFT_CHECK(made->writer.put_headers(headers, proofs));
    return progress_of(made->writer);
}

Result<api::storage::SnapshotProgressReply> Storage::put(const api::storage::PutChunk& request) {
    const std::lock_guard lock(making_mutex_);
    WEFT_TRY(Making* const made, making(request.block));
    if (!made->writer.is_missing(request.range)) {
        return fail(ErrorCode::failed_precondition, "that range is not missing");
    }
    WEFT_CHECK(made->writer.take(request.range, request.chunk));
    return progress_of(made->writer);
}

Result<Storage::DatabasePtr> Storage::finish(const Hash& block) {
    const std::lock_guard lock(making_mutex_);
    WEFT_TRY(Making* const made, making(block));
    if (!made->is_finished) WEFT_CHECK(made->writer.finish());
    made->is_finished = true;
    WEFT_TRY(auto old, withdraw_database());
    return go_over(std::move(old));
}

/// The database, for its last user. New ones are turned away until then.
Result<Storage::DatabasePtr> Storage::withdraw_database() {
    const std::lock_guard lock(database_mutex_);
    closed_until_ns_ = monotonic_ns() + closed_ns;
    // Copies are made under this lock or of another copy: the last one stays the last one.
    if (database_.use_count() != 1) return fail(ErrorCode::unavailable, "the old state is still being read");
    return std::move(database_);
}

/// Whatever goes wrong, what is then in the database's place is opened again.
Result<Storage::DatabasePtr> Storage::go_over(DatabasePtr old) {
    const DatabaseConfig config = old->config();
    old.reset();
    making_.reset();
    const auto replaced = replace_folder(config.path, beside(config).path);
    recent_.begin_line();
    WEFT_TRY(auto opened, Database::open(config, genesis_));
    {
        const std::lock_guard lock(database_mutex_);
        database_ = std::move(opened);
        closed_until_ns_ = 0;
    }
    if (!replaced) return std::unexpected(replaced.error());
    return database();
}

}  // namespace weft::service::storage
