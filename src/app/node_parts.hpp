#pragma once
// What a node's services are made of, the same whether they share a process or not.

#include <memory>

#include "api/consensus.hpp"
#include "api/contract.hpp"
#include "api/network.hpp"
#include "api/storage.hpp"
#include "api/validation.hpp"
#include "app/node.hpp"
#include "base/workers.hpp"
#include "mesh/service.hpp"
#include "service/consensus/consensus.hpp"
#include "service/network/network.hpp"
#include "service/storage/database.hpp"

namespace weft::app {

/// Threads for the chain itself, which waits for no caller's trace.
inline constexpr std::size_t worker_threads = 2;

[[nodiscard]] service::storage::DatabaseConfig database_config(const NodeConfig& config, Workers& workers);
[[nodiscard]] service::network::Config network_config(const NodeConfig& config);

/// What consensus asks of its neighbours, whichever engine it drives.
struct ConsensusPorts {
    mesh::Port<api::storage::Head> head;
    mesh::Port<api::storage::GetBlock> get_block;
    mesh::Port<api::storage::Amend> amend;
    mesh::Port<api::storage::Rewind> rewind;
    mesh::Port<api::validation::Best> best;
    mesh::Port<api::validation::HeadChanged> head_changed;
    mesh::Port<api::validation::Drop> drop;
    mesh::Port<api::validation::PoolStatus> pool_status;
    mesh::Port<api::contract::Build> build;
    mesh::Port<api::contract::Check> check;
    mesh::Port<api::contract::Adopt> adopt;
    mesh::Port<api::contract::MakeChange> make_change;
    mesh::Port<api::network::Send> send;
    mesh::Port<api::network::FetchBlocks> fetch_blocks;
    mesh::Port<api::network::Penalize> penalize;
    mesh::Port<api::network::FetchHeaders> fetch_headers;
    mesh::Port<api::network::FetchSnapshot> fetch_snapshot;
    mesh::Port<api::network::FetchChunk> fetch_chunk;
    mesh::Port<api::storage::BeginSnapshot> begin_snapshot;
    mesh::Port<api::storage::PutHeaders> put_headers;
    mesh::Port<api::storage::PutChunk> put_chunk;
    mesh::Port<api::storage::FinishSnapshot> finish_snapshot;

    template <class F>
    void for_each(F&& f) {
        const auto all = [&](auto&... port) { (f(port), ...); };
        all(head, get_block, amend, rewind, best, head_changed, drop, pool_status, build, check, adopt, make_change,
            send, fetch_blocks, penalize, fetch_headers, fetch_snapshot, fetch_chunk, begin_snapshot, put_headers,
            put_chunk, finish_snapshot);
    }
};

/// The engine that the chain's genesis asks for. @param config  must outlive the service.
[[nodiscard]] std::unique_ptr<service::consensus::Consensus> make_consensus(const NodeConfig& config,
                                                                            ConsensusPorts ports);

}  // namespace weft::app
