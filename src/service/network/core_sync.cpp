// What a node asks for that is far behind: headers, and a state in chunks.

#include <algorithm>

#include "consensus/pbft/extra.hpp"
#include "service/network/core.hpp"

namespace weft::service::network {

namespace {

constexpr std::uint64_t headers_bytes_wanted = 2 << 20;
constexpr std::size_t tries_max = 4;

std::vector<Bytes> copies(std::span<const Blob> views) {
    std::vector<Bytes> out;
    for (const auto& view : views) out.push_back(to_bytes(view.bytes));
    return out;
}

template <std::size_t Max>
void put_views(std::span<const Bytes> from, List<Blob, Max>& to) {
    for (const auto& bytes : from) to.push_back(BytesView(bytes));
}

/// @param chunk  outlives the message.
ChunkMessage to_message(std::uint64_t number, const chain::SnapshotChunk& chunk) {
    ChunkMessage out;
    out.number = number;
    out.last = chunk.last;
    out.slot_last = chunk.slot_last;
    for (const auto& [address, account, slots] : chunk.accounts) {
        auto& to = out.accounts.emplace_back();
        to = {address, account.nonce, account.balance, account.code_hash, account.storage_root, {}};
        for (const auto& [key, value] : slots) to.slots.push_back({key, value});
    }
    put_views(chunk.account_proof, out.account_proof);
    put_views(chunk.slot_proof, out.slot_proof);
    put_views(chunk.codes, out.codes);
    return out;
}

chain::SnapshotChunk to_chunk(const ChunkMessage& message) {
    chain::SnapshotChunk out;
    out.last = message.last;
    out.slot_last = message.slot_last;
    for (const auto& from : message.accounts) {
        auto& to = out.accounts.emplace_back();
        to.address = from.address;
        to.account = {from.nonce, from.balance, from.code_hash, from.storage_root};
        for (const auto& [key, value] : from.slots) to.slots.push_back({key, value});
    }
    out.account_proof = copies(message.account_proof);
    out.slot_proof = copies(message.slot_proof);
    out.codes = copies(message.codes);
    return out;
}

/// The validators that a header names; empty: the chain has none.
consensus::Validators validators_of(BytesView header) {
    const auto decoded = chain::decode_header(header);
    if (!decoded) return {};
    auto extra = consensus::pbft::decode_extra(decoded->extra_data);
    return extra ? std::move(extra->validators) : consensus::Validators{};
}

/// Headers with the proofs that whoever does not know their validators needs. A chain that keeps proofs is served up to
/// a header that has one: what follows it could not be told from a lie.
/// @param before  of them are not asked for.
void put_headers(std::span<const api::storage::StoredBlock> stored, std::uint64_t before, Headers& reply) {
    const auto has_proof = [](const auto& header) { return !header.proof.empty(); };
    if (std::ranges::any_of(stored, has_proof)) {
        while (!has_proof(stored.back())) stored = stored.first(stored.size() - 1);
    }
    consensus::Validators known;
    for (std::size_t i = 0; i < stored.size() && reply.headers.size() < headers_count_max; ++i) {
        auto named = validators_of(stored[i].block);
        const bool is_proven = i + 1 == stored.size() || named != known;
        known = std::move(named);
        if (i < before) continue;
        reply.headers.push_back({stored[i].block});
        reply.proofs.push_back(is_proven ? BytesView(stored[i].proof) : BytesView());
    }
}

template <class Message>
bool fits(const Message& message) {
    return encode(message).size() <= rule_of(Message::type).payload_max;
}

}  // namespace

Task<void> Core::serve_headers(std::shared_ptr<Core> self, PeerPtr peer, std::uint64_t request_id,
                               GetHeaders request) {
    const Peer::Work work(peer, headers_bytes_wanted);
    const std::uint64_t count = std::min<std::uint64_t>(request.count, headers_count_max);
    // With the one before them: the first may name other validators than it.
    const std::uint64_t before = request.first == 0 ? 0 : 1;
    const auto read = co_await settled(
        call(ports_.read_blocks, {request.first - before, count + before, headers_bytes_wanted, true}));
    Headers reply;
    if (read) put_headers(read->blocks, before, reply);
    peer->post(reply, request_id);
}

void Core::on(const PeerPtr& peer, const Frame& frame, const GetSnapshot& message) {
    go(serve_snapshot(shared_from_this(), peer, frame.request_id, message));
}

void Core::on(const PeerPtr& peer, const Frame& frame, const GetChunk& message) {
    go(serve_chunk(shared_from_this(), peer, frame.request_id, message));
}

Task<void> Core::serve_snapshot(std::shared_ptr<Core> self, PeerPtr peer, std::uint64_t request_id,
                                GetSnapshot request) {
    const Peer::Work work(peer, rule_of(Type::snapshot).payload_max);
    const auto read = co_await settled(call(ports_.snapshot_head, {request.number}));
    SnapshotMessage reply;
    if (read && read->number != 0) {
        reply = {read->number, BytesView(read->block), BytesView(read->proof), {}};
        put_views(read->receipts, reply.receipts);
        if (!fits(reply)) reply = {};
    }
    peer->post(reply, request_id);
}

Task<void> Core::serve_chunk(std::shared_ptr<Core> self, PeerPtr peer, std::uint64_t request_id, GetChunk request) {
    const Peer::Work work(peer, rule_of(Type::chunk).payload_max);
    const auto read = co_await settled(call(
        ports_.read_snapshot, {request.number, {request.first, request.last, request.slot_first}}));
    ChunkMessage reply;
    if (read) {
        reply = to_message(request.number, *read);
        if (!fits(reply)) reply = {};
    }
    peer->post(reply, request_id);
}

std::vector<PeerPtr> Core::holders(std::uint64_t number, bool whole, const std::optional<Address>& named,
                                   std::span<const std::string> not_from) const {
    std::vector<PeerPtr> out;
    for (const auto& [id, peer] : peers_) {
        if (peer->head_number < number || peer->closing()) continue;
        if (whole && number != 0 && peer->first_number > number) continue;
        if (std::ranges::find(not_from, id) == not_from.end()) out.push_back(peer);
    }
    std::ranges::sort(out, {}, [&](const PeerPtr& peer) {
        return std::tuple(!(named && peer->validator == named), peer->limited, peer->vain_count, peer->latency_ns);
    });
    if (out.size() > tries_max) out.resize(tries_max);
    return out;
}

void Core::take_turns(std::vector<PeerPtr>& peers) {
    if (peers.empty()) return;
    const auto differs = [&](const PeerPtr& peer) {
        return peer->limited != peers[0]->limited || peer->vain_count != peers[0]->vain_count;
    };
    const std::span equals(peers.begin(), std::ranges::find_if(peers, differs));
    const auto turn = chunks_asked_++ % equals.size();
    std::ranges::rotate(equals, equals.begin() + static_cast<std::ptrdiff_t>(turn));
    // One that never answers is found out only when its time is over: until then it holds up one question. They are
    // few, and who has as many as another keeps its turn.
    for (auto at = equals.begin(); at != equals.end(); ++at) {
        const auto place = std::ranges::upper_bound(equals.begin(), at, (*at)->asked_count, {}, &Peer::asked_count);
        std::rotate(place, at, at + 1);
    }
}

Task<api::network::FetchHeadersReply> Core::fetch_headers(mesh::Context context, api::network::FetchHeaders request) {
    const GetHeaders wanted{request.first, std::min<std::uint64_t>(request.count, headers_count_max)};
    if (wanted.count == 0) co_return fail(ErrorCode::invalid_argument, "no headers are asked for");
    co_return co_await first_answer<api::network::FetchHeadersReply>(
        context, holders(request.first, false, {}, request.not_from),
        "no peer has header " + std::to_string(request.first),
        [this, wanted](PeerPtr peer, std::int64_t timeout) { return headers_from(std::move(peer), wanted, timeout); });
}

Task<api::network::FetchHeadersReply> Core::headers_from(PeerPtr peer, GetHeaders request, std::int64_t timeout_ns) {
    const auto payload = co_await peer->ask(request, Type::headers, timeout_ns);
    const auto message = decode<Headers>(*payload);
    if (!message) blame(*peer, fault::malformed, message.error().message);
    const auto headers = co_await message;
    if (headers.headers.empty()) {
        blame(*peer, fault::useless, "has not the headers it says it has");
        co_return fail(ErrorCode::not_found, "the peer has not the headers it says it has");
    }
    api::network::FetchHeadersReply reply;
    reply.peer = peer->peer_id();
    for (const auto& item : headers.headers) {
        const auto header = chain::decode_header(item.bytes);
        if (!header || reply.headers.size() == request.count ||
            header->number != request.first + reply.headers.size()) {
            blame(*peer, fault::malformed, "sent other headers than it was asked for");
            co_return fail(ErrorCode::invalid_argument, "the peer sent other headers");
        }
        reply.headers.push_back(to_bytes(item.bytes));
    }
    if (headers.proofs.size() != headers.headers.size()) {
        blame(*peer, fault::malformed, "sent headers and another number of proofs");
        co_return fail(ErrorCode::invalid_argument, "the peer sent no proof of its headers");
    }
    reply.proofs = copies(headers.proofs);
    co_return reply;
}

Task<api::network::FetchSnapshotReply> Core::fetch_snapshot(mesh::Context context,
                                                            api::network::FetchSnapshot request) {
    const GetSnapshot wanted{request.number};
    co_return co_await first_answer<api::network::FetchSnapshotReply>(
        context, holders(std::max<std::uint64_t>(request.number, 1), false, {}, request.not_from),
        "no peer serves a snapshot",
        [this, wanted](PeerPtr peer, std::int64_t timeout) { return snapshot_from(std::move(peer), wanted, timeout); });
}

Task<api::network::FetchSnapshotReply> Core::snapshot_from(PeerPtr peer, GetSnapshot request,
                                                           std::int64_t timeout_ns) {
    const auto payload = co_await peer->ask(request, Type::snapshot, timeout_ns);
    const auto message = decode<SnapshotMessage>(*payload);
    if (!message) blame(*peer, fault::malformed, message.error().message);
    const auto snapshot = co_await message;
    // A peer may have begun with a snapshot itself, and have no older one.
    if (snapshot.number == 0) co_return fail(ErrorCode::not_found, "the peer serves none");
    const auto block = open_block(to_bytes(snapshot.block.bytes));
    const bool is_asked_for = request.number == 0 || request.number == snapshot.number;
    if (!block || (*block)->header.number != snapshot.number || !is_asked_for || !has_its_transactions(**block)) {
        blame(*peer, fault::malformed, "sent another snapshot than it was asked for");
        co_return fail(ErrorCode::invalid_argument, "the peer sent another snapshot");
    }
    co_return api::network::FetchSnapshotReply{
        {snapshot.number, to_bytes(snapshot.block.bytes), to_bytes(snapshot.proof.bytes), copies(snapshot.receipts)},
        peer->peer_id()};
}

Task<api::network::FetchChunkReply> Core::fetch_chunk(mesh::Context context, api::network::FetchChunk request) {
    const GetChunk wanted{request.number, request.range.first, request.range.last, request.range.slot_first};
    auto peers = holders(request.number, true, {}, request.not_from);
    take_turns(peers);
    co_return co_await first_answer<api::network::FetchChunkReply>(
        context, std::move(peers), "no peer serves snapshot " + std::to_string(request.number),
        [this, wanted](PeerPtr peer, std::int64_t timeout) { return chunk_from(std::move(peer), wanted, timeout); });
}

Task<api::network::FetchChunkReply> Core::chunk_from(PeerPtr peer, GetChunk request, std::int64_t timeout_ns) {
    const auto payload = co_await peer->ask(request, Type::chunk, timeout_ns);
    const auto message = decode<ChunkMessage>(*payload);
    if (!message) blame(*peer, fault::malformed, message.error().message);
    const auto chunk = co_await message;
    if (chunk.number != request.number) co_return fail(ErrorCode::not_found, "the peer does not serve that snapshot");
    // A slot takes 3 bytes at least in the message and 64 in memory, where several chunks may wait.
    std::size_t slots = 0;
    for (const auto& account : chunk.accounts) slots += account.slots.size();
    if (slots > chunk_items_max) {
        blame(*peer, fault::malformed, "sent a chunk of too many slots");
        co_return fail(ErrorCode::invalid_argument, "a chunk of too many slots");
    }
    co_return api::network::FetchChunkReply{to_chunk(chunk), peer->peer_id()};
}

}  // namespace weft::service::network
