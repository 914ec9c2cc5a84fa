#include "mesh/balance.hpp"

#include <algorithm>

#include "base/bytes.hpp"

namespace weft::mesh {

namespace {

/// (outstanding + 1) / share, compared without division; exact up to 2^53.
struct Load {
    explicit Load(const Candidate& of)
        : calls(static_cast<double>(of.outstanding) + 1), share(static_cast<double>(of.share())) {}
    double calls;
    double share;
    bool operator<(const Load& other) const { return calls * other.share < other.calls * share; }
};

std::size_t scaled(std::uint64_t random32, std::size_t bound) {
    return static_cast<std::size_t>(random32 * bound >> 32);
}

/// draw_two() where many may not be called: by rank among those that may.
std::optional<std::pair<std::size_t, std::size_t>> draw_two_of_few(std::span<const Candidate> candidates,
                                                                   std::uint64_t random) {
    const auto count = static_cast<std::size_t>(
        std::ranges::count_if(candidates, [](const Candidate& candidate) { return candidate.share() > 0; }));
    if (count == 0) return std::nullopt;
    std::size_t first = scaled(random >> 32, count);
    std::size_t second = count == 1 ? first : scaled(random & 0xffff'ffff, count - 1);
    if (count > 1 && second >= first) ++second;
    std::pair<std::size_t, std::size_t> drawn;
    for (std::size_t i = 0, rank = 0; i < candidates.size(); ++i) {
        if (candidates[i].share() == 0) continue;
        if (rank == first) drawn.first = i;
        if (rank == second) drawn.second = i;
        ++rank;
    }
    return drawn;
}

}  // namespace

std::uint16_t ramp_of(std::int64_t warm_ns, std::int64_t window_ns) {
    if (warm_ns >= window_ns) return ramp_full;
    const double part = static_cast<double>(std::max(warm_ns, std::int64_t{0})) / static_cast<double>(window_ns);
    return static_cast<std::uint16_t>(ramp_full * (0.1 + 0.9 * part));
}

std::optional<std::size_t> pick_round_robin(std::vector<std::int64_t>& credits, std::span<const Candidate> candidates) {
    if (credits.size() != candidates.size()) credits.assign(candidates.size(), 0);
    std::optional<std::size_t> best;
    std::int64_t total = 0;
    for (std::size_t i = 0; i < candidates.size(); ++i) {
        const auto share = static_cast<std::int64_t>(candidates[i].share());
        if (share == 0) continue;
        credits[i] += share;
        total += share;
        if (!best || credits[i] > credits[*best]) best = i;
    }
    if (best) credits[*best] -= total;
    return best;
}

std::optional<std::size_t> pick_least_outstanding(std::span<const Candidate> candidates, std::size_t start) {
    if (candidates.empty()) return std::nullopt;
    std::optional<std::size_t> best;
    Load least(Candidate{.weight = 0});  // more than any
    const auto look = [&](std::size_t from, std::size_t to) {
        for (std::size_t i = from; i < to; ++i) {
            const Load load(candidates[i]);
            if (!(load < least)) continue;
            best = i;
            least = load;
        }
    };
    start %= candidates.size();
    look(start, candidates.size());
    look(0, start);
    return best;
}

std::optional<std::pair<std::size_t, std::size_t>> draw_two(std::span<const Candidate> candidates,
                                                            std::uint64_t random) {
    const std::size_t count = candidates.size();
    if (count >= 2) {
        const std::size_t first = scaled(random >> 32, count);
        std::size_t second = scaled(random & 0xffff'ffff, count - 1);
        if (second >= first) ++second;
        if (candidates[first].share() > 0 && candidates[second].share() > 0) return {{first, second}};
    }
    return draw_two_of_few(candidates, mix64(random + 1));
}

std::optional<std::size_t> pick_of_two(std::span<const Candidate> candidates, std::uint64_t random) {
    const auto drawn = draw_two(candidates, random);
    if (!drawn) return std::nullopt;
    return Load(candidates[drawn->second]) < Load(candidates[drawn->first]) ? drawn->second : drawn->first;
}

}  // namespace weft::mesh
