// Messages of the consensus engine and the blocks they name; blocks that are final.

#include <algorithm>

#include "service/network/core.hpp"

namespace weft::service::network {

namespace {

/// Bytes of one answer; the first block of it may be larger.
constexpr std::uint64_t reply_bytes_wanted = 2 << 20;

std::size_t memory_of(const OpenBlock& block) {
    return sizeof block + block.encoded.size() + block.transactions.size() * sizeof(BytesView) + block.rest.size();
}

}  // namespace

void Core::remember(OpenBlockPtr block) {
    if (recent(block->hash)) return;
    recent_size_ += memory_of(*block);
    recent_.push_back(std::move(block));
    while (recent_.size() > recent_blocks_max || (recent_size_ > recent_size_max && recent_.size() > 1)) {
        recent_size_ -= memory_of(*recent_.front());
        recent_.pop_front();
    }
}

OpenBlockPtr Core::recent(const Hash& hash) const {
    const auto at = std::ranges::find(recent_, hash, [](const auto& block) { return block->hash; });
    return at == recent_.end() ? nullptr : *at;
}

Result<Core::Packed> Core::pack(BytesView payload, std::span<const OpenBlockPtr> blocks, bool is_relayed) {
    std::vector<std::unique_ptr<CompactForm>> forms;  // which the message points into, as they do into the blocks
    Proposal proposal{{payload}, {}};
    for (const auto& block : blocks) {
        // Copies of what waits here for its batch could not be elsewhere.
        forms.push_back(make_compact(*block, random(), [this](const Hash& hash) { return !told_.contains(hash); }));
        proposal.blocks.push_back(forms.back()->message);
    }
    const bool is_small = payload.size() + 16 <= rule_of(Type::consensus).payload_max;
    const bool is_plain = blocks.empty() && is_small;
    Type type = is_plain ? Type::consensus : Type::proposal;
    if (is_relayed) type = is_plain ? Type::relayed : Type::relayed_proposal;
    const Bytes encoded = is_plain ? encode(ConsensusMessage{{payload}}) : encode(proposal);
    if (encoded.size() > rule_of(type).payload_max) {
        return fail(ErrorCode::invalid_argument, "a consensus message that is too large");
    }
    return Packed{rule_of(type).lane, std::make_shared<const Bytes>(encode_frame({type, 0, encoded}))};
}

Task<api::network::SendReply> Core::send(api::network::Send request) {
    if (request.blocks.size() > proposal_blocks_max) {
        co_return fail(ErrorCode::invalid_argument, "a message that names too many blocks");
    }
    std::vector<OpenBlockPtr> blocks;
    for (auto& encoded : request.blocks) {
        blocks.push_back(co_await open_block(std::move(encoded)));
        remember(blocks.back());
    }
    const auto [lane, frame] = co_await pack(request.payload, blocks, false);
    // For a peer whose lane is full of blocks: it asks for these when it has read those.
    FramePtr named;
    if (!blocks.empty()) {
        NamedProposal names{{request.payload}, {}};
        for (const auto& block : blocks) names.blocks.push_back(block->hash);
        const Bytes encoded = encode(names);
        if (encoded.size() <= rule_of(Type::named_proposal).payload_max) {
            named = std::make_shared<const Bytes>(encode_frame({Type::named_proposal, 0, encoded}));
        }
    }
    api::network::SendReply reply;
    for (const auto& peer : ready_peers()) {
        if (!peer->proved) continue;  // it would not know whose message this is
        const bool meant = request.to ? peer->validator == request.to : may_speak(*peer);
        if (!meant) continue;
        const bool is_taken = peer->post(lane, frame);
        if (is_taken || (named && peer->post(Lane::consensus, named))) ++reply.count;
    }
    co_return reply;
}

Task<void> Core::deliver(std::shared_ptr<Core> self, PeerPtr peer, Bytes payload, std::vector<OpenBlockPtr> blocks,
                         bool is_relayed) {
    std::size_t size = payload.size();
    api::consensus::Deliver request{*peer->validator, payload, {}, is_relayed};
    for (const auto& block : blocks) {
        size += block->encoded.size();
        request.blocks.push_back(block->encoded);
    }
    const Peer::Work work(peer, size);
    const auto reply = co_await call(ports_.deliver, std::move(request));
    if (reply.verdict == api::consensus::Verdict::reject) blame(*peer, fault::malformed, reply.reason);
    if (reply.verdict == api::consensus::Verdict::accept && reply.signer) relay(*peer, *reply.signer, payload, blocks);
}

Task<void> Core::receive(std::shared_ptr<Core> self, PeerPtr peer, Payload payload, bool is_relayed) {
    const Peer::Work work(peer, payload->size());
    const auto proposal = co_await decode<Proposal>(*payload);
    std::vector<OpenBlockPtr> blocks;
    for (const auto& compact : proposal.blocks) {
        blocks.push_back(co_await assemble(peer, compact));
        remember(blocks.back());
    }
    co_await deliver(self, peer, to_bytes(proposal.payload.bytes), std::move(blocks), is_relayed);
}

Task<void> Core::receive_named(std::shared_ptr<Core> self, PeerPtr peer, Payload payload) {
    const Peer::Work work(peer, payload->size());
    const auto proposal = co_await decode<NamedProposal>(*payload);
    std::vector<OpenBlockPtr> blocks;
    for (const auto& hash : proposal.blocks) {
        auto block = recent(hash);
        blocks.push_back(block ? std::move(block) : co_await fetch_whole(peer, hash));
        remember(blocks.back());
    }
    co_await deliver(self, peer, to_bytes(proposal.payload.bytes), std::move(blocks), false);
}

Task<OpenBlockPtr> Core::assemble(PeerPtr peer, const CompactBlock& compact) {
    auto begun = Assembly::begin(compact);
    if (!begun) {
        blame(*peer, fault::malformed, begun.error().message);
        co_return std::unexpected(begun.error());
    }
    Assembly assembly = *std::move(begun);
    if (auto known = recent(assembly.hash())) co_return known;
    if (!assembly.ids().empty()) {
        const auto matched =
            co_await settled(call(ports_.match, {assembly.key().low, assembly.key().high, assembly.ids()}));
        if (matched && matched->indices.size() == matched->transactions.size()) {
            for (std::size_t i = 0; i < matched->indices.size(); ++i) {
                const auto& transaction = matched->transactions[i];
                assembly.match(matched->indices[i], transaction->encoded, transaction);
            }
        }
    }
    Payload reply;
    const bool complete = co_await this->complete(peer, assembly, reply);
    if (complete) {
        auto block = assembly.finish();
        if (block) co_return *block;
    }
    // Ids that collide, or a sender that has what it named no more: the whole block tells.
    co_return co_await fetch_whole(peer, assembly.hash());
}

Task<bool> Core::complete(PeerPtr peer, Assembly& assembly, Payload& reply) {
    const auto missing = assembly.missing();
    if (missing.empty()) co_return true;
    GetBlockTransactions request{assembly.hash(), {}};
    request.indices.assign(missing.begin(), missing.end());
    reply = co_await peer->ask(request, Type::block_transactions, config_.limits.request_ns);
    const auto transactions = decode<BlockTransactions>(*reply);
    if (!transactions) {
        blame(*peer, fault::malformed, transactions.error().message);
        co_return std::unexpected(transactions.error());
    }
    co_return assembly.fill(transactions->transactions);
}

Task<OpenBlockPtr> Core::fetch_whole(PeerPtr peer, Hash hash) {
    const auto reply = co_await peer->ask(GetBlock{hash}, Type::block, config_.limits.bodies_ns);
    const auto message = decode<BlockMessage>(*reply);
    auto block = message ? open_block(to_bytes(message->block.bytes)) : std::unexpected(message.error());
    if (!block || (*block)->hash != hash || !has_its_transactions(**block)) {
        blame(*peer, fault::malformed, "sent a block that it does not have, or not the one it named");
        co_return fail(ErrorCode::invalid_argument, "not the block that was named");
    }
    co_return *block;
}

Task<void> Core::serve_blocks(std::shared_ptr<Core> self, PeerPtr peer, std::uint64_t request_id, GetBlocks request) {
    const Peer::Work work(peer, reply_bytes_wanted);
    const std::uint64_t count = std::min<std::uint64_t>(request.count, blocks_count_max);
    const auto read = co_await settled(call(ports_.read_blocks, {request.first, count, reply_bytes_wanted}));
    Blocks reply;
    std::size_t size = 0;
    if (read) {
        for (const auto& [block, proof] : read->blocks) {
            size += block.size() + proof.size() + 32;
            if (size > rule_of(Type::blocks).payload_max - 64 || reply.blocks.size() == count) break;
            reply.blocks.push_back({BytesView(block), BytesView(proof)});
        }
    }
    peer->post(reply, request_id);
}

Task<api::network::FetchBlocksReply> Core::fetch_blocks(mesh::Context context, api::network::FetchBlocks request) {
    const GetBlocks wanted{request.first, std::min<std::uint64_t>(request.count, blocks_count_max)};
    if (wanted.count == 0) co_return fail(ErrorCode::invalid_argument, "no blocks are asked for");
    co_return co_await first_answer<api::network::FetchBlocksReply>(
        context, holders(request.first, true, request.from), "no peer has block " + std::to_string(request.first),
        [this, wanted](PeerPtr peer, std::int64_t timeout) { return fetch_from(std::move(peer), wanted, timeout); });
}

Task<api::network::FetchBlocksReply> Core::fetch_from(PeerPtr peer, GetBlocks request, std::int64_t timeout_ns) {
    const auto payload = co_await peer->ask(request, Type::blocks, timeout_ns);
    const auto message = decode<Blocks>(*payload);
    if (!message) blame(*peer, fault::malformed, message.error().message);
    const auto blocks = co_await message;
    if (blocks.blocks.empty()) {
        blame(*peer, fault::useless, "has not the blocks it says it has");
        co_return fail(ErrorCode::not_found, "the peer has not the blocks it says it has");
    }
    api::network::FetchBlocksReply reply;
    reply.peer = peer->peer_id();
    for (const auto& [block, proof] : blocks.blocks) {
        const auto opened = open_block(to_bytes(block.bytes));
        const bool is_next = opened && (*opened)->header.number == request.first + reply.blocks.size();
        if (!is_next || reply.blocks.size() == request.count || !has_its_transactions(**opened)) {
            blame(*peer, fault::malformed, "sent other blocks than it was asked for");
            co_return fail(ErrorCode::invalid_argument, "the peer sent other blocks");
        }
        reply.blocks.push_back({to_bytes(block.bytes), to_bytes(proof.bytes)});
    }
    co_return reply;
}

}  // namespace weft::service::network
