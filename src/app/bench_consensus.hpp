#pragma once
// `weft bench consensus`: validators as processes on this machine, and what they agree on in a second.

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.hpp"

namespace weft::app {

struct BenchConsensusOptions {
    std::vector<std::uint64_t> validators = {4, 7, 13};
    int seconds = 20;
    /// Transactions a second; 0: as fast as they are taken, and then at 70 % of that.
    double rate = 0;
    /// Validators that stand still in a second half.
    std::uint64_t down = 1;
    std::string only;  // "transfers", "erc20"; empty: both
    std::string data;  // folder on the disk that counts; empty: a temporary one
    int senders = 64;
};

/// @errors as starting a system; failed_precondition  a transaction was lost.
[[nodiscard]] Result<void> bench_consensus(const BenchConsensusOptions& options);

}  // namespace weft::app
