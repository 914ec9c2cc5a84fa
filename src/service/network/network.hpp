#pragma once
// The network service: the node's connections to its peers.
//
// Peers speak the protocol of docs/network.md over TLS 1.3, each end with a key of its own whose hash is its id. Static
// peers are pinned by that id, and dialled again when they are lost; others may dial in if the configuration says that
// the network is public. Everything about peers happens on one loop.
//
// A chain with one validator has no peers: with no address to listen on and nobody to dial, what is announced is
// counted and goes nowhere.
//
// Owns     the connections, the peers' scores, which transactions were told to whom.
// Serves   weft.Network.
// Calls    weft.Consensus/Deliver, ProveIdentity, ValidatorSet; weft.Validation/Import, GetPooled, Match;
//          weft.Storage/Head, ReadBlocks, SnapshotHead, ReadSnapshot. It keeps its connections while those are away.
// Fails    open: a transaction that can't be announced is still sealed here; what a connection can't take is lost.

#include <atomic>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "api/consensus.hpp"
#include "api/network.hpp"
#include "api/storage.hpp"
#include "api/validation.hpp"
#include "chain/fork.hpp"
#include "mesh/service.hpp"
#include "net/loop.hpp"
#include "service/network/limits.hpp"

namespace weft::service::network {

/// A peer that is dialled, and known by its key.
struct StaticPeer {
    std::string id;       // 64 hexadecimal digits
    std::string address;  // "host:port"
    bool operator==(const StaticPeer&) const = default;
};
/// @param text  "id@host:port".
/// @errors invalid_argument  it is not that.
[[nodiscard]] Result<StaticPeer> parse_static_peer(std::string_view text);

struct Config {
    chain::ChainConfig chain;
    Hash genesis_hash;
    std::uint64_t genesis_time = 0;
    /// Peers of another engine are refused.
    std::string engine;
    /// "host:port"; port 0: any that is free; empty: nobody may dial in.
    std::string listen;
    std::vector<StaticPeer> static_peers;
    /// Whether others than the static peers may dial in, and peers that peers know are dialled.
    bool is_public = false;
    /// Certificate and key (PEM, mode 0600), made if it isn't there; empty: a new one each time.
    std::string key_file;
    Limits limits;
};

/// A port that is not there answers as a service that is away.
struct Ports {
    mesh::Port<api::consensus::Deliver> deliver;
    mesh::Port<api::consensus::ProveIdentity> prove_identity;
    mesh::Port<api::consensus::ValidatorSet> validator_set;
    mesh::Port<api::validation::Import> import;
    mesh::Port<api::validation::GetPooled> get_pooled;
    mesh::Port<api::validation::Match> match;
    mesh::Port<api::storage::Head> head;
    mesh::Port<api::storage::ReadBlocks> read_blocks;
    mesh::Port<api::storage::SnapshotHead> snapshot_head;
    mesh::Port<api::storage::ReadSnapshot> read_snapshot;
};

class Core;

class Network {
  public:
    /// @param loops  must outlive the service, and run until stop() has returned.
    Network(net::LoopGroup& loops, Config config, Ports ports);
    ~Network();
    Network(const Network&) = delete;
    Network& operator=(const Network&) = delete;

    /// Listens, and begins to dial. The ports are called from here on.
    /// @errors unavailable  the address can't be listened on, the key file can't be read; invalid_argument  a static
    ///         peer or address is malformed.
    [[nodiscard]] Result<void> start();
    /// Ends every connection; what is asked for afterwards finds no peers. Not from one of the loops.
    void stop();

    /// What others pin this node by, from start() on; empty without peers.
    [[nodiscard]] std::string id() const;
    /// Where it listens, from start() on; empty if it doesn't.
    [[nodiscard]] std::string address() const;

    Task<api::network::StatusReply> status(mesh::Context context, api::network::Status request);
    Task<api::Empty> announce(mesh::Context context, api::network::Announce request);
    Task<api::network::SendReply> send(mesh::Context context, api::network::Send request);
    Task<api::network::FetchBlocksReply> fetch_blocks(mesh::Context context, api::network::FetchBlocks request);
    Task<api::network::FetchHeadersReply> fetch_headers(mesh::Context, api::network::FetchHeaders request);
    Task<api::network::FetchSnapshotReply> fetch_snapshot(mesh::Context, api::network::FetchSnapshot request);
    Task<api::network::FetchChunkReply> fetch_chunk(mesh::Context, api::network::FetchChunk request);
    Task<api::Empty> penalize(mesh::Context context, api::network::Penalize request);

  private:
    static Task<void> describe(const Core& core, api::network::StatusReply& reply);
    net::LoopGroup& loops_;
    std::uint64_t network_id_;
    Config config_;
    Ports ports_;
    std::atomic<std::uint64_t> announced_{0};
    std::shared_ptr<Core> core_;  // null without peers; set once, by start()
};

}  // namespace weft::service::network
