// Upstreams are asked for their chain before their word counts: at first, after they were away, and when another node
// may be in their place. Who is of another chain than the gateway gets no calls, and is asked now and then.

#include "observe/log.hpp"
#include "service/proxy/block_ref.hpp"
#include "service/proxy/upstreams.hpp"

namespace weft::service::proxy {

namespace {

using enum Chains::Standing;

/// So often at most an upstream is asked again because of what its blocks are.
constexpr std::int64_t doubt_every_ns = 2 * ns_per_s;
/// Upstreams that an error names.
constexpr std::size_t named_max = 4;

}  // namespace

void Upstreams::ask_chain(std::size_t index) {
    auto& upstream = *all_[index];
    upstream.chain_asked_ns = loop_.now_ns();
    upstream.doubted = false;
    upstream.link->call({"eth_chainId", "0", "[]"}, loop_.now_ns() + poll_timeout_ns,
                        [this, alive = alive_, index](Result<net::Reply> reply) {
                            if (!*alive) return;
                            take_chain(index, std::move(reply));
                            if (is_outside(index) || all_[index]->asks_chain) return poll_over(index);
                            all_[index]->poll_begun_ns = loop_.now_ns();
                            ask_head(index, false);
                        });
}

void Upstreams::take_chain(std::size_t index, Result<net::Reply> reply) {
    auto& upstream = *all_[index];
    const auto verdict = judge(method_of("eth_chainId"), std::move(reply), true);
    using enum mesh::AttemptOutcome;
    // Who refuses it for good may be a node all the same; who can't answer now is asked again.
    if (verdict.outcome == good || verdict.outcome == refused || verdict.hint == Hint::no_method) {
        upstream.asks_chain = false;
        chains_->say(index, quantity_of(verdict.answer->parts.result));
        // Its head, which would say so, is not asked for.
        if (!chains_->may_use(index)) set_healthy(index, true, {});
    } else {
        const std::string why(verdict.answer ? verdict.answer->parts.message : std::string_view(verdict.why));
        set_healthy(index, false, why.empty() ? "no chain id" : why);
        chains_->fail(index);
    }
    look_chains();
}

void Upstreams::look_chains() {
    std::uint64_t outside = 0;
    std::uint64_t awaited_ones = 0;
    std::uint64_t left_out = 0;
    for (std::size_t i = 0; i < all_.size(); ++i) {
        tell_chain(i);
        if (chains_->may_use(i)) continue;
        const std::uint64_t bit = std::uint64_t{1} << i;
        const auto standing = chains_->standing(i);
        outside |= bit;
        if (standing == awaited) awaited_ones |= bit;
        if (standing != other && standing != untold) continue;
        left_out |= bit;
        all_[i]->head_number = 0;
        all_[i]->head_hash.clear();
    }
    const std::uint64_t before = view_.outside;
    // After a reload whose upstreams are all of another chain than those before.
    const bool is_another = view_.chain_id && view_.chain_id != chains_->id();
    common_->change([&](Common::View& view) {
        if (is_another) view.heads.forget();
        for (std::size_t i = 0; i < all_.size(); ++i) {
            if ((left_out >> i & 1) != 0) view.heads.leave_out(i);
        }
        view.outside = outside;
        view.awaited = awaited_ones;
        view.chain_id = chains_->id();
        view.why_none = why_none_now(outside, awaited_ones);
    });
    if (is_another) {
        ++common_->epoch;
        if (on_another_chain) on_another_chain();
    }
    refresh();
    for (std::size_t i = 0; i < all_.size(); ++i) {
        if ((before >> i & 1) == 0 || is_outside(i)) continue;
        set_used(i);
        poll(i);
    }
}

std::shared_ptr<const std::string> Upstreams::why_none_now(std::uint64_t outside, std::uint64_t awaited_ones) const {
    std::string out;
    for (std::size_t i = 0; i < all_.size(); ++i) {
        if ((outside >> i & 1) == 0 || awaited_ones != 0) return nullptr;
        if (i < named_max) out += (i > 0 ? "; " : "") + all_[i]->config.id + " " + chain_why(i);
    }
    if (all_.size() > named_max) out += "; and " + std::to_string(all_.size() - named_max) + " more";
    return std::make_shared<const std::string>(std::move(out));
}

/// Why it is not used, for its chain, or is so with doubt; empty: it is of the gateway's.
std::string Upstreams::chain_why(std::size_t index) const {
    const auto& its = all_[index]->last_error;
    switch (chains_->standing(index)) {
        case ours: return {};
        case awaited: return "has not said its chain yet";
        case silent: return "does not say its chain: " + its;
        case other:
            return "is of chain " + std::to_string(*chains_->of(index)) + ", not " + std::to_string(*chains_->id());
        case untold: break;
    }
    const bool is_named = config_.chain_id.has_value();
    return "does not say its chain" +
           (is_named ? ", which must be " + std::to_string(*config_.chain_id) : std::string());
}

/// Once for each change.
void Upstreams::tell_chain(std::size_t index) {
    auto& upstream = *all_[index];
    const auto standing = chains_->standing(index);
    const std::string why = standing == other || standing == untold ? chain_why(index) : std::string();
    if (upstream.chain_told == why) return;
    upstream.chain_told = why;
    const observe::Log log("proxy");
    if (standing == other) upstream.left_out->add();
    if (why.empty()) return log.info("upstream is of the right chain now", {{"upstream", upstream.config.id}});
    const char* const what = chains_->may_use(index) ? "upstream may be of another chain" : "upstream is not used";
    log.warn(what, {{"upstream", upstream.config.id}, {"why", why}});
}

/// A fallback is not asked while one that is none may turn out to be of the gateway's chain in a moment.
bool Upstreams::awaits_usual() const {
    for (std::size_t i = 0; i < all_.size(); ++i) {
        if ((view_.awaited >> i & 1) != 0 && !config_.upstreams[i].fallback) return true;
    }
    return false;
}

bool Upstreams::must_ask_chain(std::size_t index) const {
    const auto& upstream = *all_[index];
    const std::int64_t since_ns = loop_.now_ns() - upstream.chain_asked_ns;
    return upstream.asks_chain || (upstream.doubted && since_ns >= doubt_every_ns) ||
           since_ns >= config_.chain_every_ns;
}

}  // namespace weft::service::proxy
