#include "service/proxy/pending.hpp"

#include <algorithm>

#include "base/hex.hpp"
#include "crypto/keccak.hpp"
#include "net/jsonrpc.hpp"
#include "observe/log.hpp"

namespace weft::service::proxy {

namespace {

/// States this far below the head are where pruned nodes end.
constexpr std::uint64_t recent_states = 128;

std::uint64_t digest_of(std::string_view json) { return std::hash<std::string_view>{}(net::without_space(json)); }

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
    if (spec_.block.number) {
        needs_.block = std::min(*spec_.block.number, head);
        if (spec_.method->state && head > recent_states && *spec_.block.number < head - recent_states) {
            needs_.state = spec_.block.number;
        }
    } else if (spec_.block.moving) {
        needs_.block = head;
    }
    const std::int64_t timeout = spec_.rule.timeout_ns > 0 ? spec_.rule.timeout_ns : settings.request_timeout_ns;
    deadline_ns_ = engine_.loop_.now_ns() + timeout;
    config_.repeatable = is_repeatable(kind);
    config_.quorum = std::max(spec_.rule.quorum, 1U);
    config_.attempts_max = std::clamp(settings.attempts_max, config_.quorum, mesh::attempts_limit);
    if (kind == Kind::raw) config_.parallel = spec_.rule.parallel != 0 ? spec_.rule.parallel : settings.broadcast;
    allowed_ = std::max(config_.parallel, config_.quorum);
    // Code may run long and cost its node much; asking twice would double it.
    if (settings.hedge_quantile > 0 && !spec_.method->heavy && kind != Kind::raw) {
        auto& upstreams = engine_.upstreams_;
        config_.hedge_after_ns = mesh::hedge_delay_ns(upstreams.hedge_config(), upstreams.hedge()).value_or(0);
    }
}

void Engine::Pending::begin() {
    mesh::on_call(engine_.retry_config_, engine_.retries_);
    mesh::on_call(engine_.upstreams_.hedge_config().budget, engine_.upstreams_.hedge().budget);
    give(mesh::AttemptsBegin{});
}

void Engine::Pending::give(const mesh::AttemptsEvent& event) {
    const auto self = shared_from_this();
    const auto step = [this](const mesh::AttemptsEvent& what) {
        return machine_.step(config_, what, engine_.loop_.now_ns(), engine_.random());
    };
    auto effects = step(event);
    while (effects.begin) {
        if (effects.anew) tried_ = 0;
        effects = send() ? step(mesh::AttemptBegun{}) : step(mesh::AttemptHasNoTarget{});
    }
    if (effects.timer_ns) timer_.set(std::min(*effects.timer_ns, deadline_ns_));
    if (effects.ends()) finish(effects);
}

bool Engine::Pending::send() {
    auto& upstreams = engine_.upstreams_;
    const auto target = upstreams.pick(needs_, tried_);
    if (!target) return false;
    // Going on elsewhere is a retry, too.
    if (machine_.begun() >= allowed_) {
        if (!mesh::take_retry(engine_.retry_config_, engine_.retries_, engine_.loop_.now_ns())) return false;
        ++allowed_;
        ++retries_;
    }
    tried_ |= std::uint64_t{1} << *target;
    const std::int64_t deadline = std::min(deadline_ns_, engine_.loop_.now_ns() + engine_.config_.attempt_timeout_ns);
    const std::uint32_t attempt = machine_.begun();
    upstreams.call(*target, *spec_.method, {spec_.name, spec_.id, spec_.params}, needs_, deadline,
                   [self = shared_from_this(), attempt](Verdict verdict) { self->over(attempt, std::move(verdict)); });
    return true;
}

void Engine::Pending::over(std::uint32_t attempt, Verdict verdict) {
    if (ended_) return;
    if (!verdict.answer) why_ = std::move(verdict.why);
    if (verdict.hint == Hint::known) {
        // Whoever has it already may only have heard of it from the one that we wait for, whose word says more.
        if (auto hash = hash_of_raw(spec_.params)) verdict.answer = std::move(hash);
    }
    std::uint64_t digest = 0;
    if (config_.quorum > 1 && verdict.answer) {
        const auto& parts = verdict.answer->parts;
        digest = digest_of(verdict.answer->is_error() ? parts.error : parts.result);
    }
    answers_[attempt] = std::move(verdict.answer);
    give(mesh::AttemptEnded{attempt, verdict.outcome, digest});
}

void Engine::Pending::on_time() {
    if (ended_) return;
    if (engine_.loop_.now_ns() >= deadline_ns_) {
        if (why_.empty()) why_ = "no answer in time";
        return end(failure());
    }
    const auto now = engine_.loop_.now_ns();
    auto& upstreams = engine_.upstreams_;
    mesh::AttemptsTimer event{};
    if (machine_.open() > 0) {
        event.may_hedge = machine_.begun() < config_.attempts_max &&
                          mesh::take_hedge(upstreams.hedge_config(), upstreams.hedge(), now);
        hedges_ += event.may_hedge ? 1 : 0;
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
    return make_error(net::rpc_code::internal_error,
                      "no upstream could answer" + (why_.empty() ? std::string() : ": " + why_));
}

void Engine::Pending::finish(const mesh::AttemptsEffects& effects) {
    if (effects.no_quorum) {
        engine_.disagreed_.add();
        observe::Log log("proxy");
        for (std::uint32_t i = 0; i < machine_.begun(); ++i) {
            if (!answers_[i]) continue;
            const auto& parts = answers_[i]->parts;
            log.warn("upstreams disagree", {{"method", spec_.name},
                                            {"upstream", engine_.upstreams_.id(answers_[i]->upstream)},
                                            {"digest", digest_of(parts.result.empty() ? parts.error : parts.result)}});
        }
        return end(
            make_error(net::rpc_code::server_error,
                       "the upstreams do not agree: " + std::to_string(config_.quorum) + " equal answers are needed"));
    }
    if (effects.nothing || !answers_[*effects.answer]) return end(failure());
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
