#pragma once
// `weft blocktest PATH...`: runs Ethereum's blockchain test fixtures.

#include <span>
#include <string>

namespace weft::app {

/// Imports every chain in the files and folders, prints each failure, and last "N passed, M failed".
/// @return the process's exit status: 0 if all passed.
[[nodiscard]] int blocktest_command(std::span<const std::string> paths, std::size_t width);

}  // namespace weft::app
