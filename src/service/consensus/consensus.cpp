#include "service/consensus/consensus.hpp"

namespace weft::service::consensus {

namespace {

template <class T>
Task<T> no_validators() {
    co_return fail(ErrorCode::failed_precondition, "this chain has one sealer, and no validators that vote");
}

template <class T>
Task<T> no_development() {
    co_return fail(ErrorCode::permission_denied, "not a development chain");
}

}  // namespace

namespace c = api::consensus;

Task<c::DeliverReply> Consensus::deliver(mesh::Context, c::Deliver) { return no_validators<c::DeliverReply>(); }
Task<c::ProveIdentityReply> Consensus::prove_identity(mesh::Context, c::ProveIdentity) {
    co_return c::ProveIdentityReply{};
}
Task<c::ValidatorSetReply> Consensus::validator_set(mesh::Context, c::ValidatorSet) {
    co_return c::ValidatorSetReply{};
}
Task<c::ProgressReply> Consensus::progress(mesh::Context, c::Progress) { return no_validators<c::ProgressReply>(); }
/// One sealer: what it has sealed is the newest there is.
Task<c::ReadIndexReply> Consensus::read_index(mesh::Context context, c::ReadIndex) {
    const auto now = co_await status(context, {});
    co_return c::ReadIndexReply{now.height};
}
Task<c::EvidenceReply> Consensus::evidence(mesh::Context, c::Evidence) { co_return c::EvidenceReply{}; }
Task<c::VotesReply> Consensus::votes(mesh::Context, c::Votes) { return no_validators<c::VotesReply>(); }
Task<c::VotesReply> Consensus::propose_vote(mesh::Context, c::ProposeVote) { return no_validators<c::VotesReply>(); }

Task<c::SealReply> Consensus::mine(mesh::Context, c::Mine) { return no_development<c::SealReply>(); }
Task<c::StatusReply> Consensus::configure(mesh::Context, c::Configure) { return no_development<c::StatusReply>(); }
Task<c::ClockReply> Consensus::clock(mesh::Context, c::Clock) { co_return c::ClockReply{}; }
Task<c::SnapshotReply> Consensus::snapshot(mesh::Context, c::Snapshot) { return no_development<c::SnapshotReply>(); }
Task<c::RevertReply> Consensus::revert(mesh::Context, c::Revert) { return no_development<c::RevertReply>(); }
Task<c::RevertReply> Consensus::reset(mesh::Context, c::Reset) { return no_development<c::RevertReply>(); }
Task<api::Empty> Consensus::set_account(mesh::Context, c::SetAccount) { return no_development<api::Empty>(); }
Task<c::RevertReply> Consensus::impersonate(mesh::Context, c::Impersonate) {
    return no_development<c::RevertReply>();
}
Task<c::RevertReply> Consensus::may_impersonate(mesh::Context, c::MayImpersonate) { co_return c::RevertReply{}; }

}  // namespace weft::service::consensus
