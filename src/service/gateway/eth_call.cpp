// Running code without a transaction: eth_call, eth_estimateGas, eth_createAccessList.

#include "service/gateway/call_args.hpp"
#include "service/gateway/core.hpp"
#include "service/gateway/format.hpp"

namespace weft::service::gateway {

namespace {

/// The arguments these methods share: a call, a block, and what to pretend.
template <class Request>
Task<Request> read_request(Call& call, api::BlockTag default_tag) {
    Request request;
    request.call = co_await call.params.get(0, read_call);
    request.block.tag = default_tag;
    if (call.params.has(1)) request.block = co_await call.params.block(1);
    if constexpr (requires { request.overrides; }) {
        if (call.params.has(2)) request.overrides = co_await call.params.get(2, read_overrides);
        if (call.params.has(3)) request.block_overrides = co_await call.params.get(3, read_block_overrides);
    }
    if (request.call.chain_id) {
        const ChainFacts facts = co_await call.core.facts(call.context);
        co_await check_chain(request.call, facts.chain_id);
    }
    co_return request;
}

Task<std::string> eth_call(Call& call) {
    auto request = co_await read_request<api::contract::Call>(call, api::BlockTag::latest);
    if (!request.call.gas) request.call.gas = call.core.config.call_gas;
    const auto reply = co_await call.ports().call(call.context, std::move(request));
    co_return data_json(reply.output);
}

Task<std::string> estimate_gas(Call& call) {
    auto request = co_await read_request<api::contract::Estimate>(call, api::BlockTag::latest);
    const auto reply = co_await call.ports().estimate(call.context, std::move(request));
    co_return quantity_json(reply.gas);
}

Task<std::string> create_access_list(Call& call) {
    auto request = co_await read_request<api::contract::CreateAccessList>(call, api::BlockTag::latest);
    const auto reply = co_await call.ports().create_access_list(call.context, std::move(request));
    json::Writer out;
    out.begin_object();
    out.key("accessList");
    write_access_list(out, reply.access_list);
    if (!reply.error.empty()) out.string("error", reply.error);
    out.quantity("gasUsed", reply.gas_used);
    out.end_object();
    co_return out.take();
}

}  // namespace

void add_call_methods(MethodTable& table) {
    const Parameter transaction{"transaction", Type::transaction};
    const Parameter block{"block", Type::block, false};
    const Parameter overrides{"stateOverrides", Type::object, false};
    const Parameter block_overrides{"blockOverrides", Type::object, false};
    table.add({
        {"eth_call", "Runs a call and gives its output.", {transaction, block, overrides, block_overrides}, eth_call,
         Access::everyone, Timeout::call},
        {"eth_estimateGas", "The least gas limit with which a transaction succeeds.",
         {transaction, block, overrides, block_overrides}, estimate_gas, Access::everyone, Timeout::call},
        {"eth_createAccessList", "The accounts and slots that a transaction touches.", {transaction, block},
         create_access_list, Access::everyone, Timeout::call},
    });
}

}  // namespace weft::service::gateway
