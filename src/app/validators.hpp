#pragma once
// What `weft up` makes before the nodes of a chain with several validators start for the first time: each node's keys,
// the genesis file that names the validators, and the list by which the nodes find one another. What is there already
// is taken as it is.

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "app/config.hpp"
#include "base/bytes.hpp"
#include "base/result.hpp"
#include "net/reserved_address.hpp"

namespace weft::app {

/// One node of a system on this machine.
struct NodePlace {
    std::string id;   // "node-0"; its things are in DATA/node-0
    std::string p2p;  // where its peers reach it; empty: it has none
    std::optional<net::ReservedAddress> kept = {};  // p2p, where we chose it
};

/// The genesis file that prepare_validators() makes, of the settings: the development accounts are in it.
[[nodiscard]] inline std::string made_genesis(const std::string& data) { return data + "/genesis.json"; }

/// Whether the system's blocks come from validators that agree on each (and not from one sealer).
/// @errors those of the genesis file.
[[nodiscard]] Result<bool> has_validators(const SystemConfig& config);

/// Makes what is missing, and sets config.genesis and config.peers.
/// @param addresses  where the nodes' peers reach them; those that are missing get free ports of 127.0.0.1.
/// @pre  has_validators(config), and config.data exists.
/// @errors invalid_argument  the settings; and those of the file system.
[[nodiscard]] Result<std::vector<NodePlace>> prepare_validators(SystemConfig& config,
                                                                    std::span<const std::string> addresses = {});

/// The secret key in a file of 64 hexadecimal digits; nothing if there is no such file.
/// @errors invalid_argument  it holds something else; permission_denied  others than the owner may read it.
[[nodiscard]] Result<std::optional<Hash>> read_key(const std::string& path);

/// Lines of "id@host:port", and comments after '#'. @errors not_found  no such file.
[[nodiscard]] Result<std::vector<std::string>> read_peers(const std::string& path);

}  // namespace weft::app
