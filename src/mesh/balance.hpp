#pragma once
// Which of several instances gets the next call: what every way of choosing sees of an instance, and the ways that need
// no state besides. The others are in mesh/balance/.
//
// An instance is left out by `usable` (a health check, an ejection: mesh/outlier.hpp), comes back slowly by `ramp`, and
// leaves in order by `draining`: no new calls, those it has it finishes, and it may go when it is_drained().

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

namespace weft::mesh {

/// Candidate::ramp of an instance that is warm.
inline constexpr std::uint16_t ramp_full = 1'024;

struct Candidate {
    /// Relative share of the calls; 0 gets none.
    std::uint32_t weight = 1;
    /// Calls that wait for its answer.
    std::uint32_t outstanding = 0;
    /// How much of its weight counts, of ramp_full: less while it warms up (ramp_of()).
    std::uint16_t ramp = ramp_full;
    bool usable = true;
    bool draining = false;

    /// What its share of the calls is in proportion to; 0 if it may get none.
    [[nodiscard]] std::uint64_t share() const {
        return usable && !draining ? std::uint64_t{weight} * ramp : std::uint64_t{0};
    }
    [[nodiscard]] bool is_drained() const { return draining && outstanding == 0; }
};

/// Slow start: from a tenth to all of ramp_full, linearly in the @p window_ns after an instance came (back).
[[nodiscard]] std::uint16_t ramp_of(std::int64_t warm_ns, std::int64_t window_ns);

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

/// Two different candidates that may be called, each pair equally likely; the same twice if there is only one.
///
/// @param random  64 uniform bits.
[[nodiscard]] std::optional<std::pair<std::size_t, std::size_t>> draw_two(std::span<const Candidate> candidates,
                                                                          std::uint64_t random);

/// Of two at random the one with fewer outstanding calls for its weight: nearly as even as a look at all of them, at a
/// price that doesn't grow with their number.
///
/// @source  M. Mitzenmacher, "The Power of Two Choices in Randomized Load Balancing", IEEE TPDS 12(10), 2001.
[[nodiscard]] std::optional<std::size_t> pick_of_two(std::span<const Candidate> candidates, std::uint64_t random);

}  // namespace weft::mesh
