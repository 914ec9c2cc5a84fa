#include "evm/tracer/struct_log.hpp"

#include "base/hex.hpp"
#include "base/json.hpp"
#include "evm/opcode.hpp"
#include "evm/status.hpp"

namespace weft::evm {

namespace {

constexpr std::uint64_t entry_size_about = 80;
constexpr std::uint64_t word_size_least = 6;

/// A step that failed before it ran shows why; one that failed while it ran does not.
bool is_shown(Status status) {
    return status == Status::out_of_gas || status == Status::stack_underflow || status == Status::stack_overflow;
}

}  // namespace

std::string StructLogTracer::storage_of(const TraceStep& step) {
    const bool load = step.opcode == to_byte(Opcode::sload) && !step.stack.empty();
    const bool store = step.opcode == to_byte(Opcode::sstore) && step.stack.size() >= 2;
    if (options_.disable_storage || (!load && !store)) return {};
    const Address& contract = step.message.recipient;
    const U256& key = step.stack.back();
    auto& slots = storage_[contract];
    constexpr std::uint64_t slot_size = 137;  // of its text
    if (options_.budget != nullptr && !options_.budget->take(slots.size() * slot_size)) return {};
    slots[key] = load ? step.host.storage(contract, key) : step.stack[step.stack.size() - 2];
    std::string out = ",\"storage\":{";
    for (const auto& [slot, value] : slots) {
        if (out.back() != '{') out += ',';
        out += '"' + to_hex(slot.to_hash()) + "\":\"" + to_hex(value.to_hash()) + '"';
    }
    return out + '}';
}

std::string StructLogTracer::members_of(const TraceStep& step) {
    std::string out;
    if (!options_.disable_stack) {
        out += ",\"stack\":[";
        for (const auto& word : step.stack) {
            if (out.back() != '[') out += ',';
            out += '"' + to_quantity(word) + '"';
        }
        out += ']';
    }
    if (options_.enable_return_data && !step.return_data.empty()) {
        out += ",\"returnData\":\"" + to_hex(step.return_data) + '"';
    }
    if (options_.enable_memory && !step.memory.empty()) {
        out += ",\"memory\":[";
        for (std::size_t i = 0; i < step.memory.size(); i += 32) {
            if (i != 0) out += ',';
            out += '"' + to_hex(step.memory.subspan(i, 32)) + '"';
        }
        out += ']';
    }
    return out + storage_of(step);
}

void StructLogTracer::on_step(const TraceStep& step) {
    if (options_.limit != 0 && logs_.size() > options_.limit) return;
    // Looked at before the text is made, which one step can have too much of.
    std::uint64_t size_about = entry_size_about;
    if (!options_.disable_stack) size_about += step.stack.size() * word_size_least;
    if (options_.enable_memory) size_about += step.memory.size() * 2;
    if (options_.budget != nullptr && !options_.budget->take(size_about)) return;
    pending_ = {true, step.pc, step.opcode, step.gas, step.depth, step.refund, step.stack.size(), members_of(step)};
}

void StructLogTracer::on_charged(std::int64_t gas_cost, Status status) {
    if (!pending_.open) return;
    pending_.open = false;
    json::Writer head;
    head.begin_object();
    head.key("pc").unsigned_integer(pending_.pc);
    head.string("op", opcode_name(pending_.opcode));
    head.key("gas").unsigned_integer(pending_.gas);
    head.key("gasCost").integer(gas_cost);
    head.key("depth").integer(pending_.depth + 1);
    if (is_shown(status)) head.string("error", describe(status, pending_.opcode, pending_.stack_size));
    if (!logs_.empty()) logs_ += ',';
    logs_ += head.text();  // still open: its other members follow
    logs_ += pending_.rest;
    if (pending_.refund != 0) logs_ += ",\"refund\":" + std::to_string(pending_.refund);
    logs_ += '}';
}

void StructLogTracer::on_exit(const TraceExit& exit) {
    if (exit.depth != 0) return;
    status_ = exit.status;
    output_ = to_bytes(exit.output);
}

std::string StructLogTracer::result(std::uint64_t gas_used) const {
    const bool shows_output = status_ == Status::success || status_ == Status::revert;
    json::Writer out;
    out.begin_object();
    out.key("gas").unsigned_integer(gas_used);
    out.boolean("failed", status_ != Status::success);
    out.data("returnValue", shows_output ? BytesView(output_) : BytesView());
    out.key("structLogs").raw("[" + logs_ + "]");
    out.end_object();
    return out.take();
}

}  // namespace weft::evm
