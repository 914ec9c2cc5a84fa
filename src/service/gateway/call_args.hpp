#pragma once
// The objects that describe a transaction or a call, and what a call may pretend about the state and the block.

#include <vector>

#include "api/contract.hpp"
#include "base/json.hpp"
#include "base/result.hpp"

namespace weft::service::gateway {

/// A transaction object as eth_call, eth_sendTransaction and their relatives take it.
struct TransactionArgs {
    api::contract::CallRequest call;
    /// "data" and "input" are both there and differ; calls take input, transactions are refused.
    bool data_conflict = false;
};

[[nodiscard]] Result<TransactionArgs> read_transaction_args(const json::Value& value);
/// The same for calls, which also refuse two kinds of fees at once.
[[nodiscard]] Result<api::contract::CallRequest> read_call(const json::Value& value);
[[nodiscard]] Result<std::vector<api::contract::AccountOverride>> read_overrides(const json::Value& value);
[[nodiscard]] Result<api::contract::BlockOverrides> read_block_overrides(const json::Value& value);
[[nodiscard]] Result<chain::AccessList> read_access_list(const json::Value& value);

/// @errors failed_precondition  gas price together with the two fees, or a tip above the fee.
[[nodiscard]] Result<void> check_fees(const api::contract::CallRequest& call);
/// @errors failed_precondition  the object is for another chain.
[[nodiscard]] Result<void> check_chain(const api::contract::CallRequest& call, std::uint64_t chain_id);

}  // namespace weft::service::gateway
