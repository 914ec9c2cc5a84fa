// debug_*: traces, and the raw bytes of blocks, headers, receipts and transactions.

#include <charconv>

#include "base/hex.hpp"
#include "chain/block.hpp"
#include "chain/receipt.hpp"
#include "service/gateway/call_args.hpp"
#include "service/gateway/core.hpp"
#include "service/gateway/errors.hpp"
#include "service/gateway/eth_read.hpp"
#include "service/gateway/format.hpp"

namespace weft::service::gateway {

namespace {

using api::BlockRef;
using api::contract::TraceOptions;

/// Longest that a trace may be asked to take.
constexpr std::uint64_t trace_timeout_ms_max = 60'000;

/// Go's spelling of a duration, as far as tracers need it: "300ms", "5s", "1.5s", "1m".
Result<std::uint64_t> duration_ms(const json::Value& value) {
    WEFT_TRY(const std::string text, read::text(value));
    double number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
    const double scale = unit == "ms" ? 1 : unit == "s" ? 1'000 : unit == "m" ? 60'000 : unit == "us" ? 0.001 : 0;
    if (error != std::errc{} || scale == 0 || !(number >= 0) || number > 1e9) {
        return rpc_fail(code::server, "time: invalid duration " + json::quote(text));
    }
    return std::min(static_cast<std::uint64_t>(number * scale), trace_timeout_ms_max);
}

Result<TraceOptions> trace_options(const json::Value& value) {
    TraceOptions out;
    if (value.is_null()) return out;
    if (!value.is_object()) return read::wrong_type(read::kind_name(value), "tracers.TraceConfig");
    const auto flag = [&](std::string_view name, bool& field) -> Result<void> {
        if (value[name].is_null()) return {};
        WEFT_TRY(field, read::boolean(value[name]));
        return {};
    };
    WEFT_CHECK(flag("enableMemory", out.enable_memory));
    WEFT_CHECK(flag("disableStack", out.disable_stack));
    WEFT_CHECK(flag("disableStorage", out.disable_storage));
    WEFT_CHECK(flag("enableReturnData", out.enable_return_data));
    if (!value["limit"].is_null()) {
        WEFT_TRY(out.limit, read::any_u64(value["limit"]));
    }
    if (!value["tracer"].is_null()) {
        WEFT_TRY(out.tracer, read::text(value["tracer"]));
    }
    if (!value["timeout"].is_null()) {
        WEFT_TRY(out.timeout_ms, duration_ms(value["timeout"]));
    }
    if (!value["tracerConfig"].is_null()) out.tracer_config = json::to_string(value["tracerConfig"]);
    return out;
}

/// A trace may take its own time and a little, within the request's.
mesh::Context trace_context(const Call& call, const TraceOptions& options) {
    mesh::Context context = call.context;
    const std::int64_t own = monotonic_ns() + static_cast<std::int64_t>(options.timeout_ms + 1000) * ns_per_ms;
    context.deadline_ns = std::min(context.deadline_ns, own);
    return context;
}

Task<TraceOptions> options_at(Call& call, std::size_t index) {
    co_return co_await trace_options(call.params.at(index));
}

Task<std::string> trace_transaction(Call& call) {
    const Hash hash = co_await call.params.hash(0);
    TraceOptions options = co_await options_at(call, 1);
    const auto context = trace_context(call, options);
    auto reply = co_await call.ports().trace_transaction(context, {hash, std::move(options)});
    co_return std::move(reply.json);
}

Task<std::string> trace_block(Call& call, BlockRef ref, std::string name) {
    TraceOptions options = co_await options_at(call, 1);
    const auto block = co_await find_block(call, ref, true);
    if (!block) co_await Result<void>(rpc_fail(code::server, "block " + name + " not found"));
    if (block->header.number == 0) co_await Result<void>(rpc_fail(code::server, "genesis is not traceable"));
    const auto context = trace_context(call, options);
    auto reply = co_await call.ports().trace_block(context, {ref, std::move(options)});
    co_return std::move(reply.json);
}

Task<std::string> trace_block_by_number(Call& call) {
    const BlockRef ref = co_await call.params.block_number(0);
    co_return co_await trace_block(call, ref, "#" + std::to_string(ref.number));
}

Task<std::string> trace_block_by_hash(Call& call) {
    const Hash hash = co_await call.params.hash(0);
    co_return co_await trace_block(call, BlockRef::with_hash(hash), to_hex(hash));
}

Task<std::string> trace_call(Call& call) {
    api::contract::TraceCall request;
    request.call = co_await call.params.get(0, read_call);
    request.block = co_await call.params.block_or_latest(1);
    request.options = co_await options_at(call, 2);
    const json::Value& extra = call.params.at(2);
    request.overrides = co_await read_overrides(extra["stateOverrides"]);
    request.block_overrides = co_await read_block_overrides(extra["blockOverrides"]);
    if (!request.call.gas) request.call.gas = call.core.config.call_gas;
    const auto context = trace_context(call, request.options);
    auto reply = co_await call.ports().trace_call(context, std::move(request));
    co_return std::move(reply.json);
}

Task<api::SealedBlockPtr> existing_block(Call& call) {
    const BlockRef ref = co_await call.params.block(0);
    auto block = co_await find_block(call, ref, false);
    if (!block) {
        const std::string name = ref.tag == api::BlockTag::hash ? to_hex(ref.hash) : "#" + std::to_string(ref.number);
        co_await Result<void>(rpc_fail(code::server, "block " + name + " not found"));
    }
    co_return block;
}

Task<std::string> raw_header(Call& call) {
    const auto block = co_await existing_block(call);
    co_return data_json(chain::encode(block->header));
}

Task<std::string> raw_block(Call& call) {
    const auto sealed = co_await existing_block(call);
    co_return data_json(chain::encode(api::to_block(*sealed)));
}

Task<std::string> raw_receipts(Call& call) {
    const auto block = co_await existing_block(call);
    json::Writer out;
    out.begin_array();
    for (const auto& receipt : block->receipts) out.data(chain::encode(receipt));
    out.end_array();
    co_return out.take();
}

Task<std::string> debug_raw_transaction(Call& call) {
    const Hash hash = co_await call.params.hash(0);
    co_return co_await raw_transaction(call, hash);
}

Task<std::string> bad_blocks(Call&) { co_return std::string("[]"); }

}  // namespace

void add_debug_methods(MethodTable& table) {
    const Parameter block{"block", Type::block};
    const Parameter hash{"transactionHash", Type::hash};
    const Parameter options{"options", Type::object, false};
    table.add({
        {"debug_traceTransaction",
         "Runs a transaction of a block again and traces it.",
         {hash, options},
         trace_transaction},
        {"debug_traceBlockByNumber", "Traces a block's transactions.", {block, options}, trace_block_by_number},
        {"debug_traceBlockByHash",
         "Traces a block's transactions.",
         {{"blockHash", Type::hash}, options},
         trace_block_by_hash},
        {"debug_traceCall",
         "Runs a call and traces it.",
         {{"transaction", Type::transaction}, {"block", Type::block, false}, options},
         trace_call},
        {"debug_getRawTransaction", "A transaction's bytes.", {hash}, debug_raw_transaction},
        {"debug_getRawHeader", "A header's RLP.", {block}, raw_header},
        {"debug_getRawBlock", "A block's RLP.", {block}, raw_block},
        {"debug_getRawReceipts", "A block's receipts in their consensus form.", {block}, raw_receipts},
        {"debug_getBadBlocks", "Blocks that were refused; none are kept.", {}, bad_blocks},
    });
}

}  // namespace weft::service::gateway
