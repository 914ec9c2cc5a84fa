// weft's own methods: what contracts do, as the monitor has seen it.

#include "base/hex.hpp"
#include "service/gateway/core.hpp"
#include "service/gateway/errors.hpp"
#include "service/gateway/format.hpp"

namespace weft::service::gateway {

namespace {

void write(json::Writer& out, std::string_view key, std::string_view name,
           const std::vector<api::contract::NamedCount>& counts) {
    out.key(key).begin_array();
    for (const auto& one : counts) {
        out.begin_object().string(name, one.name);
        out.quantity("calls", one.count).quantity("gas", one.gas).end_object();
    }
    out.end_array();
}

void write(json::Writer& out, const api::contract::ContractActivity& activity) {
    out.begin_object();
    out.data("address", activity.address);
    out.quantity("transactions", activity.transactions).quantity("calls", activity.calls).quantity("gas", activity.gas);
    std::uint64_t failures = 0;
    for (const auto& failure : activity.failures) failures += failure.count;
    out.quantity("failures", failures);
    write(out, "failureReasons", "reason", activity.failures);
    write(out, "selectors", "selector", activity.selectors);
    out.key("storage").begin_object();
    out.quantity("created", activity.slots_created).quantity("cleared", activity.slots_cleared);
    out.quantity("updated", activity.slots_updated).end_object();
    out.key("hotSlots").begin_array();
    for (const auto& slot : activity.slots) {
        out.begin_object().data("slot", slot.key.to_hash()).quantity("transactions", slot.count).end_object();
    }
    out.end_array().end_object();
}

void write(json::Writer& out, const api::monitor::Coverage& coverage) {
    out.key("coverage").begin_object();
    out.quantity("firstBlock", coverage.first_block).quantity("lastBlock", coverage.last_block);
    out.quantity("blocksExecuted", coverage.blocks_executed).quantity("blocksSkipped", coverage.blocks_skipped);
    out.end_object();
}

Result<api::monitor::ContractOrder> order_of(const std::string& name) {
    using api::monitor::ContractOrder;
    if (name == "gas") return ContractOrder::gas;
    if (name == "calls") return ContractOrder::calls;
    if (name == "failures") return ContractOrder::failures;
    if (name == "growth") return ContractOrder::growth;
    return rpc_fail(code::invalid_params, "invalid argument 1: must be gas, calls, failures or growth");
}

Task<std::string> top_contracts(Call& call) {
    api::monitor::TopContracts request;
    if (call.params.has(0)) request.count = co_await call.params.any_u64(0);
    if (call.params.has(1)) {
        const auto name = co_await call.params.text(1);
        request.order = co_await order_of(name);
    }
    const auto reply = co_await call.ports().top_contracts(call.context, request);
    json::Writer out;
    out.begin_object().key("contracts").begin_array();
    for (const auto& contract : reply.contracts) write(out, contract);
    out.end_array();
    write(out, reply.coverage);
    out.end_object();
    co_return out.take();
}

Task<std::string> contract_stats(Call& call) {
    const Address address = co_await call.params.address(0);
    const auto reply = co_await call.ports().contract_stats(call.context, {address});
    json::Writer out;
    out.begin_object().key("contract");
    if (reply.contract) {
        write(out, *reply.contract);
    } else {
        out.null();
    }
    write(out, reply.coverage);
    out.end_object();
    co_return out.take();
}

}  // namespace

void add_monitor_methods(MethodTable& table) {
    table.add({
        {"weft_topContracts",
         "The contracts that did most since the monitor has watched, by gas, calls, failures or growth.",
         {{"count", Type::quantity, false}, {"by", Type::text, false}}, top_contracts},
        {"weft_contractStats", "What one contract did since the monitor has watched.", {{"address", Type::address}},
         contract_stats},
    });
}

}  // namespace weft::service::gateway
