#include "api/schema.hpp"

#include "api/consensus.hpp"
#include "api/contract.hpp"
#include "api/monitor.hpp"
#include "api/network.hpp"
#include "api/registry.hpp"
#include "api/storage.hpp"
#include "api/validation.hpp"
#include "api/wallet.hpp"
#include "base/wire_schema.hpp"

namespace weft::api {

namespace {

template <class... Operations>
SchemaFile file(std::string name, std::string service) {
    wire::Schema schema("weft", std::move(service));
    (schema.add<Operations>(), ...);
    return {std::move(name), schema.text()};
}

}  // namespace

std::vector<SchemaFile> schema_files() {
    return {
        file<storage::Head, storage::GetBlock, storage::GetTransaction, storage::GetAccount, storage::GetCode,
             storage::GetSlot, storage::GetProof, storage::GetLogs, storage::FeeHistory, storage::Events,
             storage::OpenState, storage::ReadState, storage::RootOf, storage::ReadBlocks, storage::SnapshotHead,
             storage::ReadSnapshot, storage::CommitDelta, storage::Amend, storage::Rewind, storage::Usage,
             storage::BeginSnapshot, storage::PutHeaders, storage::PutChunk, storage::FinishSnapshot>("storage.proto",
                                                                                                      "Storage"),
        file<validation::Submit, validation::PendingNonce, validation::GetPooled, validation::PoolStatus,
             validation::PoolContent, validation::Drop, validation::PendingEvents, validation::Best, validation::Import,
             validation::Match, validation::FindPooled, validation::HeadChanged>("validation.proto", "Validation"),
        file<contract::Call, contract::Estimate, contract::CreateAccessList, contract::TraceTransaction,
             contract::TraceBlock, contract::TraceCall, contract::Simulate, contract::PendingBlock, contract::Execute,
             contract::Activity, contract::Preview, contract::Build, contract::Check, contract::Adopt,
             contract::MakeChange>("contract.proto", "Contract"),
        file<consensus::Status, consensus::Mine, consensus::Configure, consensus::Clock, consensus::Snapshot,
             consensus::Revert, consensus::Reset, consensus::SetAccount, consensus::Impersonate,
             consensus::MayImpersonate, consensus::Deliver, consensus::ProveIdentity, consensus::ValidatorSet,
             consensus::Progress, consensus::ReadIndex, consensus::Evidence, consensus::Votes, consensus::ProposeVote,
             consensus::Notify>("consensus.proto", "Consensus"),
        file<wallet::Accounts, wallet::Sign>("wallet.proto", "Wallet"),
        file<network::Status, network::Announce, network::Send, network::FetchBlocks, network::Penalize,
             network::FetchHeaders, network::FetchSnapshot, network::FetchChunk>("network.proto", "Network"),
        file<monitor::Report, monitor::TopContracts, monitor::ContractStats, monitor::ContractEvents,
             monitor::Finality>("monitor.proto", "Monitor"),
        file<registry::Register, registry::Renew, registry::Deregister, registry::List, registry::Drain>(
            "registry.proto", "Registry"),
    };
}

}  // namespace weft::api
