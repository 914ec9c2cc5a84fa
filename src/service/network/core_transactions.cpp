// Transactions on their way between pools.
//
// What was submitted here goes in full to every trusted peer and to some of the others, and by hash to the rest. What a
// trusted peer sent has gone to all trusted peers from there already: some are told the hash, for links that are
// missing. A hash that is told and whose body does not come by itself is asked for, from one announcer after the other.

#include <algorithm>
#include <cmath>

#include "crypto/keccak.hpp"
#include "service/network/core.hpp"

namespace weft::service::network {

namespace {

constexpr std::size_t bodies_bytes_wanted = 256 << 10;  // a frame
constexpr std::size_t pooled_bytes_wanted = 128 << 10;
constexpr std::size_t frame_bytes_room = 64;

/// Of its network form.
std::size_t transaction_size(const chain::SignedTransaction& transaction) {
    return transaction.sidecar ? chain::encode_network_form(transaction).size() : transaction.encoded.size();
}

/// The hash of a network form. Only a sidecar makes it differ from that of the bytes.
Result<Hash> hash_of_network_form(BytesView encoded) {
    const bool may_have_sidecar = !encoded.empty() && encoded[0] == static_cast<int>(chain::TransactionType::blob);
    if (!may_have_sidecar) return Hash(crypto::keccak256(encoded));
    WEFT_TRY(const auto decoded, chain::decode_network_form(encoded));
    return decoded.hash;
}

}  // namespace

void Core::announce(api::network::Announce request) {
    if (stopped_) return;
    const Peer* from = request.from.empty() ? nullptr : find(request.from);
    for (auto& transaction : request.transactions) {
        wanted_.erase(transaction->hash);
        (void)told_.see(transaction->hash, loop_.now_ns());
        if (from != nullptr) told_.of(transaction->hash).set(from->slot);
        // With no room for more news this one stays here: blocks will bring it to whoever needs it.
        // So will they one that no frame can hold.
        const std::size_t size = transaction_size(*transaction) + frame_bytes_room;
        const bool fits = size <= rule_of(Type::transactions).payload_max;
        const bool is_relayed = from != nullptr && from->trusted();
        if (fits && news_.size() < news_max) news_.push_back({std::move(transaction), is_relayed});
    }
    if (!news_.empty() && !news_timer_->armed()) news_timer_->set(loop_.now_ns() + config_.limits.batch_ns);
}

std::vector<PeerPtr> Core::some_of(std::vector<PeerPtr> peers, std::vector<PeerPtr>& others) {
    const auto count = static_cast<std::size_t>(std::ceil(std::sqrt(static_cast<double>(peers.size()))));
    for (std::size_t i = 0; i < count; ++i) std::swap(peers[i], peers[i + random() % (peers.size() - i)]);
    others.insert(others.end(), peers.begin() + static_cast<std::ptrdiff_t>(count), peers.end());
    peers.resize(count);
    return peers;
}

void Core::tell() {
    auto news = std::exchange(news_, {});
    const auto relayed = std::ranges::partition(news, [](const News& one) { return !one.is_relayed; });
    const std::span<const News> fresh(news.begin(), relayed.begin());
    std::vector<PeerPtr> trusted;
    std::vector<PeerPtr> open;
    for (const auto& peer : ready_peers()) (peer->trusted() ? trusted : open).push_back(peer);
    std::vector<PeerPtr> rest;
    const auto chosen = some_of(open, rest);
    send_bodies(trusted, fresh);
    send_bodies(chosen, news);
    send_hashes(rest, news);
    std::vector<PeerPtr> left_out;
    send_hashes(some_of(trusted, left_out), relayed);
}

void Core::send_bodies(const std::vector<PeerPtr>& peers, std::span<const News> news) {
    if (peers.empty() || news.empty()) return;
    std::vector<Bytes> sidecars;  // network forms that differ from the consensus form
    sidecars.reserve(news.size());
    std::vector<Told::Peers*> told;
    std::vector<BytesView> bodies;
    for (const auto& [transaction, is_relayed] : news) {
        told.push_back(&told_.of(transaction->hash));
        if (transaction->sidecar) sidecars.push_back(chain::encode_network_form(*transaction));
        bodies.push_back(transaction->sidecar ? sidecars.back() : transaction->encoded);
    }
    const auto post = [](Peer& peer, Transactions& message, FramePtr* shared) {
        if (message.transactions.empty()) return;
        FramePtr frame = shared != nullptr ? *shared : nullptr;
        if (!frame) frame = std::make_shared<const Bytes>(to_frame(message));
        if (shared != nullptr) *shared = frame;
        (void)peer.post(Lane::transactions, std::move(frame));  // a full lane loses them
    };
    for (std::size_t first = 0, end = 0; first < news.size(); first = end) {
        std::size_t size = 0;
        Told::Peers any;
        while (end < news.size() && (end == first || size + bodies[end].size() <= bodies_bytes_wanted) &&
               end - first < announce_count_max) {
            any |= *told[end];
            size += bodies[end++].size();
        }
        FramePtr shared;  // for those who know none of them: nearly all
        for (const auto& peer : peers) {
            Transactions message;
            for (std::size_t i = first; i < end; ++i) {
                if (!told[i]->test(peer->slot)) message.transactions.push_back(bodies[i]);
            }
            post(*peer, message, any.test(peer->slot) ? nullptr : &shared);
        }
    }
    for (const auto& peer : peers) {
        for (auto* at : told) at->set(peer->slot);
    }
}

void Core::send_hashes(const std::vector<PeerPtr>& peers, std::span<const News> news) {
    for (const auto& peer : peers) {
        AnnounceMessage message;
        const auto post = [&] {
            if (!message.transactions.empty()) (void)peer->post(std::exchange(message, {}));
        };
        for (const auto& [transaction, is_relayed] : news) {
            auto& told = told_.of(transaction->hash);
            if (told.test(peer->slot)) continue;
            told.set(peer->slot);
            message.transactions.push_back({transaction->hash,
                                            static_cast<std::uint64_t>(transaction->transaction.type),
                                            transaction->encoded.size()});
            if (message.transactions.size() == announce_count_max) post();
        }
        post();
    }
}

void Core::take_bodies(const PeerPtr& peer, std::span<const Blob> transactions) {
    std::vector<Bytes> fresh;
    for (const auto& transaction : transactions) {
        const auto hash = hash_of_network_form(transaction.bytes);
        if (!hash) {
            blame(*peer, fault::malformed, hash.error().message);
            continue;
        }
        told_.of(*hash).set(peer->slot);
        wanted_.erase(*hash);
        if (!told_.see(*hash, loop_.now_ns())) fresh.push_back(to_bytes(transaction.bytes));
    }
    if (!fresh.empty()) go(import(shared_from_this(), peer, std::move(fresh)));
}

Task<void> Core::import(std::shared_ptr<Core> self, PeerPtr peer, std::vector<Bytes> transactions) {
    std::size_t size = 0;
    for (const auto& transaction : transactions) size += transaction.size();
    const Peer::Work work(peer, size);
    const auto reply = co_await call(ports_.import, {std::move(transactions), peer->peer_id()});
    const auto malformed = std::ranges::count(reply.admissions, api::validation::Admission::malformed);
    if (malformed != 0) blame(*peer, fault::malformed, "sent transactions that no correct peer passes on");
}

void Core::on(const PeerPtr& peer, const Frame&, const AnnounceMessage& message) {
    const std::int64_t now = loop_.now_ns();
    for (const auto& announced : message.transactions) {
        if (told_.seen(announced.hash, now)) {
            told_.of(announced.hash).set(peer->slot);
            continue;
        }
        auto at = wanted_.find(announced.hash);
        if (at == wanted_.end()) {
            if (wanted_.size() >= wanted_max) return;
            at = wanted_.emplace(announced.hash, Wanted{{}, announced.size, now + config_.limits.arrive_ns}).first;
        }
        auto& announcers = at->second.announcers;
        const bool is_new = std::ranges::find(announcers, peer->peer_id()) == announcers.end();
        if (is_new && announcers.size() < announcers_max) announcers.push_back(peer->peer_id());
    }
    if (!wanted_.empty() && !wanted_timer_->armed()) wanted_timer_->set(now + config_.limits.arrive_ns);
}

void Core::fetch_wanted() {
    const std::int64_t now = loop_.now_ns();
    struct Batch {
        std::vector<Hash> hashes;
        std::uint64_t size = 0;
    };
    std::unordered_map<std::string, Batch> batches;
    for (auto at = wanted_.begin(); at != wanted_.end();) {
        Wanted& wanted = at->second;
        const Hash hash = at->first;
        ++at;
        if (wanted.asked || wanted.ask_ns > now) continue;
        auto& announcers = wanted.announcers;
        std::erase_if(announcers, [this](const std::string& id) { return find(id) == nullptr; });
        if (announcers.empty()) {
            wanted_.erase(hash);  // nobody has it, or has it any more
            continue;
        }
        auto& batch = batches[announcers.front()];
        if (batch.hashes.size() == fetch_count_max || batch.size > pooled_bytes_wanted) continue;
        batch.hashes.push_back(hash);
        batch.size += wanted.size;
        wanted.asked = true;
        announcers.erase(announcers.begin());
    }
    for (auto& [id, batch] : batches) {
        const auto at = peers_.find(id);
        go(fetch_transactions(shared_from_this(), at->second, std::move(batch.hashes)));
    }
    if (!wanted_.empty()) wanted_timer_->set(now + config_.limits.arrive_ns / 4);
}

Task<void> Core::fetch_transactions(std::shared_ptr<Core> self, PeerPtr peer, std::vector<Hash> hashes) {
    GetTransactions request;
    request.hashes.assign(hashes.begin(), hashes.end());
    const auto reply = co_await settled(peer->ask(request, Type::pooled, config_.limits.request_ns));
    if (reply) {
        const auto message = decode<Pooled>(**reply);
        if (message) {
            take_bodies(peer, message->transactions);
        } else {
            blame(*peer, fault::malformed, message.error().message);
        }
    }
    // What did not come is for the next who announced it. It may have been mined meanwhile: that weighs little.
    for (const auto& hash : hashes) {
        const auto at = wanted_.find(hash);
        if (at == wanted_.end()) continue;
        at->second.asked = false;
        if (reply) blame(*peer, fault::undelivered, "does not have a transaction that it announced");
    }
}

Task<void> Core::serve_transactions(std::shared_ptr<Core> self, PeerPtr peer, std::uint64_t request_id,
                                    std::vector<Hash> hashes) {
    const Peer::Work work(peer, pooled_bytes_wanted);
    std::vector<Bytes> bodies;
    std::size_t size = 0;
    for (const auto& hash : hashes) {
        const auto found = co_await settled(call(ports_.get_pooled, {hash}));
        if (!found) break;
        if (!found->transaction) continue;
        auto body = chain::encode_network_form(*found->transaction);
        if (size + body.size() + frame_bytes_room > rule_of(Type::pooled).payload_max) break;
        size += body.size() + frame_bytes_room;
        if (peer->slot < peer_slots) told_.of(hash).set(peer->slot);
        bodies.push_back(std::move(body));
        if (size > pooled_bytes_wanted) break;
    }
    Pooled reply;
    for (const auto& body : bodies) reply.transactions.emplace_back(BytesView(body));
    peer->post(reply, request_id);
}

}  // namespace weft::service::network
