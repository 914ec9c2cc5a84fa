#include "chain/execute.hpp"

#include <algorithm>

#include "base/hex.hpp"
#include "evm/call.hpp"
#include "evm/code.hpp"
#include "evm/status.hpp"

namespace weft::chain {

namespace {

using evm::Revision;

constexpr std::uint64_t authorization_refund = 25000 - 12500;  // EIP-7702: PER_EMPTY_ACCOUNT_COST - PER_AUTH_BASE_COST
constexpr std::size_t delegation_size = 23;                    // 0xef0100 and an address

/// One run of a transaction or call.
class Execution {
  public:
    Execution(State& state, const BlockEnvironment& block, const Transaction& tx, const Address& sender,
              evm::Tracer* tracer, const CallChecks& checks)
        : state_(state), rules_(block.rules), tx_(tx), sender_(sender), checks_(checks) {
        environment_.revision = rules_.revision;
        environment_.block = block.block;
        environment_.tracer = tracer;
        environment_.limiter = block.limiter;
        environment_.allow_unlimited_code = checks.allow_unlimited_code;
        environment_.moved_precompiles = state.moved_precompiles();
    }
    /// Without fees a call sees a block without fees, so that its price is never below them.
    void forgo_fees() {
        if (tx_.max_fee_per_gas.is_zero()) environment_.block.base_fee = {};
        if (tx_.max_fee_per_blob_gas.is_zero()) environment_.block.blob_base_fee = {};
    }

    Checked<void> check() const {
        if (auto checked = check_nonce(); !checked) return checked;
        if (auto checked = check_sender(); !checked) return checked;
        if (auto checked = check_fees(); !checked) return checked;
        return check_funds();
    }

    /// @param pays_coinbase  if not, the caller does.
    TransactionOutcome run(const IntrinsicGas& intrinsic, bool pays_coinbase = true) {
        const U256& base_fee = environment_.block.base_fee;
        TransactionOutcome outcome;
        outcome.effective_gas_price = effective_gas_price(tx_, base_fee);
        environment_.transaction = {sender_, outcome.effective_gas_price, tx_.blob_hashes};

        state_.begin_transaction();
        const U256 blob_fee = environment_.block.blob_base_fee * U256(blob_gas(tx_));
        state_.set_balance(sender_,
                           state_.balance(sender_) - outcome.effective_gas_price * U256(tx_.gas_limit) - blob_fee);
        const std::uint64_t nonce = state_.nonce(sender_);
        state_.set_nonce(sender_, nonce + 1);
        warm_up();
        const std::uint64_t authorization_refunds = apply_authorizations();

        evm::CallResult result = call(tx_.gas_limit - intrinsic.regular);
        outcome.status = result.status;
        outcome.output = std::move(result.output);
        outcome.failed_opcode = result.failed_opcode;
        outcome.failed_stack_size = result.failed_stack_size;
        if (!tx_.to) outcome.created = evm::create_address(sender_, nonce);

        const std::uint64_t spent = tx_.gas_limit - result.gas_left;
        const std::uint64_t refund =
            static_cast<std::uint64_t>(std::max<std::int64_t>(result.gas_refund, 0)) + authorization_refunds;
        outcome.gas_refunded = std::min(refund, spent / rules_.refund_quotient);
        outcome.gas_used = std::max(spent - outcome.gas_refunded, intrinsic.floor);
        outcome.gas_used_peak = std::max(spent, intrinsic.floor);
        settle(outcome, pays_coinbase);
        outcome.logs = state_.take_logs();
        state_.end_transaction();
        return outcome;
    }

  private:
    [[nodiscard]] std::string address_text() const { return "address " + to_checksum_address(sender_); }

    [[nodiscard]] Checked<void> check_nonce() const {
        if (!checks_.nonce) return {};
        const std::uint64_t nonce = state_.nonce(sender_);
        if (tx_.nonce == nonce) return {};
        const std::string detail =
            address_text() + ", tx: " + std::to_string(tx_.nonce) + " state: " + std::to_string(nonce);
        return refuse(tx_.nonce < nonce ? Rule::nonce_too_low : Rule::nonce_too_high, detail);
    }
    /// EIP-3607, with EIP-7702's exception.
    [[nodiscard]] Checked<void> check_sender() const {
        if (!checks_.sender) return {};
        const auto account = state_.account(sender_);
        if (!account || account->code_hash == empty_code_hash) return {};
        if (rules_.at_least(Revision::prague) && evm::delegation_of(state_.code(sender_)->bytes())) return {};
        return refuse(Rule::sender_not_eoa, address_text() + ", codehash: " + to_hex(account->code_hash));
    }
    [[nodiscard]] Checked<void> check_fees() const {
        const evm::BlockContext& block = environment_.block;
        if (tx_.max_fee_per_gas < block.base_fee) {
            return refuse(Rule::fee_cap_below_base_fee, address_text() +
                                                            ", maxFeePerGas: " + to_decimal(tx_.max_fee_per_gas) +
                                                            ", baseFee: " + to_decimal(block.base_fee));
        }
        if (tx_.type == TransactionType::blob && tx_.max_fee_per_blob_gas < block.blob_base_fee) {
            return refuse(Rule::blob_fee_cap_too_low, address_text() +
                                                          " blobGasFeeCap: " + to_decimal(tx_.max_fee_per_blob_gas) +
                                                          ", blobBaseFee: " + to_decimal(block.blob_base_fee));
        }
        return {};
    }
    [[nodiscard]] Checked<void> check_funds() const {
        const auto cost = maximum_cost(tx_);
        if (!cost) return refuse(Rule::gas_overflow, address_text() + " required balance exceeds 256 bits");
        const U256 balance = state_.balance(sender_);
        if (balance >= *cost) return {};
        return refuse(Rule::insufficient_funds,
                      address_text() + " have " + to_decimal(balance) + " want " + to_decimal(*cost));
    }

    void warm_up() {
        if (!rules_.at_least(Revision::berlin)) return;
        (void)state_.warm_account(sender_);
        if (tx_.to) (void)state_.warm_account(*tx_.to);
        if (rules_.at_least(Revision::shanghai)) (void)state_.warm_account(environment_.block.coinbase);
        for (const auto& entry : tx_.access_list) {
            (void)state_.warm_account(entry.address);
            for (const auto& key : entry.storage_keys) (void)state_.warm_storage(entry.address, U256::from_bytes(key));
        }
    }

    /// @return gas to refund for authorities that exist already.
    std::uint64_t apply_authorizations() {
        std::uint64_t refund = 0;
        for (const auto& authorization : tx_.authorizations) {
            if (!authorization.chain_id.is_zero() && authorization.chain_id != U256(environment_.block.chain_id))
                continue;
            if (authorization.nonce == ~0ULL) continue;
            const auto authority = recover_authority(authorization);
            if (!authority) continue;
            (void)state_.warm_account(*authority);
            const auto code = state_.code(*authority);
            if (code->size() != 0 && !evm::delegation_of(code->bytes())) continue;
            if (state_.nonce(*authority) != authorization.nonce) continue;
            if (state_.exists(*authority)) refund += authorization_refund;
            Bytes delegation;
            if (!authorization.address.is_zero()) {
                delegation.reserve(delegation_size);
                delegation = {0xef, 0x01, 0x00};
                append(delegation, authorization.address);
            }
            state_.set_code(*authority, std::move(delegation));
            state_.set_nonce(*authority, authorization.nonce + 1);
        }
        return refund;
    }

    evm::CallResult call(std::uint64_t gas) {
        evm::Message message;
        message.kind = tx_.to ? evm::CallKind::call : evm::CallKind::create;
        message.gas = gas;
        message.sender = sender_;
        message.value = tx_.value;
        message.input = tx_.data;
        if (tx_.to) message.recipient = message.code_address = *tx_.to;
        return evm::execute(state_, environment_, message);
    }

    /// Gives back what is left and pays whom the fees are for; the base fee is burnt.
    void settle(TransactionOutcome& outcome, bool pays_coinbase) {
        state_.add_balance(sender_, outcome.effective_gas_price * U256(tx_.gas_limit - outcome.gas_used));
        const U256 tip = outcome.effective_gas_price - environment_.block.base_fee;
        outcome.coinbase_fee = tip * U256(outcome.gas_used);
        if (pays_coinbase) state_.add_balance(environment_.block.coinbase, outcome.coinbase_fee);
    }

    State& state_;
    const Rules& rules_;
    const Transaction& tx_;
    const Address& sender_;
    CallChecks checks_;
    evm::Environment environment_;
};

Checked<TransactionOutcome> execute(State& state, const BlockEnvironment& environment,
                                    const SignedTransaction& transaction, evm::Tracer* tracer, bool pays_coinbase) {
    const Transaction& tx = transaction.transaction;
    if (auto checked = validate_transaction(tx, environment.rules, environment.block.chain_id, transaction.sender);
        !checked) {
        return std::unexpected(checked.error());
    }
    Execution execution(state, environment, tx, transaction.sender, tracer,
                        {.nonce = true, .sender = true, .base_fee = true});
    if (auto checked = execution.check(); !checked) return std::unexpected(checked.error());
    return execution.run(intrinsic_gas(tx, environment.rules.revision), pays_coinbase);
}

}  // namespace

BlockEnvironment make_environment(const ChainConfig& config, const Header& header) {
    BlockEnvironment environment;
    environment.rules = rules_of(config, header);
    evm::BlockContext& block = environment.block;
    block.number = header.number;
    block.timestamp = header.timestamp;
    block.gas_limit = header.gas_limit;
    block.coinbase = header.coinbase;
    block.difficulty = header.difficulty;
    block.prev_randao = header.mix_hash;
    block.base_fee = header.base_fee.value_or(U256{});
    block.blob_base_fee = blob_base_fee(environment.rules, header.excess_blob_gas.value_or(0));
    block.chain_id = config.chain_id;
    return environment;
}

Checked<TransactionOutcome> execute_transaction(State& state, const BlockEnvironment& environment,
                                                const SignedTransaction& transaction, evm::Tracer* tracer) {
    return execute(state, environment, transaction, tracer, true);
}

Checked<TransactionOutcome> execute_transaction_ahead(State& state, const BlockEnvironment& environment,
                                                      const SignedTransaction& transaction) {
    return execute(state, environment, transaction, nullptr, false);
}

Checked<TransactionOutcome> execute_call(State& state, const BlockEnvironment& environment, const Transaction& call,
                                         const Address& sender, evm::Tracer* tracer, const CallChecks& checks) {
    Transaction tx = call;
    tx.chain_id = std::nullopt;
    if (!checks.nonce) tx.nonce = 0;
    Rules rules = environment.rules;
    if (!checks.sender) rules.transaction_gas_max = ~0ULL;
    if (auto checked = validate_transaction(tx, rules, environment.block.chain_id, sender); !checked) {
        return std::unexpected(checked.error());
    }
    Execution execution(state, environment, tx, sender, tracer, checks);
    if (!checks.base_fee) execution.forgo_fees();
    if (auto checked = execution.check(); !checked) return std::unexpected(checked.error());
    return execution.run(intrinsic_gas(tx, rules.revision));
}

std::string failure_message(const TransactionOutcome& outcome) {
    std::string message = evm::describe(outcome.status, outcome.failed_opcode, outcome.failed_stack_size);
    if (outcome.status != evm::Status::revert) return message;
    if (const auto reason = evm::revert_reason(outcome.output)) message += ": " + *reason;
    return message;
}

}  // namespace weft::chain
