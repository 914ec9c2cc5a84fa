#pragma once
// The consensus service, whichever engine it drives. What an engine has no use for is refused in words.

#include <string>

#include "api/consensus.hpp"
#include "mesh/service.hpp"

namespace weft::service::consensus {

class Consensus {
  public:
    Consensus() = default;
    Consensus(const Consensus&) = delete;
    Consensus& operator=(const Consensus&) = delete;
    virtual ~Consensus() = default;

    /// Takes up the head and begins.
    [[nodiscard]] virtual Result<void> start() = 0;
    /// Ends after the block in the making; who still waits gets `cancelled`.
    virtual void stop() = 0;

    virtual Task<api::consensus::StatusReply> status(mesh::Context, api::consensus::Status) = 0;
    virtual Task<api::consensus::SealReply> notify(mesh::Context, api::consensus::Notify) = 0;

    // Engines with several validators.
    virtual Task<api::consensus::DeliverReply> deliver(mesh::Context, api::consensus::Deliver);
    virtual Task<api::consensus::ProveIdentityReply> prove_identity(mesh::Context, api::consensus::ProveIdentity);
    virtual Task<api::consensus::ValidatorSetReply> validator_set(mesh::Context, api::consensus::ValidatorSet);
    virtual Task<api::consensus::ProgressReply> progress(mesh::Context, api::consensus::Progress);
    virtual Task<api::consensus::ReadIndexReply> read_index(mesh::Context, api::consensus::ReadIndex);
    virtual Task<api::consensus::EvidenceReply> evidence(mesh::Context, api::consensus::Evidence);
    virtual Task<api::consensus::VotesReply> votes(mesh::Context, api::consensus::Votes);
    virtual Task<api::consensus::VotesReply> propose_vote(mesh::Context, api::consensus::ProposeVote);

    // Development chains.
    virtual Task<api::consensus::SealReply> mine(mesh::Context, api::consensus::Mine);
    virtual Task<api::consensus::StatusReply> configure(mesh::Context, api::consensus::Configure);
    virtual Task<api::consensus::ClockReply> clock(mesh::Context, api::consensus::Clock);
    virtual Task<api::consensus::SnapshotReply> snapshot(mesh::Context, api::consensus::Snapshot);
    virtual Task<api::consensus::RevertReply> revert(mesh::Context, api::consensus::Revert);
    virtual Task<api::consensus::RevertReply> reset(mesh::Context, api::consensus::Reset);
    virtual Task<api::Empty> set_account(mesh::Context, api::consensus::SetAccount);
    virtual Task<api::consensus::RevertReply> impersonate(mesh::Context, api::consensus::Impersonate);
    virtual Task<api::consensus::RevertReply> may_impersonate(mesh::Context, api::consensus::MayImpersonate);
};

}  // namespace weft::service::consensus
