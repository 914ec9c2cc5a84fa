#include "evm/tracer/call.hpp"

#include <utility>

#include "base/json.hpp"
#include "base/result.hpp"
#include "evm/status.hpp"

namespace weft::evm {

namespace {

std::string_view type_of(CallKind kind) {
    switch (kind) {
        case CallKind::call: return "CALL";
        case CallKind::callcode: return "CALLCODE";
        case CallKind::delegatecall: return "DELEGATECALL";
        case CallKind::staticcall: return "STATICCALL";
        case CallKind::create: return "CREATE";
        case CallKind::create2: return "CREATE2";
    }
    WEFT_ASSERT(false);
    return {};
}

}  // namespace

Bytes CallTracer::keep(BytesView bytes) {
    constexpr std::uint64_t call_size_about = 200;
    const bool may = options_.budget == nullptr || options_.budget->take(bytes.size() * 2 + call_size_about);
    return may ? to_bytes(bytes) : Bytes{};
}

void CallTracer::on_enter(const TraceEnter& enter) {
    const Message& message = enter.message;
    depth_ = message.depth;
    if (options_.only_top_call && message.depth > 0) return;
    Call call;
    call.type = type_of(message.kind);
    call.from = enter.from;
    call.to = enter.to;
    call.shows_value = message.kind != CallKind::staticcall;
    call.gas = message.gas;
    call.value = message.value;
    call.input = keep(message.input);
    call.log_count_before = log_count_;
    open_.push_back(std::move(call));
}

void CallTracer::on_exit(const TraceExit& exit) {
    depth_ = exit.depth - 1;
    if (options_.only_top_call && exit.depth > 0) return;
    WEFT_ASSERT(!open_.empty());
    Call& call = open_.back();
    call.gas_used = exit.gas_used;
    if (exit.status == Status::success) {
        call.output = keep(exit.output);
    } else {
        call.error = describe(exit.status, exit.failed_opcode, exit.failed_stack_size);
        log_count_ = call.log_count_before;  // a log that is undone gives its number back
        if (call.type.starts_with("CREATE")) call.shows_to = false;
        if (exit.status == Status::revert) {
            call.output = keep(exit.output);
            call.revert_reason = revert_reason(exit.output).value_or("");
        }
    }
    if (exit.depth == 0) return;
    WEFT_ASSERT(open_.size() > 1);
    Call done = std::move(call);
    open_.pop_back();
    open_.back().calls.push_back(std::move(done));
}

void CallTracer::on_log(const Log& log) {
    const auto index = log_count_++;
    if (!options_.with_log || (options_.only_top_call && depth_ > 0)) return;
    WEFT_ASSERT(!open_.empty());
    (void)keep(log.data);
    open_.back().logs.push_back({log, index, open_.back().calls.size()});
}

void CallTracer::on_self_destruct(int /*depth*/, const Address& contract, const Address& beneficiary,
                                  const U256& balance) {
    if (options_.only_top_call) return;
    WEFT_ASSERT(!open_.empty());
    Call call;
    call.type = "SELFDESTRUCT";
    call.from = contract;
    call.to = beneficiary;
    call.value = balance;
    open_.back().calls.push_back(std::move(call));
}

void CallTracer::write(json::Writer& out, const Call& call, bool parent_failed) {
    const bool failed = parent_failed || !call.error.empty();
    out.begin_object();
    out.data("from", call.from);
    out.quantity("gas", call.gas);
    out.quantity("gasUsed", call.gas_used);
    if (call.shows_to) out.data("to", call.to);
    out.data("input", call.input);
    if (!call.output.empty()) out.data("output", call.output);
    if (!call.error.empty()) out.string("error", call.error);
    if (!call.revert_reason.empty()) out.string("revertReason", call.revert_reason);
    if (!call.calls.empty()) {
        out.key("calls").begin_array();
        for (const auto& inner : call.calls) write(out, inner, failed);
        out.end_array();
    }
    if (!call.logs.empty() && !failed) {
        out.key("logs").begin_array();
        for (const auto& entry : call.logs) {
            out.begin_object();
            out.data("address", entry.log.address);
            out.key("topics").begin_array();
            for (const auto& topic : entry.log.topics) out.data(topic);
            out.end_array();
            out.data("data", entry.log.data);
            out.quantity("index", entry.index);
            out.quantity("position", std::uint64_t{entry.position});
            out.end_object();
        }
        out.end_array();
    }
    if (call.shows_value) out.quantity("value", call.value);
    out.string("type", call.type);
    out.end_object();
}

std::string CallTracer::result(std::uint64_t gas_limit, std::uint64_t gas_used) const {
    WEFT_ASSERT(open_.size() == 1);
    Call top = open_.front();
    top.gas = gas_limit;
    top.gas_used = gas_used;
    json::Writer out;
    write(out, top, false);
    return out.take();
}

}  // namespace weft::evm
