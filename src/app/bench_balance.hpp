#pragma once
// `weft bench balance`: what it costs to choose one of 16, 100 and 1,000 instances, by each way of choosing.

#include <cstdint>

namespace weft::app {

struct BenchBalanceOptions {
    std::uint32_t picks = 200'000;
    /// Of which the fastest counts.
    int repetitions = 7;
};

/// Prints ns of CPU time for a pick.
void bench_balance(const BenchBalanceOptions& options);

}  // namespace weft::app
