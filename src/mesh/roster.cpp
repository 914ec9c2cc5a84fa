#include "mesh/roster.hpp"

#include <algorithm>
#include <map>
#include <string_view>
#include <tuple>
#include <utility>

#include "base/bytes.hpp"

namespace weft::mesh {

namespace {

bool is_same_process(const Instance& a, const Instance& b) {
    return a.id == b.id && a.address == b.address && a.started_ms == b.started_ms;
}

}  // namespace

std::vector<std::optional<std::size_t>> Roster::update(std::vector<Instance> instances, std::int64_t now_ns) {
    std::ranges::sort(instances, {}, [](const Instance& it) { return std::tie(it.zone(), it.id); });
    std::map<std::string_view, std::size_t> before;
    for (std::size_t i = 0; i < instances_.size(); ++i) before.emplace(instances_[i].id, i);
    Roster next(config_);
    next.known_ = true;
    next.next_number_ = next_number_;
    next.turn_ = turn_;
    next.outlier_.panic = outlier_.panic;
    const PeakEwma usual = usual_latency(std::nullopt, now_ns);
    std::vector<std::optional<std::size_t>> moved;
    for (const auto& instance : instances) {
        const auto found = before.find(instance.id);
        const bool same = found != before.end() && is_same_process(instances_[found->second], instance);
        OutlierMember member;
        if (same) {
            const std::size_t was = found->second;
            member = std::move(outlier_.members[was]);
            if (instance.healthy && !member.healthy) member.warm_since_ns = now_ns;
            next.numbers_.push_back(numbers_[was]);
            next.candidates_.push_back(candidates_[was]);
            next.latencies_.push_back(latencies_[was]);
        } else {
            if (known_) member.warm_since_ns = now_ns;
            next.numbers_.push_back(next.next_number_++);
            next.candidates_.emplace_back();
            next.latencies_.push_back(usual);
        }
        member.healthy = instance.healthy;
        next.candidates_.back().weight = instance.weight;
        next.outlier_.members.push_back(std::move(member));
        moved.push_back(same ? std::optional(found->second) : std::nullopt);
    }
    next.instances_ = std::move(instances);
    *this = std::move(next);
    find_zones();
    return moved;
}

/// What an instance of which nothing is known is taken to need: as much as the others, or it would get all the calls,
/// or none.
PeakEwma Roster::usual_latency(std::optional<std::size_t> except, std::int64_t now_ns) const {
    double sum = 0;
    std::size_t count = 0;
    for (std::size_t i = 0; i < latencies_.size(); ++i) {
        if (i == except) continue;
        sum += cost_ns(config_.latency, latencies_[i], now_ns);
        ++count;
    }
    return count == 0 ? make_peak_ewma(config_.latency, now_ns) : PeakEwma{sum / static_cast<double>(count), now_ns};
}

void Roster::find_zones() {
    zones_.clear();
    if (config_.zone.empty()) return;
    bool has_own = false;
    for (std::size_t i = 0; i < instances_.size(); ++i) {
        if (i > 0 && instances_[i].zone() == instances_[i - 1].zone()) {
            zones_.back().end = i + 1;
            continue;
        }
        if (instances_[i].zone() == config_.zone) {
            has_own = true;
            own_zone_ = zones_.size();
        }
        zones_.push_back({i, i + 1});
    }
    if (has_own) return;
    own_zone_ = zones_.size();
    zones_.push_back({0, 0});
}

void Roster::refresh_all(std::int64_t now_ns) {
    if (now_ns < outlier_.due_ns) return;
    refresh(config_.outlier, outlier_, candidates_, now_ns);
    if (zones_.empty()) return;
    std::vector<Zone> zones;
    for (const auto& range : zones_) {
        Zone zone{.callers = 1};
        for (std::size_t i = range.begin; i < range.end; ++i) zone.capacity += candidates_[i].share();
        zones.push_back(zone);
    }
    shares_ = make_zone_shares(zones, own_zone_);
}

bool Roster::is_settled(std::size_t index) const {
    const auto& member = outlier_.members[index];
    return member.healthy && member.breaker.phase == BreakerPhase::closed;
}

std::optional<std::size_t> Roster::choose_first() const {
    const Range all{0, candidates_.size()};
    const Range own = zones_.empty() ? all : zones_[own_zone_];
    const auto find = [&](Range range, auto condition) -> std::optional<std::size_t> {
        for (std::size_t i = range.begin; i < range.end; ++i) {
            if (candidates_[i].share() > 0 && condition(outlier_.members[i])) return i;
        }
        return std::nullopt;
    };
    const auto sound = [&](const OutlierMember& member) {
        return member.healthy && admits(config_.outlier.breaker, member.breaker);
    };
    for (const Range range : {own, all}) {
        if (const auto found = find(range, sound)) return found;
    }
    return find(all, [](const OutlierMember&) { return true; });
}

std::optional<std::size_t> Roster::choose_in(Range range, std::int64_t now_ns, std::uint64_t random) {
    const auto candidates = std::span(candidates_).subspan(range.begin, range.end - range.begin);
    const auto latencies = std::span(latencies_).subspan(range.begin, range.end - range.begin);
    const auto found = config_.choice == Choice::least_outstanding
                           ? pick_least_outstanding(candidates, turn_)
                           : pick_peak_ewma(config_.latency, candidates, latencies, random, now_ns);
    if (!found) return std::nullopt;
    turn_ = *found + 1;  // so that those who may not be called pass their turn to nobody
    return range.begin + *found;
}

std::optional<std::size_t> Roster::choose(std::int64_t now_ns, std::uint64_t random) {
    if (config_.choice == Choice::first) return choose_first();
    if (!zones_.empty() && !shares_.up_to.empty()) {
        const auto zone = zones_[pick_zone(shares_, mix64(random))];
        if (const auto found = choose_in(zone, now_ns, random)) return found;
    }
    return choose_in({0, candidates_.size()}, now_ns, random);
}

/// Another one that is no probe of, if there is one.
std::size_t Roster::settled_instead(std::size_t index, std::uint64_t random) const {
    const std::size_t count = candidates_.size();
    const std::size_t start = config_.choice == Choice::first ? 0 : static_cast<std::size_t>(random % count);
    for (std::size_t i = 0; i < count; ++i) {
        const std::size_t at = (start + i) % count;
        if (candidates_[at].share() > 0 && is_settled(at)) return at;
    }
    return index;
}

std::optional<Pick> Roster::pick(CallKind kind, std::optional<std::uint64_t> avoid, std::int64_t now_ns,
                                 std::uint64_t random) {
    refresh_all(now_ns);
    std::optional<std::size_t> chosen;
    const auto avoided = avoid ? std::ranges::find(numbers_, *avoid) : numbers_.end();
    if (avoided != numbers_.end()) {
        auto& candidate = candidates_[static_cast<std::size_t>(avoided - numbers_.begin())];
        const bool usable = std::exchange(candidate.usable, false);
        chosen = choose(now_ns, random);
        candidate.usable = usable;
    }
    if (!chosen) chosen = choose(now_ns, random);
    if (!chosen) return std::nullopt;
    std::size_t index = *chosen;
    if (kind == CallKind::waiting && !is_settled(index)) index = settled_instead(index, random);
    Pick pick{.index = index, .number = numbers_[index], .ticket = {}, .kind = kind, .begun_ns = now_ns};
    if (kind != CallKind::waiting) {
        ++candidates_[index].outstanding;
        pick.ticket = admit(config_.outlier, outlier_, candidates_, index, now_ns);
    } else if (const auto& breaker = outlier_.members[index].breaker; breaker.phase == BreakerPhase::closed) {
        pick.ticket.term = breaker.term;
    }
    return pick;
}

BreakerChange Roster::end(const Pick& pick, CallEnd end, std::int64_t now_ns) {
    std::size_t index = pick.index;
    if (index >= numbers_.size() || numbers_[index] != pick.number) {
        index = static_cast<std::size_t>(std::ranges::find(numbers_, pick.number) - numbers_.begin());
        if (index == numbers_.size()) return BreakerChange::none;
    }
    const bool bad = end == CallEnd::failed || end == CallEnd::lost;
    const std::int64_t latency_ns = now_ns - pick.begun_ns;
    if (pick.kind != CallKind::waiting) --candidates_[index].outstanding;
    if (end == CallEnd::withdrawn || (pick.kind == CallKind::waiting && !bad)) {
        withdraw(outlier_, index, pick.ticket);
        return BreakerChange::none;
    }
    OutlierConfig config = config_.outlier;
    if (end == CallEnd::lost) config.breaker.consecutive_max = 1;
    const auto change = report(config, outlier_, index, pick.ticket, {bad, latency_ns}, now_ns);
    if (change != BreakerChange::none) {
        // Its failures are answered for by the ejection; if it looked slow besides, it would never be probed.
        latencies_[index] = usual_latency(index, now_ns);
    } else if (bad || pick.kind == CallKind::even) {
        observe(config_.latency, latencies_[index], latency_ns, bad, now_ns);
    }
    return change;
}

std::size_t Roster::healthy_count() const {
    return static_cast<std::size_t>(
        std::ranges::count_if(instances_, [](const Instance& one) { return one.healthy && one.weight > 0; }));
}

}  // namespace weft::mesh
