#include "mesh/balance/ring.hpp"

#include <algorithm>

#include "base/result.hpp"

namespace weft::mesh {

namespace {

/// The first candidate from the key's point on that @p takes says yes to.
template <class Takes>
std::optional<std::size_t> walk(const HashRing& ring, std::uint64_t key, Takes takes) {
    const auto from = std::ranges::lower_bound(ring.points, key, {}, &HashRing::Point::hash);
    const auto start = static_cast<std::size_t>(from - ring.points.begin());
    for (std::size_t step = 0, at = start; step < ring.points.size(); ++step, ++at) {
        if (at >= ring.points.size()) at = 0;
        if (takes(ring.points[at].index)) return ring.points[at].index;
    }
    return std::nullopt;
}

}  // namespace

HashRing make_ring(std::span<const Hashed> members) {
    WEFT_ASSERT(members.size() <= ring_points_max);
    HashRing ring;
    if (members.empty()) return ring;
    const std::uint64_t each_max = ring_points_max / members.size();
    for (std::size_t i = 0; i < members.size(); ++i) {
        const auto count = std::min(std::uint64_t{members[i].weight} * ring_points_wanted, each_max);
        for (std::uint64_t n = 0; n < count; ++n) {
            ring.points.push_back({mix64(members[i].id + n * 0x9e3779b97f4a7c15ULL), static_cast<std::uint32_t>(i)});
        }
    }
    // Two points on one place are ordered by who they belong to, whatever the order of the members is.
    std::ranges::sort(ring.points, [&](const HashRing::Point& a, const HashRing::Point& b) {
        return a.hash != b.hash ? a.hash < b.hash : members[a.index].id < members[b.index].id;
    });
    return ring;
}

std::optional<std::size_t> pick_ring(const HashRing& ring, std::span<const Candidate> candidates, std::uint64_t key) {
    return walk(ring, key, [&](std::size_t i) { return candidates[i].share() > 0; });
}

LoadTotal load_total(std::span<const Candidate> candidates) {
    LoadTotal total;
    for (const auto& candidate : candidates) {
        if (candidate.share() == 0) continue;
        total.outstanding += candidate.outstanding;
        total.share += candidate.share();
    }
    return total;
}

std::uint64_t bound_of(const Candidate& candidate, const LoadTotal& total, std::uint32_t percent) {
    WEFT_ASSERT(percent >= 100);
    if (total.share == 0) return 0;
    using Wide = unsigned __int128;
    const Wide part = Wide{total.outstanding + 1} * percent * candidate.share();
    const Wide whole = Wide{total.share} * 100;
    return static_cast<std::uint64_t>((part + whole - 1) / whole);
}

std::optional<std::size_t> pick_bounded(const HashRing& ring, std::span<const Candidate> candidates,
                                        const LoadTotal& total, std::uint64_t key, std::uint32_t percent) {
    return walk(ring, key, [&](std::size_t i) {
        return candidates[i].share() > 0 && candidates[i].outstanding < bound_of(candidates[i], total, percent);
    });
}

}  // namespace weft::mesh
