#pragma once
// The validation service: decides which transactions may wait for a block, and keeps them while they wait.
//
// Owns     the pool, and the file of those it has promised to keep; no other service writes them.
// Serves   weft.Validation.
// Calls    weft.Storage/GetAccount, GetCode, OpenState; weft.Consensus/Notify, MayImpersonate; weft.Network/Announce.
// Publishes  each transaction admitted (PendingEvents).
// Fails    closed: if the state can't be read, nothing is admitted. A transaction that was acknowledged before it was
// in
//          a block survives a crash.

#include <atomic>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "api/consensus.hpp"
#include "api/network.hpp"
#include "api/storage.hpp"
#include "api/validation.hpp"
#include "bus/feed.hpp"
#include "chain/pool.hpp"
#include "mesh/service.hpp"
#include "net/loop.hpp"
#include "store/kv.hpp"

namespace weft::service::validation {

struct Ports {
    mesh::Port<api::storage::GetAccount> get_account;
    mesh::Port<api::storage::GetCode> get_code;
    mesh::Port<api::storage::OpenState> open_state;
    mesh::Port<api::consensus::Notify> notify;
    mesh::Port<api::consensus::MayImpersonate> may_impersonate;
    mesh::Port<api::network::Announce> announce;
};

class Validation {
  public:
    /// @param config  of the chain; must outlive the service.
    /// @param kept    where transactions acknowledged before their block are kept (kept_tables, kept_options).
    /// @param pool    for what peers send; must outlive the service.
    Validation(const chain::ChainConfig& config, Ports ports, store::Kv kept, std::uint64_t epoch,
               net::WorkerPool& pool);
    static constexpr std::string_view kept_tables[] = {"pool"};
    /// Few transactions wait at a time, and each is read at the start alone.
    static constexpr store::KvOptions kept_options{.cache_size = 8 << 20, .write_buffers_size = 16 << 20};

    /// Takes up the head, and what was kept by an earlier process. Before anything is served.
    [[nodiscard]] Result<void> start(api::SealedBlockPtr head);

    Task<api::validation::SubmitReply> submit(mesh::Context context, api::validation::Submit request);
    Task<api::validation::ImportReply> import(mesh::Context context, api::validation::Import request);
    Task<api::validation::MatchReply> match(mesh::Context, api::validation::Match request);
    Task<api::validation::NonceReply> pending_nonce(mesh::Context context, api::validation::PendingNonce request);
    Task<api::validation::PooledReply> get_pooled(mesh::Context, api::validation::GetPooled request);
    Task<api::validation::FindPooledReply> find_pooled(mesh::Context, api::validation::FindPooled request);
    Task<api::validation::PoolStatusReply> pool_status(mesh::Context, api::validation::PoolStatus);
    Task<api::validation::PoolContentReply> pool_content(mesh::Context, api::validation::PoolContent request);
    Task<api::validation::BestReply> best(mesh::Context, api::validation::Best request);
    Task<api::Empty> head_changed(mesh::Context, api::validation::HeadChanged request);
    Task<api::validation::PooledReply> drop(mesh::Context, api::validation::Drop request);
    Task<api::validation::PendingEventsReply> pending_events(mesh::Context context,
                                                             api::validation::PendingEvents request);
    void stop() { feed_.close(); }

  private:
    /// Reads a sender's account as the pool needs it.
    Task<chain::PoolAccount> account(mesh::Context context, Address address) const;
    Task<chain::PoolAccount> pool_account(mesh::Context context, Address address, chain::Account found) const;
    /// Many at once.
    Task<void> read_accounts(mesh::Context context, std::vector<Address> addresses,
                             std::unordered_map<Address, chain::PoolAccount>& out) const;
    /// Everything that waits leaves the pool. @pre  the mutex is held.
    void take_all(std::vector<chain::TransactionPtr>& out);
    /// Decodes, and finds the sender.
    Task<chain::TransactionPtr> decode(mesh::Context context, const api::validation::Submit& request) const;
    Task<void> admit(mesh::Context context, chain::TransactionPtr transaction);
    /// Nothing, or why not. @errors  the state can't be read.
    Task<std::optional<chain::Refusal>> try_admit(mesh::Context context, chain::TransactionPtr transaction);
    Task<api::validation::ImportReply> import_here(mesh::Context context, api::validation::Import request);
    [[nodiscard]] bool is_waiting(const Hash& hash) const;
    [[nodiscard]] Result<void> keep(const chain::SignedTransaction& transaction);
    void forget(std::span<const chain::TransactionPtr> transactions);
    [[nodiscard]] chain::PoolHead pool_head(const chain::Header& head) const;

    const chain::ChainConfig& config_;
    Ports ports_;
    mutable std::mutex mutex_;
    chain::Pool pool_;
    /// Grows with each head, so that an account read before it isn't used after it.
    std::atomic<std::uint64_t> generation_{0};
    store::Kv kept_;
    std::unordered_set<Hash> kept_hashes_;
    bus::Feed<chain::TransactionPtr> feed_;
    net::WorkerPool& pool_threads_;
};

}  // namespace weft::service::validation
