#include "service/proxy/upstreams.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <set>

#include "base/json.hpp"
#include "net/rpc_scan.hpp"
#include "observe/log.hpp"
#include "service/proxy/block_ref.hpp"

namespace weft::service::proxy {

namespace {

constexpr std::uint32_t failures_max = 4;
constexpr std::int64_t ejection_ns = ns_per_s;
constexpr std::int64_t ejection_max_ns = 30 * ns_per_s;
constexpr std::int64_t limited_ns = ns_per_s;
constexpr std::int64_t lacks_ns = 600 * ns_per_s;
constexpr std::size_t lacks_max = 64;
constexpr std::int64_t poll_timeout_ns = 2 * ns_per_s;
constexpr std::int64_t final_every_ns = 2 * ns_per_s;
/// An upstream that tells of heads is asked now and then all the same: a connection may be silent and dead.
constexpr std::int64_t told_poll_ns = 5 * ns_per_s;
constexpr std::int64_t began_anew_ns = 10 * ns_per_s;
constexpr double latency_weight = 0.1;
/// Before an upstream's first answer.
constexpr double latency_unknown_ns = 1e6;

observe::Counter& counter(const char* name, const char* help, const std::string& id) {
    return observe::metrics().counter(name, help, {{"upstream", id}});
}

}  // namespace

Upstreams::Upstreams(net::Loop& loop, const ProxyConfig& config)
    : loop_(loop), config_(config), heads_({config.lag_max, config.finality_depth}, config.upstreams.size()) {}

Result<void> Upstreams::open(std::function<void(std::size_t upstream, std::string_view header)> on_head) {
    if (config_.upstreams.empty()) return fail(ErrorCode::invalid_argument, "no upstream is given");
    if (config_.upstreams.size() > upstreams_max) {
        return fail(ErrorCode::invalid_argument, "more than " + std::to_string(upstreams_max) + " upstreams");
    }
    on_head_ = std::move(on_head);
    std::set<std::string> ids;
    for (const auto& given : config_.upstreams) {
        const std::size_t index = all_.size();
        if (!ids.insert(given.id).second) {
            return fail(ErrorCode::invalid_argument, "two upstreams are called " + given.id);
        }
        auto upstream = std::make_unique<Upstream>(loop_, given);
        upstream->poll = [this, index] { poll(index); };
        auto link = make_link(
            loop_, upstream->config, config_.body_bytes_max,
            [this, index](std::string_view header) { saw_head(index, header); },
            [this, index] {
                if (running_) poll(index);
            });
        if (!link) return fail(ErrorCode::invalid_argument, "upstream " + given.id + ": " + link.error().message);
        upstream->link = std::move(*link);
        upstream->calls = &counter("weft_proxy_upstream_calls_total", "Calls sent to an upstream.", given.id);
        upstream->errors =
            &counter("weft_proxy_upstream_errors_total", "Calls an upstream failed to answer.", given.id);
        upstream->ejected =
            &counter("weft_proxy_upstream_ejections_total", "Times an upstream was taken out of use.", given.id);
        all_.push_back(std::move(upstream));
    }
    return {};
}

void Upstreams::start() {
    running_ = true;
    for (std::size_t i = 0; i < all_.size(); ++i) poll(i);
}

void Upstreams::stop() {
    running_ = false;
    *alive_ = false;
    for (auto& upstream : all_) {
        upstream->poll_timer.cancel();
        upstream->link.reset();
    }
    for (auto& then : std::exchange(waiting_, {})) then();
}

bool Upstreams::can(const Upstream& upstream, std::size_t index, const Needs& needs, bool ignores_health) const {
    const std::int64_t now = loop_.now_ns();
    if (!ignores_health && (upstream.ejected_until_ns > now || upstream.limited_until_ns > now)) return false;
    const std::uint64_t head = heads_.of(index);
    if (needs.block > 0 && head > 0 && head < needs.block) return false;
    if (head > 0 && heads_.lags(index)) return false;
    if (needs.state && *needs.state < upstream.state_from) return false;
    if (!upstream.lacks.empty()) {
        const auto found = upstream.lacks.find(needs.method);
        if (found != upstream.lacks.end() && found->second > now) return false;
    }
    return true;
}

double Upstreams::cost(const Upstream& upstream) const {
    const double latency = upstream.latency_ns > 0 ? upstream.latency_ns : latency_unknown_ns;
    return latency * (upstream.outstanding + 1.0) / std::max(upstream.config.weight, 1U);
}

std::optional<std::size_t> Upstreams::pick(const Needs& needs, std::uint64_t tried) const {
    // First those that are well, then, if none is, all: a doubtful upstream is better than none. Fallbacks come last.
    for (const bool ignores_health : {false, true}) {
        for (const bool fallback : {false, true}) {
            std::optional<std::size_t> best;
            double best_cost = std::numeric_limits<double>::max();
            for (std::size_t i = 0; i < all_.size(); ++i) {
                const auto& upstream = *all_[i];
                if (upstream.config.fallback != fallback || (tried >> i & 1) != 0) continue;
                if (!can(upstream, i, needs, ignores_health)) continue;
                if (const double its = cost(upstream); its < best_cost) {
                    best_cost = its;
                    best = i;
                }
            }
            if (best) return best;
        }
    }
    return std::nullopt;
}

bool Upstreams::any_usable() const {
    return std::ranges::any_of(all_, [&](const auto& one) { return one->ejected_until_ns <= loop_.now_ns(); });
}

bool Upstreams::is_told() const {
    return std::ranges::any_of(
        all_, [&](const auto& one) { return one->link->tells_heads() && one->head_number == heads_.served(); });
}

void Upstreams::call(std::size_t index, const Method& method, const LinkCall& call, const Needs& needs,
                     std::int64_t deadline_ns, Judged done) {
    auto& upstream = *all_[index];
    ++upstream.outstanding;
    upstream.calls->add();
    const std::int64_t begun = loop_.now_ns();
    upstream.link->call(call, deadline_ns,
                        [this, alive = alive_, index, &method, needs = Needs(needs), begun,
                         done = std::move(done)](Result<net::Reply> reply) mutable {
                            if (!*alive)
                                return done({mesh::AttemptOutcome::unsent, Hint::none, nullptr, "shutting down"});
                            --all_[index]->outstanding;
                            Verdict verdict = judge(method, std::move(reply), heads_.of(index) >= heads_.served());
                            if (verdict.answer) verdict.answer->upstream = index;
                            note(index, verdict, needs, loop_.now_ns() - begun);
                            done(std::move(verdict));
                        });
}

void Upstreams::note(std::size_t index, const Verdict& verdict, const Needs& needs, std::int64_t latency_ns) {
    using enum mesh::AttemptOutcome;
    auto& upstream = *all_[index];
    const std::int64_t now = loop_.now_ns();
    if (verdict.outcome == good || verdict.outcome == refused) {
        upstream.failures = 0;
        upstream.ejections = 0;
        const auto sample = static_cast<double>(std::max<std::int64_t>(latency_ns, 1));
        // Up at once, down slowly: who is slow now is avoided now (peak EWMA).
        upstream.latency_ns = sample > upstream.latency_ns
                                  ? sample
                                  : upstream.latency_ns + latency_weight * (sample - upstream.latency_ns);
        // The quantile by steps: up by q, down by 1 - q of a step that follows its size.
        usual_step_ns_ = std::max(static_cast<double>(usual_ns_) * 0.02, 1e4);
        const double q = config_.hedge_quantile;
        usual_ns_ += static_cast<std::int64_t>(usual_step_ns_ * (sample > static_cast<double>(usual_ns_) ? q : q - 1));
        return;
    }
    upstream.errors->add();
    switch (verdict.hint) {
        case Hint::lagging: return;  // its head will tell
        case Hint::pruned:
            if (needs.state) upstream.state_from = std::max(upstream.state_from, *needs.state + 1);
            return;
        case Hint::no_method:
            if (upstream.lacks.size() < lacks_max) upstream.lacks[std::string(needs.method)] = now + lacks_ns;
            return;
        case Hint::limited: upstream.limited_until_ns = now + limited_ns; return;
        default: break;
    }
    if (verdict.outcome == unable && verdict.answer) return;  // it answers, if not what was hoped for
    failed(upstream, index, verdict.why);
}

void Upstreams::failed(Upstream& upstream, std::size_t index, const std::string& why) {
    upstream.last_error = why;
    if (++upstream.failures < failures_max || upstream.ejected_until_ns > loop_.now_ns()) return;
    const std::int64_t wait = std::min(ejection_ns << std::min(upstream.ejections, 5U), ejection_max_ns);
    upstream.ejected_until_ns = loop_.now_ns() + wait;
    ++upstream.ejections;
    upstream.ejected->add();
    heads_.set_used(index, false);
    observe::Log("proxy").warn("upstream taken out of use",
                               {{"upstream", upstream.config.id}, {"for_ms", wait / ns_per_ms}, {"why", why}});
    // It is asked for its head meanwhile, and comes back by answering.
    upstream.poll_timer.set(loop_.now_ns() + config_.poll_ns);
}

void Upstreams::observe(std::size_t index, std::uint64_t number) {
    // An older block is no news; a newer one is one it must have.
    if (number > heads_.of(index)) heads_.observe(index, number);
}

void Upstreams::saw_head(std::size_t index, std::string_view header) {
    auto& upstream = *all_[index];
    const auto number = quantity_of(net::member_of(header, "number"));
    if (!number) return;
    const std::string_view hash = net::member_of(header, "hash");
    const std::string_view parent = net::member_of(header, "parentHash");
    heard_ns_ = loop_.now_ns();
    const bool replaced = *number == upstream.head_number       ? hash != upstream.head_hash
                          : *number == upstream.head_number + 1 ? parent != upstream.head_hash
                                                                : *number < upstream.head_number;
    if (replaced && !upstream.head_hash.empty()) ++epoch_;
    upstream.head_number = *number;
    upstream.head_hash = hash;
    heads_.observe(index, *number);
    // Longer than restarts take: the chain itself has begun anew.
    if (*number + config_.lag_max >= heads_.served()) {
        behind_since_ns_ = 0;
    } else if (behind_since_ns_ == 0) {
        behind_since_ns_ = loop_.now_ns();
    } else if (loop_.now_ns() - behind_since_ns_ > began_anew_ns && heads_.reset()) {
        behind_since_ns_ = 0;
        ++epoch_;
        observe::Log("proxy").warn("the chain began anew", {{"head", heads_.served()}});
    }
    if (on_head_) on_head_(index, header);
}

void Upstreams::poll(std::size_t index, bool urgent) {
    auto& upstream = *all_[index];
    // One question at a time; but an answer to one that was asked before a change does not count for it.
    if (!running_ || (upstream.polling && !urgent)) return;
    if (!urgent) upstream.polling = true;
    upstream.link->call(
        {"eth_getBlockByNumber", "0", R"(["latest",false])"}, loop_.now_ns() + poll_timeout_ns,
        [this, alive = alive_, index, urgent](Result<net::Reply> reply) {
            if (!*alive) return;
            polled(index, std::move(reply));
            if (urgent) return urgent_poll_over();
            auto& over = *all_[index];
            over.polling = false;
            over.poll_timer.set(loop_.now_ns() + (over.link->tells_heads() ? told_poll_ns : config_.poll_ns));
        });
}

void Upstreams::polled(std::size_t index, Result<net::Reply> reply) {
    auto& upstream = *all_[index];
    const auto verdict = judge(method_of("eth_getBlockByNumber"), std::move(reply), true);
    if (verdict.answer && !verdict.answer->is_error() && verdict.answer->parts.result.starts_with('{')) {
        if (upstream.ejected_until_ns != 0) {
            upstream.ejected_until_ns = 0;
            upstream.failures = 0;
            heads_.set_used(index, true);
            observe::Log("proxy").info("upstream is back", {{"upstream", upstream.config.id}});
        }
        saw_head(index, verdict.answer->parts.result);
        if (upstream.knows_final && loop_.now_ns() - upstream.final_asked_ns >= final_every_ns) {
            upstream.final_asked_ns = loop_.now_ns();
            poll_tag(index, "finalized");
            poll_tag(index, "safe");
        }
    } else {
        failed(upstream, index, verdict.why.empty() ? "no head" : verdict.why);
    }
}

void Upstreams::poll_tag(std::size_t index, const char* tag) {
    const std::string params = std::string("[\"") + tag + "\",false]";
    const bool is_final = tag[0] == 'f';
    all_[index]->link->call({"eth_getBlockByNumber", "0", params}, loop_.now_ns() + poll_timeout_ns,
                            [this, alive = alive_, index, is_final](Result<net::Reply> reply) {
                                if (!*alive || !reply) return;
                                const auto parts = net::scan_reply(reply->body);
                                if (!parts) return;
                                const auto number = quantity_of(net::member_of(parts->result, "number"));
                                if (!number) {
                                    if (is_final && !parts->error.empty()) all_[index]->knows_final = false;
                                } else if (is_final) {
                                    heads_.observe_final(index, *number);
                                } else {
                                    heads_.observe_safe(index, *number);
                                }
                            });
}

void Upstreams::urgent_poll_over() {
    if (--polls_urgent_ > 0) return;
    for (auto& then : std::exchange(waiting_, {})) then();
}

void Upstreams::poll_now() {
    for (std::size_t i = 0; i < all_.size(); ++i) {
        if (all_[i]->ejected_until_ns > loop_.now_ns()) continue;
        ++polls_urgent_;
        poll(i, true);
    }
}

void Upstreams::when_polled(std::move_only_function<void()> then) {
    if (!polling()) return then();
    waiting_.push_back(std::move(then));
}

std::string Upstreams::status_json() const {
    json::Writer out;
    out.begin_array();
    const std::int64_t now = loop_.now_ns();
    for (std::size_t i = 0; i < all_.size(); ++i) {
        const auto& one = *all_[i];
        out.begin_object().string("id", one.config.id);
        out.key("head").unsigned_integer(heads_.of(i));
        out.boolean("usable", one.ejected_until_ns <= now && !heads_.lags(i));
        out.boolean("fallback", one.config.fallback);
        out.boolean("told", one.link->tells_heads());
        out.key("latency_us").unsigned_integer(static_cast<std::uint64_t>(one.latency_ns / 1'000));
        out.key("outstanding").unsigned_integer(one.outstanding);
        out.key("connections").unsigned_integer(one.link->connections());
        out.key("calls").unsigned_integer(one.calls->value());
        out.key("errors").unsigned_integer(one.errors->value());
        out.key("state_from").unsigned_integer(one.state_from);
        if (one.ejected_until_ns > now) {
            out.key("ejected_for_ms").integer((one.ejected_until_ns - now) / ns_per_ms).string("why", one.last_error);
        }
        out.end_object();
    }
    return out.end_array().take();
}

}  // namespace weft::service::proxy
