#pragma once
// `weft bench node`: a development chain under load, in both layouts, and anvil under the same.

#include <string>

#include "base/result.hpp"

namespace weft::app {

struct BenchNodeOptions {
    std::string anvil;
    int seconds = 4;
    int connections = 16;
    int transactions = 8000;
    bool json = false;
};

/// @errors as starting a system; what a peer can't do is a missing row, not an error.
[[nodiscard]] Result<void> bench_node(const BenchNodeOptions& options);

}  // namespace weft::app
