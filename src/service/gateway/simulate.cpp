// eth_simulateV1: calls in blocks that do not exist.

#include "service/gateway/call_args.hpp"
#include "service/gateway/core.hpp"
#include "service/gateway/errors.hpp"
#include "service/gateway/format.hpp"

namespace weft::service::gateway {

namespace {

constexpr std::size_t simulated_block_count_max = 256;
constexpr std::int32_t too_many_blocks = -38026;

struct Simulation {
    api::contract::Simulate request;
    bool full_transactions = false;
};

Result<api::contract::SimulatedBlock> simulated_block(const json::Value& value) {
    if (!value.is_object()) return read::wrong_type(read::kind_name(value), "ethapi.simBlock");
    api::contract::SimulatedBlock out;
    WEFT_TRY(out.block_overrides, read_block_overrides(value["blockOverrides"]));
    WEFT_TRY(out.overrides, read_overrides(value["stateOverrides"]));
    const json::Value& calls = value["calls"];
    if (!calls.is_null() && !calls.is_array())
        return read::wrong_type(read::kind_name(calls), "[]ethapi.TransactionArgs");
    for (const auto& item : calls.items()) {
        WEFT_TRY(TransactionArgs args, read_transaction_args(item));
        out.calls.push_back(std::move(args.call));
    }
    return out;
}

Result<Simulation> simulation(const json::Value& value) {
    if (!value.is_object()) return read::wrong_type(read::kind_name(value), "ethapi.simOpts");
    Simulation out;
    const auto flag = [&](std::string_view name, bool& field) -> Result<void> {
        if (value[name].is_null()) return {};
        WEFT_TRY(field, read::boolean(value[name]));
        return {};
    };
    WEFT_CHECK(flag("traceTransfers", out.request.trace_transfers));
    WEFT_CHECK(flag("validation", out.request.validation));
    WEFT_CHECK(flag("returnFullTransactions", out.full_transactions));
    const auto& blocks = value["blockStateCalls"].items();
    if (blocks.empty()) return invalid_params("empty input");
    if (blocks.size() > simulated_block_count_max) return rpc_fail(too_many_blocks, "too many blocks");
    for (const auto& block : blocks) {
        WEFT_TRY(out.request.blocks.emplace_back(), simulated_block(block));
    }
    return out;
}

void write_call(json::Writer& out, const api::contract::SimulatedCall& call, const api::SealedBlock& block,
                std::size_t index) {
    const bool reverted = !call.success && call.error_code == code::reverted;
    out.begin_object();
    out.data("returnData", reverted ? BytesView() : BytesView(call.output));
    out.key("logs").begin_array();
    for (std::size_t i = 0; i < call.logs.size(); ++i) {
        const Hash hash = index < block.transactions.size() ? block.transactions[index]->hash : Hash{};
        write_log(out, {call.logs[i], block.hash, block.header.number, block.header.timestamp, hash, index,
                        i < call.log_indexes.size() ? call.log_indexes[i] : i, false});
    }
    out.end_array();
    out.quantity("gasUsed", call.gas_used).quantity("maxUsedGas", call.gas_used_max);
    out.quantity("status", std::uint64_t{call.success});
    if (!call.success) {
        out.key("error").begin_object();
        out.string("message", reverted ? revert_message(call.output) : call.error);
        out.key("code").integer(call.error_code);
        if (reverted) out.data("data", call.output);
        out.end_object();
    }
    out.end_object();
}

Task<std::string> simulate(Call& call) {
    Simulation simulated = co_await call.params.get(0, simulation);
    simulated.request.base = co_await call.params.block_or_latest(1);
    const auto reply = co_await call.ports().simulate(call.context, std::move(simulated.request));
    json::Writer out;
    out.begin_array();
    for (const auto& result : reply.blocks) {
        out.begin_object();
        write_block_members(out, *result.block, simulated.full_transactions);
        out.key("calls").begin_array();
        for (std::size_t i = 0; i < result.calls.size(); ++i) write_call(out, result.calls[i], *result.block, i);
        out.end_array();
        out.end_object();
    }
    out.end_array();
    co_return out.take();
}

}  // namespace

void add_simulate_methods(MethodTable& table) {
    table.add({
        {"eth_simulateV1", "Runs calls in a row of blocks that do not exist.",
         {{"simulation", Type::object}, {"block", Type::block, false}}, simulate, Access::everyone, Timeout::call},
    });
}

}  // namespace weft::service::gateway
