#include "service/consensus/evidence_store.hpp"

#include <algorithm>

#include "base/big_endian.hpp"
#include "base/wire.hpp"
#include "consensus/pbft/codec.hpp"
#include "crypto/keccak.hpp"

namespace weft::service::consensus {

namespace pbft = weft::consensus::pbft;

namespace {

constexpr std::string_view tables[] = {"justifications", "evidence"};
constexpr store::Table justifications_table = 0;
constexpr store::Table evidence_table = 1;

struct StoredMessage {
    Bytes message;
    std::vector<Bytes> blocks;
};
struct StoredItem {
    std::string rule;
    Address culprit;
    StoredMessage first;
    StoredMessage second;
};

StoredMessage to_stored(const pbft::PbftMessage& message) {
    auto packed = pbft::pack(message);
    StoredMessage out{std::move(packed.message), {}};
    for (const auto& block : packed.blocks) out.blocks.push_back(block->bytes);
    return out;
}

Result<pbft::Ptr> from_stored(const StoredMessage& stored) {
    std::vector<weft::consensus::BlockPtr> blocks;
    for (const auto& bytes : stored.blocks) {
        WEFT_TRY(auto block, pbft::to_block(bytes));
        blocks.push_back(std::move(block));
    }
    WEFT_TRY(auto message, pbft::unpack(stored.message, blocks));
    return pbft::Ptr(std::move(message));
}

Bytes height_key(std::uint64_t height) {
    Bytes out;
    append_big_endian(out, height);
    return out;
}

/// By height, and then so that the same thing said twice is kept once.
Bytes key_of(std::uint64_t height, BytesView value) {
    Bytes out = height_key(height);
    append(out, crypto::keccak256(value).view());
    return out;
}

}  // namespace

Result<EvidenceStore> EvidenceStore::open(const std::string& path) {
    store::KvOptions options;
    options.cache_size = 1 << 20;
    options.write_buffers_size = 4 << 20;
    options.sync = true;
    WEFT_TRY(auto kv, store::Kv::open(path, tables, options));
    return EvidenceStore(std::move(kv));
}

void EvidenceStore::forget_before(store::Kv::Batch& batch, store::Table table, std::uint64_t height) const {
    if (height < evidence_heights) return;
    constexpr std::size_t forgotten_at_once = 64;
    const Bytes end = height_key(height - evidence_heights);
    auto cursor = kv_.cursor(table);
    std::size_t count = 0;
    for (cursor.seek({}); cursor.valid() && count < forgotten_at_once; cursor.next(), ++count) {
        if (std::ranges::lexicographical_compare(end, cursor.key())) break;
        batch.erase(table, cursor.key());
    }
}

Result<void> EvidenceStore::keep_justification(const pbft::PbftMessage& proposal) {
    store::Kv::Batch batch;
    const Bytes value = wire::encode(to_stored(proposal));
    batch.put(justifications_table, key_of(proposal.height, value), value);
    forget_before(batch, justifications_table, proposal.height);
    return kv_.write(std::move(batch));
}

Result<void> EvidenceStore::keep(const Item& item) {
    store::Kv::Batch batch;
    const Bytes value =
        wire::encode(StoredItem{item.rule, item.culprit, to_stored(*item.first), to_stored(*item.second)});
    batch.put(evidence_table, key_of(item.first->height, value), value);
    forget_before(batch, evidence_table, item.first->height);
    return kv_.write(std::move(batch));
}

Result<std::vector<EvidenceStore::Item>> EvidenceStore::newest(std::size_t count_max) const {
    std::vector<Item> out;
    auto cursor = kv_.cursor(evidence_table);
    for (cursor.seek({}); cursor.valid(); cursor.next()) {
        WEFT_TRY(const auto stored, wire::decode<StoredItem>(cursor.value()));
        WEFT_TRY(auto first, from_stored(stored.first));
        WEFT_TRY(auto second, from_stored(stored.second));
        out.push_back({stored.rule, stored.culprit, std::move(first), std::move(second)});
        if (out.size() > count_max) out.erase(out.begin());
    }
    return out;
}

Result<std::vector<pbft::Ptr>> EvidenceStore::justifications(std::uint64_t height) const {
    std::vector<pbft::Ptr> out;
    auto cursor = kv_.cursor(justifications_table);
    const Bytes key = height_key(height);
    for (cursor.seek(key); cursor.valid() && std::ranges::equal(cursor.key().first(key.size()), key); cursor.next()) {
        WEFT_TRY(const auto stored, wire::decode<StoredMessage>(cursor.value()));
        WEFT_TRY(auto message, from_stored(stored));
        out.push_back(std::move(message));
    }
    return out;
}

}  // namespace weft::service::consensus
