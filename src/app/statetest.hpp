#pragma once
// `weft statetest PATH...`: runs Ethereum's state test fixtures.

#include <span>
#include <string>

namespace weft::app {

/// Runs every case in the files and folders, prints each failure with the difference, and last "N passed, M failed".
/// @return the process's exit status: 0 if all passed.
[[nodiscard]] int statetest_command(std::span<const std::string> paths);

}  // namespace weft::app
