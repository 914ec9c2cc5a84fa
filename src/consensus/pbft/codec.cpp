#include "consensus/pbft/codec.hpp"

#include <algorithm>
#include <set>

#include "base/rlp.hpp"
#include "chain/block.hpp"
#include "consensus/pbft/extra.hpp"

namespace weft::consensus::pbft {

namespace {

constexpr std::size_t signature_size = 65;
constexpr std::uint64_t round_max = UINT32_MAX;

std::unexpected<Error> wrong(const char* what) {
    return fail(ErrorCode::invalid_argument, std::string("consensus message: ") + what);
}

void put_signature(rlp::Writer& out, const crypto::Signature& signature) {
    Bytes bytes = to_bytes(signature.r);
    append(bytes, signature.s.view());
    bytes.push_back(signature.y_parity);
    out.string(bytes);
}

Result<crypto::Signature> take_signature(rlp::Reader& in) {
    WEFT_TRY(const BytesView bytes, in.string());
    crypto::Signature out;
    if (bytes.size() != signature_size || bytes[64] > 1) return wrong("a signature of another form");
    out.r = Hash::from(bytes.first(32));
    out.s = Hash::from(bytes.subspan(32, 32));
    out.y_parity = bytes[64];
    return out;
}

/// A round, or none, as a number that is not negative.
void put_round(rlp::Writer& out, std::int64_t round) { out.number(static_cast<std::uint64_t>(round + 1)); }
Result<std::int64_t> take_round(rlp::Reader& in) {
    WEFT_TRY(const std::uint64_t value, in.u64());
    if (value > round_max + 1) return wrong("a round beyond all");
    return static_cast<std::int64_t>(value) - 1;
}

class Packer {
  public:
    explicit Packer(std::vector<BlockPtr>& blocks) : blocks_(blocks) {}

    void put(rlp::Writer& out, const PbftMessage& message) {
        const auto whole = out.begin_list();
        out.number(static_cast<std::uint64_t>(message.kind)).number(message.height).number(message.round);
        out.string(message.digest.view());
        put_round(out, message.prepared_round);
        out.string(message.signer.view());
        put_signature(out, message.signature);
        out.number(std::uint64_t{message.block ? 1U : 0U});
        if (message.block) add(message.block);
        put_list(out, message.round_changes);
        put_list(out, message.votes);
        out.end_list(whole);
    }
    void put_list(rlp::Writer& out, const std::vector<Ptr>& messages) {
        const auto list = out.begin_list();
        for (const auto& message : messages) put(out, *message);
        out.end_list(list);
    }
    void add(const BlockPtr& block) {
        const auto is_same = [&](const BlockPtr& it) { return it->digest == block->digest; };
        if (std::ranges::none_of(blocks_, is_same)) blocks_.push_back(block);
    }

  private:
    std::vector<BlockPtr>& blocks_;
};

/// What a message may hold, by where it stands.
enum class Level { vote, certificate, outermost };

class Unpacker {
  public:
    explicit Unpacker(const std::vector<BlockPtr>& blocks) : blocks_(blocks) {}

    Result<std::shared_ptr<PbftMessage>> take(rlp::Reader& outer, Level level) {
        WEFT_TRY(auto in, outer.list());
        auto out = std::make_shared<PbftMessage>();
        WEFT_TRY(const std::uint64_t kind, in.u64());
        if (kind > static_cast<std::uint64_t>(Kind::decided)) return wrong("of an unknown kind");
        out->kind = static_cast<Kind>(kind);
        WEFT_TRY(out->height, in.u64());
        WEFT_TRY(const std::uint64_t round, in.u64());
        if (round >= round_max) return wrong("a round beyond all");
        out->round = static_cast<Round>(round);
        WEFT_TRY(out->digest, in.fixed<Hash>());
        WEFT_TRY(out->prepared_round, take_round(in));
        WEFT_TRY(out->signer, in.fixed<Address>());
        WEFT_TRY(out->signature, take_signature(in));
        WEFT_TRY(const std::uint64_t has_block, in.u64());
        if (has_block > 1) return wrong("neither a block nor none");
        if (has_block == 1) {
            WEFT_TRY(out->block, find(out->digest));
        }
        WEFT_TRY(out->round_changes, take_list(in, level == Level::outermost, Level::certificate));
        WEFT_TRY(out->votes, take_list(in, level != Level::vote, Level::vote));
        WEFT_CHECK(in.end());
        return out;
    }
    Result<std::vector<Ptr>> take_list(rlp::Reader& outer, bool is_allowed, Level level) {
        WEFT_TRY(auto in, outer.list());
        std::vector<Ptr> out;
        if (!in.done() && !is_allowed) return wrong("messages inside one another");
        while (!in.done()) {
            if (out.size() >= validators_max) return wrong("a list that is too long");
            WEFT_TRY(auto message, take(in, level));
            out.push_back(std::move(message));
        }
        return out;
    }

  private:
    Result<BlockPtr> find(const Hash& digest) const {
        const auto found = std::ranges::find_if(blocks_, [&](const BlockPtr& it) { return it->digest == digest; });
        if (found == blocks_.end()) return wrong("a block that is not there");
        return *found;
    }
    const std::vector<BlockPtr>& blocks_;
};

}  // namespace

Result<BlockPtr> to_block(Bytes rlp) {
    rlp::Reader outer(rlp);
    WEFT_TRY(auto fields, outer.list());
    WEFT_CHECK(outer.end());
    WEFT_TRY(const BytesView encoded, fields.item());
    WEFT_TRY(const auto header, chain::decode_header(encoded));
    auto out = std::make_shared<Block>();
    out->digest = chain::hash_of(header);
    out->parent = header.parent_hash;
    out->height = header.number;
    out->timestamp_s = header.timestamp;
    out->proposer = header.coinbase;
    out->bytes = std::move(rlp);
    return BlockPtr(std::move(out));
}

Packed pack(const PbftMessage& message) {
    Packed out;
    rlp::Writer writer;
    Packer(out.blocks).put(writer, message);
    out.message = writer.take();
    return out;
}

Result<std::shared_ptr<PbftMessage>> unpack(BytesView message, const std::vector<BlockPtr>& blocks) {
    rlp::Reader in(message);
    WEFT_TRY(auto out, Unpacker(blocks).take(in, Level::outermost));
    WEFT_CHECK(in.end());
    return out;
}

Bytes encode_proof(const std::vector<MessagePtr>& commits) {
    rlp::Writer out;
    const auto whole = out.begin_list();
    const auto& first = static_cast<const PbftMessage&>(*commits.front());
    out.number(first.round).string(first.digest.view());
    const auto list = out.begin_list();
    for (const auto& it : commits) {
        const auto& commit = static_cast<const PbftMessage&>(*it);
        const auto pair = out.begin_list();
        out.string(commit.signer.view());
        put_signature(out, commit.signature);
        out.end_list(pair);
    }
    out.end_list(list);
    out.end_list(whole);
    return out.take();
}

Result<std::vector<Ptr>> decode_proof(BytesView encoded, Height height) {
    rlp::Reader outer(encoded);
    WEFT_TRY(auto in, outer.list());
    WEFT_CHECK(outer.end());
    WEFT_TRY(const std::uint64_t round, in.u64());
    if (round >= round_max) return wrong("a round beyond all");
    WEFT_TRY(const Hash digest, in.fixed<Hash>());
    WEFT_TRY(auto list, in.list());
    WEFT_CHECK(in.end());
    std::vector<Ptr> out;
    while (!list.done()) {
        if (out.size() >= validators_max) return wrong("a list that is too long");
        WEFT_TRY(auto pair, list.list());
        auto commit = std::make_shared<PbftMessage>();
        commit->kind = Kind::commit;
        commit->height = height;
        commit->round = static_cast<Round>(round);
        commit->digest = digest;
        WEFT_TRY(commit->signer, pair.fixed<Address>());
        WEFT_TRY(commit->signature, take_signature(pair));
        WEFT_CHECK(pair.end());
        out.push_back(std::move(commit));
    }
    return out;
}

bool is_final(const std::vector<Ptr>& commits, const Hash& digest, Height height, const Validators& validators,
              const Verifier& verifier) {
    std::set<Address> signers;
    for (const auto& commit : commits) {
        if (commit->kind != Kind::commit || commit->height != height || commit->digest != digest ||
            commit->round != commits.front()->round) {
            return false;
        }
        if (!std::ranges::binary_search(validators, commit->signer) || !verifier.is_signed(*commit)) return false;
        signers.insert(commit->signer);
    }
    return signers.size() >= quorum(validators.size());
}

Bytes encode(const PbftRecord& record) {
    std::vector<BlockPtr> blocks;
    Packer packer(blocks);
    rlp::Writer out;
    const auto whole = out.begin_list();
    out.number(record.height).number(record.round);
    put_round(out, record.prepare_round);
    out.string(record.prepare_digest.view());
    put_round(out, record.commit_round);
    out.string(record.commit_digest.view());
    put_round(out, record.round_change);
    put_round(out, record.prepared.round);
    out.string(record.prepared.block ? record.prepared.block->digest.view() : Hash().view());
    if (record.prepared.block) packer.add(record.prepared.block);
    packer.put_list(out, record.prepared.votes);
    packer.put_list(out, record.proposal ? std::vector<Ptr>{record.proposal} : std::vector<Ptr>{});
    const auto list = out.begin_list();
    for (const auto& block : blocks) out.string(block->bytes);
    out.end_list(list);
    out.end_list(whole);
    return out.take();
}

namespace {

/// The record's blocks stand last, so that what names them is short to skip: read them first.
Result<std::vector<BlockPtr>> blocks_of(rlp::Reader in) {
    constexpr int items_before = 11;
    for (int i = 0; i < items_before; ++i) WEFT_CHECK(in.item());
    WEFT_TRY(auto list, in.list());
    std::vector<BlockPtr> out;
    while (!list.done()) {
        if (out.size() >= blocks_kept_max) return wrong("a list that is too long");
        WEFT_TRY(const BytesView block, list.string());
        WEFT_TRY(auto made, to_block(to_bytes(block)));
        out.push_back(std::move(made));
    }
    WEFT_CHECK(in.end());
    return out;
}

}  // namespace

Result<std::shared_ptr<PbftRecord>> decode_record(BytesView encoded) {
    rlp::Reader outer(encoded);
    WEFT_TRY(auto in, outer.list());
    WEFT_CHECK(outer.end());
    WEFT_TRY(const auto blocks, blocks_of(in));
    Unpacker unpacker(blocks);
    auto out = std::make_shared<PbftRecord>();
    WEFT_TRY(out->height, in.u64());
    WEFT_TRY(const std::uint64_t round, in.u64());
    if (round >= round_max) return wrong("a round beyond all");
    out->round = static_cast<Round>(round);
    WEFT_TRY(out->prepare_round, take_round(in));
    WEFT_TRY(out->prepare_digest, in.fixed<Hash>());
    WEFT_TRY(out->commit_round, take_round(in));
    WEFT_TRY(out->commit_digest, in.fixed<Hash>());
    WEFT_TRY(out->round_change, take_round(in));
    WEFT_TRY(out->prepared.round, take_round(in));
    WEFT_TRY(const Hash prepared, in.fixed<Hash>());
    if (!prepared.is_zero()) {
        const auto found = std::ranges::find_if(blocks, [&](const BlockPtr& it) { return it->digest == prepared; });
        if (found == blocks.end()) return wrong("a block that is not there");
        out->prepared.block = *found;
    }
    if (out->prepared.block == nullptr && out->prepared.round != nothing_prepared) return wrong("nothing was prepared");
    WEFT_TRY(out->prepared.votes, unpacker.take_list(in, true, Level::vote));
    WEFT_TRY(auto proposals, unpacker.take_list(in, true, Level::outermost));
    if (proposals.size() > 1) return wrong("more than one proposal");
    if (!proposals.empty()) out->proposal = std::move(proposals.front());
    return out;
}

}  // namespace weft::consensus::pbft
