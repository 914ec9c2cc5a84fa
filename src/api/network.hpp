#pragma once
// network: the node's connections to its peers.

#include "api/storage.hpp"
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

struct FetchHeadersReply {
    std::vector<Bytes> headers;  // RLP; first, first + 1, ...; maybe fewer than asked for
    std::string peer;            // id of who sent them
    /// As many: why each is final, or empty. The last has its own, and each that names other validators than the one
    /// before it; an answer without is the peer's fault.
    std::vector<Bytes> proofs;
};
/// Headers from a peer that says it has them. Nothing is known of them but that they are headers of those numbers.
/// @errors as FetchBlocks.
struct FetchHeaders {
    using Reply = FetchHeadersReply;
    static constexpr std::string_view method = "weft.Network/FetchHeaders";
    std::uint64_t first = 0;
    std::uint64_t count = 0;
    std::vector<std::string> not_from;  // ids of peers that are not asked, here and below
};

struct FetchSnapshotReply {
    storage::SnapshotHeadReply head;
    std::string peer;
};
/// A block whose state peers serve in chunks. Whether it is final is for the caller to see.
/// @errors unavailable  no peer serves one, or that one; deadline_exceeded.
struct FetchSnapshot {
    using Reply = FetchSnapshotReply;
    static constexpr std::string_view method = "weft.Network/FetchSnapshot";
    std::uint64_t number = 0;  // 0: the newest that somebody has
    std::vector<std::string> not_from;
};

struct FetchChunkReply {
    chain::SnapshotChunk chunk;
    std::string peer;  // to be blamed (Penalize) if chain::verify_chunk() refuses it
};
/// A chunk of such a state. Requests go to one peer after the other, so that several at once use several.
/// @errors as FetchSnapshot.
struct FetchChunk {
    using Reply = FetchChunkReply;
    static constexpr std::string_view method = "weft.Network/FetchChunk";
    std::uint64_t number = 0;
    chain::SnapshotRange range;
    std::vector<std::string> not_from;
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
