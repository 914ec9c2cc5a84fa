#pragma once
// Everything the gateway asks of others: one port an operation. The app fills them, with the services themselves or
// with clients of other processes.

#include "api/consensus.hpp"
#include "api/contract.hpp"
#include "api/monitor.hpp"
#include "api/network.hpp"
#include "api/storage.hpp"
#include "api/validation.hpp"
#include "api/wallet.hpp"
#include "mesh/service.hpp"

namespace weft::service::gateway {

struct Ports {
    // storage
    mesh::Port<api::storage::Head> head;
    mesh::Port<api::storage::GetBlock> get_block;
    mesh::Port<api::storage::GetTransaction> get_transaction;
    mesh::Port<api::storage::GetAccount> get_account;
    mesh::Port<api::storage::GetCode> get_code;
    mesh::Port<api::storage::GetSlot> get_slot;
    mesh::Port<api::storage::GetProof> get_proof;
    mesh::Port<api::storage::GetLogs> get_logs;
    mesh::Port<api::storage::FeeHistory> fee_history;
    mesh::Port<api::storage::Events> storage_events;
    // validation
    mesh::Port<api::validation::Submit> submit;
    mesh::Port<api::validation::PendingNonce> pending_nonce;
    mesh::Port<api::validation::GetPooled> get_pooled;
    mesh::Port<api::validation::PoolStatus> pool_status;
    mesh::Port<api::validation::PoolContent> pool_content;
    mesh::Port<api::validation::Best> best;
    mesh::Port<api::validation::Drop> drop;
    mesh::Port<api::validation::PendingEvents> pending_events;
    // contract
    mesh::Port<api::contract::Call> call;
    mesh::Port<api::contract::Estimate> estimate;
    mesh::Port<api::contract::CreateAccessList> create_access_list;
    mesh::Port<api::contract::TraceTransaction> trace_transaction;
    mesh::Port<api::contract::TraceBlock> trace_block;
    mesh::Port<api::contract::TraceCall> trace_call;
    mesh::Port<api::contract::Simulate> simulate;
    mesh::Port<api::contract::PendingBlock> pending_block;
    mesh::Port<api::contract::Preview> preview;
    // consensus
    mesh::Port<api::consensus::Status> status;
    mesh::Port<api::consensus::ReadIndex> read_index;
    mesh::Port<api::consensus::ValidatorSet> validator_set;
    mesh::Port<api::consensus::Votes> votes;
    mesh::Port<api::consensus::Mine> mine;
    mesh::Port<api::consensus::Configure> configure;
    mesh::Port<api::consensus::Clock> clock;
    mesh::Port<api::consensus::Snapshot> snapshot;
    mesh::Port<api::consensus::Revert> revert;
    mesh::Port<api::consensus::Reset> reset;
    mesh::Port<api::consensus::SetAccount> set_account;
    mesh::Port<api::consensus::Impersonate> impersonate;
    mesh::Port<api::consensus::MayImpersonate> may_impersonate;
    // wallet
    mesh::Port<api::wallet::Accounts> accounts;
    mesh::Port<api::wallet::Sign> sign;
    // network
    mesh::Port<api::network::Status> network_status;
    // monitor
    mesh::Port<api::monitor::Report> report;
    mesh::Port<api::monitor::Finality> finality;
    mesh::Port<api::monitor::TopContracts> top_contracts;
    mesh::Port<api::monitor::ContractStats> contract_stats;
    mesh::Port<api::monitor::ContractEvents> contract_events;
};

}  // namespace weft::service::gateway
