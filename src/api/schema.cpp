#include "api/schema.hpp"

#include "api/chain_v1.hpp"
#include "api/consensus.hpp"
#include "api/contract.hpp"
#include "api/monitor.hpp"
#include "api/network.hpp"
#include "api/registry.hpp"
#include "api/storage.hpp"
#include "api/validation.hpp"
#include "api/wallet.hpp"

namespace weft::api {

namespace {

template <class... Operations>
SchemaFile file(std::string name, std::string service) {
    const std::string prefix = service;
    wire::Schema schema("weft", std::move(service), prefix);
    (schema.add<Operations>(), ...);
    return {std::move(name), schema.text()};
}

wire::Schema chain_schema() {
    using namespace chain_v1;
    wire::Schema schema(std::string(package), "Chain", "", about);
    schema.add<GetChainIdRequest>();
    schema.add<GetHeadRequest>();
    schema.add<GetBlockRequest>();
    schema.add<GetTransactionRequest>();
    schema.add<GetReceiptRequest>();
    schema.add<GetLogsRequest>();
    schema.add<GetBalanceRequest>();
    schema.add<GetAccountRequest>();
    schema.add<GetStorageRequest>();
    schema.add<GetProofRequest>();
    schema.add<CallRequest>();
    schema.add<EstimateGasRequest>();
    schema.add<GetGasPriceRequest>();
    schema.add<FeeHistoryRequest>();
    schema.add<SendRawTransactionRequest>();
    schema.add<HeadsRequest>();
    schema.add<LogsRequest>();
    schema.message<RpcError>();
    return schema;
}

constexpr std::string_view chain_file = "chain/v1/chain.proto";

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
        {std::string(chain_file), chain_schema().text()},
    };
}

wire::FileDescriptor chain_descriptor() { return chain_schema().descriptor("weft/" + std::string(chain_file)); }

}  // namespace weft::api
