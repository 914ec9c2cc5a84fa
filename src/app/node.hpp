#pragma once
// One chain node: consensus, network, storage, validation, contract, wallet and monitor in one process, each behind its
// ports. Which of them share a process is decided here and nowhere else.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "app/config.hpp"
#include "base/result.hpp"
#include "chain/genesis.hpp"
#include "chain/snapshot.hpp"
#include "consensus/solo.hpp"
#include "net/grpc.hpp"
#include "net/loop.hpp"
#include "service/contract/limits.hpp"
#include "service/gateway/ports.hpp"
#include "service/network/network.hpp"
#include "service/wallet/wallet.hpp"

namespace weft::app {

struct NodeConfig {
    /// Folder of the databases.
    std::string data;
    chain::Genesis genesis;
    bool development = false;
    std::vector<service::wallet::Wallet::Key> keys;
    consensus::solo::State sealing;
    // A chain with validators (genesis.config.qbft).
    std::optional<Hash> validator_key;  // nothing: the node only follows
    std::string p2p;                    // where peers reach it
    std::vector<service::network::StaticPeer> peers;
    /// Whether a node without blocks takes a state from its peers, instead of executing every block.
    bool takes_snapshots = true;
    /// Blocks between two states that are served to peers.
    std::uint64_t snapshot_interval = chain::snapshot_interval;
    /// Whether each commit waits for the disk: a loss of power then loses nothing either.
    bool sync = false;
    service::contract::Limits call_limits;
    std::uint64_t monitor_share = 5;
    /// Threads for calls, estimates, traces. More than processors: what takes long must not make others wait for a
    /// thread, and the processors are shared by the kernel.
    std::size_t call_threads = 16;
};

/// Calls that may wait for a thread.
inline constexpr std::size_t call_queue_max = 10'000;

/// @errors not_found, permission_denied, invalid_argument  names the file.
[[nodiscard]] Result<chain::Genesis> read_genesis(const std::string& path);

/// What a system's settings make of its node.
/// @errors not_found, invalid_argument  the genesis file, the mnemonic, the fork's name.
[[nodiscard]] Result<NodeConfig> make_node_config(const SystemConfig& system, std::string data);

class Node {
  public:
    /// Opens the databases, takes up the head and starts sealing.
    /// @param loops   must outlive the node and run.
    /// @errors as storage::Database::open and store::Kv::open.
    [[nodiscard]] static Result<std::unique_ptr<Node>> open(net::LoopGroup& loops, NodeConfig config);
    ~Node();

    /// Ports to the services themselves, for a gateway in this process. The node must outlive their calls.
    [[nodiscard]] service::gateway::Ports ports();
    /// Offers the same operations to other processes; before the server listens.
    void serve(net::GrpcServer& server);
    /// Ends sealing after the block in the making, and the waits of whoever reads events.
    void stop();

  private:
    struct Services;
    explicit Node(std::unique_ptr<Services> services);
    std::unique_ptr<Services> services_;
};

/// Calls f(port) for each port of a gateway that can cross a process boundary.
template <class Ports, class F>
void for_each_port(Ports& ports, F&& f) {
    const auto all = [&](auto&... port) { (f(port), ...); };
    all(ports.head, ports.get_block, ports.get_transaction, ports.get_account, ports.get_code, ports.get_slot,
        ports.get_proof, ports.get_logs, ports.fee_history, ports.storage_events);
    all(ports.submit, ports.pending_nonce, ports.get_pooled, ports.pool_status, ports.pool_content, ports.best,
        ports.drop, ports.pending_events);
    all(ports.call, ports.estimate, ports.create_access_list, ports.trace_transaction, ports.trace_block,
        ports.trace_call, ports.simulate, ports.pending_block, ports.preview);
    all(ports.status, ports.read_index, ports.validator_set, ports.votes, ports.mine, ports.configure, ports.clock,
        ports.snapshot, ports.revert, ports.reset, ports.set_account, ports.impersonate, ports.may_impersonate);
    all(ports.accounts, ports.sign, ports.network_status, ports.report, ports.finality, ports.top_contracts,
        ports.contract_stats, ports.contract_events);
}

/// ... and for each of those that contract services in processes of their own can take over.
template <class Ports, class F>
void for_each_contract_port(Ports& ports, F&& f) {
    const auto all = [&](auto&... port) { (f(port), ...); };
    all(ports.call, ports.estimate, ports.create_access_list, ports.trace_transaction, ports.trace_block,
        ports.trace_call, ports.simulate);
}

}  // namespace weft::app
