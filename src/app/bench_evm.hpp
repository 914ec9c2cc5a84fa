#pragma once
// `weft evm bench PATH...`: how fast the engine runs contracts, beside other engines in the same run.

#include <string>
#include <vector>

#include "base/result.hpp"

namespace weft::app {

struct BenchEvmOptions {
    /// State test files, or folders of them: the code of transaction.to is run with each of transaction.data, named by
    /// _info.labels.
    std::vector<std::string> paths;
    /// "NAME=PROGRAM": a Google Benchmark program that takes a folder of the same files and names what it measures
    /// VARIANT/execute/FOLDER/FILE/LABEL. Of its variants the fastest counts.
    std::vector<std::string> peers;
    std::string fork = "Cancun";
    int rounds = 5;
    /// Machine instructions too, counted by valgrind where it is installed: some seconds a case.
    bool instructions = false;
    bool json = false;
    /// Runs this one case once, for valgrind to count, and prints nothing.
    std::string only;
};

/// @errors not_found  a path, or no case in it; unavailable  a peer's program or valgrind can't be run;
///         invalid_argument  a file that is no state test, a fork's name.
[[nodiscard]] Result<void> bench_evm(const BenchEvmOptions& options);

}  // namespace weft::app
