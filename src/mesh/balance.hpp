#pragma once
// Which of several instances gets the next call.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace weft::mesh {

struct Candidate {
    /// Relative share of the calls; 0 gets none.
    std::uint32_t weight = 1;
    /// Calls that wait for its answer.
    std::uint32_t outstanding = 0;
    bool usable = true;
};

/// Smooth weighted round robin: over any sum-of-weights picks each candidate gets its weight, spread evenly.
///
/// @param credits  Kept between picks; begins anew when the number of candidates changes.
/// @return         Index of the pick, or nothing if none is usable.
/// @source         nginx, "upstream: smooth weighted round-robin balancing", 2012.
[[nodiscard]] std::optional<std::size_t> pick_round_robin(std::vector<std::int64_t>& credits,
                                                          std::span<const Candidate> candidates);

/// The fewest outstanding calls for its weight; among equals the next from @p start on, so that idle instances share.
[[nodiscard]] std::optional<std::size_t> pick_least_outstanding(std::span<const Candidate> candidates,
                                                                std::size_t start);

}  // namespace weft::mesh
