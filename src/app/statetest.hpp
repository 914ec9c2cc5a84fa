#pragma once
// `weft statetest PATH...`: runs Ethereum's state test fixtures.

#include <span>
#include <string>

#include "app/fixture_file.hpp"

namespace weft::app {

/// Runs every case in the files and folders, prints each failure with the difference, and last "N passed, M failed".
/// @return the process's exit status: 0 if all passed.
[[nodiscard]] int statetest_command(std::span<const std::string> paths);

/// Runs every case of one test and tells the score.
void run_state_test(const std::string& name, const json::Value& test, Score& score);

}  // namespace weft::app
