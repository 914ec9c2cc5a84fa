#pragma once
// What peers say to one another: each message is the RLP list of its struct's members in order.
//
// Byte strings of a decoded message are views of the payload. Every accepted payload is the only encoding of what it
// decodes to.

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "base/u256.hpp"
#include "service/network/frame.hpp"

namespace weft::service::network {

inline constexpr std::uint64_t protocol_version = 1;

/// A byte string, as a view; at most Max bytes.
template <std::size_t Max>
struct Text {
    BytesView bytes;
    Text() = default;
    Text(BytesView view) : bytes(view) {}                      // NOLINT: a byte string is one
    Text(std::string_view text) : bytes(as_bytes(text)) {}     // NOLINT: so is a text
    [[nodiscard]] std::string_view text() const { return as_text(bytes); }
};
using Blob = Text<frame_bytes_max>;
/// One RLP item of whatever shape, with its prefix.
struct Item {
    BytesView bytes;
};
/// At most Max of them.
template <class T, std::size_t Max>
struct List : std::vector<T> {
    using std::vector<T>::vector;
    static constexpr std::size_t count_max = Max;
};

inline constexpr std::size_t block_transactions_max = 65'536;
inline constexpr std::size_t announce_count_max = 4096;
inline constexpr std::size_t fetch_count_max = 256;
inline constexpr std::size_t headers_count_max = 1024;
inline constexpr std::size_t blocks_count_max = 128;
inline constexpr std::size_t proposal_blocks_max = 4;
inline constexpr std::size_t peers_count_max = 32;
inline constexpr std::size_t links_count_max = 256;
inline constexpr std::size_t chunk_items_max = 8192;  // accounts, codes, and slots of all accounts
inline constexpr std::size_t proof_nodes_max = 130;  // on the way to two edges, and one over
inline constexpr std::size_t id_size = 32;        // of a peer, as bytes
inline constexpr std::size_t short_id_size = 6;   // of a transaction in a compact block
inline constexpr std::size_t prefilled_bytes_max = 10 * 1024;

/// The first message of both ends. @source EIP-2124 for the fork id.
struct Hello {
    static constexpr Type type = Type::hello;
    std::uint64_t version = protocol_version;
    std::uint64_t chain_id = 0;
    Hash genesis;
    std::uint64_t fork_hash = 0;  // 32 bits
    std::uint64_t fork_next = 0;
    Text<32> engine;
    std::uint64_t head_number = 0;
    Hash head_hash;
    std::uint64_t finalized_number = 0;
    Text<255> address;  // where it listens, as it knows it; empty: nowhere
    std::uint64_t first_number = 0;
};
/// The head has changed.
struct StatusMessage {
    static constexpr Type type = Type::status;
    std::uint64_t head_number = 0;
    Hash head_hash;
    std::uint64_t finalized_number = 0;
    /// Of the first block above the genesis block that it has whole: below it, headers alone.
    std::uint64_t first_number = 0;
};
struct Disconnect {
    static constexpr Type type = Type::disconnect;
    Text<512> reason;
};
struct Ping {
    static constexpr Type type = Type::ping;
    std::uint64_t clock_ms = 0;  // unix time
};
struct Pong {
    static constexpr Type type = Type::pong;
    std::uint64_t clock_ms = 0;
};
/// The sender is this validator. The signature is over identity_binding().
struct Identity {
    static constexpr Type type = Type::identity;
    Address validator;
    Text<65> signature;  // r, s, v
};
struct ConsensusMessage {
    static constexpr Type type = Type::consensus;
    Blob payload;
};
/// A transaction that the receiver can't know.
struct Prefilled {
    std::uint64_t index = 0;
    Blob transaction;  // consensus form
};
/// A block without what the receiver's pool holds. Transactions are in order; those that are not prefilled have an id.
struct CompactBlock {
    Item header;
    std::uint64_t nonce = 0;
    Text<block_transactions_max * short_id_size> ids;
    List<Prefilled, block_transactions_max> prefilled;  // by index, ascending
    Item rest;  // a list of the block's items after the transactions
};
struct Proposal {
    static constexpr Type type = Type::proposal;
    Blob payload;
    List<CompactBlock, proposal_blocks_max> blocks;
};
/// A proposal whose blocks the lane has no room for: the receiver asks for them.
struct NamedProposal {
    static constexpr Type type = Type::named_proposal;
    Blob payload;
    List<Hash, proposal_blocks_max> blocks;
};
struct GetBlockTransactions {
    static constexpr Type type = Type::get_block_transactions;
    Hash block;
    List<std::uint64_t, block_transactions_max> indices;
};
struct BlockTransactions {
    static constexpr Type type = Type::block_transactions;
    List<Blob, block_transactions_max> transactions;  // consensus form; empty: the block is not known
};
struct GetBlock {
    static constexpr Type type = Type::get_block;
    Hash block;
};
struct BlockMessage {
    static constexpr Type type = Type::block;
    Blob block;  // RLP; empty: it is not known
};
struct GetHeaders {
    static constexpr Type type = Type::get_headers;
    std::uint64_t first = 0;
    std::uint64_t count = 0;
};
struct Headers {
    static constexpr Type type = Type::headers;
    List<Item, headers_count_max> headers;  // first, first + 1, ...
    /// One a header: empty, or why that one is final. The last has its own, and each that names other
    /// validators than the one before it.
    List<Blob, headers_count_max> proofs;
};
struct GetBlocks {
    static constexpr Type type = Type::get_blocks;
    std::uint64_t first = 0;
    std::uint64_t count = 0;
};
struct ProvenBlock {
    Blob block;
    Blob proof;
};
struct Blocks {
    static constexpr Type type = Type::blocks;
    List<ProvenBlock, blocks_count_max> blocks;
};
struct Transactions {
    static constexpr Type type = Type::transactions;
    List<Blob, announce_count_max> transactions;  // network form
};
struct Announced {
    Hash hash;
    std::uint64_t kind = 0;  // the transaction's type
    std::uint64_t size = 0;  // of its network form
};
struct AnnounceMessage {
    static constexpr Type type = Type::announce;
    List<Announced, announce_count_max> transactions;
};
struct GetTransactions {
    static constexpr Type type = Type::get_transactions;
    List<Hash, fetch_count_max> hashes;
};
struct Pooled {
    static constexpr Type type = Type::pooled;
    List<Blob, fetch_count_max> transactions;  // of those asked for, what there is
};
struct GetPeers {
    static constexpr Type type = Type::get_peers;
    std::uint64_t count = peers_count_max;
};
struct KnownPeer {
    Hash id;
    Text<255> address;
};
struct Peers {
    static constexpr Type type = Type::peers;
    List<KnownPeer, peers_count_max> peers;
};
struct GetSnapshot {
    static constexpr Type type = Type::get_snapshot;
    std::uint64_t number = 0;  // 0: the newest
};
/// A block whose state its sender serves in chunks.
struct SnapshotMessage {
    static constexpr Type type = Type::snapshot;
    std::uint64_t number = 0;  // 0: there is none
    Blob block;
    Blob proof;
    List<Blob, block_transactions_max> receipts;  // consensus form
};
struct GetChunk {
    static constexpr Type type = Type::get_chunk;
    std::uint64_t number = 0;  // of the snapshot
    Hash first;
    Hash last;
    Hash slot_first;
};
struct ChunkSlot {
    U256 key;
    U256 value;
};
struct ChunkAccount {
    Address address;
    std::uint64_t nonce = 0;
    U256 balance;
    Hash code_hash;
    Hash storage_root;
    List<ChunkSlot, chunk_items_max> slots;
};
/// As chain::SnapshotChunk has it.
struct ChunkMessage {
    static constexpr Type type = Type::chunk;
    std::uint64_t number = 0;  // 0: it is not served
    List<ChunkAccount, chunk_items_max> accounts;
    Hash last;
    Hash slot_last;
    List<Blob, proof_nodes_max> account_proof;
    List<Blob, proof_nodes_max> slot_proof;
    List<Blob, chunk_items_max> codes;
};
/// The validators whose connections the sender has. Who never said so is taken to have all.
struct Links {
    static constexpr Type type = Type::links;
    List<Address, links_count_max> validators;  // ascending
};
/// A ConsensusMessage of another validator than the sender, passed on.
struct Relayed {
    static constexpr Type type = Type::relayed;
    Blob payload;
};
/// A Proposal of another validator than the sender, passed on.
struct RelayedProposal {
    static constexpr Type type = Type::relayed_proposal;
    Blob payload;
    List<CompactBlock, proposal_blocks_max> blocks;
};

/// @errors invalid_argument  not that message; resource_exhausted  more of something than its bound.
template <class Message>
[[nodiscard]] Result<Message> decode(BytesView payload);
template <class Message>
[[nodiscard]] Bytes encode(const Message& message);
/// As a whole frame.
template <class Message>
[[nodiscard]] Bytes to_frame(const Message& message, std::uint64_t request_id = 0) {
    return encode_frame({Message::type, request_id, encode(message)});
}
/// Calls @p visit<Message>() for the message of that type.
template <class Visit>
auto with_message(Type type, Visit visit) {
    switch (type) {
        case Type::hello: return visit.template operator()<Hello>();
        case Type::status: return visit.template operator()<StatusMessage>();
        case Type::disconnect: return visit.template operator()<Disconnect>();
        case Type::ping: return visit.template operator()<Ping>();
        case Type::pong: return visit.template operator()<Pong>();
        case Type::identity: return visit.template operator()<Identity>();
        case Type::consensus: return visit.template operator()<ConsensusMessage>();
        case Type::proposal: return visit.template operator()<Proposal>();
        case Type::get_block_transactions: return visit.template operator()<GetBlockTransactions>();
        case Type::block_transactions: return visit.template operator()<BlockTransactions>();
        case Type::get_block: return visit.template operator()<GetBlock>();
        case Type::block: return visit.template operator()<BlockMessage>();
        case Type::get_headers: return visit.template operator()<GetHeaders>();
        case Type::headers: return visit.template operator()<Headers>();
        case Type::get_blocks: return visit.template operator()<GetBlocks>();
        case Type::blocks: return visit.template operator()<Blocks>();
        case Type::transactions: return visit.template operator()<Transactions>();
        case Type::announce: return visit.template operator()<AnnounceMessage>();
        case Type::get_transactions: return visit.template operator()<GetTransactions>();
        case Type::pooled: return visit.template operator()<Pooled>();
        case Type::get_peers: return visit.template operator()<GetPeers>();
        case Type::peers: return visit.template operator()<Peers>();
        case Type::get_snapshot: return visit.template operator()<GetSnapshot>();
        case Type::snapshot: return visit.template operator()<SnapshotMessage>();
        case Type::get_chunk: return visit.template operator()<GetChunk>();
        case Type::chunk: return visit.template operator()<ChunkMessage>();
        case Type::named_proposal: return visit.template operator()<NamedProposal>();
        case Type::links: return visit.template operator()<Links>();
        case Type::relayed: return visit.template operator()<Relayed>();
        case Type::relayed_proposal: break;
    }
    return visit.template operator()<RelayedProposal>();
}

/// What a validator signs to be known on one connection: nobody else has this connection's secret, and what one end
/// signs is not what the other would.
///
/// @param exported  of the connection's TLS, label identity_label.
/// @param prover    id of the peer whose validator signs.
[[nodiscard]] Hash identity_binding(std::uint64_t chain_id, const Hash& genesis, const Hash& exported,
                                    std::string_view prover);
inline constexpr std::string_view identity_label = "EXPORTER-weft-validator-identity";

}  // namespace weft::service::network
