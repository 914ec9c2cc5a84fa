#include "mesh/balance.hpp"

namespace weft::mesh {

namespace {
bool eligible(const Candidate& candidate) { return candidate.usable && candidate.weight > 0; }
}  // namespace

std::optional<std::size_t> pick_round_robin(std::vector<std::int64_t>& credits, std::span<const Candidate> candidates) {
    if (credits.size() != candidates.size()) credits.assign(candidates.size(), 0);
    std::optional<std::size_t> best;
    std::int64_t total = 0;
    for (std::size_t i = 0; i < candidates.size(); ++i) {
        if (!eligible(candidates[i])) continue;
        credits[i] += candidates[i].weight;
        total += candidates[i].weight;
        if (!best || credits[i] > credits[*best]) best = i;
    }
    if (best) credits[*best] -= total;
    return best;
}

std::optional<std::size_t> pick_least_outstanding(std::span<const Candidate> candidates, std::size_t start) {
    std::optional<std::size_t> best;
    for (std::size_t step = 0; step < candidates.size(); ++step) {
        const std::size_t i = (start + step) % candidates.size();
        if (!eligible(candidates[i])) continue;
        // (outstanding + 1) / weight, compared without division.
        const auto load = [&](std::size_t of, std::size_t against) {
            return (std::uint64_t{candidates[of].outstanding} + 1) * candidates[against].weight;
        };
        if (!best || load(i, *best) < load(*best, i)) best = i;
    }
    return best;
}

}  // namespace weft::mesh
