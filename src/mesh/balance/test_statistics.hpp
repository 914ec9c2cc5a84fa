#pragma once
// Whether what was counted fits what was wanted, for the tests of balancers.

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <vector>

namespace weft::mesh {

/// Chi-square test of @p counts against shares in proportion to @p want, of which those that are 0 must get nothing.
/// False for about one in 30,000 fair samples (4 standard deviations by Wilson and Hilferty's approximation).
inline bool fits(const std::vector<std::uint64_t>& counts, const std::vector<double>& want) {
    const auto total = static_cast<double>(std::accumulate(counts.begin(), counts.end(), std::uint64_t{0}));
    const double sum = std::accumulate(want.begin(), want.end(), 0.0);
    double chi_square = 0;
    double freedom = -1;
    for (std::size_t i = 0; i < counts.size(); ++i) {
        if (want[i] == 0) {
            if (counts[i] != 0) return false;
            continue;
        }
        const double expected = total * want[i] / sum;
        chi_square += std::pow(static_cast<double>(counts[i]) - expected, 2) / expected;
        ++freedom;
    }
    const double spread = 2 / (9 * freedom);
    return (std::cbrt(chi_square / freedom) - (1 - spread)) / std::sqrt(spread) < 4;
}

}  // namespace weft::mesh
