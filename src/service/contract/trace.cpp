// debug_trace*: running again what was run, with an observer.

#include "base/json.hpp"
#include "service/contract/contract.hpp"
#include "service/contract/message.hpp"
#include "service/contract/trace_run.hpp"

namespace weft::service::contract {

namespace {

TraceRun::Subject subject_of(const chain::SignedTransaction& transaction, const chain::BlockEnvironment& environment,
                             std::uint64_t first_log_index) {
    TraceRun::Subject out{transaction.sender, transaction.transaction.to, environment.block.coinbase, {},
                          transaction.transaction.gas_limit, first_log_index, environment.rules.revision, nullptr};
    for (const auto& authorization : transaction.transaction.authorizations) {
        if (const auto authority = chain::recover_authority(authorization)) out.authorities.push_back(*authority);
    }
    return out;
}

/// Of no account: the limiter's reason takes its place.
std::unexpected<Error> ended() { return fail(ErrorCode::cancelled, "ended"); }
std::unexpected<Error> too_large(Run& run) {
    run.limiter.request(evm::Limiter::Reason::trace_size);
    return ended();
}

}  // namespace

std::int64_t Contract::trace_time_ns(const api::contract::TraceOptions& options) const {
    const auto asked_ns = static_cast<std::int64_t>(std::min<std::uint64_t>(options.timeout_ms, 1'000'000)) * ns_per_ms;
    return limits_.time_ns == 0 ? asked_ns : std::min(asked_ns, limits_.time_ns);
}

/// Runs a block's transactions on its parent's state; traces all, or one and none after it.
Task<api::JsonReply> Contract::trace_transactions(mesh::Context context, api::SealedBlockPtr block,
                                                  std::optional<std::size_t> only,
                                                  api::contract::TraceOptions options) {
    if (block->header.number == 0) co_return fail(ErrorCode::invalid_argument, "genesis is not traceable");
    const auto time_ns = trace_time_ns(options);
    const auto work = [&](Run& run) -> Result<api::JsonReply> {
        chain::State state(*run.at.reader);
        chain::BlockExecution execution(config_, block->header, state);
        execution.limit(&run.limiter);
        evm::TraceBudget budget{limits_.trace_size, &run.limiter};
        std::uint64_t trace_size = 0;
        if (const auto begun = execution.begin(); !begun) return std::unexpected(chain::to_error(begun.error()));
        json::Writer out;
        out.begin_array();
        std::uint64_t log_index = 0;
        for (std::size_t i = 0; i < block->transactions.size(); ++i) {
            const auto& transaction = block->transactions[i];
            const bool traced = !only || *only == i;
            std::unique_ptr<TraceRun> trace;
            if (traced) {
                auto subject = subject_of(*transaction, execution.environment(), log_index);
                subject.budget = &budget;
                WEFT_TRY(trace, TraceRun::make(options, subject));
                trace->begin(state);
            }
            run.watch.restart(time_ns);
            const auto added = execution.add(transaction, trace ? trace->tracer() : nullptr);
            if (run.limiter.requested()) return ended();
            if (!added) return std::unexpected(chain::to_error(added.error()));
            log_index += execution.last_outcome().logs.size();
            if (!trace) continue;
            trace->finish(state);
            auto result = trace->result(execution.last_outcome());
            trace_size += result.size();
            if (trace_size > limits_.trace_size) return too_large(run);
            if (only) return api::JsonReply{std::move(result)};
            out.begin_object().key("txHash").data(transaction->hash).key("result").raw(result).end_object();
        }
        out.end_array();
        return api::JsonReply{out.take()};
    };
    co_return co_await with_state<api::JsonReply>(context, wanted_by(*block), time_ns, work, true);
}

Task<api::JsonReply> Contract::trace_transaction(mesh::Context context, api::contract::TraceTransaction request) {
    const auto found = co_await ports_.get_transaction(context, {request.hash});
    if (!found.transaction) co_return fail(ErrorCode::not_found, "transaction not found");
    auto reply = co_await ports_.get_block(context, {api::BlockRef::at(found.block_number)});
    if (!reply.block) co_return fail(ErrorCode::not_found, "block not found");
    co_return co_await trace_transactions(context, std::move(reply.block), found.index, std::move(request.options));
}

Task<api::JsonReply> Contract::trace_block(mesh::Context context, api::contract::TraceBlock request) {
    auto reply = co_await ports_.get_block(context, {request.block});
    if (!reply.block) co_return fail(ErrorCode::not_found, "block not found");
    co_return co_await trace_transactions(context, std::move(reply.block), std::nullopt, std::move(request.options));
}

Task<api::JsonReply> Contract::trace_call(mesh::Context context, api::contract::TraceCall request) {
    const auto work = [&](Run& run) -> Result<api::JsonReply> {
        chain::State state(*run.at.reader);
        auto environment = make_environment(config_, run.at.block->header, request.block_overrides);
        environment.limiter = &run.limiter;
        state.begin_block(environment.block.number, environment.rules.revision);
        WEFT_CHECK(apply_overrides(state, request.overrides));
        const auto transaction = to_transaction(request.call, config_, environment.block.base_fee, limits_.gas_max());
        const Address sender = request.call.from.value_or(Address{});
        evm::TraceBudget budget{limits_.trace_size, &run.limiter};
        const TraceRun::Subject subject{sender,
                                        transaction.to,
                                        environment.block.coinbase,
                                        {},
                                        transaction.gas_limit,
                                        0,
                                        environment.rules.revision,
                                        &budget};
        WEFT_TRY(const auto trace, TraceRun::make(request.options, subject));
        trace->begin(state);
        const auto outcome = chain::execute_call(state, environment, transaction, sender, trace->tracer());
        if (!outcome) return std::unexpected(chain::to_error(outcome.error()));
        if (run.limiter.requested()) return ended();
        trace->finish(state);
        auto result = trace->result(*outcome);
        if (result.size() > limits_.trace_size) return too_large(run);
        return api::JsonReply{std::move(result)};
    };
    co_return co_await with_state<api::JsonReply>(context, wanted_by(request.call, request.block),
                                                  trace_time_ns(request.options), work, true);
}

}  // namespace weft::service::contract
