#pragma once
// Which instances one caller of many is connected to, so that not all are connected to all: every caller finds its own
// without asking anybody, and the instances get equally many callers.

#include <cstddef>
#include <cstdint>
#include <vector>

namespace weft::mesh {

/// Callers 0, 1, 2... get disjoint subsets until no whole one is left, then the next round starts from another order.
/// So any two instances differ by at most one caller a round. A change of @p instances deals all anew.
///
/// @param caller     Number of the caller, 0 the first.
/// @param instances  How many there are.
/// @param size       Of a subset; all instances if there are no more.
/// @param seed       The same for all callers of a service, another for another service.
/// @return           Indices of instances, each once.
/// @source           Google, "Site Reliability Engineering" (2016), chapter 20, deterministic subsetting.
[[nodiscard]] std::vector<std::size_t> subset_of(std::size_t caller, std::size_t instances, std::size_t size,
                                                 std::uint64_t seed);

}  // namespace weft::mesh
