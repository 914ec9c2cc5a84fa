// CALL, CREATE and their kin: what they charge, what they pass on, what they leave behind.

#include <algorithm>
#include <cstring>

#include "evm/call.hpp"
#include "evm/instruction.hpp"
#include "evm/tracer.hpp"

namespace weft::evm {

namespace {

/// "All but one 64th": what an instruction may pass on of @p gas. @source EIP-150.
std::int64_t passable(const GasSchedule& schedule, std::int64_t gas) {
    return schedule.revision >= Revision::tangerine_whistle ? gas - gas / 64 : gas;
}

/// The tracer hears the price before the call begins.
void tell_charged(Frame& frame, std::int64_t gas_left) {
    if (frame.tracer == nullptr || frame.traced_gas < 0) return;
    frame.tracer->on_charged(frame.traced_gas - gas_left, Status::success);
    frame.traced_gas = -1;
}

/// A call instruction's operands, whatever its kind.
struct CallOperands {
    CallKind kind;
    const U256* gas;
    Address to;
    const U256* value;  // null: the instruction has none
    const U256* input_offset;
    const U256* input_size;
    const U256* output_offset;
    const U256* output_size;
    U256* result;
};

CallOperands read_operands(CallKind kind, U256* top) {
    const bool has_value = kind == CallKind::call || kind == CallKind::callcode;
    U256* const rest = top - (has_value ? 3 : 2);
    return {kind, &top[0], to_address(top[-1]), has_value ? &top[-2] : nullptr,
            &rest[0], &rest[-1], &rest[-2], &rest[-3], &rest[-3]};
}

/// Account access of the callee and, when it delegates, of the account it delegates to.
std::int64_t charge_callee(Frame& frame, const Address& to, std::int64_t gas) {
    gas = charge_account(frame, to, gas);
    if (gas < 0 || frame.schedule->revision < Revision::prague) return gas;
    const auto code = frame.host->code(to);
    if (const auto target = delegation_of(code->bytes())) {  // EIP-7702
        gas -= is_cold(frame, *target) ? cold_account_gas : warm_access_gas;
    }
    return gas;
}

/// What moving @p value, and making an account for it, costs on top.
std::int64_t value_cost(Frame& frame, const CallOperands& operands) {
    const bool pays = operands.value != nullptr && !operands.value->is_zero();
    std::int64_t cost = pays ? call_value_gas : 0;
    if (operands.kind != CallKind::call) return cost;
    // EIP-161: an account is only made when something is moved to it.
    if (!pays && frame.schedule->revision >= Revision::spurious_dragon) return cost;
    if (!frame.host->exists(operands.to)) cost += call_new_account_gas;
    return cost;
}

/// The gas the callee gets of @p gas; less than 0 if the caller can't pay what it asked for.
std::int64_t callee_gas(const GasSchedule& schedule, const U256& asked, std::int64_t gas) {
    const std::int64_t most = passable(schedule, gas);
    if (asked.fits_u64() && asked.limb[0] <= static_cast<std::uint64_t>(most)) {
        return static_cast<std::int64_t>(asked.limb[0]);
    }
    return schedule.revision >= Revision::tangerine_whistle ? most : -1;
}

Message message_of(const Frame& frame, const CallOperands& operands, std::int64_t gas) {
    const Message& parent = *frame.message;
    Message out;
    out.kind = operands.kind;
    out.is_static = parent.is_static || operands.kind == CallKind::staticcall;
    out.depth = parent.depth + 1;
    out.gas = static_cast<std::uint64_t>(gas);
    const bool own_storage = operands.kind == CallKind::callcode || operands.kind == CallKind::delegatecall;
    out.recipient = own_storage ? parent.recipient : operands.to;
    out.sender = operands.kind == CallKind::delegatecall ? parent.sender : parent.recipient;
    out.code_address = operands.to;
    if (operands.kind == CallKind::delegatecall) {
        out.value = parent.value;
    } else if (operands.value != nullptr) {
        out.value = *operands.value;
    }
    out.input = memory_view(frame, *operands.input_offset, *operands.input_size);
    return out;
}

std::int64_t call_of_kind(CallKind kind, Frame& frame, U256* top, std::int64_t gas) {
    const auto operands = read_operands(kind, top);
    const bool pays = operands.value != nullptr && !operands.value->is_zero();
    gas = touch_range(frame, *operands.input_offset, *operands.input_size, gas);
    if (gas < 0) return gas;
    gas = touch_range(frame, *operands.output_offset, *operands.output_size, gas);
    if (gas < 0) return gas;
    gas = charge_callee(frame, operands.to, gas);
    if (gas < 0) return gas;
    gas -= value_cost(frame, operands);
    if (gas < 0) return gas;
    std::int64_t passed = callee_gas(*frame.schedule, *operands.gas, gas);
    if (passed < 0) return out_of_gas(frame, gas);
    gas -= passed;
    if (kind == CallKind::call && pays && frame.message->is_static) {
        return fail_operation(frame, Status::static_mode_violation, gas);
    }
    tell_charged(frame, gas);
    if (pays) passed += call_stipend;

    Message message = message_of(frame, operands, passed);
    const auto outcome = run_message(*frame.machine, message, frame.return_data);
    if (outcome.status == Status::aborted) [[unlikely]] return fail_operation(frame, Status::aborted, gas);
    gas += outcome.gas_left;
    const std::size_t copied = std::min<std::size_t>(operands.output_size->limb[0], frame.return_data.size());
    if (copied != 0) {
        std::memcpy(frame.memory + operands.output_offset->limb[0], frame.return_data.data(), copied);
    }
    set_word(*operands.result, outcome.status == Status::success ? 1 : 0);
    return gas;
}

std::int64_t create_of_kind(CallKind kind, Frame& frame, U256* top, std::int64_t gas) {
    const U256& offset = top[-1];
    const U256& size = top[-2];
    gas = touch_range(frame, offset, size, gas);
    if (gas < 0) return gas;
    const bool metered = frame.schedule->revision >= Revision::shanghai;  // EIP-3860
    if (metered && size.limb[0] > init_code_size_max && !frame.environment->allow_unlimited_code) {
        return out_of_gas(frame, gas);
    }
    const std::int64_t word_gas =
        (metered ? init_code_word_gas : 0) + (kind == CallKind::create2 ? keccak_word_gas : 0);
    gas -= word_gas * word_count(size.limb[0]);
    if (gas < 0) return gas;
    if (frame.message->is_static) return fail_operation(frame, Status::static_mode_violation, gas);
    tell_charged(frame, gas);
    const std::int64_t passed = passable(*frame.schedule, gas);
    gas -= passed;

    U256& result = top[kind == CallKind::create2 ? -3 : -2];
    Message message;
    message.kind = kind;
    message.depth = frame.message->depth + 1;
    message.gas = static_cast<std::uint64_t>(passed);
    message.sender = frame.message->recipient;
    message.value = top[0];
    message.input = memory_view(frame, offset, size);
    if (kind == CallKind::create2) message.salt = top[-3].to_hash();
    const auto outcome = run_message(*frame.machine, message, frame.return_data);
    if (outcome.status == Status::aborted) [[unlikely]] return fail_operation(frame, Status::aborted, gas);
    gas += outcome.gas_left;
    if (outcome.status != Status::revert) frame.return_data.clear();
    if (outcome.status == Status::success) {
        set_address(result, outcome.created);
    } else {
        set_word(result, 0);
    }
    return gas;
}

}  // namespace

std::int64_t run(Tag<Opcode::call>, Frame& frame, U256* top, std::int64_t gas) {
    return call_of_kind(CallKind::call, frame, top, gas);
}
std::int64_t run(Tag<Opcode::callcode>, Frame& frame, U256* top, std::int64_t gas) {
    return call_of_kind(CallKind::callcode, frame, top, gas);
}
std::int64_t run(Tag<Opcode::delegatecall>, Frame& frame, U256* top, std::int64_t gas) {
    return call_of_kind(CallKind::delegatecall, frame, top, gas);
}
std::int64_t run(Tag<Opcode::staticcall>, Frame& frame, U256* top, std::int64_t gas) {
    return call_of_kind(CallKind::staticcall, frame, top, gas);
}
std::int64_t run(Tag<Opcode::create>, Frame& frame, U256* top, std::int64_t gas) {
    return create_of_kind(CallKind::create, frame, top, gas);
}
std::int64_t run(Tag<Opcode::create2>, Frame& frame, U256* top, std::int64_t gas) {
    return create_of_kind(CallKind::create2, frame, top, gas);
}

}  // namespace weft::evm
