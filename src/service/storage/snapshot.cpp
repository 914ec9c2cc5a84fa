// States served in chunks: each version is kept, so that those of the newest round blocks are there for who asks.

#include "service/storage/storage.hpp"

namespace weft::service::storage {

namespace {

/// A state as it was at a version.
class PastState final : public chain::SnapshotSource {
  public:
    PastState(const Database& database, std::uint64_t version) : database_(database), version_(version) {}

    Bytes node(const Hash& owner, chain::NibblesView path) override { return database_.node_at(owner, path, version_); }
    Result<Address> address_of(const Hash& hashed) override { return key_of<Address>(hashed); }
    Result<U256> slot_of(const Hash& hashed) override {
        WEFT_TRY(const Hash key, key_of<Hash>(hashed));
        return U256::from_bytes(key);
    }
    Result<Bytes> code_of(const Hash& code_hash) override { return database_.code_bytes(code_hash); }

  private:
    template <class Key>
    Result<Key> key_of(const Hash& hashed) const {
        WEFT_TRY(const Bytes bytes, database_.preimage(hashed));
        if (bytes.size() != Key::size) return fail(ErrorCode::data_loss, "a key of the state is damaged");
        return Key::from(bytes);
    }

    const Database& database_;
    std::uint64_t version_;
};

}  // namespace

bool Storage::is_snapshot(const Database& database, std::uint64_t number) const {
    const std::uint64_t head = database.head().block->header.number;
    return number != 0 && number >= database.first_number() && number % snapshot_interval_ == 0 && number <= head &&
           head / snapshot_interval_ - number / snapshot_interval_ < chain::snapshots_kept;
}

Task<api::storage::SnapshotHeadReply> Storage::snapshot_head(mesh::Context, api::storage::SnapshotHead request) {
    const auto database = co_await this->database();
    api::storage::SnapshotHeadReply reply;
    std::uint64_t number = request.number;
    if (number == 0) {
        const std::uint64_t head = database->head().block->header.number;
        number = head - head % snapshot_interval_;
    }
    if (!is_snapshot(*database, number)) co_return reply;
    const auto block = co_await database->block(number);
    if (!block) co_return reply;
    reply.number = number;
    reply.block = chain::encode(api::to_block(*block));
    reply.proof = co_await database->proof(number);
    for (const auto& receipt : block->receipts) reply.receipts.push_back(chain::encode(receipt));
    co_return reply;
}

Task<chain::SnapshotChunk> Storage::read_snapshot(mesh::Context, api::storage::ReadSnapshot request) {
    const auto database = co_await this->database();
    if (!is_snapshot(*database, request.number)) co_return fail(ErrorCode::not_found, "no snapshot of that block");
    const auto header = co_await database->header(request.number);
    if (!header) co_return fail(ErrorCode::not_found, "no snapshot of that block");
    PastState state(*database, co_await database->version_of(request.number));
    co_return chain::make_chunk(state, header->header.state_root, request.range,
                                std::min(request.bytes_wanted, chain::chunk_bytes_wanted));
}

}  // namespace weft::service::storage
