#include "service/proxy/pending.hpp"

#include <algorithm>
#include <cstring>

#include "base/hex.hpp"
#include "crypto/keccak.hpp"
#include "net/jsonrpc.hpp"
#include "observe/log.hpp"

namespace weft::service::proxy {

namespace {

/// States this far below the head are where pruned nodes end.
constexpr std::uint64_t recent_states = 128;
/// A call for a block that nobody has yet is tried again so often.
constexpr std::int64_t block_wait_ns = 25 * ns_per_ms;

/// Of a hash that nobody can make another answer for: who lies knows what the others will say.
std::uint64_t digest_of(std::string_view json) {
    const std::string text = net::without_space(json);
    const Hash hash = crypto::keccak256({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
    std::uint64_t out = 0;
    std::memcpy(&out, hash.view().data(), sizeof out);
    return out;
}

/// Of a block that its hash names there is nothing else to say on another branch.
bool names_hash(std::string_view name, Kind kind, const BlockRef& block) {
    if (kind == Kind::by_hash) return name.contains("Block") || name.contains("Header");
    return (kind == Kind::by_block || kind == Kind::logs) && !block.number && !block.moving;
}

/// Something that every block has, of a block that is named by number.
bool is_whole_block(std::string_view name, Kind kind) {
    return kind == Kind::by_block && (name.starts_with("eth_getBlock") || name.starts_with("eth_getHeader"));
}

/// What eth_sendRawTransaction would have said the first time.
AnswerPtr hash_of_raw(std::string_view params) {
    std::string_view item;
    if (net::items_of(params, &item, 1) != 1 || item.size() < 4) return nullptr;
    const auto raw = from_hex(item.substr(1, item.size() - 2));
    if (!raw) return nullptr;
    return make_answer("\"" + to_hex(crypto::keccak256(*raw).view()) + "\"");
}

}  // namespace

Engine::Pending::Pending(Engine& of, Spec what)
    : engine_(of), spec_(std::move(what)), timer_(of.loop_, [this] { on_time(); }) {
    const auto& settings = engine_.config_;
    const Kind kind = spec_.method->kind;
    const std::uint64_t head = engine_.upstreams_.heads().served();
    needs_.method = spec_.name;
    needs_.any_branch = kind == Kind::raw || names_hash(spec_.name, kind, spec_.block);
    if (spec_.block.number) {
        needs_.block = std::min(*spec_.block.number, head);
        if (spec_.method->state && head > recent_states && *spec_.block.number < head - recent_states) {
            needs_.state = spec_.block.number;
        }
    } else if (spec_.block.moving || kind == Kind::logs) {
        needs_.block = head;  // of a block that has not come yet some say that it has no logs
    }
    deadline_ns_ = engine_.deadline_of(spec_);
    config_.repeatable = is_repeatable(kind);
    config_.quorum = std::max(spec_.rule.quorum, 1U);
    config_.attempts_max = std::clamp(settings.attempts_max, config_.quorum, mesh::attempts_limit);
    if (kind == Kind::raw) config_.parallel = spec_.rule.parallel != 0 ? spec_.rule.parallel : settings.broadcast;
    // To ask one more when two disagree is no retry: nothing has failed, and the rule wants to know who is right.
    allowed_ = config_.quorum > 1 ? config_.attempts_max : config_.parallel;
    // Code may run long and cost its node much: it is run twice only when it surely takes long.
    const bool may_help = engine_.upstreams_.size() > 1;
    if (may_help && settings.hedge_quantile > 0 && kind != Kind::raw) {
        auto& upstreams = engine_.upstreams_;
        const auto delay = mesh::hedge_delay_ns(upstreams.hedge_config(), upstreams.hedge());
        config_.hedge_after_ns = spec_.method->heavy ? settings.hedge_max_ns : delay.value_or(settings.hedge_max_ns);
    }
}

void Engine::Pending::begin() {
    mesh::on_call(engine_.retry_config_, engine_.retries_);
    mesh::on_call(engine_.upstreams_.hedge_config().budget, engine_.upstreams_.hedge().budget);
    give(mesh::AttemptsBegin{});
}

void Engine::Pending::give(const mesh::AttemptsEvent& event) {
    const auto self = shared_from_this();
    go_on(machine_.step(config_, event, engine_.loop_.now_ns(), engine_.random()));
}

void Engine::Pending::go_on(mesh::AttemptsEffects effects) {
    if (engine_.stopped_ && !effects.ends()) {
        why_ = "the gateway is shutting down";
        return end(failure());
    }
    const auto step = [this](const mesh::AttemptsEvent& what) {
        return machine_.step(config_, what, engine_.loop_.now_ns(), engine_.random());
    };
    while (effects.begin) {
        if (effects.anew) tried_ = 0;
        const Sent sent = send();
        if (sent == Sent::later) {
            // The machine waits with us: nothing but an answer moves it before it hears of the attempt.
            awaits_block_ = true;
            engine_.upstreams_.ask_behind();
            timer_.set(std::min(engine_.loop_.now_ns() + block_wait_ns, deadline_ns_));
            return;
        }
        effects = sent == Sent::yes ? step(mesh::AttemptBegun{}) : step(mesh::AttemptHasNoTarget{});
    }
    // Without a wish of the machine's the deadline is all there is to wait for.
    if (effects.timer_ns) {
        timer_.set(std::min(*effects.timer_ns, deadline_ns_));
    } else if (!timer_.armed()) {
        timer_.set(deadline_ns_);
    }
    if (effects.ends()) finish(effects);
}

Engine::Pending::Sent Engine::Pending::send() {
    auto& upstreams = engine_.upstreams_;
    const auto target = upstreams.pick(needs_, tried_);
    if (!target) return !refused_ && upstreams.awaits(needs_) ? Sent::later : Sent::no;
    // Going on elsewhere is a retry, too.
    if (machine_.begun() >= allowed_) {
        if (!mesh::take_retry(engine_.retry_config_, engine_.retries_, engine_.loop_.now_ns())) return Sent::no;
        ++allowed_;
        ++retries_;
    }
    tried_ |= std::uint64_t{1} << *target;
    // Code that runs long does so everywhere: it would be begun again and again and never end.
    const std::int64_t attempt_ends = engine_.loop_.now_ns() + engine_.config_.attempt_timeout_ns;
    const std::int64_t deadline = spec_.method->heavy ? deadline_ns_ : std::min(deadline_ns_, attempt_ends);
    const std::uint32_t attempt = machine_.begun();
    targets_[attempt] = *target;
    open_ |= 1U << attempt;
    upstreams.call(*target, *spec_.method, {spec_.name, spec_.id, spec_.params, config_.repeatable}, needs_, deadline,
                   [self = shared_from_this(), attempt](Verdict verdict) { self->over(attempt, std::move(verdict)); });
    return Sent::yes;
}

void Engine::Pending::over(std::uint32_t attempt, Verdict verdict) {
    if (ended_) return;
    if (!verdict.answer) why_ = std::move(verdict.why);
    lost_ = lost_ || verdict.outcome == mesh::AttemptOutcome::lost;
    hints_[attempt] = verdict.hint;
    // To ask another one because this one lacks something is no retry: nothing has failed.
    const bool lacks = verdict.hint == Hint::no_method || verdict.hint == Hint::pruned || verdict.hint == Hint::lagging;
    if (lacks) ++allowed_;
    const bool nothing = verdict.outcome == mesh::AttemptOutcome::good && verdict.answer->parts.result == "null";
    const bool was_shown = is_whole_block(spec_.name, spec_.method->kind) && spec_.block.number == needs_.block;
    if (nothing && (was_shown || engine_.was_sent(spec_))) verdict.outcome = mesh::AttemptOutcome::unable;
    // It has not what it had: it went back, and is asked how far.
    if (nothing && was_shown) engine_.upstreams_.ask_again(targets_[attempt]);
    if (verdict.hint == Hint::lagging && spec_.method->kind == Kind::by_hash) {
        // It may be in a block that this one has not; only one that has all blocks can say that it is nowhere.
        needs_.block = engine_.upstreams_.heads().served();
        tried_ &= ~(std::uint64_t{1} << targets_[attempt]);
    }
    // One that fails says nothing about the call; those that have not the block yet may answer it.
    refused_ = refused_ || verdict.hint == Hint::no_method || verdict.hint == Hint::pruned;
    settle(attempt, std::move(verdict));
}

void Engine::Pending::settle(std::uint32_t attempt, Verdict verdict) {
    open_ &= ~(1U << attempt);
    std::uint64_t digest = 0;
    if (config_.quorum > 1 && verdict.answer) {
        const auto& parts = verdict.answer->parts;
        digest = digest_of(verdict.answer->is_error() ? parts.error : parts.result);
    }
    digests_[attempt] = digest;
    answers_[attempt] = std::move(verdict.answer);
    give(mesh::AttemptEnded{attempt, verdict.outcome, digest});
    // Others were given the transaction, too, and their word says more: but not if they never say it.
    if (!ended_ && !taken_ && is_taken(attempt)) {
        taken_ = attempt;
        timer_.set(std::min(engine_.loop_.now_ns() + engine_.config_.hedge_max_ns, deadline_ns_));
    }
}

/// A refusal that may come of the transaction's having got in.
bool Engine::Pending::is_taken(std::uint32_t attempt) const {
    return hints_[attempt] == Hint::known || hints_[attempt] == Hint::spent;
}

/// An attempt whose answer was lost, or is still waited for, may be what the refusal speaks of. Of a call whose
/// attempts were all refused it is the client's own fault, and told as it came.
void Engine::Pending::look_up(std::uint32_t refused) {
    ended_ = true;
    timer_.cancel();
    auto hash = hash_of_raw(spec_.params);
    if (hash && hints_[refused] == Hint::known) return end(std::move(hash));
    if (!hash) return end(std::move(answers_[refused]));
    static const Method& asked = method_of("eth_getTransactionByHash");
    static constexpr Needs no_needs{"eth_getTransactionByHash", 0, {}};
    lookup_ = "[" + std::string(hash->parts.result) + "]";
    engine_.upstreams_.call(targets_[refused], asked, {asked.name, "0", lookup_}, no_needs, deadline_ns_,
                            [self = shared_from_this(), refused, hash = std::move(hash)](const Verdict& found) mutable {
                                const bool is_there = found.answer && found.answer->parts.result.starts_with('{');
                                self->end(std::move(is_there ? hash : self->answers_[refused]));
                            });
}

void Engine::Pending::on_time() {
    if (ended_) return;
    const auto self = shared_from_this();  // who waits may be the last to hold us
    if (engine_.loop_.now_ns() >= deadline_ns_) {
        if (why_.empty()) why_ = awaits_block_ ? "none has the block yet" : "no answer in time";
        return end(failure());
    }
    if (std::exchange(awaits_block_, false)) return go_on({.begin = true});
    if (taken_) return look_up(*taken_);
    hedge_or_retry();
}

void Engine::Pending::hedge_or_retry() {
    const auto now = engine_.loop_.now_ns();
    auto& upstreams = engine_.upstreams_;
    mesh::AttemptsTimer event{};
    if (machine_.open() > 0) {
        // Who does not answer this may answer nothing any more. Who surely does not is failed, not slow.
        bool is_lost = false;
        for (std::uint32_t i = 0; i < machine_.begun(); ++i) {
            if ((open_ >> i & 1) == 0) continue;
            upstreams.ask_again(targets_[i]);
            is_lost = is_lost || !upstreams.is_used(targets_[i]);
        }
        const bool may_begin = machine_.begun() < config_.attempts_max;
        if (may_begin && is_lost && mesh::take_retry(engine_.retry_config_, engine_.retries_, now)) {
            event.may_hedge = true;
            ++retries_;
        } else {
            event.may_hedge = may_begin && mesh::take_hedge(upstreams.hedge_config(), upstreams.hedge(), now);
            hedges_ += event.may_hedge ? 1 : 0;
        }
    } else {
        event.may_retry = mesh::take_retry(engine_.retry_config_, engine_.retries_, now);
        retries_ += event.may_retry ? 1 : 0;
    }
    allowed_ = machine_.begun() + 1;
    const std::uint32_t before = machine_.hedges();
    give(event);
    if (machine_.hedges() > before) engine_.hedged_.add();
}

AnswerPtr Engine::Pending::failure() const {
    engine_.unanswered_.add();
    const std::string why = why_.empty() ? engine_.upstreams_.why_none() : why_;
    return make_error(net::rpc_code::internal_error, "no upstream could answer" + (why.empty() ? why : ": " + why));
}

/// Who gave another answer than the one that counts is wrong, or is not where the others are; without one that counts
/// nobody knows who is wrong, and all are named.
void Engine::Pending::compare(std::optional<std::uint32_t> agreed) {
    for (std::uint32_t i = 0; i < machine_.begun(); ++i) {
        if (answers_[i] && (!agreed || digests_[i] != digests_[*agreed])) {
            engine_.upstreams_.disagrees(targets_[i], spec_.name);
        }
    }
}

void Engine::Pending::finish(const mesh::AttemptsEffects& effects) {
    if (config_.quorum > 1) compare(effects.answer);
    if (effects.no_quorum) {
        engine_.disagreed_.add();
        return end(
            make_error(net::rpc_code::server_error,
                       "the upstreams do not agree: " + std::to_string(config_.quorum) + " equal answers are needed"));
    }
    if (effects.nothing || !answers_[*effects.answer]) return end(failure());
    if (lost_ && is_taken(*effects.answer)) return look_up(*effects.answer);
    end(std::move(answers_[*effects.answer]));
}

void Engine::Pending::end(AnswerPtr answer) {
    ended_ = true;
    timer_.cancel();
    auto& hedge_budget = engine_.upstreams_.hedge().budget;
    for (; retries_ > 0; --retries_) mesh::on_retry_end(engine_.retries_);
    for (; hedges_ > 0; --hedges_) mesh::on_retry_end(hedge_budget);
    mesh::on_call_end(engine_.retries_);
    mesh::on_call_end(hedge_budget);
    promise.set(std::move(answer));
}

}  // namespace weft::service::proxy
