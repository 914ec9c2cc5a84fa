#pragma once
// `weft bench execute`: blocks executed and committed to the storage service's database, on a state of millions of
// accounts, with one worker and with several in the same run.

#include <cstdint>
#include <string>

#include "base/result.hpp"

namespace weft::app {

struct BenchExecuteOptions {
    std::uint32_t accounts = 1'000'000;
    /// Markets of two tokens of their own. Up to half a million accounts hold tokens of one of them.
    std::uint32_t pairs = 500;
    std::uint32_t transactions = 1'000;  // a block
    std::uint32_t blocks = 20;           // of each kind, at most
    int seconds = 20;                    // of each kind, about at most
    std::uint32_t workers = 2;
    /// Where the loaded state is kept and found again; empty: a folder that goes at the end.
    std::string data;
};

/// Loads the state unless it is there, prints a row for each kind of block and number of workers.
/// @errors as storage::load_database; failed_precondition  @p data holds another state; a transaction that failed.
[[nodiscard]] Result<void> bench_execute(const BenchExecuteOptions& options);

}  // namespace weft::app
