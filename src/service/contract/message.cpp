#include "service/contract/message.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace weft::service::contract {

namespace {

constexpr std::int32_t reverted_code = 3;
constexpr std::int32_t server_error_code = -32000;

chain::TransactionType type_of(const api::contract::CallRequest& call) {
    if (!call.authorizations.empty()) return chain::TransactionType::set_code;
    if (!call.blob_hashes.empty()) return chain::TransactionType::blob;
    if (call.max_fee_per_gas || call.max_priority_fee_per_gas) return chain::TransactionType::dynamic_fee;
    if (call.access_list) return chain::TransactionType::access_list;
    return chain::TransactionType::legacy;
}

}  // namespace

chain::Transaction to_transaction(const api::contract::CallRequest& call, const chain::ChainConfig& config,
                                  const U256& base_fee, std::uint64_t gas_default) {
    chain::Transaction out;
    out.type = type_of(call);
    out.chain_id = config.chain_id;
    out.nonce = call.nonce.value_or(0);
    out.gas_limit = std::min(call.gas.value_or(gas_default), gas_default);
    if (call.gas_price) {
        out.max_fee_per_gas = *call.gas_price;
        out.max_priority_fee_per_gas = *call.gas_price;
    } else {
        out.max_priority_fee_per_gas = call.max_priority_fee_per_gas.value_or(U256{});
        out.max_fee_per_gas = call.max_fee_per_gas.value_or(
            out.max_priority_fee_per_gas.is_zero() ? U256{} : base_fee + base_fee + out.max_priority_fee_per_gas);
    }
    out.to = call.to;
    out.value = call.value.value_or(U256{});
    out.data = call.data;
    out.access_list = call.access_list.value_or(chain::AccessList{});
    out.max_fee_per_blob_gas = call.max_fee_per_blob_gas.value_or(U256{});
    out.blob_hashes = call.blob_hashes;
    out.authorizations = call.authorizations;
    return out;
}

Result<void> apply_overrides(chain::State& state, const std::vector<api::contract::AccountOverride>& overrides) {
    for (const auto& change : overrides) {
        if (change.move_precompile_to) state.move_precompile(change.address, *change.move_precompile_to);
        if (change.nonce) state.set_nonce(change.address, *change.nonce);
        if (change.code) state.set_code(change.address, *change.code);
        if (change.balance) state.set_balance(change.address, *change.balance);
        if (change.replace_storage) state.clear_storage(change.address);
        for (const auto& [key, value] : change.slots) {
            state.set_storage(change.address, U256::from_bytes(key), U256::from_bytes(value));
        }
    }
    return {};
}

chain::BlockEnvironment make_environment(const chain::ChainConfig& config, chain::Header header,
                                         const api::contract::BlockOverrides& overrides) {
    if (overrides.number) header.number = *overrides.number;
    if (overrides.time) header.timestamp = *overrides.time;
    if (overrides.gas_limit) header.gas_limit = *overrides.gas_limit;
    if (overrides.coinbase) header.coinbase = *overrides.coinbase;
    if (overrides.prev_randao) header.mix_hash = *overrides.prev_randao;
    if (overrides.base_fee) header.base_fee = *overrides.base_fee;
    auto environment = chain::make_environment(config, header);
    if (overrides.difficulty) environment.block.difficulty = *overrides.difficulty;
    if (overrides.blob_base_fee) environment.block.blob_base_fee = *overrides.blob_base_fee;
    return environment;
}

Result<void> check_sealable(const chain::Rules& rules) {
    if (rules.at_least(evm::Revision::byzantium)) return {};
    return fail(ErrorCode::failed_precondition, "blocks from before Byzantium can be imported, not made");
}

std::string call_wording(const chain::Refusal& refusal, const chain::Transaction& call,
                         const chain::BlockEnvironment& environment) {
    const auto gas = chain::intrinsic_gas(call, environment.rules.revision);
    if (refusal.rule == chain::Rule::intrinsic_gas_too_low) {
        return fmt::format("{}: have {}, want {}", chain::to_string(refusal.rule), call.gas_limit, gas.regular);
    }
    if (refusal.rule == chain::Rule::floor_gas_too_low) {
        return fmt::format("{}: have {}, want {}", chain::to_string(refusal.rule), call.gas_limit, gas.floor);
    }
    return refusal.message;
}

Result<Bytes> output_of(const chain::TransactionOutcome& outcome) {
    if (outcome.succeeded()) return outcome.output;
    Error error{ErrorCode::failed_precondition, chain::failure_message(outcome), {}, server_error_code};
    if (outcome.status == evm::Status::revert) {
        error.detail = reverted_code;
        error.data = outcome.output;
    }
    return std::unexpected(std::move(error));
}

}  // namespace weft::service::contract
