// What one validator says, for those that it is not connected to.
//
// Every validator tells its peers whose connections it has. Whoever gets a signed message of the engine passes it on to
// the validators among its peers that are not connected to its signer, so it reaches all that any chain of connections
// joins. While all are connected to all, nothing is passed on.

#include <algorithm>
#include <functional>

#include "crypto/keccak.hpp"
#include "service/network/core.hpp"

namespace weft::service::network {

void Core::tell_links() {
    std::vector<Address> now;
    for (const auto& [id, peer] : peers_) {
        if (may_speak(*peer)) now.push_back(*peer->validator);
    }
    std::ranges::sort(now);
    if (now.size() > links_count_max) now.resize(links_count_max);  // a few messages too many are passed on then
    if (now != links_ || links_number_ == 0) {
        links_ = std::move(now);
        ++links_number_;
    }
    Links message;
    message.validators.assign(links_.begin(), links_.end());
    for (const auto& peer : ready_peers()) {
        if (!may_speak(*peer) || peer->links_told == links_number_) continue;
        peer->links_told = links_number_;
        peer->post(message);
    }
}

void Core::on(const PeerPtr& peer, const Frame&, const Links& message) {
    if (std::ranges::adjacent_find(message.validators, std::greater_equal()) != message.validators.end()) {
        return blame(*peer, fault::malformed, "links: not in order");
    }
    peer->links.emplace(message.validators.begin(), message.validators.end());
}

void Core::on(const PeerPtr& peer, const Frame&, const Relayed& message) {
    if (!may_speak(*peer)) return;
    go(deliver(shared_from_this(), peer, to_bytes(message.payload.bytes), {}, true));
}

void Core::on(const PeerPtr& peer, const Frame& frame, const RelayedProposal&) {
    if (!may_speak(*peer)) return;
    go(receive(shared_from_this(), peer, std::make_shared<const Bytes>(to_bytes(frame.payload)), true));
}

void Core::relay(const Peer& from, const Address& signer, const Bytes& payload, std::span<const OpenBlockPtr> blocks) {
    std::vector<PeerPtr> far;
    for (const auto& peer : ready_peers()) {
        const bool is_asked = peer->proved && peer->links && may_speak(*peer);
        if (!is_asked || peer.get() == &from || peer->validator == signer || peer->links->contains(signer)) continue;
        far.push_back(peer);
    }
    if (far.empty() || !is_time_to_relay(payload)) return;
    const auto packed = pack(payload, blocks, true);
    if (!packed) return;
    for (const auto& peer : far) peer->post(packed->lane, packed->frame);
}

bool Core::is_time_to_relay(const Bytes& payload) {
    const std::int64_t now = loop_.now_ns();
    const auto [at, is_new] = relayed_.try_emplace(crypto::keccak256(payload), now);
    if (!is_new) {
        if (now - at->second < config_.limits.relay_again_ns) return false;
        at->second = now;
        return true;
    }
    relayed_order_.push_back(at->first);
    if (relayed_order_.size() > relayed_max) {
        relayed_.erase(relayed_order_.front());
        relayed_order_.pop_front();
    }
    return true;
}

}  // namespace weft::service::network
