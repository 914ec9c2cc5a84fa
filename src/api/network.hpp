#pragma once
// network: the node's connections to its peers.

#include "api/types.hpp"

namespace weft::api::network {

struct PeerInfo {
    std::string id;  // of its key: what a static peer is pinned to
    std::string address;
    bool inbound = false;
    std::uint64_t height = 0;
    /// Whose key it proved to hold on this connection.
    std::optional<Address> validator;
    std::uint64_t heard_ms = 0;   // unix time of its last frame
    std::uint64_t latency_us = 0;  // of its last ping
    std::int64_t skew_ms = 0;      // by which its clock is ahead of this one
    std::int64_t score = 0;
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

/// Tells the peers of transactions that were admitted, in full or by hash.
struct Announce {
    using Reply = Empty;
    static constexpr std::string_view method = "weft.Network/Announce";
    std::vector<chain::TransactionPtr> transactions;
    /// Id of the peer that sent them, which is not told; empty: they were submitted here.
    std::string from;
};

struct SendReply {
    /// Validators whose connections took it.
    std::uint64_t count = 0;
};
/// A message of the consensus engine: to one validator, or to all that are connected. What no connection takes is
/// lost, and the engine's own repetition makes up for it.
struct Send {
    using Reply = SendReply;
    static constexpr std::string_view method = "weft.Network/Send";
    std::optional<Address> to;
    Bytes payload;
    /// Blocks (RLP) that the payload names by digest: they travel in compact form where the receiver has their
    /// transactions.
    std::vector<Bytes> blocks;
};

struct FinalBlock {
    Bytes block;  // RLP
    Bytes proof;  // as the engine encodes it
};
struct FetchBlocksReply {
    std::vector<FinalBlock> blocks;  // first, first + 1, ...; maybe fewer than asked for
    std::string peer;                // id of who sent them
};
/// Final blocks from a peer that says it has them: the named validator first, else others.
/// @errors unavailable  no peer has them; deadline_exceeded.
struct FetchBlocks {
    using Reply = FetchBlocksReply;
    static constexpr std::string_view method = "weft.Network/FetchBlocks";
    std::optional<Address> from;
    std::uint64_t first = 0;
    std::uint64_t count = 0;
};

/// Somebody did what no correct peer does.
struct Penalize {
    using Reply = Empty;
    static constexpr std::string_view method = "weft.Network/Penalize";
    std::string peer;                  // by its id,
    std::optional<Address> validator;  // or by the validator it is
    std::string reason;
};

}  // namespace weft::api::network
