#include "mesh/balance/maglev.hpp"

#include <algorithm>
#include <limits>
#include <numeric>

#include "base/result.hpp"

namespace weft::mesh {

namespace {

constexpr std::uint16_t nobody = std::numeric_limits<std::uint16_t>::max();
/// Looks at other entries before all candidates are looked at in turn.
constexpr int rehashes_max = 8;

/// A member's order of preference over the entries, and how often its turn comes.
struct Filler {
    std::uint32_t at;
    std::uint32_t skip;
    double per_round;
    double turns = 0;
    std::uint16_t index;
};

}  // namespace

Maglev make_maglev(std::span<const Hashed> members) {
    WEFT_ASSERT(members.size() < maglev_size);
    std::vector<Filler> fillers;
    std::uint32_t weight_max = 0;
    for (const auto& member : members) weight_max = std::max(weight_max, member.weight);
    if (weight_max == 0) return {};
    for (std::size_t i = 0; i < members.size(); ++i) {
        const auto& [id, weight] = members[i];
        if (weight == 0) continue;
        fillers.push_back({.at = static_cast<std::uint32_t>(mix64(id ^ 1) % maglev_size),
                           .skip = static_cast<std::uint32_t>(mix64(id ^ 2) % (maglev_size - 1) + 1),
                           .per_round = static_cast<double>(weight) / weight_max,
                           .index = static_cast<std::uint16_t>(i)});
    }
    // Whose turn comes first among equals is by id: the order of the list must not matter.
    std::ranges::sort(fillers, {}, [&](const Filler& filler) { return members[filler.index].id; });
    Maglev maglev;
    maglev.table.assign(maglev_size, nobody);
    for (std::uint32_t filled = 0; filled < maglev_size;) {
        for (auto& filler : fillers) {
            filler.turns += filler.per_round;
            if (filler.turns < 1) continue;
            filler.turns -= 1;
            while (maglev.table[filler.at] != nobody) {
                filler.at += filler.skip;
                if (filler.at >= maglev_size) filler.at -= maglev_size;
            }
            maglev.table[filler.at] = filler.index;
            if (++filled == maglev_size) break;
        }
    }
    return maglev;
}

std::optional<std::size_t> pick_maglev(const Maglev& maglev, std::span<const Candidate> candidates, std::uint64_t key) {
    if (maglev.table.empty()) return std::nullopt;
    for (int tries = 0; tries <= rehashes_max; ++tries) {
        const std::size_t i = maglev.table[key % maglev_size];
        if (candidates[i].share() > 0) return i;
        key = mix64(key + 0x9e3779b97f4a7c15ULL);
    }
    for (std::size_t step = 0; step < candidates.size(); ++step) {
        const std::size_t i = (key + step) % candidates.size();
        if (candidates[i].share() > 0) return i;
    }
    return std::nullopt;
}

}  // namespace weft::mesh
