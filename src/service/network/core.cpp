#include "service/network/core.hpp"

#include <sys/random.h>
#include <unistd.h>

#include <algorithm>

#include "base/hex.hpp"

namespace weft::service::network {

namespace {

constexpr std::string_view protocol = "weft/1";

std::uint64_t random_seed() {
    std::uint64_t seed = 0;
    WEFT_ASSERT(getrandom(&seed, sizeof seed, 0) == sizeof seed);
    return seed;
}

/// The /24 of an IPv4 address; of others, the address.
std::string_view net_of(std::string_view ip) { return ip.substr(0, ip.rfind('.')); }

}  // namespace

Core::Core(net::Loop& loop, Config config, Ports ports, net::TlsIdentity identity)
    : loop_(loop),
      config_(std::move(config)),
      ports_(std::move(ports)),
      identity_(std::move(identity)),
      tls_(identity_, std::string(protocol),
           [this](const std::string& id) { return config_.is_public || is_static(id); }),
      random_state_(random_seed()) {
    for (const auto& peer : config_.static_peers) {
        if (peer.id != id()) dials_[peer.id].peer = peer;  // a list may be the same for all
    }
}

Core::~Core() {
    if (listening_fd_ >= 0) close(listening_fd_);
}

std::uint64_t Core::random() { return mix64(random_state_ += 0x9e3779b97f4a7c15ULL); }

Result<void> Core::listen() {
    if (config_.listen.empty()) return {};
    WEFT_TRY(const net::Bound bound, net::bind_and_listen(config_.listen));
    listening_fd_ = bound.fd;
    address_ = bound.endpoint.to_string();
    return {};
}

void Core::start() {
    if (listening_fd_ >= 0) {
        listener_ = std::make_unique<net::Listener>(loop_, std::exchange(listening_fd_, -1), [this](int fd, auto from) {
            accept(fd, std::move(from));
        });
    }
    tick_timer_ = std::make_unique<net::Timer>(loop_, [this] { tick(); });
    news_timer_ = std::make_unique<net::Timer>(loop_, [this] { tell(); });
    wanted_timer_ = std::make_unique<net::Timer>(loop_, [this] { fetch_wanted(); });
    for (auto& [id, dial] : dials_) {
        dial.timer = std::make_unique<net::Timer>(loop_, [this, peer = dial.peer] { this->dial(peer); });
        this->dial(dial.peer);
    }
    tick();
}

void Core::stop() {
    if (std::exchange(stopped_, true)) return;
    listener_.reset();
    tick_timer_.reset();
    news_timer_.reset();
    wanted_timer_.reset();
    for (auto& [id, dial] : dials_) dial.timer.reset();
    const auto connections = connections_;
    for (const auto& peer : connections) peer->close();
}

void Core::accept(int fd, std::string address) {
    const auto pending = std::ranges::count_if(connections_, [](const auto& peer) { return !peer->ready; });
    const auto at = visitors_.find(address.substr(0, address.rfind(':')));
    const bool banned = at != visitors_.end() && at->second.banned_until_ns > loop_.now_ns();
    if (stopped_ || banned || static_cast<std::size_t>(pending) >= config_.limits.pending_max) {
        close(fd);
        return;
    }
    open(fd, net::TlsStream::Side::server, {}, std::move(address));
}

void Core::open(int fd, net::TlsStream::Side side, std::string pin, std::string address) {
    const auto peer = std::make_shared<Peer>(loop_, fd, tls_, side, std::move(pin), std::move(address), config_.limits,
                                             *this);
    connections_.push_back(peer);
}

void Core::dial(const StaticPeer& peer) {
    if (stopped_ || find(peer.id) != nullptr) return;
    const auto at = dials_.find(peer.id);
    if (at != dials_.end() && std::exchange(at->second.busy, true)) return;
    go(connect(shared_from_this(), peer));
}

Task<void> Core::connect(std::shared_ptr<Core> self, StaticPeer peer) {
    const auto endpoint = net::Endpoint::parse(peer.address);
    const std::int64_t deadline = loop_.now_ns() + config_.limits.handshake_ns;
    // Names may take a while, and what is asked for from another loop goes on here.
    auto fd = endpoint ? co_await settled(net::connect_socket(loop_, *endpoint, deadline))
                       : Result<int>(std::unexpected(endpoint.error()));
    if (fd && stopped_) {
        close(*fd);
    } else if (fd) {
        open(*fd, net::TlsStream::Side::client, peer.id, peer.address);
    } else {
        log_.debug("can't dial", {{"peer", peer.id}, {"error", fd.error().message}});
        dialling_known_.erase(peer.id);
        redial(peer.id);
    }
}

void Core::redial(const std::string& id) {
    const auto at = dials_.find(id);
    if (stopped_ || at == dials_.end()) return;
    at->second.busy = false;
    if (find(id) != nullptr) return;
    const mesh::Backoff backoff{config_.limits.redial_min_ns, config_.limits.redial_max_ns};
    at->second.timer->set(loop_.now_ns() + mesh::backoff_ns(backoff, at->second.attempts++, random()));
}

void Core::dial_known() {
    if (!config_.is_public || known_.empty()) return;
    const auto outbound = std::ranges::count_if(
        connections_, [](const auto& peer) { return !peer->inbound() && !peer->pinned; });
    if (static_cast<std::size_t>(outbound) + dialling_known_.size() >= config_.limits.outbound_max) return;
    const auto at = std::next(known_.begin(), static_cast<std::ptrdiff_t>(random() % known_.size()));
    const StaticPeer peer{at->first, at->second};
    known_.erase(at);
    if (peer.id == id() || is_static(peer.id) || find(peer.id) != nullptr) return;
    if (dialling_known_.insert(peer.id).second) dial(peer);
}

void Core::on_secured(Peer& peer) {
    if (peer.peer_id() == id()) return peer.disconnect("this is yourself");
    peer.pinned = is_static(peer.peer_id());
    const chain::ForkId fork = chain::fork_id(config_.chain, fork_point());
    peer.post(Hello{protocol_version, config_.chain.chain_id, config_.genesis_hash, fork.hash, fork.next,
                    std::string_view(config_.engine), head_.number, head_.hash, head_.finalized_number,
                    std::string_view(address_), head_.first_number});
}

chain::ForkPoint Core::fork_point() const {
    return {config_.genesis_hash, config_.genesis_time, head_.number, std::max(head_.timestamp, config_.genesis_time)};
}

std::string Core::unfit(const Hello& hello) const {
    if (hello.version != protocol_version) return "another protocol version";
    if (hello.chain_id != config_.chain.chain_id) return "another chain id";
    if (hello.genesis != config_.genesis_hash) return "another genesis block";
    if (hello.engine.text() != config_.engine) return "another consensus engine";
    const chain::ForkId fork{static_cast<std::uint32_t>(hello.fork_hash), hello.fork_next};
    if (hello.fork_hash > UINT32_MAX || !chain::is_compatible(config_.chain, fork_point(), fork)) return "another fork";
    return {};
}

std::string Core::no_room_for(const Peer& peer) {
    if (peer.pinned) return {};
    if (!config_.is_public) return "not a known peer";
    const auto& limits = config_.limits;
    std::size_t same_side = 0;
    std::size_t same_ip = 0;
    std::size_t same_net = 0;
    for (const auto& [id, other] : peers_) {
        if (other->pinned || other->peer_id() == peer.peer_id()) continue;
        if (other->inbound() == peer.inbound()) ++same_side;
        if (other->ip == peer.ip) ++same_ip;
        if (net_of(other->ip) == net_of(peer.ip)) ++same_net;
    }
    if (same_side >= (peer.inbound() ? limits.inbound_max : limits.outbound_max)) return "too many peers";
    if (same_ip >= limits.per_ip_max) return "too many peers of one address";
    if (same_net >= limits.per_net_max) return "too many peers of one network";
    if (!peer.inbound()) return {};
    if (visitors_.size() >= visitors_max) {
        std::erase_if(visitors_, [&](const auto& visitor) {
            const auto& [last, banned_until] = visitor.second;
            return last + limits.reconnect_ns < loop_.now_ns() && banned_until < loop_.now_ns();
        });
        if (visitors_.size() >= visitors_max) return "too many peers";
    }
    auto& visitor = visitors_[peer.ip];
    const bool too_soon = visitor.last_ns != 0 && loop_.now_ns() - visitor.last_ns < limits.reconnect_ns;
    if (too_soon) return "back too soon";
    visitor.last_ns = loop_.now_ns();
    return {};
}

bool Core::settle_duplicate(Peer& peer) {
    Peer* old = find(peer.peer_id());
    if (old == nullptr || old->closing()) return true;
    if (old->inbound() != peer.inbound()) {
        // Both ends dialled. Both keep the connection that the lower id opened.
        const bool keep_new = peer.inbound() == (peer.peer_id() < id());
        (keep_new ? *old : peer).disconnect("connected twice");
        return keep_new;
    }
    // The other end lost the old connection without a word, or two machines share a key. Only in the first case will
    // the old one stay silent.
    const auto connection = std::static_pointer_cast<Peer>(old->shared_from_this());
    old->silent_after_ns = loop_.now_ns() - old->heard_ns + config_.limits.probe_ns;
    go(ping(shared_from_this(), connection));
    peer.disconnect("connected already");
    return false;
}

void Core::greet(Peer& peer, const Hello& hello) {
    std::string reason = unfit(hello);
    if (reason.empty()) reason = no_room_for(peer);
    if (!reason.empty()) return peer.disconnect(reason);
    if (!settle_duplicate(peer)) return;
    std::size_t slot = 0;
    while (slot < peer_slots && slots_.test(slot)) ++slot;
    if (slot == peer_slots) return peer.disconnect("too many peers");
    slots_.set(slot);
    peer.slot = slot;
    peer.ready = true;
    peer.head_number = hello.head_number;
    peer.finalized_number = hello.finalized_number;
    peer.first_number = hello.first_number;
    const auto listens = net::Endpoint::parse(hello.address.text());
    if (!peer.inbound()) {
        peer.listens_at = peer.address;
    } else if (listens && !listens->is_unix && listens->port != 0) {
        peer.listens_at = peer.ip + ":" + std::to_string(listens->port);  // not what it calls itself: where it is
    }
    const auto self = std::static_pointer_cast<Peer>(peer.shared_from_this());
    peers_[peer.peer_id()] = self;
    if (const auto at = dials_.find(peer.peer_id()); at != dials_.end()) at->second.attempts = 0;
    log_.info("peer connected", {{"peer", peer.peer_id()}, {"address", peer.address}, {"inbound", peer.inbound()}});
    go(prove(shared_from_this(), self));
    go(ping(shared_from_this(), self));
}

void Core::on_broken(Peer& peer, const std::string& reason) {
    blame(peer, fault::malformed, reason);
    peer.disconnect(reason);
}

void Core::on_gone(Peer& peer, const std::string& reason) {
    if (peer.ready && find(peer.peer_id()) == &peer) {
        peers_.erase(peer.peer_id());
        log_.info("peer gone", {{"peer", peer.peer_id()}, {"reason", reason}});
    } else {
        log_.debug("connection failed", {{"address", peer.address}, {"reason", reason}});
    }
    if (peer.slot < peer_slots) {
        told_.forget_peer(peer.slot);
        slots_.reset(peer.slot);
    }
    if (!peer.inbound()) {
        // A connection that failed before it was secured has proved no id: find the dial by its address.
        for (auto& [id, dial] : dials_) {
            if (dial.peer.address == peer.address && dial.busy) redial(id);
        }
        if (peer.secured()) dialling_known_.erase(peer.peer_id());
    } else if (peer.secured()) {
        const auto at = dials_.find(peer.peer_id());
        if (at != dials_.end() && !at->second.busy) redial(peer.peer_id());
    }
    std::erase_if(connections_, [&](const auto& other) { return other.get() == &peer; });
}

void Core::blame(Peer& peer, double points, const std::string& reason) {
    const std::int64_t now = loop_.now_ns();
    peer.score.blame(points, now);
    const double score = peer.score.at(now);
    log_.warn("peer misbehaves", {{"peer", peer.peer_id()}, {"reason", reason}, {"score", score}});
    peer.limited = score < Score::limited_below;
    if (peer.pinned || score > Score::dropped_below) return;
    if (visitors_.size() < visitors_max || visitors_.contains(peer.ip)) {
        visitors_[peer.ip].banned_until_ns = now + ban_ns;
    }
    peer.disconnect(reason);
}

Peer* Core::find(const std::string& id) const {
    const auto at = peers_.find(id);
    return at == peers_.end() ? nullptr : at->second.get();
}

std::vector<PeerPtr> Core::ready_peers() const {
    std::vector<PeerPtr> out;
    for (const auto& [id, peer] : peers_) out.push_back(peer);
    return out;
}

Hash Core::binding(const Peer& peer, std::string_view prover) const {
    return identity_binding(config_.chain.chain_id, config_.genesis_hash, peer.exported(identity_label, {}), prover);
}

void Core::penalize(const api::network::Penalize& request) {
    for (const auto& peer : ready_peers()) {
        const bool meant = request.validator ? peer->validator == request.validator : peer->peer_id() == request.peer;
        if (meant) blame(*peer, fault::malformed, request.reason);
    }
}

void Core::describe(api::network::StatusReply& reply) const {
    reply.listening = listener_ != nullptr;
    reply.address = address_;
    for (const auto& [id, peer] : peers_) {
        api::network::PeerInfo info;
        info.id = id;
        info.address = peer->address;
        info.inbound = peer->inbound();
        info.height = peer->head_number;
        info.validator = peer->validator;
        info.heard_ms = static_cast<std::uint64_t>(unix_ms() - (loop_.now_ns() - peer->heard_ns) / ns_per_ms);
        info.latency_us = static_cast<std::uint64_t>(peer->latency_ns / 1000);
        info.skew_ms = peer->skew_ms;
        info.score = static_cast<std::int64_t>(peer->score.at(loop_.now_ns()));
        reply.peers.push_back(std::move(info));
    }
    std::ranges::sort(reply.peers, {}, &api::network::PeerInfo::id);
}

void Core::tick() {
    if (stopped_) return;
    const std::int64_t now = monotonic_ns();
    const auto connections = connections_;
    for (const auto& peer : connections) tend(peer, now);
    if (!std::exchange(looking_at_head_, true)) go(look_at_head(shared_from_this()));
    if (!std::exchange(looking_at_validators_, true)) go(look_at_validators(shared_from_this()));
    dial_known();
    tell_links();
    tick_timer_->set(now + config_.limits.tick_ns);
}

void Core::tend(const PeerPtr& peer, std::int64_t now) {
    const auto& limits = config_.limits;
    if (peer->closed() || peer->closing()) return;
    if (!peer->ready) {
        if (now - peer->opened_ns > limits.handshake_ns) peer->disconnect("no hello in time");
        return;
    }
    for (std::size_t late = peer->expire(now); late > 0; --late) blame(*peer, fault::unanswered, "no answer in time");
    if (now - peer->heard_ns > peer->silent_after_ns.value_or(limits.silent_ns)) {
        return peer->disconnect("silent for too long");
    }
    while (const auto request = peer->take_owed()) on_frame(peer, *request);
    if (now - peer->pinged_ns > limits.idle_ns) go(ping(shared_from_this(), peer));
    if (!peer->proved && !peer->proving) go(prove(shared_from_this(), peer));
    if (peer->limited) peer->limited = peer->score.at(now) < Score::limited_below;
    if (config_.is_public && known_.size() < known_peers_max / 2 && random() % 16 == 0) {
        go(ask_for_peers(shared_from_this(), peer));
    }
}

Task<void> Core::look_at_head(std::shared_ptr<Core> self) {
    const auto head = co_await settled(call(ports_.head, api::storage::Head{}));
    looking_at_head_ = false;
    if (!head || stopped_ || (head->number == head_.number && head->hash == head_.hash &&
                              head->finalized_number == head_.finalized_number)) {
        co_return;
    }
    head_ = *head;
    for (const auto& peer : ready_peers()) {
        peer->post(StatusMessage{head_.number, head_.hash, head_.finalized_number, head_.first_number});
    }
}

Task<void> Core::look_at_validators(std::shared_ptr<Core> self) {
    const auto set = co_await settled(call(ports_.validator_set, api::consensus::ValidatorSet{}));
    looking_at_validators_ = false;
    if (set) validators_ = {set->validators.begin(), set->validators.end()};
}

Task<void> Core::prove(std::shared_ptr<Core> self, PeerPtr peer) {
    peer->proving = true;
    const auto proof = co_await settled(call(ports_.prove_identity, {binding(*peer, id())}));
    peer->proving = false;
    if (!proof || peer->closed()) co_return;  // tried again with the next tick
    peer->proved = true;
    if (proof->validator && proof->signature.size() == 65) {
        peer->post(Identity{*proof->validator, {proof->signature}});
    }
}

Task<void> Core::ask_for_peers(std::shared_ptr<Core> self, PeerPtr peer) {
    const auto reply = co_await peer->ask(GetPeers{}, Type::peers, config_.limits.request_ns);
    const auto peers = decode<Peers>(*reply);
    if (!peers) {
        blame(*peer, fault::malformed, peers.error().message);
        co_return;
    }
    for (const auto& known : peers->peers) {
        if (known_.size() >= known_peers_max) break;
        const auto endpoint = net::Endpoint::parse(known.address.text());
        if (endpoint && !endpoint->is_unix) known_[to_hex_digits(known.id)] = std::string(known.address.text());
    }
}

}  // namespace weft::service::network
