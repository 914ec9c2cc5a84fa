#include "service/gateway/methods.hpp"

#include "base/json.hpp"
#include "base/time.hpp"
#include "service/gateway/core.hpp"
#include "service/gateway/errors.hpp"

namespace weft::service::gateway {

namespace {

constexpr std::string_view errors_name = "weft_gateway_errors_total";
constexpr std::string_view errors_help = "JSON-RPC calls that were answered with an error.";

observe::Histogram& latency() {
    static observe::Histogram& histogram = observe::metrics().histogram(
        "weft_gateway_request_seconds", "Time from a call's start to its answer.", observe::latency_bounds());
    return histogram;
}

/// A strong read goes on once the node that is asked certainly has the newest final block.
Task<void> become_current(Core& core, mesh::Context context) {
    const auto index = co_await settled(core.ports.read_index(context, {}));
    if (!index) co_await Result<void>(rpc_fail(code::unavailable, "no strong read now: " + index.error().message));
    // Another node may answer this call than that one.
    const auto head = co_await core.ports.head(context, {});
    if (head.number < index->height) {
        co_await Result<void>(rpc_fail(code::unavailable, "no strong read now: the node is behind"));
    }
}

Task<std::string> checked(Core& core, const Method& method, Call& call, bool is_strong) {
    co_await call.params.check_count(method.parameters.size());
    // What is sent is no read: it is acknowledged when a node keeps it.
    if (is_strong && !method.name.starts_with("eth_send")) co_await become_current(core, call.context);
    if (method.access == Access::development) {
        const ChainFacts facts = co_await core.facts(call.context);
        if (!facts.development) co_await Result<void>(no_such_method(method.name));
    }
    co_return co_await method.handler(call);
}

/// Everything that is the same for all methods: deadline, limits, counting, and the shape of errors.
Task<std::string> run_method(Core& core, const Method& method, observe::Counter& calls, const json::Value& values,
                             net::CallContext& rpc) {
    const std::int64_t started = monotonic_ns();
    calls.add();
    mesh::Context context = rpc.context;
    if (method.timeout == Timeout::call) {
        context.deadline_ns = std::min(context.deadline_ns, started + core.config.call_timeout_ns);
    }
    Call call{core, Params(values), context, rpc.session, method.name};
    Result<std::string> result = co_await settled(checked(core, method, call, rpc.is_strong));
    latency().observe(static_cast<double>(monotonic_ns() - started) / ns_per_s);
    if (!result) {
        observe::metrics().counter(errors_name, errors_help, {{"method", method.name}}).add();
        co_return std::unexpected(to_rpc_error(std::move(result).error()));
    }
    co_return std::move(result);
}

std::string_view schema_of(Type type) {
    switch (type) {
        case Type::address: return R"({"type":"string","pattern":"^0x[0-9a-fA-F]{40}$"})";
        case Type::hash: return R"({"type":"string","pattern":"^0x[0-9a-fA-F]{64}$"})";
        case Type::quantity: return R"({"type":"string","pattern":"^0x(0|[1-9a-f][0-9a-f]*)$"})";
        case Type::data: return R"({"type":"string","pattern":"^0x([0-9a-fA-F]{2})*$"})";
        case Type::boolean: return R"({"type":"boolean"})";
        case Type::text: return R"({"type":"string"})";
        case Type::block:
            return R"({"title":"block","description":"a tag, a number, a hash, or an object of EIP-1898",)"
                   R"("type":["string","object"]})";
        case Type::transaction: return R"({"title":"transaction","type":"object"})";
        case Type::object: return R"({"type":"object"})";
        case Type::array: return R"({"type":"array"})";
        case Type::any: return "{}";
    }
    return "{}";
}

}  // namespace

void MethodTable::add(Method method) {
    auto entry = std::make_unique<Entry>();
    entry->method = std::move(method);
    Entry* const at = entry.get();
    WEFT_ASSERT(by_name_.emplace(at->method.name, at).second);
    at->calls = &observe::metrics().counter("weft_gateway_requests_total", "JSON-RPC calls by method.",
                                            {{"method", at->method.name}});
    at->run = [core = &core_, at](const json::Value& values, net::CallContext& rpc) {
        return run_method(*core, at->method, *at->calls, values, rpc);
    };
    entries_.push_back(std::move(entry));
}

const net::RpcMethod* MethodTable::find(std::string_view name) const {
    const auto found = by_name_.find(name);
    return found == by_name_.end() ? nullptr : &found->second->run;
}

std::vector<const Method*> MethodTable::list() const {
    std::vector<const Method*> out;
    for (const auto& entry : entries_) out.push_back(&entry->method);
    return out;
}

std::string openrpc_document(const MethodTable& table, std::string_view version) {
    json::Writer out;
    out.begin_object();
    out.string("openrpc", "1.2.6");
    out.key("info").begin_object();
    out.string("title", "weft JSON-RPC").string("version", version);
    out.end_object();
    out.key("methods").begin_array();
    for (const Method* method : table.list()) {
        out.begin_object();
        out.string("name", method->name).string("summary", method->summary);
        out.string("paramStructure", "by-position");
        out.key("params").begin_array();
        for (const auto& parameter : method->parameters) {
            out.begin_object();
            out.string("name", parameter.name).boolean("required", parameter.required);
            out.key("schema").raw(schema_of(parameter.type));
            out.end_object();
        }
        out.end_array();
        out.key("result").begin_object().string("name", "result").key("schema").raw("{}").end_object();
        out.end_object();
    }
    out.end_array();
    out.end_object();
    return out.take();
}

}  // namespace weft::service::gateway
