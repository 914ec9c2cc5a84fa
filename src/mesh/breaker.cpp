#include "mesh/breaker.hpp"

#include <algorithm>

#include "base/result.hpp"

namespace weft::mesh {

namespace {

void enter(Breaker& breaker, BreakerPhase phase, std::int64_t now_ns) {
    breaker.phase = phase;
    ++breaker.term;
    breaker.since_ns = now_ns;
    breaker.consecutive = 0;
    breaker.probes_running = 0;
    breaker.probes_passed = 0;
}

void open(const BreakerConfig& config, Breaker& breaker, std::int64_t now_ns) {
    ++breaker.openings;
    std::int64_t open_ns = config.open_ns;
    for (std::uint32_t i = 1; i < breaker.openings && open_ns < config.open_max_ns; ++i) open_ns *= 2;
    enter(breaker, BreakerPhase::open, now_ns);
    breaker.until_ns = now_ns + std::min(open_ns, config.open_max_ns);
}

void forget_openings(const BreakerConfig& config, Breaker& breaker, std::int64_t now_ns) {
    const std::int64_t forgotten = (now_ns - breaker.since_ns) / config.forget_ns;
    breaker.openings -=
        static_cast<std::uint32_t>(std::clamp(forgotten, std::int64_t{0}, static_cast<std::int64_t>(breaker.openings)));
}

bool has_had_enough(const BreakerConfig& config, const Breaker& breaker) {
    if (breaker.consecutive >= config.consecutive_max) return true;
    const auto& total = breaker.window.total;
    const auto above = [&](std::uint32_t count, std::uint32_t percent) {
        return std::uint64_t{count} * 100 >= std::uint64_t{percent} * total.calls && count > 0;
    };
    return total.calls >= config.calls_min &&
           (above(total.failed, config.failed_percent) || above(total.slow, config.slow_percent));
}

}  // namespace

void advance(const BreakerConfig& config, Breaker& breaker, std::int64_t now_ns) {
    const bool rested = breaker.phase == BreakerPhase::open && now_ns >= breaker.until_ns;
    const bool stuck = breaker.phase == BreakerPhase::half_open && now_ns - breaker.since_ns >= config.probe_ns;
    if (rested || stuck) enter(breaker, BreakerPhase::half_open, now_ns);
}

bool admits(const BreakerConfig& config, const Breaker& breaker) {
    if (breaker.phase == BreakerPhase::half_open) {
        return breaker.probes_running + breaker.probes_passed < config.probes;
    }
    return breaker.phase == BreakerPhase::closed;
}

std::optional<BreakerTicket> admit(const BreakerConfig& config, Breaker& breaker, std::int64_t now_ns) {
    WEFT_ASSERT(config.probes > 0);
    advance(config, breaker, now_ns);
    if (!admits(config, breaker)) return std::nullopt;
    if (breaker.phase == BreakerPhase::half_open) ++breaker.probes_running;
    return BreakerTicket{breaker.term};
}

BreakerChange report(const BreakerConfig& config, Breaker& breaker, BreakerTicket ticket, CallOutcome outcome,
                     std::int64_t now_ns, bool may_open) {
    if (ticket.term != breaker.term) return BreakerChange::none;
    const bool slow = outcome.latency_ns > config.slow_ns;
    if (breaker.phase == BreakerPhase::half_open) {
        --breaker.probes_running;
        if (outcome.failed || (slow && config.slow_percent <= 100)) {
            open(config, breaker, now_ns);
            return BreakerChange::opened;
        }
        if (++breaker.probes_passed < config.probes) return BreakerChange::none;
        enter(breaker, BreakerPhase::closed, now_ns);
        breaker.window = {};
        return BreakerChange::closed;
    }
    advance(breaker.window, config.window_ns, now_ns);
    count(breaker.window, outcome.failed, slow);
    breaker.consecutive = outcome.failed ? breaker.consecutive + 1 : 0;
    if (!may_open || !has_had_enough(config, breaker)) return BreakerChange::none;
    forget_openings(config, breaker, now_ns);
    open(config, breaker, now_ns);
    return BreakerChange::opened;
}

void withdraw(Breaker& breaker, BreakerTicket ticket) {
    if (ticket.term == breaker.term && breaker.phase == BreakerPhase::half_open) --breaker.probes_running;
}

}  // namespace weft::mesh
