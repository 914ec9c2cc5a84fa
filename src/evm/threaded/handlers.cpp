// The set of handlers, and those of instructions that memory, the frame or the host have a part in.

#include "evm/threaded/handlers.hpp"

#include <utility>

#include "base/divide_wide.hpp"
#include "evm/gas.hpp"
#include "evm/interpreter.hpp"
#include "evm/limiter.hpp"
#include "evm/threaded/handler.hpp"

namespace weft::evm {

// --- ways out

/// The block at pc can't be entered: the other interpreter takes over for the rest of the frame.
[[clang::preserve_none, gnu::noinline, gnu::cold]] void leave(WEFT_EVM_PARAMETERS) {
    const auto* const limiter = frame->machine->limiter;
    if (limiter != nullptr && limiter->requested()) WEFT_EVM_GO(halt<Status::aborted>);
    WEFT_EVM_SPILL();
    interpret_from(*frame, frame->code->begin() + (pc[1] >> 32), sp + 1, gas + static_cast<std::uint32_t>(pc[1]));
}

namespace {

[[clang::preserve_none, gnu::noinline, gnu::cold]] void halt_failed(WEFT_EVM_PARAMETERS) {
    static_cast<void>(pc), static_cast<void>(sp);
    static_cast<void>(t0), static_cast<void>(t1), static_cast<void>(t2), static_cast<void>(t3);
    if (frame->status == Status::success) frame->status = Status::out_of_gas;
    frame->gas = gas;
    frame->pc = frame->code->begin();
    frame->stack_size = 0;
}

WEFT_EVM_HANDLER undefined(WEFT_EVM_PARAMETERS) {
    static_cast<void>(sp);
    static_cast<void>(t0), static_cast<void>(t1), static_cast<void>(t2), static_cast<void>(t3);
    frame->status = Status::invalid_opcode;
    frame->gas = gas;
    frame->pc = frame->code->begin() + pc[1];
    frame->stack_size = 0;
}

WEFT_EVM_HANDLER header(WEFT_EVM_PARAMETERS) { WEFT_EVM_ENTER(); }

// --- the general handler: the instruction as instruction.hpp has it, on slots in memory

template <Opcode opcode>
concept Applicable = requires(U256* top) { run(Tag<opcode>{}, top); } ||
                     requires(Frame& frame, U256* top) { run(Tag<opcode>{}, frame, top); } ||
                     requires(Frame& frame, U256* top) { run(Tag<opcode>{}, frame, top, std::int64_t{}); };

template <Opcode opcode>
[[gnu::always_inline]] inline std::int64_t apply(Frame& frame, U256* top, std::int64_t gas) {
    if constexpr (requires { { run(Tag<opcode>{}, frame, top, gas) } -> std::same_as<std::int64_t>; }) {
        return run(Tag<opcode>{}, frame, top, gas);
    } else if constexpr (requires { run(Tag<opcode>{}, top); }) {
        run(Tag<opcode>{}, top);
    } else {
        run(Tag<opcode>{}, frame, top);
    }
    return gas;
}

template <Opcode opcode>
constexpr int growth = opcode_traits[to_byte(opcode)].pushes - opcode_traits[to_byte(opcode)].pops;

template <Opcode opcode>
WEFT_EVM_HANDLER general(WEFT_EVM_PARAMETERS) {
    WEFT_EVM_SPILL();
    gas = apply<opcode>(*frame, sp + 1, gas);
    if (gas < 0) [[unlikely]] WEFT_EVM_GO(halt_failed);
    if constexpr (opcode == Opcode::revert) WEFT_EVM_GO(halt<Status::revert>);
    if constexpr (opcode == Opcode::return_ || opcode == Opcode::selfdestruct) WEFT_EVM_GO(halt<Status::success>);
    sp += growth<opcode>;
    WEFT_EVM_RELOAD();
    WEFT_EVM_NEXT(1);
}

/// A push of one word before it.
template <Opcode opcode>
WEFT_EVM_HANDLER general_push(WEFT_EVM_PARAMETERS) {
    WEFT_EVM_SPILL();
    set_word(sp[2], pc[1], 0, 0, 0);
    gas = apply<opcode>(*frame, sp + 2, gas);
    if (gas < 0) [[unlikely]] WEFT_EVM_GO(halt_failed);
    sp += 1 + growth<opcode>;
    WEFT_EVM_RELOAD();
    WEFT_EVM_NEXT(2);
}

/// A DUP before it.
template <Opcode opcode>
WEFT_EVM_HANDLER general_dup(WEFT_EVM_PARAMETERS) {
    WEFT_EVM_SPILL();
    copy_word(sp[2], slot_at(sp, pc[1]));
    gas = apply<opcode>(*frame, sp + 2, gas);
    if (gas < 0) [[unlikely]] WEFT_EVM_GO(halt_failed);
    sp += 1 + growth<opcode>;
    WEFT_EVM_RELOAD();
    WEFT_EVM_NEXT(2);
}

// --- long arithmetic: what takes one or two machine divisions in place

/// What DIV and its kin are made of, for numbers of two limbs by numbers of one.
struct ShortDivision {
    std::uint64_t high, low, remainder;
};
[[gnu::always_inline]] inline ShortDivision divide_short(std::uint64_t u1, std::uint64_t u0, std::uint64_t divisor) {
    ShortDivision out{};
    if (u1 == 0) {
        out.low = u0 / divisor;
        out.remainder = u0 % divisor;
    } else {
        out.high = u1 / divisor;
        out.low = divide_wide(u1 % divisor, u0, divisor, out.remainder);
    }
    return out;
}

WEFT_EVM_HANDLER div(WEFT_EVM_PARAMETERS) {
    const U256& b = *sp;
    if ((t2 | t3 | b.limb[1] | b.limb[2] | b.limb[3]) != 0 || b.limb[0] == 0) WEFT_EVM_GO(general<Opcode::div>);
    const auto division = divide_short(t1, t0, b.limb[0]);
    t0 = division.low;
    t1 = division.high;
    --sp;
    WEFT_EVM_NEXT(1);
}
WEFT_EVM_HANDLER mod(WEFT_EVM_PARAMETERS) {
    const U256& b = *sp;
    if ((t2 | t3 | b.limb[1] | b.limb[2] | b.limb[3]) != 0 || b.limb[0] == 0) WEFT_EVM_GO(general<Opcode::mod>);
    t0 = divide_short(t1, t0, b.limb[0]).remainder;
    t1 = 0;
    --sp;
    WEFT_EVM_NEXT(1);
}
WEFT_EVM_HANDLER sdiv(WEFT_EVM_PARAMETERS) {
    const U256& b = *sp;
    const auto sign = static_cast<std::uint64_t>(static_cast<std::int64_t>(t3) >> 63);  // all ones if negative
    // Two limbs and their sign: the others say nothing. The divisor is positive.
    const bool is_short = (((t2 ^ sign) | (t3 ^ sign)) | b.limb[1] | b.limb[2] | b.limb[3]) == 0;
    if (!is_short || b.limb[0] == 0) WEFT_EVM_GO(general<Opcode::sdiv>);
    unsigned long long borrow = 0;
    const std::uint64_t u0 = __builtin_subcll(t0 ^ sign, sign, 0, &borrow);
    const std::uint64_t u1 = __builtin_subcll(t1 ^ sign, sign, borrow, &borrow);
    if ((u0 | u1) == 0 && sign != 0) WEFT_EVM_GO(general<Opcode::sdiv>);  // minus 2^128
    const auto division = divide_short(u1, u0, b.limb[0]);
    const std::uint64_t minus = (division.low | division.high) == 0 ? 0 : sign;
    t0 = __builtin_subcll(division.low ^ minus, minus, 0, &borrow);
    t1 = __builtin_subcll(division.high ^ minus, minus, borrow, &borrow);
    t2 = t3 = minus;
    --sp;
    WEFT_EVM_NEXT(1);
}

// --- memory: in place, unless it has to move or can't be paid

/// Makes memory reach to @p end if gas and room allow; changes nothing otherwise. @param end  below 2^33.
[[gnu::always_inline]] inline bool reach(Frame& frame, std::uint64_t end, std::int64_t& gas) {
    if (end <= frame.memory_size) [[likely]] return true;
    const std::int64_t words = word_count(end);
    const std::int64_t cost = memory_gas(words);
    const std::int64_t left = gas - (cost - frame.memory_cost);
    const std::uint64_t size = static_cast<std::uint64_t>(words) * 32;
    if (left < 0 || size > frame.memory_room) return false;
    gas = left;
    frame.memory_cost = cost;
    frame.memory_size = size;
    return true;
}

WEFT_EVM_HANDLER mload(WEFT_EVM_PARAMETERS) {
    if ((t0 >> 32 | t1 | t2 | t3) != 0 || !reach(*frame, t0 + 32, gas)) [[unlikely]] {
        WEFT_EVM_GO(general<Opcode::mload>);
    }
    const auto* const from = frame->memory + t0;
    t3 = load_big_endian(from);
    t2 = load_big_endian(from + 8);
    t1 = load_big_endian(from + 16);
    t0 = load_big_endian(from + 24);
    WEFT_EVM_NEXT(1);
}
WEFT_EVM_HANDLER push_mload(WEFT_EVM_PARAMETERS) {
    const std::uint64_t offset = pc[1];
    if (offset >> 32 != 0 || !reach(*frame, offset + 32, gas)) [[unlikely]] WEFT_EVM_GO(general_push<Opcode::mload>);
    WEFT_EVM_SPILL();
    ++sp;
    const auto* const from = frame->memory + offset;
    t3 = load_big_endian(from);
    t2 = load_big_endian(from + 8);
    t1 = load_big_endian(from + 16);
    t0 = load_big_endian(from + 24);
    WEFT_EVM_NEXT(2);
}
WEFT_EVM_HANDLER dup_mload(WEFT_EVM_PARAMETERS) {
    WEFT_EVM_SPILL();
    const U256& at = slot_at(sp, pc[1]);
    if (is_far(at) || !reach(*frame, at.limb[0] + 32, gas)) [[unlikely]] WEFT_EVM_GO(general_dup<Opcode::mload>);
    ++sp;
    const auto* const from = frame->memory + at.limb[0];
    t3 = load_big_endian(from);
    t2 = load_big_endian(from + 8);
    t1 = load_big_endian(from + 16);
    t0 = load_big_endian(from + 24);
    WEFT_EVM_NEXT(2);
}
WEFT_EVM_HANDLER mstore(WEFT_EVM_PARAMETERS) {
    if ((t0 >> 32 | t1 | t2 | t3) != 0 || !reach(*frame, t0 + 32, gas)) [[unlikely]] {
        WEFT_EVM_GO(general<Opcode::mstore>);
    }
    store_word(frame->memory + t0, *sp);
    --sp;
    WEFT_EVM_DROP();
    WEFT_EVM_NEXT(1);
}
WEFT_EVM_HANDLER push_mstore(WEFT_EVM_PARAMETERS) {
    const std::uint64_t offset = pc[1];
    if (offset >> 32 != 0 || !reach(*frame, offset + 32, gas)) [[unlikely]] WEFT_EVM_GO(general_push<Opcode::mstore>);
    auto* const to = frame->memory + offset;
    store_big_endian(to, t3);
    store_big_endian(to + 8, t2);
    store_big_endian(to + 16, t1);
    store_big_endian(to + 24, t0);
    WEFT_EVM_DROP();
    WEFT_EVM_NEXT(2);
}
WEFT_EVM_HANDLER dup_mstore(WEFT_EVM_PARAMETERS) {
    const U256& at = slot_at(sp, pc[1]);
    if (is_far(at) || !reach(*frame, at.limb[0] + 32, gas)) [[unlikely]] {
        WEFT_EVM_GO(general_dup<Opcode::mstore>);
    }
    auto* const to = frame->memory + at.limb[0];
    store_big_endian(to, t3);
    store_big_endian(to + 8, t2);
    store_big_endian(to + 16, t1);
    store_big_endian(to + 24, t0);
    WEFT_EVM_DROP();
    WEFT_EVM_NEXT(2);
}

WEFT_EVM_HANDLER stop(WEFT_EVM_PARAMETERS) { WEFT_EVM_GO(halt<Status::success>); }
WEFT_EVM_HANDLER gas_left(WEFT_EVM_PARAMETERS) {
    WEFT_EVM_SPILL();
    ++sp;
    t0 = static_cast<std::uint64_t>(gas);
    t1 = t2 = t3 = 0;
    WEFT_EVM_NEXT(1);
}

// --- the set

template <Opcode opcode>
void add_general(HandlerSet& set) {
    if constexpr (Applicable<opcode>) set.alone[to_byte(opcode)] = address_of(general<opcode>);
}

template <std::size_t... byte>
void add_general_handlers(HandlerSet& set, std::index_sequence<byte...>) {
    (add_general<static_cast<Opcode>(byte)>(set), ...);
}

template <Opcode... opcode>
void add_general_push(HandlerSet& set) {
    ((set.push_then[to_byte(opcode)] = address_of(general_push<opcode>)), ...);
}

template <Opcode... opcode>
void add_general_dup(HandlerSet& set) {
    ((set.dup_then[to_byte(opcode)] = address_of(general_dup<opcode>)), ...);
    ((set.dup1_then[to_byte(opcode)] = address_of(general_dup<opcode>)), ...);
}

HandlerSet make_handler_set() {
    HandlerSet set;
    set.header = address_of(header);
    add_general_handlers(set, std::make_index_sequence<256>());
    add_general_push<Opcode::shl, Opcode::shr, Opcode::sar, Opcode::byte, Opcode::calldataload>(set);
    add_general_dup<Opcode::div, Opcode::mulmod, Opcode::shr, Opcode::shl>(set);
    add_stack_handlers(set);
    add_arithmetic_handlers(set);
    add_jump_handlers(set);
    set.alone[to_byte(Opcode::div)] = address_of(weft::evm::div);
    set.alone[to_byte(Opcode::mod)] = address_of(mod);
    set.alone[to_byte(Opcode::sdiv)] = address_of(sdiv);
    set.alone[to_byte(Opcode::mload)] = address_of(mload);
    set.alone[to_byte(Opcode::mstore)] = address_of(mstore);
    set.push_then[to_byte(Opcode::mload)] = address_of(push_mload);
    set.push_then[to_byte(Opcode::mstore)] = address_of(push_mstore);
    set.dup_then[to_byte(Opcode::mload)] = address_of(dup_mload);
    set.dup_then[to_byte(Opcode::mstore)] = address_of(dup_mstore);
    set.alone[to_byte(Opcode::stop)] = address_of(stop);
    set.alone[to_byte(Opcode::gas)] = address_of(gas_left);
    set.undefined = address_of(undefined);
    return set;
}

}  // namespace

const HandlerSet& handler_set() {
    static const HandlerSet set = make_handler_set();
    return set;
}

void run_program(Frame& frame, const Program& program, const ProgramWord* header, U256* top, std::int64_t gas) {
    frame.program = &program;
    frame.reset_floor();
    reinterpret_cast<Handler>(*header)(header, top - 1, gas, &frame, top->limb[0], top->limb[1], top->limb[2],
                                       top->limb[3]);
}

}  // namespace weft::evm
