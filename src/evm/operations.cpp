// The instructions that ask the host, move many bytes or do long arithmetic.

#include <algorithm>
#include <cstring>

#include "base/result.hpp"
#include "crypto/keccak.hpp"
#include "evm/instruction.hpp"
#include "evm/tracer.hpp"

namespace weft::evm {

// --- arithmetic

void slow_divide(U256* top) {
    if (top[-1].is_zero()) return;
    copy_word(top[-1], divide(top[0], top[-1]).quotient);
}

void slow_modulo(U256* top) {
    if (top[-1].is_zero()) return;
    copy_word(top[-1], divide(top[0], top[-1]).remainder);
}

void signed_divide(U256* top) {
    if (top[-1].is_zero()) return;
    if (top[0].fits_u64() && top[-1].fits_u64()) {  // neither is negative
        top[-1].limb[0] = top[0].limb[0] / top[-1].limb[0];
        return;
    }
    const bool negative = is_negative(top[0]) != is_negative(top[-1]);
    const U256 dividend = is_negative(top[0]) ? -top[0] : top[0];
    const U256 divisor = is_negative(top[-1]) ? -top[-1] : top[-1];
    const U256 quotient = divide(dividend, divisor).quotient;
    copy_word(top[-1], negative ? -quotient : quotient);
}

void signed_modulo(U256* top) {
    if (top[-1].is_zero()) return;
    const U256 dividend = is_negative(top[0]) ? -top[0] : top[0];
    const U256 divisor = is_negative(top[-1]) ? -top[-1] : top[-1];
    const U256 remainder = divide(dividend, divisor).remainder;
    copy_word(top[-1], is_negative(top[0]) ? -remainder : remainder);
}

void slow_add_mod(U256* top) { copy_word(top[-2], add_mod(top[0], top[-1], top[-2])); }

void slow_multiply_mod(Machine& machine, U256* top) {
    const U256& modulus = top[-2];
    if (modulus == machine.reducer.modulus()) {
        copy_word(top[-2], machine.reducer.multiply(top[0], top[-1]));
        return;
    }
    // A modulus that comes twice in a row will come again: contracts work in one field.
    if (modulus == machine.last_modulus && Reducer::suits(modulus)) machine.reducer = Reducer(modulus);
    copy_word(machine.last_modulus, modulus);
    copy_word(top[-2], multiply_mod(top[0], top[-1], modulus));
}

std::int64_t run(Tag<Opcode::exp>, Frame& frame, U256* top, std::int64_t gas) {
    gas -= frame.schedule->exp_byte * static_cast<std::int64_t>(top[-1].byte_length());
    if (gas < 0) return gas;
    copy_word(top[-1], power(top[0], top[-1]));
    return gas;
}

// --- memory

std::int64_t fail_operation(Frame& frame, Status status, std::int64_t gas) {
    frame.status = status;
    frame.gas = gas;
    return -1;
}

std::int64_t out_of_gas(Frame& frame, std::int64_t gas) {
    return fail_operation(frame, Status::out_of_gas, gas);
}

std::int64_t touch_range(Frame& frame, const U256& offset, const U256& size, std::int64_t gas) {
    if (size.is_zero()) return gas;
    if (is_far(offset) || is_far(size)) return out_of_gas(frame, gas);
    const std::uint64_t end = offset.limb[0] + size.limb[0];
    return end <= frame.memory_size ? gas : grow_memory(frame, end, gas);
}

BytesView memory_view(const Frame& frame, const U256& offset, const U256& size) {
    if (size.is_zero()) return {};
    return {frame.memory + offset.limb[0], size.limb[0]};
}

bool is_cold(Frame& frame, const Address& address) {
    const auto& schedule = *frame.schedule;
    // Precompiles are warm from the beginning; that is known here, so no transaction has to mark eighteen of them.
    return schedule.cold_account_extra != 0 && frame.host->warm_account(address) &&
           !is_precompile(address, schedule.revision);
}

std::int64_t charge_account(Frame& frame, const Address& address, std::int64_t gas) {
    return is_cold(frame, address) ? gas - frame.schedule->cold_account_extra : gas;
}

namespace {

std::int64_t charge_words(const U256& size, std::int64_t word_gas) {
    return word_gas * word_count(size.limb[0]);
}

/// Copies source[from, from + size) to memory, zeros for what lies behind the source's end.
/// @param to, size  accepted by touch_range().
void copy_padded(Frame& frame, const U256& to, BytesView source, const U256& from, const U256& size) {
    if (size.is_zero()) return;
    auto* const target = frame.memory + to.limb[0];
    std::uint64_t count = 0;
    if (from.fits_u64() && from.limb[0] < source.size()) {
        count = std::min<std::uint64_t>(size.limb[0], source.size() - from.limb[0]);
        std::memcpy(target, source.data() + from.limb[0], count);
    }
    std::memset(target + count, 0, size.limb[0] - count);
}

/// Gas for @p size bytes that go to memory at @p to.
std::int64_t charge_copy(Frame& frame, const U256& to, const U256& size, std::int64_t gas) {
    gas = touch_range(frame, to, size, gas);
    return gas < 0 ? gas : gas - charge_words(size, word_copy_gas);
}

}  // namespace

std::int64_t grow_memory(Frame& frame, std::uint64_t end, std::int64_t gas) {
    const std::int64_t words = word_count(end);
    const std::int64_t cost = memory_gas(words);
    gas -= cost - frame.memory_cost;
    if (gas < 0) return gas;
    frame.memory_cost = cost;
    const auto size = static_cast<std::uint64_t>(words) * 32;
    if (size <= frame.memory_room) {
        frame.memory_size = size;
    } else {
        if (!frame.machine->grow(frame, size)) return fail_operation(frame, Status::aborted, gas);
    }
    return gas;
}

void load_partial_input(const Frame& frame, U256* top) {
    const auto input = frame.message->input;
    std::uint8_t bytes[32] = {};
    if (top[0].fits_u64() && top[0].limb[0] < input.size()) {
        const auto rest = input.subspan(top[0].limb[0]);
        std::memcpy(bytes, rest.data(), std::min<std::size_t>(rest.size(), 32));
    }
    load_word(top[0], bytes);
}

std::int64_t run(Tag<Opcode::keccak256>, Frame& frame, U256* top, std::int64_t gas) {
    gas = touch_range(frame, top[0], top[-1], gas);
    if (gas < 0) return gas;
    gas -= charge_words(top[-1], keccak_word_gas);
    if (gas < 0) return gas;
    const auto data = memory_view(frame, top[0], top[-1]);
    std::uint8_t hash[32];
    crypto::keccak256_into(data.data(), data.size(), hash);
    load_word(top[-1], hash);
    return gas;
}

std::int64_t run(Tag<Opcode::calldatacopy>, Frame& frame, U256* top, std::int64_t gas) {
    gas = charge_copy(frame, top[0], top[-2], gas);
    if (gas >= 0) copy_padded(frame, top[0], frame.message->input, top[-1], top[-2]);
    return gas;
}

std::int64_t run(Tag<Opcode::codecopy>, Frame& frame, U256* top, std::int64_t gas) {
    gas = charge_copy(frame, top[0], top[-2], gas);
    if (gas >= 0) copy_padded(frame, top[0], frame.code->bytes(), top[-1], top[-2]);
    return gas;
}

std::int64_t run(Tag<Opcode::returndatacopy>, Frame& frame, U256* top, std::int64_t gas) {
    gas = charge_copy(frame, top[0], top[-2], gas);
    if (gas < 0) return gas;
    const auto& data = frame.return_data;
    const U256& from = top[-1];
    const U256& size = top[-2];
    if (!from.fits_u64() || from.limb[0] > data.size() || !size.fits_u64() ||
        size.limb[0] > data.size() - from.limb[0]) {
        return fail_operation(frame, Status::return_data_out_of_bounds, gas);
    }
    copy_padded(frame, top[0], data, from, size);
    return gas;
}

std::int64_t run(Tag<Opcode::mcopy>, Frame& frame, U256* top, std::int64_t gas) {
    const U256& to = top[0];
    const U256& from = top[-1];
    const U256& size = top[-2];
    gas = touch_range(frame, to < from ? from : to, size, gas);
    if (gas < 0) return gas;
    gas -= charge_words(size, word_copy_gas);
    if (gas < 0) return gas;
    if (!size.is_zero()) std::memmove(frame.memory + to.limb[0], frame.memory + from.limb[0], size.limb[0]);
    return gas;
}

// --- accounts and blocks

std::int64_t run(Tag<Opcode::balance>, Frame& frame, U256* top, std::int64_t gas) {
    const Address address = to_address(top[0]);
    gas = charge_account(frame, address, gas);
    if (gas >= 0) copy_word(top[0], frame.host->balance(address));
    return gas;
}

std::int64_t run(Tag<Opcode::selfbalance>, Frame& frame, U256* top, std::int64_t gas) {
    copy_word(top[1], frame.host->balance(frame.message->recipient));
    return gas;
}

std::int64_t run(Tag<Opcode::extcodesize>, Frame& frame, U256* top, std::int64_t gas) {
    const Address address = to_address(top[0]);
    gas = charge_account(frame, address, gas);
    if (gas >= 0) set_word(top[0], frame.host->code(address)->size());
    return gas;
}

std::int64_t run(Tag<Opcode::extcodehash>, Frame& frame, U256* top, std::int64_t gas) {
    const Address address = to_address(top[0]);
    gas = charge_account(frame, address, gas);
    if (gas < 0) return gas;
    if (frame.host->exists(address)) {
        load_word(top[0], frame.host->code_hash(address).data());
    } else {
        set_word(top[0], 0);
    }
    return gas;
}

std::int64_t run(Tag<Opcode::extcodecopy>, Frame& frame, U256* top, std::int64_t gas) {
    const Address address = to_address(top[0]);
    gas = charge_copy(frame, top[-1], top[-3], gas);
    if (gas < 0) return gas;
    gas = charge_account(frame, address, gas);
    if (gas < 0) return gas;
    copy_padded(frame, top[-1], frame.host->code(address)->bytes(), top[-2], top[-3]);
    return gas;
}

std::int64_t run(Tag<Opcode::blockhash>, Frame& frame, U256* top, std::int64_t gas) {
    const std::uint64_t now = frame.environment->block.number;
    const std::uint64_t wanted = top[0].limb[0];
    if (top[0].fits_u64() && wanted < now && now - wanted <= 256) {
        load_word(top[0], frame.host->block_hash(wanted).data());
    } else {
        set_word(top[0], 0);
    }
    return gas;
}

// --- storage

std::int64_t run(Tag<Opcode::sload>, Frame& frame, U256* top, std::int64_t gas) {
    const Address& address = frame.message->recipient;
    if (frame.schedule->cold_storage_extra != 0 && frame.host->warm_storage(address, top[0])) {
        gas -= frame.schedule->cold_storage_extra;
        if (gas < 0) return gas;
    }
    copy_word(top[0], frame.host->storage(address, top[0]));
    return gas;
}

namespace {

struct StorageCost {
    std::int64_t gas;
    std::int64_t refund;
};

/// @source  EIP-1283, EIP-2200, EIP-3529.
StorageCost storage_cost(const GasSchedule& schedule, const SlotValues& slot, const U256& value) {
    const bool from_zero = slot.current.is_zero();
    const bool to_zero = value.is_zero();
    const std::int64_t clear_refund = schedule.sstore_clear_refund;
    if (schedule.storage_rule == StorageRule::by_zeroness) {
        if (from_zero && !to_zero) return {schedule.sstore_set, 0};
        return {schedule.sstore_reset, !from_zero && to_zero ? clear_refund : 0};
    }
    if (slot.current == value) return {schedule.sstore_unchanged, 0};
    if (slot.current == slot.original) {
        if (from_zero) return {schedule.sstore_set, 0};
        return {schedule.sstore_reset, to_zero ? clear_refund : 0};
    }
    std::int64_t refund = 0;
    if (!slot.original.is_zero()) {
        if (from_zero) refund -= clear_refund;
        if (to_zero) refund += clear_refund;
    }
    if (slot.original == value) {
        refund += (slot.original.is_zero() ? schedule.sstore_set : schedule.sstore_reset) - schedule.sstore_unchanged;
    }
    return {schedule.sstore_unchanged, refund};
}

}  // namespace

std::int64_t run(Tag<Opcode::sstore>, Frame& frame, U256* top, std::int64_t gas) {
    const auto& schedule = *frame.schedule;
    if (schedule.revision >= Revision::istanbul && gas <= sstore_sentry_gas) return out_of_gas(frame, gas);
    const Address& address = frame.message->recipient;
    if (schedule.cold_storage_extra != 0 && frame.host->warm_storage(address, top[0])) gas -= cold_storage_gas;
    const auto slot = frame.host->storage_values(address, top[0]);
    const auto cost = storage_cost(schedule, slot, top[-1]);
    gas -= cost.gas;
    if (gas < 0) return gas;
    if (frame.message->is_static) return fail_operation(frame, Status::static_mode_violation, gas);
    frame.machine->refund += cost.refund;
    if (slot.current != top[-1]) frame.host->set_storage(address, top[0], top[-1]);
    return gas;
}

std::int64_t run(Tag<Opcode::tload>, Frame& frame, U256* top, std::int64_t gas) {
    copy_word(top[0], frame.host->transient_storage(frame.message->recipient, top[0]));
    return gas;
}

std::int64_t run(Tag<Opcode::tstore>, Frame& frame, U256* top, std::int64_t gas) {
    if (frame.message->is_static) return fail_operation(frame, Status::static_mode_violation, gas);
    frame.host->set_transient_storage(frame.message->recipient, top[0], top[-1]);
    return gas;
}

// --- logs

namespace {

std::int64_t log(Frame& frame, const U256* top, std::int64_t gas, int topic_count) {
    gas = touch_range(frame, top[0], top[-1], gas);
    if (gas < 0) return gas;
    gas -= log_topic_gas * topic_count + log_byte_gas * static_cast<std::int64_t>(top[-1].limb[0]);
    if (gas < 0) return gas;
    if (frame.message->is_static) return fail_operation(frame, Status::static_mode_violation, gas);
    Log entry;
    entry.address = frame.message->recipient;
    entry.topics.reserve(static_cast<std::size_t>(topic_count));
    for (int i = 0; i < topic_count; ++i) entry.topics.push_back(top[-2 - i].to_hash());
    entry.data = to_bytes(memory_view(frame, top[0], top[-1]));
    if (frame.machine->tracer != nullptr) frame.machine->tracer->on_log(entry);
    frame.host->emit_log(std::move(entry));
    return gas;
}

}  // namespace

std::int64_t run(Tag<Opcode::log0>, Frame& frame, U256* top, std::int64_t gas) { return log(frame, top, gas, 0); }
std::int64_t run(Tag<Opcode::log1>, Frame& frame, U256* top, std::int64_t gas) { return log(frame, top, gas, 1); }
std::int64_t run(Tag<Opcode::log2>, Frame& frame, U256* top, std::int64_t gas) { return log(frame, top, gas, 2); }
std::int64_t run(Tag<Opcode::log3>, Frame& frame, U256* top, std::int64_t gas) { return log(frame, top, gas, 3); }
std::int64_t run(Tag<Opcode::log4>, Frame& frame, U256* top, std::int64_t gas) { return log(frame, top, gas, 4); }

// --- the end

namespace {

std::int64_t set_output(Frame& frame, const U256* top, std::int64_t gas) {
    gas = touch_range(frame, top[0], top[-1], gas);
    if (gas < 0) return gas;
    frame.output_offset = top[-1].is_zero() ? 0 : top[0].limb[0];
    frame.output_size = top[-1].limb[0];
    return gas;
}

}  // namespace

std::int64_t run(Tag<Opcode::return_>, Frame& frame, U256* top, std::int64_t gas) {
    return set_output(frame, top, gas);
}

std::int64_t run(Tag<Opcode::revert>, Frame& frame, U256* top, std::int64_t gas) {
    gas = set_output(frame, top, gas);
    if (gas >= 0) frame.status = Status::revert;
    return gas;
}

std::int64_t run(Tag<Opcode::selfdestruct>, Frame& frame, U256* top, std::int64_t gas) {
    Host& host = *frame.host;
    const auto revision = frame.schedule->revision;
    const Address& self = frame.message->recipient;
    const Address heir = to_address(top[0]);
    if (is_cold(frame, heir)) gas -= cold_account_gas;
    const U256 balance = host.balance(self);
    if (frame.schedule->selfdestruct_new_account != 0 &&
        (revision < Revision::spurious_dragon || !balance.is_zero()) && !host.exists(heir)) {
        gas -= frame.schedule->selfdestruct_new_account;
    }
    if (gas < 0) return gas;
    if (frame.message->is_static) return fail_operation(frame, Status::static_mode_violation, gas);
    if (frame.machine->tracer != nullptr) {
        frame.machine->tracer->on_self_destruct(frame.message->depth, self, heir, balance);
    }
    const bool dies = revision < Revision::cancun || host.created_in_transaction(self);  // EIP-6780
    if (heir != self) {
        host.set_balance(heir, host.balance(heir) + balance);
        host.touch(heir);
        host.set_balance(self, {});
    } else if (dies) {
        host.set_balance(self, {});  // what it leaves to itself is gone
    }
    if (dies && host.schedule_destruction(self) && revision < Revision::london) {
        frame.machine->refund += selfdestruct_refund;
    }
    return gas;
}

}  // namespace weft::evm
