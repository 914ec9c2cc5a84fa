#pragma once
// The consensus service of a chain with one sealer: the driver of consensus/solo.
//
// Owns     the order of blocks, and a development chain's settings and snapshots; it alone commits and rewinds.
// Serves   weft.Consensus.
// Calls    weft.Validation/Best, HeadChanged; weft.Contract/Build, Adopt; weft.Storage/Head, GetBlock, Amend, Rewind.
// Fails    closed: a block that can't be committed is not announced, and who waits for it gets the error.
//
// One thread seals. Whoever asks for something waits for that thread, never for a loop.

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "api/consensus.hpp"
#include "api/contract.hpp"
#include "api/storage.hpp"
#include "api/validation.hpp"
#include "chain/fork.hpp"
#include "chain/state.hpp"
#include "consensus/solo.hpp"
#include "mesh/service.hpp"
#include "service/consensus/consensus.hpp"

namespace weft::service::consensus {

namespace solo = weft::consensus::solo;

struct SoloPorts {
    mesh::Port<api::storage::Head> head;
    mesh::Port<api::storage::GetBlock> get_block;
    mesh::Port<api::storage::Amend> amend;
    mesh::Port<api::storage::Rewind> rewind;
    mesh::Port<api::validation::Best> best;
    mesh::Port<api::validation::HeadChanged> head_changed;
    mesh::Port<api::validation::Drop> drop;
    mesh::Port<api::contract::Build> build;
    mesh::Port<api::contract::Adopt> adopt;
    /// What a change of one account does to the newest state; the contract service knows states.
    mesh::Port<api::contract::MakeChange> make_change;
};

struct SoloSettings {
    bool development = false;
    solo::State initial;
};

class Solo final : public Consensus {
  public:
    /// @param config  of the chain; must outlive the service.
    Solo(const chain::ChainConfig& config, SoloPorts ports, SoloSettings settings);
    ~Solo() override;

    /// Takes up the head and starts sealing.
    [[nodiscard]] Result<void> start() override;
    /// Ends sealing after the block in the making; who still waits gets `cancelled`.
    void stop() override;

    Task<api::consensus::StatusReply> status(mesh::Context, api::consensus::Status) override;
    Task<api::consensus::SealReply> notify(mesh::Context, api::consensus::Notify) override;
    Task<api::consensus::SealReply> mine(mesh::Context, api::consensus::Mine) override;
    Task<api::consensus::StatusReply> configure(mesh::Context, api::consensus::Configure) override;
    Task<api::consensus::ClockReply> clock(mesh::Context, api::consensus::Clock) override;
    Task<api::consensus::SnapshotReply> snapshot(mesh::Context, api::consensus::Snapshot) override;
    Task<api::consensus::RevertReply> revert(mesh::Context, api::consensus::Revert) override;
    Task<api::consensus::RevertReply> reset(mesh::Context, api::consensus::Reset) override;
    Task<api::Empty> set_account(mesh::Context, api::consensus::SetAccount) override;
    Task<api::consensus::RevertReply> impersonate(mesh::Context, api::consensus::Impersonate) override;
    Task<api::consensus::RevertReply> may_impersonate(mesh::Context, api::consensus::MayImpersonate) override;

  private:
    struct Waiter {
        Hash hash;
        Promise<api::consensus::SealReply> promise;
    };
    struct Kept {  // a snapshot
        std::uint64_t id;
        std::uint64_t version;
        solo::State state;
    };

    /// Runs a function on the sealing thread.
    template <class T>
    Task<T> on_thread(std::function<Result<T>()> work);
    void loop();
    /// Waits for work. @return false at the end.
    bool next(std::deque<std::function<void()>>& jobs, std::vector<Waiter>& waiters, bool& by_interval);
    void answer(std::vector<Waiter> waiters);
    [[nodiscard]] chain::Header next_header() const;
    [[nodiscard]] Result<std::vector<chain::TransactionPtr>> best(const chain::Header& header) const;
    /// Seals one block, empty or not.
    [[nodiscard]] Result<api::SealedBlockPtr> seal();
    /// Seals one block if a transaction can go into it. @return null if none can.
    [[nodiscard]] Result<api::SealedBlockPtr> seal_waiting();
    /// Builds, commits, and tells the pool.
    [[nodiscard]] Result<api::SealedBlockPtr> seal(const chain::Header& header,
                                                   std::vector<chain::TransactionPtr> transactions);
    /// After a failure: a block may have been stored and the answer lost.
    [[nodiscard]] Result<void> look_at_storage();
    void remember(const Hash& hash);
    [[nodiscard]] Result<void> take_back(std::uint64_t version);
    [[nodiscard]] Result<void> only_development() const;
    [[nodiscard]] api::consensus::StatusReply describe() const;

    const chain::ChainConfig& config_;
    SoloPorts ports_;
    solo::Config rules_;
    std::string config_json_;
    Hash instance_id_;

    // Of the sealing thread.
    solo::State state_;
    api::SealedBlockPtr head_;
    bool is_head_known_ = true;
    std::int64_t again_at_ns_ = 0;  // monotonic_ns(); 0: nothing to try again
    std::vector<Kept> snapshots_;
    std::uint64_t next_snapshot_ = 1;
    // What became of transactions lately: who asks may come after the block.
    std::unordered_map<Hash, api::consensus::SealReply> sealed_;
    std::deque<Hash> sealed_order_;
    std::unordered_map<Hash, std::string> refused_;

    mutable std::mutex mutex_;
    std::condition_variable wake_;
    std::deque<std::function<void()>> jobs_;
    std::vector<Waiter> waiters_;
    bool stopping_ = false;
    api::consensus::StatusReply status_;  // copy for other threads
    std::unordered_set<Address> impersonated_;
    bool impersonate_all_ = false;
    std::thread thread_;
};

}  // namespace weft::service::consensus
