#pragma once
// Weighted round robin by earliest deadline first: the same shares as the smooth one of mesh/balance.hpp, at a price
// that grows with the logarithm of the number of candidates instead of the number.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "mesh/balance.hpp"

namespace weft::mesh {

/// Virtual time: a candidate of share s is due each 1/s. Kept between picks.
struct Edf {
    struct Entry {
        double due = 0;
        /// Among equal deadlines whoever has waited longer.
        std::uint64_t order = 0;
        std::uint32_t index = 0;
    };
    std::vector<Entry> heap;
    /// No deadline in the heap is later.
    double latest = 0;
    std::uint64_t next_order = 0;
};

/// Begins anew when the number of candidates changes. A change of weight counts from the candidate's next turn on; one
/// that could not be called comes back within a round. Allocates only when it begins anew.
///
/// @source  Envoy, "source/common/upstream/edf_scheduler.h".
[[nodiscard]] std::optional<std::size_t> pick_edf(Edf& edf, std::span<const Candidate> candidates);

}  // namespace weft::mesh
