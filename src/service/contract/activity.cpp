// What each contract did in a block, for the monitor: the block runs once more, away from the chain's own path, with a
// tracer that looks at calls but not at instructions.

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "base/hex.hpp"
#include "evm/status.hpp"
#include "evm/tracer.hpp"
#include "service/contract/contract.hpp"

namespace weft::service::contract {

namespace {

using api::contract::ContractActivity;

constexpr std::size_t selector_size = 4;
constexpr std::size_t reason_size_max = 200;

/// Everything of one contract while it is collected.
struct Collected {
    ContractActivity activity;
    std::map<std::string, api::contract::NamedCount> failures;
    std::map<std::string, api::contract::NamedCount> selectors;
    std::map<U256, std::uint64_t> slots;
};
using ByContract = std::map<Address, Collected>;

std::string reason_of(const evm::TraceExit& exit) {
    std::string out = evm::describe(exit.status, exit.failed_opcode, exit.failed_stack_size);
    if (exit.status == evm::Status::revert) {
        if (const auto reason = evm::revert_reason(exit.output)) {
            out += ": " + *reason;
        } else if (exit.output.size() >= selector_size) {
            out += ": custom error " + to_hex(exit.output.first(selector_size));
        }
    }
    if (out.size() > reason_size_max) out.resize(reason_size_max);
    return out;
}

class ActivityTracer final : public evm::Tracer {
  public:
    explicit ActivityTracer(ByContract& contracts) : contracts_(contracts) {}
    bool wants_steps() const override { return false; }

    void on_enter(const evm::TraceEnter& enter) override {
        const auto kind = enter.message.kind;
        const bool creates = kind == evm::CallKind::create || kind == evm::CallKind::create2;
        const bool runs = creates || (!enter.is_precompile && enter.host.code(enter.to)->size() != 0);
        Frame frame{enter.to, runs, {}, 0};
        if (creates) {
            frame.selector = "create";
        } else if (enter.message.input.size() >= selector_size) {
            frame.selector = to_hex(enter.message.input.first(selector_size));
        } else {
            frame.selector = "receive";
        }
        frames_.push_back(std::move(frame));
    }

    void on_exit(const evm::TraceExit& exit) override {
        const Frame frame = std::move(frames_.back());
        frames_.pop_back();
        if (!frames_.empty()) frames_.back().inner_gas += exit.gas_used;
        if (!frame.runs) return;
        Collected& contract = contracts_[frame.address];
        const auto own = exit.gas_used - std::min(exit.gas_used, frame.inner_gas);
        auto& activity = contract.activity;
        if (frames_.empty()) ++activity.transactions;
        ++activity.calls;
        activity.gas += own;
        count(contract.selectors, frame.selector, exit.gas_used);
        if (exit.status != evm::Status::success) count(contract.failures, reason_of(exit), exit.gas_used);
    }

  private:
    struct Frame {
        Address address;
        bool runs = false;
        std::string selector;
        std::uint64_t inner_gas = 0;
    };
    static void count(std::map<std::string, api::contract::NamedCount>& in, const std::string& name,
                      std::uint64_t gas) {
        auto& counted = in[name];
        counted.name = name;
        ++counted.count;
        counted.gas += gas;
    }
    ByContract& contracts_;
    std::vector<Frame> frames_;
};

void count_slots(ByContract& contracts, const chain::State& state) {
    for (const auto& warm : state.warm_set()) {
        if (warm.slots.empty()) continue;
        auto& slots = contracts[warm.address].slots;
        for (const auto& key : warm.slots) ++slots[key];
    }
}

void count_growth(ByContract& contracts, const chain::StateChanges& changes, chain::StateReader& before) {
    for (const auto& account : changes.accounts) {
        for (const auto& slot : account.slots) {
            auto& activity = contracts[account.address].activity;
            const bool was = !before.storage(account.address, slot.key).is_zero();
            if (slot.value.is_zero()) {
                activity.slots_cleared += was ? 1 : 0;
            } else {
                ++(was ? activity.slots_updated : activity.slots_created);
            }
        }
    }
}

Result<api::contract::ActivityReply> run_block(const chain::ChainConfig& config, Run& run,
                                               const api::SealedBlock& block) {
    ByContract contracts;
    chain::State state(*run.at.reader);
    chain::BlockExecution execution(config, block.header, state);
    execution.limit(&run.limiter);
    if (const auto begun = execution.begin(); !begun) return std::unexpected(chain::to_error(begun.error()));
    for (const auto& transaction : block.transactions) {
        ActivityTracer tracer(contracts);
        const auto added = execution.add(transaction, &tracer);
        if (!added) return std::unexpected(chain::to_error(added.error()));
        count_slots(contracts, state);
        if (run.limiter.requested()) return fail(ErrorCode::cancelled, "ended");
    }
    std::optional<std::vector<chain::Withdrawal>> withdrawals;
    if (block.header.withdrawals_root) withdrawals = block.withdrawals;
    if (const auto ended = execution.finish(block.ommers, withdrawals); !ended) {
        return std::unexpected(chain::to_error(ended.error()));
    }
    count_growth(contracts, execution.take_changes(), *run.at.reader);
    api::contract::ActivityReply reply;
    for (auto& [address, collected] : contracts) {
        auto& activity = collected.activity;
        activity.address = address;
        for (auto& [name, counted] : collected.failures) activity.failures.push_back(std::move(counted));
        for (auto& [name, counted] : collected.selectors) activity.selectors.push_back(std::move(counted));
        for (const auto& [key, count] : collected.slots) activity.slots.push_back({key, count});
        reply.contracts.push_back(std::move(activity));
    }
    return reply;
}

}  // namespace

Task<api::contract::ActivityReply> Contract::activity(mesh::Context context, api::contract::Activity request) {
    auto block = std::move(request.block);
    if (!block) co_return fail(ErrorCode::invalid_argument, "no block to look at");
    if (block->header.number == 0) co_return api::contract::ActivityReply{};
    const auto work = [&](Run& run) { return run_block(config_, run, *block); };
    co_return co_await with_state<api::contract::ActivityReply>(context, wanted_by(*block), 0, work);
}

}  // namespace weft::service::contract
