#include "service/proxy/chains.hpp"

#include <algorithm>

namespace weft::service::proxy {

Chains::Chains(std::optional<std::uint64_t> named, const std::vector<bool>& fallbacks,
               std::optional<std::uint64_t> kept)
    : is_named_(named.has_value()), is_decided_(is_named_), id_(is_named_ ? named : kept) {
    for (const bool fallback : fallbacks) upstreams_.push_back({.fallback = fallback});
}

void Chains::say(std::size_t upstream, std::optional<std::uint64_t> id) {
    auto& one = upstreams_[upstream];
    one.awaited = false;
    one.answered = true;
    one.said = id;
    decide();
}

void Chains::fail(std::size_t upstream) {
    upstreams_[upstream].awaited = false;
    decide();
}

Chains::Standing Chains::standing(std::size_t upstream) const {
    const auto& one = upstreams_[upstream];
    if (one.said && id_) return one.said == id_ ? Standing::ours : Standing::other;
    if (one.said || one.awaited) return Standing::awaited;
    return one.answered ? Standing::untold : Standing::silent;
}

bool Chains::may_use(std::size_t upstream) const {
    const Standing its = standing(upstream);
    return its == Standing::ours || (its == Standing::untold && !is_named_);
}

bool Chains::anyone_says(std::uint64_t id) const {
    return std::ranges::any_of(upstreams_, [&](const auto& one) { return one.said == id; });
}

void Chains::decide() {
    if (is_decided_) return;
    if (id_) {
        is_decided_ = anyone_says(*id_);
        const bool all_say_another =
            std::ranges::all_of(upstreams_, [&](const auto& one) { return one.said && one.said != id_; });
        if (!all_say_another) return;
    }
    const auto winner = vote(!may_vote(false));
    if (!winner) return;
    id_ = winner;
    is_decided_ = true;
}

/// Whether some of them said an id, or may do so.
bool Chains::may_vote(bool fallbacks) const {
    return std::ranges::any_of(upstreams_,
                               [&](const auto& one) { return one.fallback == fallbacks && (one.said || one.awaited); });
}

/// The id that wins, whatever those that are awaited say; nothing while that is open.
std::optional<std::uint64_t> Chains::vote(bool fallbacks) const {
    struct Candidate {
        std::optional<std::uint64_t> id;
        std::size_t votes = 0;
        std::size_t first = 0;  // of those who vote for it, by the configuration's order
    };
    // The first is any id that nobody has said yet.
    std::vector<Candidate> candidates{{std::nullopt, 0, upstreams_.size()}};
    std::size_t awaited = 0;
    std::size_t first_awaited = upstreams_.size();
    for (std::size_t i = 0; i < upstreams_.size(); ++i) {
        const auto& one = upstreams_[i];
        if (one.fallback != fallbacks) continue;
        if (one.awaited && awaited++ == 0) first_awaited = i;
        if (!one.said) continue;
        const auto found = std::ranges::find(candidates, one.said, &Candidate::id);
        if (found == candidates.end()) {
            candidates.push_back({one.said, 1, i});
        } else {
            ++found->votes;
        }
    }
    const auto beats = [](const Candidate& a, const Candidate& b) {
        return a.votes > b.votes || (a.votes == b.votes && a.first < b.first);
    };
    const Candidate best =
        *std::ranges::max_element(candidates, [&](const auto& a, const auto& b) { return beats(b, a); });
    const bool is_open = std::ranges::any_of(candidates, [&](Candidate rival) {
        if (rival.id == best.id) return false;
        rival.votes += awaited;
        rival.first = std::min(rival.first, first_awaited);
        return beats(rival, best);
    });
    return is_open ? std::nullopt : best.id;
}

}  // namespace weft::service::proxy
