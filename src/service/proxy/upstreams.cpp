#include "service/proxy/upstreams.hpp"

#include <algorithm>
#include <limits>
#include <set>
#include <utility>

#include "base/json.hpp"
#include "net/rpc_scan.hpp"
#include "observe/log.hpp"
#include "service/proxy/block_ref.hpp"

namespace weft::service::proxy {

namespace {

/// Questions for the head in a row without an answer.
constexpr std::uint32_t polls_failed_max = 2;
constexpr std::int64_t limited_ns = ns_per_s;
constexpr std::int64_t lacks_ns = 600 * ns_per_s;
constexpr std::size_t lacks_max = 256;
constexpr std::size_t lacks_name_max = 64;
/// One that is not used for its chain is asked so much more rarely how it is than others for their heads.
constexpr std::int64_t outside_polls = 10;
constexpr std::int64_t final_every_ns = 2 * ns_per_s;
/// An upstream that tells of heads is asked now and then all the same: a connection may be silent and dead.
constexpr std::int64_t told_poll_ns = 5 * ns_per_s;
/// Who takes longer to tell its head is not waited for after a change, where another one is quicker.
constexpr std::int64_t prompt_ns = 100 * ns_per_ms;
/// Of an upstream that disagrees the log tells so often; the metric counts.
constexpr std::int64_t disagreed_every_ns = 10 * ns_per_s;
observe::Counter& counter(const char* name, const char* help, const std::string& id) {
    return observe::metrics().counter(name, help, {{"upstream", id}});
}

}  // namespace

Upstreams::Upstreams(net::Loop& loop, std::shared_ptr<const ProxyConfig> settings, std::shared_ptr<Common> common)
    : loop_(loop), settings_(std::move(settings)), common_(std::move(common)), view_(common_->view()) {
    const ProxyConfig& config = config_;
    // Whoever fails is left out, all of them if need be: then, and only then, all are asked again.
    outlier_config_.ejected_percent_max = 100;
    outlier_config_.panic_percent = 1;
    outlier_config_.breaker.open_max_ns = 30 * ns_per_s;
    outlier_config_.breaker.slow_ns = config.attempt_timeout_ns;
    outlier_config_.slow_start_ns = 2 * ns_per_s;
    latency_config_.start_ns = ns_per_ms;
    hedge_config_.permille = static_cast<std::uint32_t>(config.hedge_quantile * 1'000);
    hedge_config_.delay_min_ns = config.hedge_min_ns;
    hedge_config_.delay_max_ns = config.hedge_max_ns;
    hedge_config_.budget = share_of(hedge_config_.budget, common_->loops());
    hedge_.budget = mesh::make_retry_budget(hedge_config_.budget, loop.now_ns());
}

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
        auto upstream = std::make_unique<Upstream>(loop_, given, [this, index] { poll(index); });
        auto& connections = upstream->config.connections_max;
        connections = std::max<std::size_t>(1, connections / common_->loops());
        std::function<void(std::string_view)> shows;
        if (leads()) {
            shows = [this, index](std::string_view header) {
                if (!is_outside(index) && !all_[index]->asks_chain) saw_head(index, header);
            };
        }
        auto link = make_link(loop_, upstream->config, config_.body_bytes_max, std::move(shows), [this, index] {
            if (!running_) return;
            all_[index]->asks_chain = true;
            see_told();
            poll(index);
        });
        if (!link) return fail(ErrorCode::invalid_argument, "upstream " + given.id + ": " + link.error().message);
        upstream->link = std::move(*link);
        upstream->calls = &counter("weft_proxy_upstream_calls_total", "Calls sent to an upstream.", given.id);
        upstream->errors =
            &counter("weft_proxy_upstream_errors_total", "Calls an upstream failed to answer.", given.id);
        upstream->ejected =
            &counter("weft_proxy_upstream_ejections_total", "Times an upstream was taken out of use.", given.id);
        upstream->disagreed =
            &counter("weft_proxy_upstream_disagreements_total", "Answers that others contradicted.", given.id);
        upstream->left_out = &counter("weft_proxy_upstream_other_chain_total",
                                      "Times an upstream was found to be of another chain.", given.id);
        mesh::Candidate candidate;
        candidate.weight = std::max(given.weight, 1U);
        candidates_.push_back(candidate);
        latencies_.push_back(mesh::make_peak_ewma(latency_config_, loop_.now_ns()));
        outlier_.members.emplace_back();
        all_.push_back(std::move(upstream));
    }
    return {};
}

void Upstreams::start() {
    if (!leads()) return;
    running_ = true;
    common_->set_upstreams(this);
    refresh();
    std::vector<bool> fallbacks;
    for (const auto& one : config_.upstreams) fallbacks.push_back(one.fallback);
    chains_.emplace(config_.chain_id, fallbacks, view_.chain_id);
    for (std::size_t i = 0; i < all_.size(); ++i) poll(i);
}

void Upstreams::stop() {
    running_ = false;
    *alive_ = false;
    for (auto& upstream : all_) {
        upstream->poll_timer.cancel();
        upstream->link.reset();
    }
    if (!leads()) return;
    common_->set_upstreams(nullptr);
    common_->end_polls();
}

void Upstreams::take_view() {
    if (leads()) return;
    for (std::size_t i = 0; i < all_.size(); ++i) set_well(i, (view_.unwell >> i & 1) == 0);
}

/// It answers questions for its head, or not. @return whether that is news.
bool Upstreams::set_well(std::size_t index, bool well) {
    auto& member = outlier_.members[index];
    if (std::exchange(member.healthy, well) == well) return false;
    outlier_.due_ns = 0;
    if (!well) return true;
    member.warm_since_ns = loop_.now_ns();
    // It was away and is back: calls may find out at once, however often they failed while it was away.
    member.breaker.until_ns = std::min(member.breaker.until_ns, loop_.now_ns());
    return true;
}

/// The word of an upstream counts while it answers, as far as the one that leads sees.
void Upstreams::set_used(std::size_t index) {
    if (!leads()) return;
    const bool used = is_used(index);
    const bool unwell = !outlier_.members[index].healthy;
    common_->change([&](Common::View& view) {
        view.heads.set_used(index, used);
        const std::uint64_t bit = std::uint64_t{1} << index;
        view.unwell = unwell ? view.unwell | bit : view.unwell & ~bit;
    });
    refresh();
}

bool Upstreams::can(const Upstream& upstream, std::size_t index, const Needs& needs, bool ignores_health) const {
    const std::int64_t now = loop_.now_ns();
    if (is_outside(index)) return false;
    if (!ignores_health && (!candidates_[index].usable || upstream.limited_until_ns > now)) return false;
    const std::uint64_t head = view_.heads.of(index);
    if (needs.block > 0 && head > 0 && head < needs.block) return false;
    if (head > 0 && view_.heads.lags(index)) return false;
    if (is_astray(index) && !needs.any_branch) return false;
    if (needs.state && *needs.state < upstream.state_from) return false;
    // When nobody has the method, one of them says so in its own words.
    if (!ignores_health && !upstream.lacks.empty()) {
        const auto found = upstream.lacks.find(needs.method);
        if (found != upstream.lacks.end() && found->second > now) return false;
    }
    return true;
}

std::optional<std::size_t> Upstreams::pick(const Needs& needs, std::uint64_t tried) {
    refresh();
    const std::int64_t now = loop_.now_ns();
    mesh::refresh(outlier_config_, outlier_, candidates_, now);
    if (!needs.any_branch && none_stands()) return pick({needs.method, needs.block, needs.state, true}, tried);
    // First those that are well, then, if none is, all: a doubtful upstream is better than none. Fallbacks come last.
    for (const bool ignores_health : {false, true}) {
        for (const bool fallback : {false, true}) {
            if (fallback && awaits_usual()) return std::nullopt;
            std::optional<std::size_t> best;
            double best_cost = std::numeric_limits<double>::max();
            for (std::size_t i = 0; i < all_.size(); ++i) {
                const auto& upstream = *all_[i];
                if (upstream.config.fallback != fallback || (tried >> i & 1) != 0) continue;
                if (!can(upstream, i, needs, ignores_health)) continue;
                // They are few: a look at all of them, so that the best is never left out by chance.
                const double its = mesh::cost_ns(latency_config_, latencies_[i], now) *
                                   (candidates_[i].outstanding + 1.0) /
                                   static_cast<double>(std::uint64_t{candidates_[i].weight} * candidates_[i].ramp);
                if (its < best_cost) {
                    best_cost = its;
                    best = i;
                }
            }
            if (best) return best;
        }
    }
    return std::nullopt;
}

/// Nobody who answers is known to be on the chain that is told: then another branch is better than no answer.
bool Upstreams::none_stands() const {
    for (std::size_t i = 0; i < all_.size(); ++i) {
        if (is_used(i) && !is_astray(i)) return false;
    }
    return true;
}

void Upstreams::set_astray(std::size_t index, bool astray) {
    if (astray == is_astray(index)) return;
    common_->change([&](Common::View& view) { view.astray ^= std::uint64_t{1} << index; });
    refresh();
}

/// Where an upstream's newest block is not known to be on the chain or off it, what was thought of it stays.
void Upstreams::look_astray(std::size_t index) {
    if (!on_chain) return;
    const auto& upstream = *all_[index];
    if (const auto has = on_chain(upstream.head_number, upstream.head_hash)) return set_astray(index, !*has);
    // It may be of another chain.
    if (heads().is_far_above(index)) set_astray(index, true);
}

bool Upstreams::shows_one_from(std::size_t index, std::uint64_t number) const {
    const auto& upstream = *all_[index];
    if (upstream.head_number < number || !on_chain) return false;
    return on_chain(upstream.head_number, upstream.head_hash).value_or(false);
}

void Upstreams::followed(std::optional<std::uint64_t> replaced) {
    if (replaced) ++common_->epoch;
    for (std::size_t i = 0; i < all_.size(); ++i) {
        if (is_outside(i)) continue;
        look_astray(i);
        // Whoever showed none of the new blocks may have the old ones, and is asked which: its head may be below them,
        // or above them all, as the old branch may be the longer one.
        if (replaced && !shows_one_from(i, *replaced)) set_astray(i, true);
        if (is_astray(i)) poll(i);
    }
}

bool Upstreams::is_used(std::size_t index) const {
    const auto& member = outlier_.members[index];
    return member.healthy && member.breaker.phase != mesh::BreakerPhase::open && !is_outside(index);
}

bool Upstreams::any_usable() {
    refresh();
    // A time out may be over, and where nobody calls, nothing else would see it.
    mesh::refresh(outlier_config_, outlier_, candidates_, loop_.now_ns());
    for (std::size_t i = 0; i < all_.size(); ++i) {
        if (is_used(i)) return true;
    }
    return false;
}

void Upstreams::see_told() {
    common_->told = std::ranges::any_of(all_, [&](const auto& one) {
        return one->link->tells_heads() && one->polls_failed == 0 && one->head_number == view_.heads.served() &&
               !one->asks_chain;
    });
}

bool Upstreams::awaits(const Needs& needs) const {
    if (view_.awaited != 0) return true;
    for (std::size_t i = 0; i < all_.size(); ++i) {
        if (is_used(i) && view_.heads.of(i) < needs.block && !view_.heads.lags(i)) return true;
    }
    return false;
}

void Upstreams::ask_behind() {
    if (!leads()) return common_->at_lead([](Upstreams& lead) { lead.ask_behind(); });
    for (std::size_t i = 0; i < all_.size(); ++i) {
        if (is_used(i) && view_.heads.of(i) < view_.heads.served()) poll(i);
    }
}

void Upstreams::ask_again(std::size_t index) {
    if (!leads()) return common_->at_lead([index](Upstreams& lead) { lead.poll(index); });
    poll(index);
}

void Upstreams::call(std::size_t index, const Method& method, const LinkCall& call, const Needs& needs,
                     std::int64_t deadline_ns, Judged done) {
    auto& upstream = *all_[index];
    if (!upstream.link) {  // after stop()
        return loop_.post([done = std::move(done)]() mutable {
            done({mesh::AttemptOutcome::unsent, Hint::none, nullptr, "shutting down"});
        });
    }
    ++candidates_[index].outstanding;
    upstream.calls->add();
    const std::int64_t begun = loop_.now_ns();
    const auto ticket = mesh::admit(outlier_config_, outlier_, candidates_, index, begun);
    // Before it answers, for it may have got a block since.
    const bool is_current = view_.heads.of(index) >= view_.heads.served() && !is_astray(index);
    upstream.link->call(call, deadline_ns,
                        [this, alive = alive_, index, &method, needs = Needs(needs), begun, ticket, is_current,
                         done = std::move(done)](Result<net::Reply> reply) mutable {
                            if (!*alive)
                                return done({mesh::AttemptOutcome::unsent, Hint::none, nullptr, "shutting down"});
                            --candidates_[index].outstanding;
                            Verdict verdict = judge(method, std::move(reply), is_current);
                            if (verdict.answer) verdict.answer->upstream = index;
                            note(index, ticket, verdict, needs, loop_.now_ns() - begun);
                            done(std::move(verdict));
                        });
}

void Upstreams::note(std::size_t index, mesh::BreakerTicket ticket, const Verdict& verdict, const Needs& needs,
                     std::int64_t latency_ns) {
    using enum mesh::AttemptOutcome;
    auto& upstream = *all_[index];
    const std::int64_t now = loop_.now_ns();
    const bool answered = verdict.outcome == good || verdict.outcome == refused;
    // One that answers, if not what was hoped for, is well.
    const bool failed = verdict.hint == Hint::denied || (!verdict.answer && verdict.hint != Hint::limited);
    mesh::observe(latency_config_, latencies_[index], latency_ns, failed, now);
    if (answered) mesh::on_latency(hedge_config_, hedge_, latency_ns);
    if (!answered) upstream.errors->add();
    if (failed) upstream.last_error = verdict.why;
    const auto change = mesh::report(outlier_config_, outlier_, index, ticket, {failed, latency_ns}, now);
    if (change == mesh::BreakerChange::opened) {
        upstream.ejected->add();
        set_used(index);
        observe::Log("proxy").warn("upstream taken out of use",
                                   {{"upstream", upstream.config.id}, {"why", upstream.last_error}});
    } else if (change == mesh::BreakerChange::closed) {
        set_used(index);
        observe::Log("proxy").info("upstream is back", {{"upstream", upstream.config.id}});
    }
    switch (verdict.hint) {
        case Hint::pruned:
            if (needs.state) upstream.state_from = std::max(upstream.state_from, *needs.state + 1);
            break;
        case Hint::no_method: learn_lack(upstream, needs.method, now + lacks_ns); break;
        case Hint::lagging: ask_again(index); break;
        case Hint::limited: upstream.limited_until_ns = now + limited_ns; break;
        default: break;
    }
}

/// Methods that are known always have a place; the names that clients think up have a few.
void Upstreams::learn_lack(Upstream& upstream, std::string_view method, std::int64_t until_ns) {
    auto& lacks = upstream.lacks;
    if (method_of(method).kind == Kind::unknown) {
        if (lacks.size() >= lacks_max)
            std::erase_if(lacks, [&](const auto& one) { return one.second <= loop_.now_ns(); });
        if (lacks.size() >= lacks_max || method.size() > lacks_name_max) return;
    }
    lacks[std::string(method)] = until_ns;
}

void Upstreams::set_healthy(std::size_t index, bool healthy, const std::string& why) {
    auto& upstream = *all_[index];
    upstream.polls_failed = healthy ? 0 : upstream.polls_failed + 1;
    if (!healthy) {
        upstream.last_error = why;
        upstream.asks_chain = true;
    }
    const bool well = upstream.polls_failed < polls_failed_max;
    if (!set_well(index, well)) return;
    set_used(index);
    if (well) {
        observe::Log("proxy").info("upstream answers again", {{"upstream", upstream.config.id}});
    } else {
        observe::Log("proxy").warn("upstream does not answer", {{"upstream", upstream.config.id}, {"why", why}});
    }
}

void Upstreams::disagrees(std::size_t index, std::string_view method) {
    auto& upstream = *all_[index];
    upstream.disagreed->add();
    const std::int64_t now = loop_.now_ns();
    if (upstream.disagreed_told_ns != 0 && now - upstream.disagreed_told_ns < disagreed_every_ns) return;
    upstream.disagreed_told_ns = now;
    observe::Log("proxy").warn("upstream disagrees with others",
                               {{"upstream", upstream.config.id}, {"method", method}});
}

void Upstreams::observe(std::size_t index, std::uint64_t number) {
    // An older block is no news; a newer one is one it must have.
    if (number <= heads().of(index)) return;
    common_->change([&](Common::View& view) {
        // By now it may be of another chain.
        if ((view.outside >> index & 1) == 0) view.heads.observe(index, number);
    });
    refresh();
}

void Upstreams::saw_head(std::size_t index, std::string_view header) {
    auto& upstream = *all_[index];
    const auto number = quantity_of(net::member_of(header, "number"));
    if (!number) return;
    const std::string_view hash = net::member_of(header, "hash");
    const std::string_view parent = net::member_of(header, "parentHash");
    common_->heard_ns = loop_.now_ns();
    const bool replaced = *number == upstream.head_number       ? hash != upstream.head_hash
                          : *number == upstream.head_number + 1 ? parent != upstream.head_hash
                                                                : *number < upstream.head_number;
    if (!upstream.head_hash.empty()) {
        if (replaced) ++common_->epoch;
        // Most often these are reorganisations and gaps, and count; but another node may be in its place.
        if (replaced || *number > upstream.head_number + config_.lag_max) upstream.doubted = true;
    }
    upstream.head_number = *number;
    upstream.head_hash = hash;
    change_heads([&](Heads& heads) { heads.observe(index, *number); });
    watch_served(index, *number);
    look_far(index);
    see_told();
    // One that tells of heads and has not told of this one may have gone silent.
    for (std::size_t i = 0; i < all_.size(); ++i) {
        const bool is_behind = view_.heads.of(i) + 1 < view_.heads.served();
        if (all_[i]->link->tells_heads() && is_behind && !is_outside(i)) poll(i);
    }
    // What nobody else is near would lead subscribers astray; if it is true, it is shown again.
    if (on_head_ && *number <= view_.heads.served()) on_head_(index, header);
    look_astray(index);
    if (must_ask_chain(index)) poll(index);
}

void Upstreams::poll(std::size_t index, bool urgent) {
    auto& upstream = *all_[index];
    // One question at a time; but an answer to one that was asked before a change does not count for it.
    if (!running_ || (upstream.polling && !urgent)) return;
    if (!urgent) {
        upstream.polling = true;
        upstream.poll_begun_ns = loop_.now_ns();
    }
    if (!urgent && (is_outside(index) || must_ask_chain(index))) return ask_chain(index);
    ask_head(index, urgent);
}

void Upstreams::ask_head(std::size_t index, bool urgent) {
    auto& upstream = *all_[index];
    upstream.link->call({"eth_getBlockByNumber", "0", R"(["latest",false])"}, loop_.now_ns() + poll_timeout_ns,
                        [this, alive = alive_, index, urgent](Result<net::Reply> reply) {
                            if (!*alive) return;
                            take_poll(index, std::move(reply));
                            if (urgent) return common_->poll_ends();
                            poll_over(index);
                        });
}

void Upstreams::poll_over(std::size_t index) {
    auto& over = *all_[index];
    const std::int64_t now = loop_.now_ns();
    over.polling = false;
    over.poll_took_ns = now - over.poll_begun_ns;
    std::int64_t wait_ns = config_.poll_ns;
    if (over.polls_failed == 0) {
        if (over.link->tells_heads()) wait_ns = told_poll_ns;
        if (is_outside(index)) {
            wait_ns = outside_polls * config_.poll_ns;
        } else if (must_ask_chain(index)) {
            wait_ns = 0;
        }
    }
    over.poll_timer.set(now + wait_ns);
}

void Upstreams::take_poll(std::size_t index, Result<net::Reply> reply) {
    auto& upstream = *all_[index];
    const auto verdict = judge(method_of("eth_getBlockByNumber"), std::move(reply), true);
    if (verdict.answer && !verdict.answer->is_error() && verdict.answer->parts.result.starts_with('{')) {
        // It was asked before it went away or turned out to be of another chain.
        if (is_outside(index) || (upstream.asks_chain && upstream.polls_failed > 0)) return;
        set_healthy(index, true, {});
        // Its time out may be over; where nobody calls, nothing else would see it, and /readyz would say no for ever.
        mesh::refresh(outlier_config_, outlier_, candidates_, loop_.now_ns());
        set_used(index);
        saw_head(index, verdict.answer->parts.result);
        if (upstream.knows_final && loop_.now_ns() - upstream.final_asked_ns >= final_every_ns) {
            upstream.final_asked_ns = loop_.now_ns();
            poll_tag(index, "finalized");
            poll_tag(index, "safe");
        }
    } else {
        set_healthy(index, false, verdict.why.empty() ? "no head" : verdict.why);
        see_told();
    }
}

void Upstreams::poll_tag(std::size_t index, const char* tag) {
    const std::string params = std::string("[\"") + tag + "\",false]";
    const bool is_final = tag[0] == 'f';
    all_[index]->link->call({"eth_getBlockByNumber", "0", params}, loop_.now_ns() + poll_timeout_ns,
                            [this, alive = alive_, index, is_final](Result<net::Reply> reply) {
                                if (!*alive || !reply || is_outside(index)) return;
                                const auto parts = net::scan_reply(reply->body);
                                if (!parts) return;
                                const auto number = quantity_of(net::member_of(parts->result, "number"));
                                if (!number) {
                                    if (is_final && !parts->error.empty()) all_[index]->knows_final = false;
                                } else {
                                    change_heads([&](Heads& heads) {
                                        if (is_final) return heads.observe_final(index, *number);
                                        heads.observe_safe(index, *number);
                                    });
                                }
                            });
}

void Upstreams::forget() {
    ++common_->epoch;
    change_heads([](Heads& heads) { heads.forget(); });
    poll_now();
}

bool Upstreams::is_prompt(std::size_t index) const {
    const auto& upstream = *all_[index];
    const std::int64_t waited = upstream.polling ? loop_.now_ns() - upstream.poll_begun_ns : 0;
    return is_used(index) && std::max(waited, upstream.poll_took_ns) < prompt_ns;
}

void Upstreams::poll_now() {
    if (!leads()) return common_->poll_at_lead();
    bool any_prompt = false;
    for (std::size_t i = 0; i < all_.size(); ++i) any_prompt = any_prompt || is_prompt(i);
    for (std::size_t i = 0; i < all_.size(); ++i) {
        if (any_prompt ? !is_prompt(i) : !is_used(i)) continue;
        common_->poll_begins();
        poll(i, true);
    }
}

std::vector<UpstreamStatus> Upstreams::status() {
    refresh();
    std::vector<UpstreamStatus> out;
    const std::int64_t now = loop_.now_ns();
    for (std::size_t i = 0; i < all_.size(); ++i) {
        const auto& one = *all_[i];
        UpstreamStatus status{.id = one.config.id,
                              .chain_id = chains_ ? chains_->of(i) : std::nullopt,
                              .head = view_.heads.of(i),
                              .usable = is_used(i) && !view_.heads.lags(i),
                              .fallback = one.config.fallback,
                              .astray = is_astray(i),
                              .told = one.link->tells_heads(),
                              .latency_us = 0,
                              .outstanding = candidates_[i].outstanding,
                              .connections = one.link->connections(),
                              .calls = one.calls->value(),
                              .errors = one.errors->value(),
                              .disagreements = one.disagreed->value(),
                              .state_from = one.state_from,
                              .why = is_used(i) ? std::string() : one.last_error};
        if (chains_ && is_outside(i)) status.why = chain_why(i);
        status.latency_us = static_cast<std::uint64_t>(mesh::cost_ns(latency_config_, latencies_[i], now) / 1'000);
        out.push_back(std::move(status));
    }
    return out;
}

}  // namespace weft::service::proxy
