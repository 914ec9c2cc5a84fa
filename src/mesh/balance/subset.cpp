#include "mesh/balance/subset.hpp"

#include <numeric>
#include <utility>

#include "base/result.hpp"
#include "verify/random.hpp"

namespace weft::mesh {

std::vector<std::size_t> subset_of(std::size_t caller, std::size_t instances, std::size_t size, std::uint64_t seed) {
    WEFT_ASSERT(size > 0);
    std::vector<std::size_t> order(instances);
    std::iota(order.begin(), order.end(), std::size_t{0});
    if (instances <= size) return order;
    const std::size_t subsets = instances / size;
    verify::Random random(seed, caller / subsets);
    for (std::size_t left = instances; left > 1; --left) std::swap(order[left - 1], order[random.below(left)]);
    const auto from = order.begin() + static_cast<std::ptrdiff_t>(caller % subsets * size);
    return {from, from + static_cast<std::ptrdiff_t>(size)};
}

}  // namespace weft::mesh
