#pragma once
// From what eth_call and its kin are given to what the engine runs.

#include "api/contract.hpp"
#include "chain/execute.hpp"
#include "chain/state.hpp"

namespace weft::service::contract {

/// @param gas_default  if the call names none; also the most it gets.
[[nodiscard]] chain::Transaction to_transaction(const api::contract::CallRequest& call,
                                                const chain::ChainConfig& config, const U256& base_fee,
                                                std::uint64_t gas_default);

/// @errors invalid_argument  both state and stateDiff, or a precompile moved that is none.
[[nodiscard]] Result<void> apply_overrides(chain::State& state,
                                           const std::vector<api::contract::AccountOverride>& overrides);
/// The block's environment with what is overridden.
[[nodiscard]] chain::BlockEnvironment make_environment(const chain::ChainConfig& config, chain::Header header,
                                                       const api::contract::BlockOverrides& overrides);

/// Before Byzantium a receipt holds the state's root after its transaction, which only an import works out.
/// @errors failed_precondition  such a block is to be made.
[[nodiscard]] Result<void> check_sealable(const chain::Rules& rules);

/// Why a call was refused, as clients word it; it differs from a transaction's refusal in the gas it names.
[[nodiscard]] std::string call_wording(const chain::Refusal& refusal, const chain::Transaction& call,
                                       const chain::BlockEnvironment& environment);

/// An outcome as clients get it: its output, or the error of a revert (detail 3, data the output) or failure.
[[nodiscard]] Result<Bytes> output_of(const chain::TransactionOutcome& outcome);

}  // namespace weft::service::contract
