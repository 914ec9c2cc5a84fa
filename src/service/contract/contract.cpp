#include "service/contract/contract.hpp"

#include <fmt/format.h>

#include "base/wire.hpp"
#include "service/contract/message.hpp"

namespace weft::service::contract {

namespace {

Error refused(const chain::Refusal& refusal) { return chain::to_error(refusal); }

/// A state that later changes lie on top of: what the pool's transactions would leave.
class OverlaidReader final : public Reader {
  public:
    OverlaidReader(std::unique_ptr<Reader> below, std::shared_ptr<const chain::StateChanges> changes)
        : below_(std::move(below)), changes_(std::move(changes)) {
        for (const auto& change : changes_->accounts) index_[change.address] = &change;
    }

    std::optional<chain::Account> account(const Address& address) override {
        const auto* change = find(address);
        if (change == nullptr) return below_->account(address);
        if (change->deleted) return std::nullopt;
        return change->account;
    }
    U256 storage(const Address& address, const U256& key) override {
        const auto* change = find(address);
        if (change == nullptr) return below_->storage(address, key);
        for (const auto& slot : change->slots) {
            if (slot.key == key) return slot.value;
        }
        return change->deleted || change->storage_wiped ? U256{} : below_->storage(address, key);
    }
    evm::CodePtr code(const Hash& code_hash) override {
        for (const auto& change : changes_->codes) {
            if (change.code_hash == code_hash) return change.code;
        }
        return below_->code(code_hash);
    }
    Hash block_hash(std::uint64_t number) override { return below_->block_hash(number); }
    bool has_storage(const Address& address) override {
        const auto* change = find(address);
        if (change == nullptr || (!change->deleted && !change->storage_wiped && change->slots.empty())) {
            return below_->has_storage(address);
        }
        return !change->deleted && !change->slots.empty();
    }
    const std::optional<Error>& failure() const override { return below_->failure(); }

  private:
    const chain::AccountChange* find(const Address& address) const {
        const auto found = index_.find(address);
        return found == index_.end() ? nullptr : found->second;
    }
    std::unique_ptr<Reader> below_;
    std::shared_ptr<const chain::StateChanges> changes_;
    std::unordered_map<Address, const chain::AccountChange*> index_;
};

}  // namespace

Contract::Contract(const chain::ChainConfig& config, Ports ports, net::WorkerPool& pool, Workers& workers,
                   Limits limits)
    : config_(config), ports_(std::move(ports)), pool_(pool), workers_(workers), limits_(limits) {}

StateWanted wanted_by(const api::contract::CallRequest& call, const api::BlockRef& block) {
    StateWanted out{block, {call.from.value_or(Address{})}, {}};
    if (call.to) out.accounts.push_back(*call.to);
    if (call.access_list) out.add(*call.access_list);
    return out;
}

StateWanted wanted_by(const api::SealedBlock& block) {
    StateWanted out{api::BlockRef::with_hash(block.header.parent_hash), {block.header.coinbase}, {}};
    for (const auto& transaction : block.transactions) {
        out.accounts.push_back(transaction->sender);
        if (transaction->transaction.to) out.accounts.push_back(*transaction->transaction.to);
        out.add(transaction->transaction.access_list);
    }
    return out;
}

Task<StateAt> Contract::open(mesh::Context context, StateWanted wanted) {
    if (wanted.block.tag != api::BlockTag::pending) co_return co_await ports_.open_state(context, std::move(wanted));
    auto pending = co_await build_pending(context);
    wanted.block = {};
    auto below = co_await ports_.open_state(context, std::move(wanted));
    co_return StateAt{std::make_unique<OverlaidReader>(std::move(below.reader), pending.changes), pending.reply.block};
}

Task<api::contract::CallReply> Contract::call(mesh::Context context, api::contract::Call request) {
    const auto work = [&](Run& run) -> Result<api::contract::CallReply> {
        chain::State state(*run.at.reader);
        auto environment = make_environment(config_, run.at.block->header, request.block_overrides);
        environment.limiter = &run.limiter;
        state.begin_block(environment.block.number, environment.rules.revision);
        WEFT_CHECK(apply_overrides(state, request.overrides));
        const auto transaction = to_transaction(request.call, config_, environment.block.base_fee, limits_.gas_max());
        const auto outcome =
            chain::execute_call(state, environment, transaction, request.call.from.value_or(Address{}));
        if (!outcome) {
            auto error = refused(outcome.error());
            error.message = fmt::format("err: {} (supplied gas {})",
                                        call_wording(outcome.error(), transaction, environment), transaction.gas_limit);
            return std::unexpected(std::move(error));
        }
        WEFT_TRY(auto output, output_of(*outcome));
        return api::contract::CallReply{std::move(output), outcome->gas_used};
    };
    co_return co_await with_state<api::contract::CallReply>(context, wanted_by(request.call, request.block), work);
}

Task<api::contract::EstimateReply> Contract::estimate(mesh::Context context, api::contract::Estimate request) {
    const auto work = [&](Run& run) -> Result<api::contract::EstimateReply> {
        chain::State state(*run.at.reader);
        auto environment = make_environment(config_, run.at.block->header, request.block_overrides);
        environment.limiter = &run.limiter;
        state.begin_block(environment.block.number, environment.rules.revision);
        WEFT_CHECK(apply_overrides(state, request.overrides));
        auto transaction = to_transaction(request.call, config_, environment.block.base_fee, ~std::uint64_t{0});
        if (!request.call.gas) transaction.gas_limit = 0;
        WEFT_TRY(const auto gas, chain::estimate_gas(state, environment, transaction,
                                                     request.call.from.value_or(Address{}), limits_.gas));
        return api::contract::EstimateReply{gas};
    };
    co_return co_await with_state<api::contract::EstimateReply>(context, wanted_by(request.call, request.block), work);
}

Task<api::contract::MakeChangeReply> Contract::make_change(mesh::Context context, api::contract::MakeChange request) {
    auto at = co_await open(context, {});
    chain::State state(*at.reader);
    const auto environment = make_environment(config_, at.block->header, {});
    state.begin_block(environment.block.number, environment.rules.revision);
    state.begin_transaction();
    co_await apply_overrides(state, {request.account});
    state.end_transaction();
    const auto changes = state.take_changes();
    if (at.reader->failure()) co_return std::unexpected(*at.reader->failure());
    co_return api::contract::MakeChangeReply{api::storage::to_delta(changes)};
}

}  // namespace weft::service::contract
