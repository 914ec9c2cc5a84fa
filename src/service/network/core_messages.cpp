// What is done with a frame.

#include <algorithm>

#include "base/hex.hpp"
#include "consensus/pbft/signing.hpp"
#include "crypto/secp256k1.hpp"
#include "service/network/core.hpp"

namespace weft::service::network {

namespace {

/// What lists and prefixes add to a block's own bytes.
constexpr std::size_t reply_bytes_room = 1024;

std::optional<crypto::Signature> signature_of(BytesView bytes) {
    if (bytes.size() != 65) return std::nullopt;
    const std::uint8_t v = bytes[64];
    return crypto::Signature{Hash::from(bytes.first(32)), Hash::from(bytes.subspan(32, 32)),
                             static_cast<std::uint8_t>(v >= 27 ? v - 27 : v)};
}

}  // namespace

void Core::on_frame(const PeerPtr& peer, const Frame& frame) {
    if (!peer->ready && frame.type != Type::hello && frame.type != Type::disconnect) {
        return on_broken(*peer, std::string(rule_of(frame.type).name) + " before its hello");
    }
    if (rule_of(frame.type).kind == Kind::reply) {
        if (!peer->answer(frame)) on_broken(*peer, std::string(rule_of(frame.type).name) + " that nobody asked for");
        return;
    }
    // A reply that finds its lane full is lost, and the peer would wait for it in vain.
    const auto& rule = rule_of(frame.type);
    if (rule.kind == Kind::request && rule.lane == Lane::blocks && peer->is_full(rule.lane)) return peer->owe(frame);
    with_message(frame.type, [&]<class Message>() { handle<Message>(peer, frame); });
}

template <class Message>
void Core::handle(const PeerPtr& peer, const Frame& frame) {
    if constexpr (requires(const Message& message) { this->on(peer, frame, message); }) {
        const auto message = decode<Message>(frame.payload);
        if (message) return on(peer, frame, *message);
        blame(*peer, fault::malformed, std::string(rule_of(frame.type).name) + ": " + message.error().message);
    }
}

void Core::on(const PeerPtr& peer, const Frame&, const Hello& message) {
    if (peer->ready) return on_broken(*peer, "hello again");
    greet(*peer, message);
}

void Core::on(const PeerPtr& peer, const Frame&, const StatusMessage& message) {
    peer->head_number = message.head_number;
    peer->finalized_number = message.finalized_number;
    peer->first_number = message.first_number;
}

void Core::on(const PeerPtr& peer, const Frame&, const Disconnect& message) {
    log_.info("peer leaves", {{"peer", peer->peer_id()}, {"reason", message.reason.text()}});
    peer->close();
}

void Core::on(const PeerPtr& peer, const Frame& frame, const Ping&) {
    peer->post(Pong{static_cast<std::uint64_t>(unix_ms())}, frame.request_id);
}

Task<void> Core::ping(std::shared_ptr<Core> self, PeerPtr peer) {
    const std::int64_t sent = monotonic_ns();
    peer->pinged_ns = sent;
    const auto reply = co_await peer->ask(Ping{static_cast<std::uint64_t>(unix_ms())}, Type::pong,
                                          config_.limits.silent_ns);
    const auto pong = decode<Pong>(*reply);
    if (!pong) {
        blame(*peer, fault::malformed, pong.error().message);
        co_return;
    }
    peer->latency_ns = monotonic_ns() - sent;
    const std::int64_t here = unix_ms() - peer->latency_ns / 2 / ns_per_ms;
    peer->skew_ms = static_cast<std::int64_t>(pong->clock_ms - static_cast<std::uint64_t>(here));
}

void Core::on(const PeerPtr& peer, const Frame&, const Identity& message) {
    const auto signature = signature_of(message.signature.bytes);
    const auto signer =
        signature ? crypto::recover_address(consensus::pbft::identity_hash(binding(*peer, peer->peer_id())), *signature)
                  : std::nullopt;
    if (signer != message.validator) return on_broken(*peer, "an identity proof that is not of this connection");
    for (const auto& other : ready_peers()) {
        if (other == peer || other->validator != message.validator || other->closing()) continue;
        // Two machines with one validator's key, or a machine that has a new key of its own: the one that was there
        // first stays if it answers.
        other->silent_after_ns = loop_.now_ns() - other->heard_ns + config_.limits.probe_ns;
        go(ping(shared_from_this(), other));
        return peer->disconnect("this validator is connected already");
    }
    peer->validator = message.validator;
}

bool Core::may_speak(const Peer& peer) const {
    return peer.validator && (peer.pinned || validators_.contains(*peer.validator));
}

void Core::on(const PeerPtr& peer, const Frame&, const ConsensusMessage& message) {
    if (!may_speak(*peer)) return;
    go(deliver(shared_from_this(), peer, to_bytes(message.payload.bytes), {}, false));
}

void Core::on(const PeerPtr& peer, const Frame& frame, const Proposal&) {
    if (!may_speak(*peer)) return;
    go(receive(shared_from_this(), peer, std::make_shared<const Bytes>(to_bytes(frame.payload)), false));
}

void Core::on(const PeerPtr& peer, const Frame& frame, const NamedProposal&) {
    if (!may_speak(*peer)) return;
    go(receive_named(shared_from_this(), peer, std::make_shared<const Bytes>(to_bytes(frame.payload))));
}

void Core::on(const PeerPtr& peer, const Frame& frame, const GetBlockTransactions& message) {
    BlockTransactions reply;
    if (const auto block = recent(message.block)) {
        for (std::size_t i = 0; i < message.indices.size(); ++i) {
            const auto index = message.indices[i];
            // Ascending, so that an answer is never larger than the block.
            if (index >= block->transactions.size() || (i > 0 && message.indices[i - 1] >= index)) {
                return blame(*peer, fault::malformed, "asks for a transaction that the block has not, or twice");
            }
            reply.transactions.push_back(block->transactions[index]);
        }
        if (block->encoded.size() + reply_bytes_room > rule_of(Type::block_transactions).payload_max) reply = {};
    }
    peer->post(reply, frame.request_id);
}

void Core::on(const PeerPtr& peer, const Frame& frame, const GetBlock& message) {
    const auto block = recent(message.block);
    const bool fits = block && block->encoded.size() + reply_bytes_room <= rule_of(Type::block).payload_max;
    peer->post(BlockMessage{fits ? BytesView(block->encoded) : BytesView()}, frame.request_id);
}

void Core::on(const PeerPtr& peer, const Frame& frame, const GetHeaders& message) {
    go(serve_headers(shared_from_this(), peer, frame.request_id, message));
}

void Core::on(const PeerPtr& peer, const Frame& frame, const GetBlocks& message) {
    go(serve_blocks(shared_from_this(), peer, frame.request_id, message));
}

void Core::on(const PeerPtr& peer, const Frame&, const Transactions& message) {
    take_bodies(peer, message.transactions);
}

void Core::on(const PeerPtr& peer, const Frame& frame, const GetTransactions& message) {
    go(serve_transactions(shared_from_this(), peer, frame.request_id, {message.hashes.begin(), message.hashes.end()}));
}

void Core::on(const PeerPtr& peer, const Frame& frame, const GetPeers& message) {
    Peers reply;
    for (const auto& [id, other] : peers_) {
        const bool full = reply.peers.size() >= std::min<std::uint64_t>(message.count, peers_count_max);
        if (full || !config_.is_public) break;
        if (other == peer || other->listens_at.empty() || other->listens_at.size() > 255) continue;
        const auto bytes = fixed_from_hex<Hash>("0x" + id);
        if (bytes) reply.peers.push_back({*bytes, std::string_view(other->listens_at)});
    }
    peer->post(reply, frame.request_id);
}

}  // namespace weft::service::network
