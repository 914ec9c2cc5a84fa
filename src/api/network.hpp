#pragma once
// network: the node's connections to its peers.

#include "api/types.hpp"

namespace weft::api::network {

struct PeerInfo {
    std::string id;
    std::string address;
    bool inbound = false;
    std::uint64_t height = 0;
};
struct StatusReply {
    bool listening = false;
    std::string address;
    std::uint64_t network_id = 0;
    std::vector<PeerInfo> peers;
    std::uint64_t announced = 0;
};
struct Status {
    using Reply = StatusReply;
    static constexpr std::string_view method = "weft.Network/Status";
    bool reserved = false;
};

/// Tells the peers of a transaction that was admitted.
struct Announce {
    using Reply = Empty;
    static constexpr std::string_view method = "weft.Network/Announce";
    Hash hash;
};

}  // namespace weft::api::network
