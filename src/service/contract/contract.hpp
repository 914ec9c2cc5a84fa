#pragma once
// The contract service: runs code against a state that storage has.
//
// Owns     nothing: every answer is made from the state asked for, so that several can serve beside one another.
// Serves   weft.Contract.
// Calls    weft.Storage/Root, GetBlock, GetTransaction; weft.Validation/Best; weft.Consensus/Status.
// Fails    with the words clients know; an execution is bounded in gas, depth and memory, never in trust.
//
// What may take long runs on a pool of threads, so that no loop waits for it.

#include <functional>
#include <memory>

#include "api/consensus.hpp"
#include "api/contract.hpp"
#include "api/storage.hpp"
#include "api/validation.hpp"
#include "chain/execute.hpp"
#include "chain/fork.hpp"
#include "chain/state.hpp"
#include "mesh/service.hpp"
#include "net/loop.hpp"

namespace weft::service::contract {

/// Gas that a call may use if it doesn't say, and at most: geth's bound.
inline constexpr std::uint64_t call_gas_max = 50'000'000;

/// A block and the state after it.
struct StateAt {
    std::unique_ptr<chain::StateReader> reader;
    api::SealedBlockPtr block;
};
/// @errors not_found  header not found.
using OpenState = std::function<Result<StateAt>(const api::BlockRef&)>;

struct Ports {
    mesh::Port<api::storage::Root> root;
    mesh::Port<api::storage::GetBlock> get_block;
    mesh::Port<api::storage::GetTransaction> get_transaction;
    mesh::Port<api::validation::Best> best;
    mesh::Port<api::consensus::Status> status;
    OpenState open_state;
};

class Contract {
  public:
    /// @param config  of the chain; must outlive the service. @param pool  runs what takes long; must outlive it too.
    Contract(const chain::ChainConfig& config, Ports ports, net::WorkerPool& pool);

    Task<api::contract::CallReply> call(mesh::Context, api::contract::Call request);
    Task<api::contract::EstimateReply> estimate(mesh::Context, api::contract::Estimate request);
    Task<api::contract::AccessListReply> create_access_list(mesh::Context, api::contract::CreateAccessList request);
    Task<api::JsonReply> trace_transaction(mesh::Context, api::contract::TraceTransaction request);
    Task<api::JsonReply> trace_block(mesh::Context, api::contract::TraceBlock request);
    Task<api::JsonReply> trace_call(mesh::Context, api::contract::TraceCall request);
    Task<api::contract::SimulateReply> simulate(mesh::Context, api::contract::Simulate request);
    Task<api::contract::PendingBlockReply> pending_block(mesh::Context context, api::contract::PendingBlock);
    Task<api::contract::BuildReply> build(mesh::Context context, api::contract::Build request);
    Task<api::contract::MakeChangeReply> make_change(mesh::Context, api::contract::MakeChange request);

  private:
    /// A state to run in: of a block, or what the pool would make of the newest one.
    Task<StateAt> open(mesh::Context context, api::BlockRef ref);
    /// The block that would be sealed now, with its changes.
    Task<api::contract::BuildReply> build_pending(mesh::Context context);
    [[nodiscard]] Result<api::JsonReply> trace_transactions(const api::SealedBlock& block,
                                                            std::optional<std::size_t> only,
                                                            const api::contract::TraceOptions& options);

    const chain::ChainConfig& config_;
    Ports ports_;
    net::WorkerPool& pool_;
};

}  // namespace weft::service::contract
