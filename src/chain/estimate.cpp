// The search for a call's gas limit.

#include <algorithm>

#include "chain/execute.hpp"
#include "evm/code.hpp"

namespace weft::chain {

namespace {

constexpr std::uint64_t transaction_gas = 21000;
constexpr std::uint64_t call_stipend = 2300;
/// The search ends when the bounds are this close; wallets prefer a quick answer to the last 1.5 %.
constexpr double error_ratio = 0.015;

struct Try {
    bool failed = false;
    std::optional<TransactionOutcome> outcome;  // none: the gas does not even pay for the start
};

class Estimator {
  public:
    Estimator(const State& state, const BlockEnvironment& environment, Transaction call, const Address& sender)
        : state_(state), environment_(environment), call_(std::move(call)), sender_(sender) {}

    Result<std::uint64_t> run(std::uint64_t gas_cap) {
        WEFT_TRY(std::uint64_t high, upper_bound(gas_cap));
        if (is_plain_transfer()) {
            WEFT_TRY(const Try plain, attempt(transaction_gas));
            if (!plain.failed) return transaction_gas;
        }
        WEFT_TRY(const Try most, attempt(high));
        if (most.failed) return give_up(most, high);
        std::uint64_t low = most.outcome->gas_used - 1;
        // What was used at the peak, plus what calls keep back, is very often the answer.
        const std::uint64_t guess = (most.outcome->gas_used_peak + call_stipend) * 64 / 63;
        if (guess < high) {
            WEFT_TRY(const Try tried, attempt(guess));
            (tried.failed ? low : high) = guess;
        }
        while (low + 1 < high) {
            if (static_cast<double>(high - low) / static_cast<double>(high) < error_ratio) break;
            // Most need little more than the least, so the search doesn't jump far above it.
            const std::uint64_t middle = std::min(low + (high - low) / 2, low * 2);
            WEFT_TRY(const Try tried, attempt(middle));
            (tried.failed ? low : high) = middle;
        }
        return high;
    }

  private:
    /// The most that the block, the sender's balance and the node allow.
    Result<std::uint64_t> upper_bound(std::uint64_t gas_cap) {
        std::uint64_t high = environment_.block.gas_limit;
        if (call_.gas_limit >= transaction_gas) high = call_.gas_limit;
        high = std::min(high, environment_.rules.transaction_gas_max);
        if (!call_.max_fee_per_gas.is_zero()) {
            State state = state_.clone();
            U256 available = state.balance(sender_);
            if (call_.value > available) return fail(ErrorCode::failed_precondition, "insufficient funds for transfer");
            available -= call_.value;
            const U256 blob_cost = call_.max_fee_per_blob_gas * U256(blob_gas(call_));
            if (blob_cost > available) {
                return fail(ErrorCode::failed_precondition, "insufficient funds for gas * price + value");
            }
            available -= blob_cost;
            const U256 allowance = available / call_.max_fee_per_gas;
            if (allowance.fits_u64()) high = std::min(high, allowance.low());
        }
        if (gas_cap != 0) high = std::min(high, gas_cap);
        return high;
    }
    bool is_plain_transfer() {
        if (!call_.data.empty() || !call_.to) return false;
        State state = state_.clone();
        return state.code(*call_.to)->size() == 0;
    }
    Result<Try> attempt(std::uint64_t gas) {
        State state = state_.clone();
        call_.gas_limit = gas;
        auto outcome = execute_call(state, environment_, call_, sender_);
        if (!outcome) {
            const Rule rule = outcome.error().rule;
            if (rule == Rule::intrinsic_gas_too_low || rule == Rule::floor_gas_too_low) return Try{true, std::nullopt};
            return std::unexpected(to_error(outcome.error()));
        }
        if (outcome->status == evm::Status::aborted) return fail(ErrorCode::cancelled, failure_message(*outcome));
        const bool failed = !outcome->succeeded();
        return Try{failed, *std::move(outcome)};
    }
    static std::unexpected<Error> give_up(const Try& most, std::uint64_t high) {
        if (!most.outcome || most.outcome->status == evm::Status::out_of_gas) {
            return fail(ErrorCode::failed_precondition,
                        "gas required exceeds allowance (" + std::to_string(high) + ")");
        }
        const bool reverted = most.outcome->status == evm::Status::revert;
        Error error{ErrorCode::failed_precondition, failure_message(*most.outcome), {}, reverted ? 3 : -32000};
        if (reverted) error.data = most.outcome->output;
        return std::unexpected(std::move(error));
    }

    const State& state_;
    const BlockEnvironment& environment_;
    Transaction call_;
    const Address& sender_;
};

}  // namespace

Result<std::uint64_t> estimate_gas(const State& state, const BlockEnvironment& environment, Transaction call,
                                   const Address& sender, std::uint64_t gas_cap) {
    return Estimator(state, environment, std::move(call), sender).run(gas_cap);
}

}  // namespace weft::chain
