#include "service/storage/snapshot_writer.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "base/wire.hpp"
#include "crypto/keccak.hpp"

namespace weft::service::storage {

namespace {

constexpr std::uint64_t snapshot_version = 1;
const Bytes sync_key = {'s', 'y', 'n', 'c'};

/// The key space cut by its first nibble.
std::vector<chain::SnapshotRange> all_parts() {
    std::vector<chain::SnapshotRange> out(SnapshotWriter::parts_count);
    for (std::size_t i = 0; i < out.size(); ++i) {
        out[i].first.bytes[0] = static_cast<std::uint8_t>(i << 4);
        out[i].last.bytes[0] = static_cast<std::uint8_t>(i << 4 | 15);
    }
    return out;
}

bool is_same(const chain::SnapshotRange& a, const chain::SnapshotRange& b) {
    return a.first == b.first && a.last == b.last && a.slot_first == b.slot_first;
}

}  // namespace

SnapshotWriter::SnapshotWriter(store::Kv kv, const chain::Genesis& genesis, api::SealedBlockPtr head, Bytes proof)
    : kv_(std::move(kv)), genesis_(&genesis), head_(std::move(head)), proof_(std::move(proof)) {
    const auto& first = genesis.header;
    last_ = {first.number, chain::hash_of(first), first.difficulty};
}

Result<SnapshotWriter> SnapshotWriter::open(const DatabaseConfig& config, const chain::Genesis& genesis,
                                            api::SealedBlockPtr head, Bytes proof) {
    WEFT_TRY(store::Kv kv, store::Kv::open(config.path, table_names, kv_options(config)));
    WEFT_TRY(const bool is_complete, has_head(kv));
    if (is_complete) return fail(ErrorCode::already_exists, config.path + ": there is a database already");
    SnapshotWriter out(std::move(kv), genesis, std::move(head), std::move(proof));
    WEFT_CHECK(out.begin());
    return out;
}

Result<void> SnapshotWriter::begin() {
    WEFT_TRY(const auto stored, kv_.get(table::meta, sync_key));
    if (stored) {
        WEFT_TRY(sync_, wire::decode<StoredSync>(*stored));
        if (sync_.block_hash == head_->hash) return {};
        return fail(ErrorCode::failed_precondition, "the snapshot of another block was begun");
    }
    sync_ = {head_->hash, all_parts()};
    store::Kv::Batch batch;
    batch.put(table::meta, sync_key, wire::encode(sync_));
    return kv_.write(std::move(batch));
}

void SnapshotWriter::put_accounts(store::Kv::Batch& batch, const chain::SnapshotChunk& chunk) const {
    for (const auto& [address, account, slots] : chunk.accounts) {
        batch.put(table::accounts, account_key(address, snapshot_version), encode_account({0, account}));
        batch.put(table::preimages, chain::hashed_key(address), address);
        for (const auto& [key, value] : slots) {
            const Hash bytes = value.to_hash();
            batch.put(table::slots, slot_key(address, 0, key, snapshot_version),
                      bytes.view().last(value.byte_length()));
            batch.put(table::preimages, chain::hashed_key(key), key.to_hash());
        }
    }
}

bool SnapshotWriter::is_missing(const chain::SnapshotRange& range) const {
    return std::ranges::any_of(sync_.missing, [&](const auto& each) { return is_same(each, range); });
}

Result<void> SnapshotWriter::take(const chain::SnapshotRange& range, const chain::SnapshotChunk& chunk) {
    const auto at = std::ranges::find_if(sync_.missing, [&](const auto& each) { return is_same(each, range); });
    WEFT_ASSERT(at != sync_.missing.end());
    std::vector<chain::NodeChange> nodes;
    WEFT_TRY(const auto next, chain::verify_chunk(head_->header.state_root, range, chunk, &nodes));
    store::Kv::Batch batch;
    put_accounts(batch, chunk);
    for (const auto& code : chunk.codes) batch.put(table::codes, crypto::keccak256(code), code);
    for (const auto& node : nodes) {
        batch.put(table::nodes, node_key(node.owner, node.path, snapshot_version), node.rlp);
    }
    StoredSync after = sync_;
    const auto place = after.missing.begin() + (at - sync_.missing.begin());
    if (next) {
        *place = *next;
    } else {
        after.missing.erase(place);
    }
    batch.put(table::meta, sync_key, wire::encode(after));
    WEFT_CHECK(kv_.write(std::move(batch)));
    sync_ = std::move(after);
    return {};
}

Result<void> SnapshotWriter::put_headers(std::span<const chain::Header> headers, std::span<const Bytes> proofs) {
    WEFT_ASSERT(headers.size() == proofs.size());
    store::Kv::Batch batch;
    Last last = last_;
    for (const auto& header : headers) {
        if (header.number != last.number + 1 || header.parent_hash != last.hash ||
            header.number >= head_->header.number) {
            return fail(ErrorCode::invalid_argument, fmt::format("header {} is not the next one", header.number));
        }
        last = {header.number, chain::hash_of(header), last.total_difficulty + header.difficulty};
        const StoredHeader stored{chain::encode(header), last.hash, last.total_difficulty, 0, 0};
        batch.put(table::headers, number_key(header.number), wire::encode(stored));
        batch.put(table::hashes, last.hash, number_key(header.number));
        const auto& proof = proofs[static_cast<std::size_t>(&header - headers.data())];
        if (!proof.empty()) batch.put(table::proofs, number_key(header.number), proof);
    }
    WEFT_CHECK(kv_.write(std::move(batch)));
    last_ = last;
    return {};
}

Result<void> SnapshotWriter::finish() {
    if (!sync_.missing.empty()) return fail(ErrorCode::failed_precondition, "a part of the state is missing");
    if (last_.hash != head_->header.parent_hash) {
        return fail(ErrorCode::failed_precondition, "headers below the snapshot are missing");
    }
    auto head = std::make_shared<api::SealedBlock>(*head_);
    head->total_difficulty = last_.total_difficulty + head->header.difficulty;
    WEFT_CHECK(write_snapshot_head(kv_, *genesis_, *head, proof_, snapshot_version));
    store::Kv::Batch batch;
    batch.erase(table::meta, sync_key);
    return kv_.write(std::move(batch));
}

}  // namespace weft::service::storage
