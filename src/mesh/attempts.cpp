#include "mesh/attempts.hpp"

#include <algorithm>

#include "base/result.hpp"

namespace weft::mesh {

AttemptsEffects Attempts::ask() {
    asked_ = true;
    return {.begin = true};
}

bool Attempts::may_repeat(const AttemptsConfig& config) const {
    if (config.repeatable) return true;
    for (std::uint32_t i = 0; i < begun_; ++i) {
        const auto& one = attempts_[i];
        if (one.open || one.outcome == AttemptOutcome::lost) return false;
    }
    return true;
}

std::uint32_t Attempts::answers() const {
    std::uint32_t count = 0;
    for (std::uint32_t i = 0; i < begun_; ++i) {
        count += !attempts_[i].open && attempts_[i].outcome >= AttemptOutcome::refused ? 1 : 0;
    }
    return count;
}

AttemptsEffects Attempts::step(const AttemptsConfig& config, const AttemptsEvent& event, std::int64_t now_ns,
                               std::uint64_t random) {
    WEFT_ASSERT(config.attempts_max > 0 && config.attempts_max <= attempts_limit);
    if (ended_) return {};
    const Moment at{now_ns, random};
    if (std::get_if<AttemptsBegin>(&event) != nullptr) {
        to_begin_ = std::min(std::max({config.parallel, config.quorum, 1U}), config.attempts_max) - 1;
        return ask();
    }
    if (std::get_if<AttemptBegun>(&event) != nullptr) return on_begun(config, at);
    if (std::get_if<AttemptHasNoTarget>(&event) != nullptr) {
        WEFT_ASSERT(asked_);
        asked_ = false;
        to_begin_ = 0;
        exhausted_ = true;
        return open_ > 0 ? AttemptsEffects{} : go_on(config, at);
    }
    if (const auto* const over = std::get_if<AttemptEnded>(&event)) return on_end(config, *over, at);
    return on_timer(config, std::get<AttemptsTimer>(event), at);
}

AttemptsEffects Attempts::on_begun(const AttemptsConfig& config, const Moment& at) {
    WEFT_ASSERT(asked_ && begun_ < config.attempts_max);
    asked_ = false;
    attempts_[begun_++].open = true;
    ++open_;
    if (to_begin_ > 0) {
        --to_begin_;
        return ask();
    }
    if (config.hedge_after_ns > 0 && config.repeatable && begun_ < config.attempts_max) {
        return {.timer_ns = at.now_ns + config.hedge_after_ns};
    }
    return {};
}

AttemptsEffects Attempts::on_end(const AttemptsConfig& config, const AttemptEnded& event, const Moment& at) {
    WEFT_ASSERT(event.attempt < begun_);
    auto& attempt = attempts_[event.attempt];
    if (!attempt.open) return {};
    attempt = {false, event.outcome, event.digest};
    --open_;
    if (event.outcome >= AttemptOutcome::refused) return on_answer(config, event.attempt, at);
    return go_on(config, at);
}

AttemptsEffects Attempts::on_answer(const AttemptsConfig& config, std::uint32_t attempt, const Moment& at) {
    // Several may have been asked so that one takes it: a refusal counts when nobody is left who may.
    if (config.quorum == 1 && config.parallel > 1 && attempts_[attempt].outcome == AttemptOutcome::refused) {
        return open_ > 0 ? AttemptsEffects{} : end(config);
    }
    std::uint32_t equal = 0;
    for (std::uint32_t i = 0; i < begun_; ++i) {
        const auto& one = attempts_[i];
        equal += !one.open && one.outcome == attempts_[attempt].outcome && one.digest == attempts_[attempt].digest;
    }
    if (equal < config.quorum) return go_on(config, at);
    ended_ = true;
    return {.answer = attempt};
}

/// An attempt brought no end. Another one, a wait, or the end.
AttemptsEffects Attempts::go_on(const AttemptsConfig& config, const Moment& at) {
    if (asked_) return {};
    const bool enough_under_way =
        config.quorum == 1 ? open_ > 0 && config.parallel > 1 : open_ + answers() >= config.quorum && open_ > 0;
    if (enough_under_way) return {};
    if (begun_ >= config.attempts_max || !may_repeat(config)) return open_ > 0 ? AttemptsEffects{} : end(config);
    if (!exhausted_) return ask();
    if (open_ > 0 || waiting_) return {};
    // Everybody has been asked who may be. An answer that the next round would repeat is as good now.
    const bool any_answer = answers() > 0;
    bool hopeless = begun_ > 0;
    for (std::uint32_t i = 0; i < begun_; ++i) hopeless = hopeless && attempts_[i].outcome == AttemptOutcome::unable;
    if (any_answer || hopeless || rounds_ >= config.attempts_max) return end(config);
    waiting_ = true;
    return {.timer_ns = at.now_ns + backoff_ns(config.backoff, rounds_++, at.random)};
}

AttemptsEffects Attempts::on_timer(const AttemptsConfig& config, const AttemptsTimer& event, const Moment& at) {
    if (asked_) return {};
    if (waiting_) {
        waiting_ = false;
        if (!event.may_retry) return end(config);
        exhausted_ = false;
        auto out = ask();
        out.anew = true;
        return out;
    }
    if (open_ == 0 || exhausted_ || begun_ >= config.attempts_max || config.hedge_after_ns == 0 || !config.repeatable) {
        return {};
    }
    if (!event.may_hedge) return {.timer_ns = at.now_ns + config.hedge_after_ns};
    ++hedges_;
    return ask();
}

AttemptsEffects Attempts::end(const AttemptsConfig& config) {
    ended_ = true;
    if (begun_ == 0) return {.nothing = true};
    if (config.quorum > 1 && answers() > 0) return {.no_quorum = true};
    std::uint32_t best = 0;
    for (std::uint32_t i = 1; i < begun_; ++i) {
        if (attempts_[i].outcome > attempts_[best].outcome) best = i;
    }
    return {.answer = best};
}

}  // namespace weft::mesh
