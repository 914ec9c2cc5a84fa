#pragma once
// The contract service: runs code against a state that storage has.
//
// Owns     nothing: every answer is made from the state asked for, so that several can serve beside one another, in the
//          node and in processes of their own.
// Serves   weft.Contract.
// Calls    weft.Storage/Root, GetBlock, GetTransaction, and OpenState, ReadState if storage is elsewhere;
//          weft.Validation/Best; weft.Consensus/Status.
// Fails    with the words clients know; an execution is bounded in gas, time, depth, memory and what a trace keeps,
//          never in trust.
//
// What may take long runs on a pool of threads, so that no loop waits for it.

#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "api/consensus.hpp"
#include "api/contract.hpp"
#include "api/storage.hpp"
#include "api/validation.hpp"
#include "base/workers.hpp"
#include "chain/execute.hpp"
#include "chain/fork.hpp"
#include "mesh/service.hpp"
#include "net/loop.hpp"
#include "service/contract/limits.hpp"
#include "service/contract/state_source.hpp"

namespace weft::service::contract {

struct Ports {
    mesh::Port<api::storage::Root> root;
    /// What only the node's own contract service needs, which makes blocks.
    mesh::Port<api::storage::Commit> commit;
    mesh::Port<api::validation::FindPooled> find_pooled;
    mesh::Port<api::storage::GetBlock> get_block;
    mesh::Port<api::storage::GetTransaction> get_transaction;
    mesh::Port<api::validation::Best> best;
    mesh::Port<api::consensus::Status> status;
    OpenState open_state;
};

/// One execution for a request.
struct Run {
    StateAt& at;
    evm::Limiter& limiter;
    Watchdog::Watch& watch;
};

/// A block with its receipts, and what it does to the state.
struct Executed {
    api::SealedBlockPtr block;
    std::shared_ptr<const chain::StateChanges> changes;
};
/// A block in the making.
struct Made {
    api::contract::BuildReply reply;
    std::shared_ptr<const chain::StateChanges> changes;
};

class Contract {
  public:
    /// @param config  of the chain; must outlive the service. @param pool  runs what takes long; must outlive it too.
    /// @param workers  execute the transactions of a block that is built; the same.
    Contract(const chain::ChainConfig& config, Ports ports, net::WorkerPool& pool, Workers& workers = serial_workers(),
             Limits limits = {});

    Task<api::contract::CallReply> call(mesh::Context, api::contract::Call request);
    Task<api::contract::EstimateReply> estimate(mesh::Context, api::contract::Estimate request);
    Task<api::contract::AccessListReply> create_access_list(mesh::Context, api::contract::CreateAccessList request);
    Task<api::JsonReply> trace_transaction(mesh::Context, api::contract::TraceTransaction request);
    Task<api::JsonReply> trace_block(mesh::Context, api::contract::TraceBlock request);
    Task<api::JsonReply> trace_call(mesh::Context, api::contract::TraceCall request);
    Task<api::contract::SimulateReply> simulate(mesh::Context, api::contract::Simulate request);
    Task<api::contract::ExecuteReply> execute(mesh::Context, api::contract::Execute request);
    Task<api::contract::ActivityReply> activity(mesh::Context, api::contract::Activity request);
    Task<api::contract::PendingBlockReply> pending_block(mesh::Context context, api::contract::PendingBlock);
    Task<api::contract::PreviewReply> preview(mesh::Context context, api::contract::Preview request);
    Task<api::contract::BuildReply> build(mesh::Context context, api::contract::Build request);
    Task<api::contract::CheckReply> check(mesh::Context context, api::contract::Check request);
    Task<api::contract::AdoptReply> adopt(mesh::Context context, api::contract::Adopt request);
    Task<api::contract::MakeChangeReply> make_change(mesh::Context, api::contract::MakeChange request);
    /// Ends what executes, and what begins to from now on, but for blocks.
    void stop() { dog_.stop_all(); }

  private:
    /// A state to run in: of a block, or what the pool would make of the newest one.
    Task<StateAt> open(mesh::Context context, StateWanted wanted);
    /// Opens a state and calls work(Run&), which gives a Result<T>, on the pool; again if the chain was taken back
    /// meanwhile. What came of a state that could not be read, or of an execution that was ended, is dropped.
    ///
    /// @param work     must live until the task ends.
    /// @param time_ns  of execution; 0: no bound.
    template <class T, class Work>
    Task<T> with_state(mesh::Context context, StateWanted wanted, std::int64_t time_ns, const Work& work,
                       bool is_trace = false);
    /// The same within the limits of a request.
    template <class T, class Work>
    Task<T> with_state(mesh::Context context, StateWanted wanted, const Work& work) {
        return with_state<T>(context, std::move(wanted), limits_.time_ns, work);
    }
    [[nodiscard]] std::int64_t trace_time_ns(const api::contract::TraceOptions& options) const;
    /// The block that would be sealed now, with its changes.
    Task<Made> build_pending(mesh::Context context);
    /// A block after any block, which is not for committing.
    Task<Made> build_aside(mesh::Context context, api::contract::Build request);
    Task<Made> seal(mesh::Context context, const api::SealedBlock& parent, std::shared_ptr<api::SealedBlock> block,
                    Made made, std::optional<api::BlockRef> base);
    /// What a block that follows the head is and changes, from its encoding.
    Task<Executed> execute_next(mesh::Context context, BytesView encoded);
    void keep(Executed executed);
    [[nodiscard]] std::optional<Executed> find_kept(const Hash& hash);
    Task<api::JsonReply> trace_transactions(mesh::Context context, api::SealedBlockPtr block,
                                            std::optional<std::size_t> only, api::contract::TraceOptions options);

    const chain::ChainConfig& config_;
    Ports ports_;
    net::WorkerPool& pool_;
    Workers& workers_;
    const Limits limits_;
    Watchdog dog_;
    std::mutex kept_mutex_;
    std::vector<Executed> kept_;  // blocks on the head that were executed, the newest last
};

/// What executing a call will surely read.
[[nodiscard]] StateWanted wanted_by(const api::contract::CallRequest& call, const api::BlockRef& block);
/// ... and a block's transactions, of the state of its parent.
[[nodiscard]] StateWanted wanted_by(const api::SealedBlock& block);

template <class T, class Work>
Task<T> Contract::with_state(mesh::Context context, StateWanted wanted, std::int64_t time_ns, const Work& work,
                             bool is_trace) {
    constexpr int attempts_max = 3;
    for (int attempt = 1;; ++attempt) {
        auto at = co_await settled(open(context, wanted));
        std::optional<Error> failure = at ? std::nullopt : std::optional(at.error());
        Result<T> result = fail(ErrorCode::internal, "not run");
        if (at) {
            result = co_await settled(net::run_on(pool_, [&]() -> Result<T> {
                evm::Limiter limiter(limits_.memory, limits_.depth);
                Watchdog::Watch watch(dog_, limiter, context.deadline_ns, time_ns);
                Run run{*at, limiter, watch};
                Result<T> done = work(run);
                if (limiter.requested()) done = std::unexpected(to_error(limiter.reason(), limits_, time_ns, is_trace));
                return done;
            }));
            failure = at->reader->failure();
        }
        if (!failure) co_return std::move(result);
        if (failure->code != ErrorCode::aborted || attempt == attempts_max) {
            co_return std::unexpected(*std::move(failure));
        }
    }
}

}  // namespace weft::service::contract
