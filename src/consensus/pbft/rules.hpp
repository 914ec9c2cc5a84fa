#pragma once
// Arithmetic of quorums, and whose turn it is.

#include <algorithm>
#include <cstddef>

#include "consensus/engine.hpp"

namespace weft::consensus::pbft {

/// Validators that may be faulty among n.
[[nodiscard]] constexpr std::size_t faults(std::size_t n) { return n == 0 ? 0 : (n - 1) / 3; }
/// Votes that decide: two such sets share more than faults(n) validators, which 2 * faults(n) + 1 votes would not for
/// n = 5, 6, 8, 9 ... @source  T. Saltini, D. Hyland-Wood, IBFT 2.0 (2019).
[[nodiscard]] constexpr std::size_t quorum(std::size_t n) { return (2 * n + 2) / 3; }
/// Votes of which one at least is a correct validator's.
[[nodiscard]] constexpr std::size_t weak_quorum(std::size_t n) { return faults(n) + 1; }

/// Index of an address, or where it would stand.
[[nodiscard]] inline std::size_t position_of(const Validators& validators, const Address& address) {
    return static_cast<std::size_t>(std::ranges::lower_bound(validators, address) - validators.begin());
}
/// Who proposes in a round of the height after @p parent: the turn goes round from the parent's proposer, or from the
/// place it had if it is no validator any more.
[[nodiscard]] inline std::size_t proposer_index(const Validators& validators, const Block& parent, Round round) {
    const std::size_t at = position_of(validators, parent.proposer);
    const bool is_there = at < validators.size() && validators[at] == parent.proposer;
    return (at + (is_there ? 1 : 0) + round) % validators.size();
}

}  // namespace weft::consensus::pbft
