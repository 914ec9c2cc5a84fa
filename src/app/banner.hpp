#pragma once
// What a started system says of itself.

#include <string>

#include "app/config.hpp"
#include "app/run_file.hpp"

namespace weft::app {

/// Accounts and keys of a development chain, chain id, processes, addresses, and how to use them.
/// @errors as make_node_config.
[[nodiscard]] Result<std::string> banner(const SystemConfig& config, const SystemStatus& status);

}  // namespace weft::app
