#include "mesh/outlier.hpp"

#include <algorithm>

#include "base/result.hpp"

namespace weft::mesh {

namespace {

/// Of a slow start; its end is one more.
constexpr std::int64_t ramp_steps = 16;

bool is_available(const OutlierMember& member) {
    return member.healthy && member.breaker.phase == BreakerPhase::closed;
}

bool may_eject(const OutlierConfig& config, const Outlier& outlier) {
    const std::size_t allowed = outlier.members.size() * config.ejected_percent_max / 100;
    return ejected_count(outlier) < std::max(allowed, std::size_t{1});
}

/// When something changes by time alone.
std::int64_t due_of(const OutlierConfig& config, const OutlierMember& member, std::int64_t now_ns) {
    const auto& breaker = member.breaker;
    if (breaker.phase == BreakerPhase::open) return breaker.until_ns;
    if (breaker.phase == BreakerPhase::half_open) return breaker.since_ns + config.breaker.probe_ns;
    if (now_ns - member.warm_since_ns >= config.slow_start_ns) return std::numeric_limits<std::int64_t>::max();
    return now_ns + std::max(config.slow_start_ns / ramp_steps, std::int64_t{1});
}

}  // namespace

void refresh(const OutlierConfig& config, Outlier& outlier, std::span<Candidate> candidates, std::int64_t now_ns) {
    if (now_ns < outlier.due_ns) return;
    WEFT_ASSERT(outlier.members.size() == candidates.size());
    std::size_t available = 0;
    outlier.due_ns = std::numeric_limits<std::int64_t>::max();
    for (auto& member : outlier.members) {
        advance(config.breaker, member.breaker, now_ns);
        if (is_available(member)) ++available;
        outlier.due_ns = std::min(outlier.due_ns, due_of(config, member, now_ns));
    }
    outlier.panic = available * 100 < outlier.members.size() * config.panic_percent;
    for (std::size_t i = 0; i < candidates.size(); ++i) {
        const auto& member = outlier.members[i];
        candidates[i].usable = outlier.panic || (member.healthy && admits(config.breaker, member.breaker));
        candidates[i].ramp = member.breaker.phase == BreakerPhase::closed
                                 ? ramp_of(now_ns - member.warm_since_ns, config.slow_start_ns)
                                 : ramp_full;
    }
}

BreakerTicket admit(const OutlierConfig& config, Outlier& outlier, std::span<Candidate> candidates, std::size_t index,
                    std::int64_t now_ns) {
    auto& breaker = outlier.members[index].breaker;
    const auto ticket = admit(config.breaker, breaker, now_ns);
    if (!admits(config.breaker, breaker) && !outlier.panic) candidates[index].usable = false;
    return ticket.value_or(BreakerTicket{});
}

BreakerChange report(const OutlierConfig& config, Outlier& outlier, std::size_t index, BreakerTicket ticket,
                     CallOutcome outcome, std::int64_t now_ns) {
    auto& member = outlier.members[index];
    // Only a failure or a slow call can eject, so only then the others are counted.
    const bool may_open = (outcome.failed || outcome.latency_ns > config.breaker.slow_ns) && may_eject(config, outlier);
    const auto change = report(config.breaker, member.breaker, ticket, outcome, now_ns, may_open);
    if (change == BreakerChange::closed) member.warm_since_ns = now_ns;
    if (change != BreakerChange::none) outlier.due_ns = now_ns;
    return change;
}

void withdraw(Outlier& outlier, std::size_t index, BreakerTicket ticket) {
    auto& breaker = outlier.members[index].breaker;
    withdraw(breaker, ticket);
    if (breaker.phase == BreakerPhase::half_open) outlier.due_ns = 0;  // a place for a probe is free
}

std::size_t ejected_count(const Outlier& outlier) {
    return static_cast<std::size_t>(std::ranges::count_if(
        outlier.members, [](const OutlierMember& member) { return member.breaker.phase != BreakerPhase::closed; }));
}

}  // namespace weft::mesh
