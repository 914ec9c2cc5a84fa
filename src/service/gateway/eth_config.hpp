#pragma once
// The chain's rules, read from the genesis config that consensus reports.

#include <string_view>

#include "base/result.hpp"
#include "chain/fork.hpp"

namespace weft::service::gateway {

/// @param json  the config object of a genesis file.
/// @errors internal  it is none.
[[nodiscard]] Result<chain::ChainConfig> read_chain_config(std::string_view json);

/// EIP-2124's identity of a chain: CRC-32 over the genesis hash and the forks up to @p timestamp.
///
/// @param config_json  Forks are every member whose name ends in Block (all count) or Time, as geth has it.
[[nodiscard]] Result<std::uint32_t> fork_id(std::string_view config_json, const Hash& genesis_hash,
                                            std::uint64_t genesis_timestamp, std::uint64_t timestamp);

}  // namespace weft::service::gateway
