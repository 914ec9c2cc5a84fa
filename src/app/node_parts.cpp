#include "app/node_parts.hpp"

#include <utility>

#include "service/consensus/pbft.hpp"
#include "service/consensus/solo.hpp"

namespace weft::app {

service::storage::DatabaseConfig database_config(const NodeConfig& config, Workers& workers) {
    service::storage::DatabaseConfig out;
    out.path = config.data + "/chain";
    out.sync = config.sync;
    out.workers = &workers;
    return out;
}

service::network::Config network_config(const NodeConfig& config) {
    service::network::Config out;
    out.chain = config.genesis.config;
    out.genesis_hash = chain::hash_of(config.genesis.header);
    out.genesis_time = config.genesis.header.timestamp;
    out.engine = config.genesis.config.qbft ? "pbft" : "solo";
    out.listen = config.p2p;
    out.static_peers = config.peers;
    if (!config.p2p.empty()) out.key_file = config.data + "/node.pem";
    return out;
}

std::unique_ptr<service::consensus::Consensus> make_consensus(const NodeConfig& config, ConsensusPorts ports) {
    namespace c = service::consensus;
    const auto& chain = config.genesis.config;
    if (!chain.qbft) {
        return std::make_unique<c::Solo>(
            chain,
            c::SoloPorts{std::move(ports.head), std::move(ports.get_block), std::move(ports.amend),
                         std::move(ports.rewind), std::move(ports.best), std::move(ports.head_changed),
                         std::move(ports.drop), std::move(ports.build), std::move(ports.adopt),
                         std::move(ports.make_change)},
            c::SoloSettings{config.development, config.sealing});
    }
    c::SnapshotPorts snapshot{std::move(ports.fetch_headers), std::move(ports.fetch_snapshot),
                              std::move(ports.fetch_chunk),   ports.penalize,
                              std::move(ports.begin_snapshot), std::move(ports.put_headers),
                              std::move(ports.put_chunk),     std::move(ports.finish_snapshot)};
    return std::make_unique<c::Pbft>(
        chain,
        c::PbftPorts{std::move(ports.head), std::move(ports.get_block), std::move(ports.best),
                     std::move(ports.head_changed), std::move(ports.drop), std::move(ports.pool_status),
                     std::move(ports.build), std::move(ports.check), std::move(ports.adopt), std::move(ports.send),
                     std::move(ports.fetch_blocks), std::move(ports.penalize), std::move(snapshot)},
        c::PbftSettings{config.validator_key, config.data + "/consensus",
                        config.takes_snapshots ? config.snapshot_interval : 0});
}

}  // namespace weft::app
