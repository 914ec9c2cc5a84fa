#pragma once
// The first block: geth's genesis.json, and the development chain.

#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "base/u256.hpp"
#include "chain/block.hpp"
#include "chain/fork.hpp"
#include "chain/state.hpp"
#include "chain/state_trie.hpp"

namespace weft::chain {

struct GenesisAccount {
    Address address;
    U256 balance;
    std::uint64_t nonce = 0;
    Bytes code;
    std::vector<SlotChange> storage;
};

struct Genesis {
    ChainConfig config;
    Header header;  // state_root right once parse_genesis or dev_genesis made it
    std::vector<GenesisAccount> alloc;
};

/// Reads geth's genesis.json. Fields it doesn't know are ignored.
/// @errors invalid_argument  not JSON, or a field that is wrong: "genesis: config.shanghaiTime: ...".
[[nodiscard]] Result<Genesis> parse_genesis(std::string_view json);

/// The chain of `weft up --dev`: chain id 31337, every fork up to Osaka from the start, 10,000 ether for each account,
/// the system contracts and the deterministic deployment proxy.
[[nodiscard]] Genesis dev_genesis(std::span<const Address> accounts);

/// The accounts of a genesis as changes to an empty state.
[[nodiscard]] StateChanges genesis_changes(const Genesis& genesis);
/// The genesis block.
[[nodiscard]] Block genesis_block(const Genesis& genesis);

/// Names of the system contracts and their addresses at a fork, as eth_config answers.
struct SystemContract {
    std::string_view name;
    Address address;
};
[[nodiscard]] std::vector<SystemContract> system_contracts(const ChainConfig& config, const Rules& rules);

/// geth's genesis.json for a configuration's "config" member, for debug and eth_config.
[[nodiscard]] std::string to_json(const ChainConfig& config);
/// The whole file, as parse_genesis reads it.
[[nodiscard]] std::string to_json(const Genesis& genesis);

}  // namespace weft::chain
