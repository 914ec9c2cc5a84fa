#include <algorithm>

#include "net/rpc_scan.hpp"
#include "observe/log.hpp"
#include "service/proxy/block_ref.hpp"
#include "service/proxy/upstreams.hpp"

namespace weft::service::proxy {

namespace {

/// A head far above the other's is looked into so often, by a block so far below the other's.
constexpr std::int64_t far_every_ns = 2 * ns_per_s;
constexpr std::uint64_t far_below = 32;
constexpr std::int64_t began_anew_ns = 10 * ns_per_s;
/// All upstreams being a few blocks behind passes by itself, but where blocks were taken back.
constexpr std::int64_t shortened_ns = 60 * ns_per_s;

}  // namespace

/// Of two upstreams far apart one is behind, or the other one lies, is broken or of another chain. Who is ahead has
/// blocks above the other's head, and the same ones below it: far enough, lest the other stopped on a branch that died.
void Upstreams::look_far(std::size_t index) {
    auto& upstream = *all_[index];
    const std::int64_t now = loop_.now_ns();
    const bool is_believed = heads().served() == 0 || heads().of(index) <= heads().served();
    if (is_believed || (upstream.far_asked_ns != 0 && now - upstream.far_asked_ns < far_every_ns)) return;
    std::optional<std::size_t> other;
    for (std::size_t i = 0; i < all_.size(); ++i) {
        if (i != index && is_used(i) && (!other || heads().of(i) > heads().of(*other))) other = i;
    }
    if (!other || heads().of(*other) == 0) return;
    upstream.far_asked_ns = now;
    const std::uint64_t head = heads().of(*other);
    const std::uint64_t below = head - std::min(head, far_below);
    ask_hash(index, head + config_.lag_max, [this, index, other = *other, below](const std::string& above) {
        if (above.empty()) return;
        ask_hash(index, below, [this, index, other, below](std::string its) {
            ask_hash(other, below, [this, index, its = std::move(its)](const std::string& others) {
                if (!its.empty() && its == others) change_heads([&](Heads& heads) { heads.goes_on(index); });
            });
        });
    });
}

/// @param then  gets raw JSON, or nothing.
void Upstreams::ask_hash(std::size_t index, std::uint64_t number, TakeHash then) {
    const std::string params = "[" + quantity_text(number) + ",false]";
    all_[index]->link->call({"eth_getBlockByNumber", "0", params}, loop_.now_ns() + poll_timeout_ns,
                            [alive = alive_, then = std::move(then)](Result<net::Reply> reply) mutable {
                                if (!*alive || !reply) return;
                                const auto parts = net::scan_reply(reply->body);
                                then(std::string(parts ? net::member_of(parts->result, "hash") : std::string_view()));
                            });
}

/// What goes on for longer than restarts take is no mistake of one upstream's: the chain has begun anew, or it has gone
/// far while we saw nothing of it.
void Upstreams::watch_served(std::size_t index, std::uint64_t number) {
    const std::uint64_t served = view_.heads.served();
    const bool is_far = number + config_.lag_max < served || number > served + config_.lag_max;
    if (number == served || (!is_far && number > served)) {
        apart_since_ns_ = 0;
    } else if (apart_since_ns_ == 0) {
        apart_since_ns_ = loop_.now_ns();
    } else if (loop_.now_ns() - apart_since_ns_ > (is_far ? began_anew_ns : shortened_ns)) {
        bool moved = false;
        change_heads([&](Heads& heads) { moved = number > served ? heads.trust(index) : heads.reset(); });
        if (!moved) return;
        apart_since_ns_ = 0;
        ++common_->epoch;
        observe::Log("proxy").warn("the chain is elsewhere", {{"was", served}, {"head", view_.heads.served()}});
    }
}

}  // namespace weft::service::proxy
