// Handlers of translated code. The uppermost word of the stack lives in four registers; `sp` points to the one below
// it, and the slot above `sp` is where the uppermost word would be. A stack of height 0 or 1 has `sp` below the first
// slot: the pool keeps a margin there, and what is read from it is never used.

#include "evm/threaded/handlers.hpp"

#include <utility>

#include "evm/gas.hpp"
#include "evm/instruction.hpp"
#include "evm/interpreter.hpp"
#include "evm/threaded/limbs.hpp"

// Macros, because a parameter list cannot be abbreviated otherwise. See interpreter.cpp.
#define WEFT_EVM_PARAMETERS                                                                                  \
    const ProgramWord *pc, U256 *sp, std::int64_t gas, Frame *frame, std::uint64_t t0, std::uint64_t t1,     \
        std::uint64_t t2, std::uint64_t t3
#define WEFT_EVM_GO(function) [[clang::musttail]] return function(pc, sp, gas, frame, t0, t1, t2, t3)
#define WEFT_EVM_NEXT(words) \
    pc += (words);           \
    WEFT_EVM_GO(reinterpret_cast<Handler>(*pc))
#define WEFT_EVM_HANDLER [[clang::preserve_none]] void
/// Goes to the block whose header is at pc: what its handler does, without the way there.
#define WEFT_EVM_ENTER()                                                   \
    if (!may_enter(pc, sp, gas, frame)) [[unlikely]] WEFT_EVM_GO(leave); \
    WEFT_EVM_NEXT(header_size)
#define WEFT_EVM_SPILL() set_word(sp[1], t0, t1, t2, t3)
#define WEFT_EVM_RELOAD()    \
    t0 = sp[1].limb[0];      \
    t1 = sp[1].limb[1];      \
    t2 = sp[1].limb[2];      \
    t3 = sp[1].limb[3]
/// The uppermost word is gone; the one below takes its place.
#define WEFT_EVM_DROP() \
    --sp;               \
    WEFT_EVM_RELOAD()

namespace weft::evm {

namespace {

using Handler = void (*)(WEFT_EVM_PARAMETERS) [[clang::preserve_none]];

[[gnu::always_inline]] inline void set_word(U256& to, std::uint64_t l0, std::uint64_t l1, std::uint64_t l2,
                                            std::uint64_t l3) {
    to.limb[0] = l0;
    to.limb[1] = l1;
    to.limb[2] = l2;
    to.limb[3] = l3;
}

/// The slot that DUP copies. @param distance  as dup_distance().
[[gnu::always_inline]] inline const U256& slot_at(const U256* sp, ProgramWord distance) {
    return *reinterpret_cast<const U256*>(reinterpret_cast<const char*>(sp) + static_cast<std::int64_t>(distance));
}

// --- blocks and ways out

[[gnu::always_inline]] inline bool may_enter(const ProgramWord* pc, const U256* sp, std::int64_t& gas,
                                             const Frame* frame) {
    gas -= static_cast<std::uint32_t>(pc[1]);
    const auto height = static_cast<std::uint32_t>(reinterpret_cast<const char*>(sp) -
                                                   reinterpret_cast<const char*>(frame->floor));
    return gas >= 0 && height - static_cast<std::uint32_t>(pc[2]) <= static_cast<std::uint32_t>(pc[2] >> 32);
}

/// The block at pc can't be entered: the other interpreter takes over for the rest of the frame.
[[clang::preserve_none, gnu::noinline, gnu::cold]] void leave(WEFT_EVM_PARAMETERS) {
    WEFT_EVM_SPILL();
    interpret_from(*frame, frame->code->begin() + (pc[1] >> 32), sp + 1, gas + static_cast<std::uint32_t>(pc[1]));
}

template <Status status>
[[clang::preserve_none, gnu::noinline, gnu::cold]] void halt(WEFT_EVM_PARAMETERS) {
    static_cast<void>(pc), static_cast<void>(sp);
    static_cast<void>(t0), static_cast<void>(t1), static_cast<void>(t2), static_cast<void>(t3);
    frame->status = status;
    frame->gas = gas;
    frame->pc = frame->code->begin();
    frame->stack_size = 0;
}

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

// --- the stack

WEFT_EVM_HANDLER push(WEFT_EVM_PARAMETERS) {
    WEFT_EVM_SPILL();
    ++sp;
    t0 = pc[1];
    t1 = t2 = t3 = 0;
    WEFT_EVM_NEXT(2);
}
WEFT_EVM_HANDLER push_wide(WEFT_EVM_PARAMETERS) {
    WEFT_EVM_SPILL();
    ++sp;
    t0 = pc[1];
    t1 = pc[2];
    t2 = pc[3];
    t3 = pc[4];
    WEFT_EVM_NEXT(5);
}
WEFT_EVM_HANDLER push_push(WEFT_EVM_PARAMETERS) {
    WEFT_EVM_SPILL();
    set_word(sp[2], pc[1], 0, 0, 0);
    sp += 2;
    t0 = pc[2];
    t1 = t2 = t3 = 0;
    WEFT_EVM_NEXT(3);
}
WEFT_EVM_HANDLER push_dup(WEFT_EVM_PARAMETERS) {
    WEFT_EVM_SPILL();
    const U256& from = slot_at(sp + 1, pc[2]);
    set_word(sp[2], pc[1], 0, 0, 0);
    sp += 2;
    t0 = from.limb[0];
    t1 = from.limb[1];
    t2 = from.limb[2];
    t3 = from.limb[3];
    WEFT_EVM_NEXT(3);
}
WEFT_EVM_HANDLER dup_push(WEFT_EVM_PARAMETERS) {
    WEFT_EVM_SPILL();
    copy_word(sp[2], slot_at(sp, pc[1]));
    sp += 2;
    t0 = pc[2];
    t1 = t2 = t3 = 0;
    WEFT_EVM_NEXT(3);
}
WEFT_EVM_HANDLER dup_dup(WEFT_EVM_PARAMETERS) {
    WEFT_EVM_SPILL();
    copy_word(sp[2], slot_at(sp, pc[1]));
    const U256& from = slot_at(sp + 1, pc[2]);
    sp += 2;
    t0 = from.limb[0];
    t1 = from.limb[1];
    t2 = from.limb[2];
    t3 = from.limb[3];
    WEFT_EVM_NEXT(3);
}
template <int n>
WEFT_EVM_HANDLER dup(WEFT_EVM_PARAMETERS) {
    WEFT_EVM_SPILL();
    if constexpr (n > 1) {
        const U256& from = sp[2 - n];
        t0 = from.limb[0];
        t1 = from.limb[1];
        t2 = from.limb[2];
        t3 = from.limb[3];
    }
    ++sp;
    WEFT_EVM_NEXT(1);
}
template <int n>
WEFT_EVM_HANDLER swap(WEFT_EVM_PARAMETERS) {
    U256& other = sp[1 - n];
    std::swap(t0, other.limb[0]);
    std::swap(t1, other.limb[1]);
    std::swap(t2, other.limb[2]);
    std::swap(t3, other.limb[3]);
    WEFT_EVM_NEXT(1);
}
WEFT_EVM_HANDLER pop(WEFT_EVM_PARAMETERS) {
    WEFT_EVM_DROP();
    WEFT_EVM_NEXT(1);
}
WEFT_EVM_HANDLER pop_pop(WEFT_EVM_PARAMETERS) {
    --sp;
    WEFT_EVM_DROP();
    WEFT_EVM_NEXT(1);
}
/// The uppermost word replaces the one n below it.
template <int n>
WEFT_EVM_HANDLER swap_pop(WEFT_EVM_PARAMETERS) {
    if constexpr (n == 1) {
        --sp;
    } else {
        set_word(sp[1 - n], t0, t1, t2, t3);
        WEFT_EVM_DROP();
    }
    WEFT_EVM_NEXT(1);
}

// --- arithmetic

template <Opcode opcode>
WEFT_EVM_HANDLER binary(WEFT_EVM_PARAMETERS) {
    const U256& b = *sp;
    compute<opcode>(t0, t1, t2, t3, b.limb[0], b.limb[1], b.limb[2], b.limb[3], t0, t1, t2, t3);
    --sp;
    WEFT_EVM_NEXT(1);
}
template <Opcode opcode>
WEFT_EVM_HANDLER push_binary(WEFT_EVM_PARAMETERS) {
    compute<opcode>(pc[1], 0, 0, 0, t0, t1, t2, t3, t0, t1, t2, t3);
    WEFT_EVM_NEXT(2);
}
template <Opcode opcode>
WEFT_EVM_HANDLER dup_binary(WEFT_EVM_PARAMETERS) {
    const U256& a = slot_at(sp, pc[1]);
    compute<opcode>(a.limb[0], a.limb[1], a.limb[2], a.limb[3], t0, t1, t2, t3, t0, t1, t2, t3);
    WEFT_EVM_NEXT(2);
}
/// SWAP1 first: the second word is the first operand.
template <Opcode opcode>
WEFT_EVM_HANDLER swap_binary(WEFT_EVM_PARAMETERS) {
    const U256& a = *sp;
    compute<opcode>(a.limb[0], a.limb[1], a.limb[2], a.limb[3], t0, t1, t2, t3, t0, t1, t2, t3);
    --sp;
    WEFT_EVM_NEXT(1);
}
WEFT_EVM_HANDLER push_swap1_sub(WEFT_EVM_PARAMETERS) {
    compute<Opcode::sub>(t0, t1, t2, t3, pc[1], 0, 0, 0, t0, t1, t2, t3);
    WEFT_EVM_NEXT(2);
}
WEFT_EVM_HANDLER push_wide_and(WEFT_EVM_PARAMETERS) {
    t0 &= pc[1];
    t1 &= pc[2];
    t2 &= pc[3];
    t3 &= pc[4];
    WEFT_EVM_NEXT(5);
}

WEFT_EVM_HANDLER iszero(WEFT_EVM_PARAMETERS) {
    t0 = (t0 | t1 | t2 | t3) == 0 ? 1 : 0;
    t1 = t2 = t3 = 0;
    WEFT_EVM_NEXT(1);
}
WEFT_EVM_HANDLER not_(WEFT_EVM_PARAMETERS) {
    t0 = ~t0;
    t1 = ~t1;
    t2 = ~t2;
    t3 = ~t3;
    WEFT_EVM_NEXT(1);
}

/// @tparam limbs  whole limbs to shift by; the rest of the count is the operand.
template <int limbs>
WEFT_EVM_HANDLER push_shl(WEFT_EVM_PARAMETERS) {
    const std::uint64_t count = pc[1];
    if constexpr (limbs == 0) t3 = shift_left(t3, t2, count);
    if constexpr (limbs == 1) t3 = shift_left(t2, t1, count);
    if constexpr (limbs == 2) t3 = shift_left(t1, t0, count);
    if constexpr (limbs == 3) t3 = t0 << count;
    if constexpr (limbs == 0) t2 = shift_left(t2, t1, count);
    if constexpr (limbs == 1) t2 = shift_left(t1, t0, count);
    if constexpr (limbs == 2) t2 = t0 << count;
    if constexpr (limbs == 0) t1 = shift_left(t1, t0, count);
    if constexpr (limbs == 1) t1 = t0 << count;
    if constexpr (limbs == 0) t0 <<= count;
    if constexpr (limbs >= 1) t0 = 0;
    if constexpr (limbs >= 2) t1 = 0;
    if constexpr (limbs >= 3) t2 = 0;
    WEFT_EVM_NEXT(2);
}
template <int limbs>
WEFT_EVM_HANDLER push_shr(WEFT_EVM_PARAMETERS) {
    const std::uint64_t count = pc[1];
    if constexpr (limbs == 0) t0 = shift_right(t1, t0, count);
    if constexpr (limbs == 1) t0 = shift_right(t2, t1, count);
    if constexpr (limbs == 2) t0 = shift_right(t3, t2, count);
    if constexpr (limbs == 3) t0 = t3 >> count;
    if constexpr (limbs == 0) t1 = shift_right(t2, t1, count);
    if constexpr (limbs == 1) t1 = shift_right(t3, t2, count);
    if constexpr (limbs == 2) t1 = t3 >> count;
    if constexpr (limbs == 0) t2 = shift_right(t3, t2, count);
    if constexpr (limbs == 1) t2 = t3 >> count;
    if constexpr (limbs == 0) t3 >>= count;
    if constexpr (limbs >= 1) t3 = 0;
    if constexpr (limbs >= 2) t2 = 0;
    if constexpr (limbs >= 3) t1 = 0;
    WEFT_EVM_NEXT(2);
}

// --- memory: what exists already in place, the rest by the general way

WEFT_EVM_HANDLER mload(WEFT_EVM_PARAMETERS) {
    const std::uint64_t end = t0 + 32;
    if ((t0 >> 32 | t1 | t2 | t3) != 0 || end > frame->memory_size) [[unlikely]] WEFT_EVM_GO(general<Opcode::mload>);
    const auto* const from = frame->memory + t0;
    t3 = load_big_endian(from);
    t2 = load_big_endian(from + 8);
    t1 = load_big_endian(from + 16);
    t0 = load_big_endian(from + 24);
    WEFT_EVM_NEXT(1);
}
WEFT_EVM_HANDLER push_mload(WEFT_EVM_PARAMETERS) {
    const std::uint64_t offset = pc[1];
    if (offset >> 32 != 0 || offset + 32 > frame->memory_size) [[unlikely]] WEFT_EVM_GO(general_push<Opcode::mload>);
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
    if (is_far(at) || at.limb[0] + 32 > frame->memory_size) [[unlikely]] WEFT_EVM_GO(general_dup<Opcode::mload>);
    ++sp;
    const auto* const from = frame->memory + at.limb[0];
    t3 = load_big_endian(from);
    t2 = load_big_endian(from + 8);
    t1 = load_big_endian(from + 16);
    t0 = load_big_endian(from + 24);
    WEFT_EVM_NEXT(2);
}
WEFT_EVM_HANDLER mstore(WEFT_EVM_PARAMETERS) {
    if ((t0 >> 32 | t1 | t2 | t3) != 0 || t0 + 32 > frame->memory_size) [[unlikely]] {
        WEFT_EVM_GO(general<Opcode::mstore>);
    }
    store_word(frame->memory + t0, *sp);
    --sp;
    WEFT_EVM_DROP();
    WEFT_EVM_NEXT(1);
}
WEFT_EVM_HANDLER push_mstore(WEFT_EVM_PARAMETERS) {
    const std::uint64_t offset = pc[1];
    if (offset >> 32 != 0 || offset + 32 > frame->memory_size) [[unlikely]] WEFT_EVM_GO(general_push<Opcode::mstore>);
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
    if (is_far(at) || at.limb[0] + 32 > frame->memory_size) [[unlikely]] {
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

// --- control

WEFT_EVM_HANDLER stop(WEFT_EVM_PARAMETERS) { WEFT_EVM_GO(halt<Status::success>); }
WEFT_EVM_HANDLER gas_left(WEFT_EVM_PARAMETERS) {
    WEFT_EVM_SPILL();
    ++sp;
    t0 = static_cast<std::uint64_t>(gas);
    t1 = t2 = t3 = 0;
    WEFT_EVM_NEXT(1);
}

WEFT_EVM_HANDLER jump(WEFT_EVM_PARAMETERS) {
    const auto* const target = (t1 | t2 | t3) != 0 ? nullptr : frame->program->find(t0);
    if (target == nullptr) [[unlikely]] WEFT_EVM_GO(halt<Status::bad_jump_destination>);
    pc = target;
    WEFT_EVM_DROP();
    WEFT_EVM_ENTER();
}
WEFT_EVM_HANDLER jump_if(WEFT_EVM_PARAMETERS) {
    const bool taken = !sp->is_zero();
    const auto* target = pc + 1;
    if (taken) {
        target = (t1 | t2 | t3) != 0 ? nullptr : frame->program->find(t0);
        if (target == nullptr) [[unlikely]] WEFT_EVM_GO(halt<Status::bad_jump_destination>);
    }
    pc = target;
    --sp;
    WEFT_EVM_DROP();
    WEFT_EVM_ENTER();
}
WEFT_EVM_HANDLER push_jump(WEFT_EVM_PARAMETERS) {
    pc = reinterpret_cast<const ProgramWord*>(pc[1]);
    WEFT_EVM_ENTER();
}
WEFT_EVM_HANDLER push_jump_if(WEFT_EVM_PARAMETERS) {
    const bool taken = (t0 | t1 | t2 | t3) != 0;
    WEFT_EVM_DROP();
    if (taken) {
        pc = reinterpret_cast<const ProgramWord*>(pc[1]);
        WEFT_EVM_ENTER();
    }
    pc += 2;
    WEFT_EVM_ENTER();
}
/// A comparison, an ISZERO if negated, then a conditional jump.
template <Opcode opcode, bool negated>
WEFT_EVM_HANDLER compare_jump(WEFT_EVM_PARAMETERS) {
    bool taken = false;
    if constexpr (opcode == Opcode::iszero) {
        taken = ((t0 | t1 | t2 | t3) == 0) != negated;
    } else {
        const U256& b = *sp;
        taken = (compare<opcode>(t0, t1, t2, t3, b.limb[0], b.limb[1], b.limb[2], b.limb[3]) != 0) != negated;
        --sp;
    }
    WEFT_EVM_DROP();
    if (taken) {
        pc = reinterpret_cast<const ProgramWord*>(pc[1]);
        WEFT_EVM_ENTER();
    }
    pc += 2;
    WEFT_EVM_ENTER();
}
WEFT_EVM_HANDLER bad_jump_if(WEFT_EVM_PARAMETERS) {
    if ((t0 | t1 | t2 | t3) != 0) WEFT_EVM_GO(halt<Status::bad_jump_destination>);
    WEFT_EVM_DROP();
    pc += 1;
    WEFT_EVM_ENTER();
}

// --- the set

ProgramWord address_of(Handler handler) { return reinterpret_cast<ProgramWord>(handler); }

template <Opcode opcode>
ProgramWord choose_alone() {
    constexpr int byte = to_byte(opcode);
    constexpr auto name = opcode_traits[byte].name;
    if constexpr (name.empty() || opcode == Opcode::invalid || opcode == Opcode::jumpdest || opcode == Opcode::pc ||
                  (byte >= to_byte(Opcode::push0) && byte <= to_byte(Opcode::push32))) {
        return 0;
    } else if constexpr (byte >= to_byte(Opcode::dup1) && byte <= to_byte(Opcode::dup16)) {
        return address_of(dup<byte - to_byte(Opcode::dup1) + 1>);
    } else if constexpr (byte >= to_byte(Opcode::swap1) && byte <= to_byte(Opcode::swap16)) {
        return address_of(swap<byte - to_byte(Opcode::swap1) + 1>);
    } else if constexpr (Binary<opcode>) {
        return address_of(binary<opcode>);
    } else {
        switch (opcode) {
            case Opcode::stop: return address_of(stop);
            case Opcode::iszero: return address_of(iszero);
            case Opcode::not_: return address_of(not_);
            case Opcode::pop: return address_of(pop);
            case Opcode::mload: return address_of(mload);
            case Opcode::mstore: return address_of(mstore);
            case Opcode::jump: return address_of(jump);
            case Opcode::jumpi: return address_of(jump_if);
            case Opcode::gas: return address_of(gas_left);
            default: break;
        }
        if constexpr (requires(Frame& frame, U256* top) { apply<opcode>(frame, top, 0); } && opcode != Opcode::stop &&
                      opcode != Opcode::pop && opcode != Opcode::jump && opcode != Opcode::jumpi &&
                      opcode != Opcode::gas) {
            return address_of(general<opcode>);
        }
        return 0;
    }
}

template <Opcode... opcode>
void fill_binary(HandlerSet& set) {
    ((set.push_then[to_byte(opcode)] = address_of(push_binary<opcode>)), ...);
    ((set.dup_then[to_byte(opcode)] = address_of(dup_binary<opcode>)), ...);
    ((set.swap1_then[to_byte(opcode)] = address_of(swap_binary<opcode>)), ...);
}

template <Opcode... opcode>
void fill_compare(HandlerSet& set) {
    ((set.compare_jump[0][to_byte(opcode)] = address_of(compare_jump<opcode, false>)), ...);
    ((set.compare_jump[1][to_byte(opcode)] = address_of(compare_jump<opcode, true>)), ...);
}

template <Opcode... opcode>
void fill_general_dup(HandlerSet& set) {
    ((set.dup_then[to_byte(opcode)] = address_of(general_dup<opcode>)), ...);
    ((set.dup1_then[to_byte(opcode)] = address_of(general_dup<opcode>)), ...);
}

template <std::size_t... byte>
void fill_alone(HandlerSet& set, std::index_sequence<byte...>) {
    ((set.alone[byte] = choose_alone<static_cast<Opcode>(byte)>()), ...);
}

template <std::size_t... n>
void fill_swap_pop(HandlerSet& set, std::index_sequence<n...>) {
    ((set.swap_pop[n + 1] = address_of(swap_pop<n + 1>)), ...);
}

HandlerSet make_handler_set() {
    using enum Opcode;
    HandlerSet set;
    set.header = address_of(header);
    fill_alone(set, std::make_index_sequence<256>());
    set.push = address_of(push);
    set.push_wide = address_of(push_wide);
    fill_binary<add, sub, mul, and_, or_, xor_, eq, lt, gt, slt, sgt>(set);
    fill_compare<iszero, eq, lt, gt, slt, sgt>(set);
    fill_swap_pop(set, std::make_index_sequence<16>());
    set.push_shl = {address_of(push_shl<0>), address_of(push_shl<1>), address_of(push_shl<2>), address_of(push_shl<3>)};
    set.push_shr = {address_of(push_shr<0>), address_of(push_shr<1>), address_of(push_shr<2>), address_of(push_shr<3>)};
    set.push_then[to_byte(shl)] = address_of(general_push<shl>);
    set.push_then[to_byte(shr)] = address_of(general_push<shr>);
    set.push_then[to_byte(sar)] = address_of(general_push<sar>);
    set.push_then[to_byte(byte)] = address_of(general_push<byte>);
    set.push_then[to_byte(Opcode::mload)] = address_of(push_mload);
    set.push_then[to_byte(Opcode::mstore)] = address_of(push_mstore);
    set.push_then[to_byte(Opcode::jump)] = address_of(push_jump);
    set.push_then[to_byte(jumpi)] = address_of(push_jump_if);
    set.push_then[to_byte(calldataload)] = address_of(general_push<calldataload>);
    set.push_wide_and = address_of(push_wide_and);
    set.push_dup = address_of(push_dup);
    set.push_push = address_of(push_push);
    set.push_swap1_sub = address_of(push_swap1_sub);
    set.dup_then[to_byte(Opcode::mload)] = address_of(dup_mload);
    set.dup_then[to_byte(Opcode::mstore)] = address_of(dup_mstore);
    fill_general_dup<div, mulmod, shr, shl>(set);
    set.dup_dup = address_of(dup_dup);
    set.dup_push = address_of(dup_push);
    set.pop_pop = address_of(pop_pop);
    set.bad_jump = address_of(halt<Status::bad_jump_destination>);
    set.bad_jump_if = address_of(bad_jump_if);
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
    frame.floor = frame.stack - 2;
    reinterpret_cast<Handler>(*header)(header, top - 1, gas, &frame, top->limb[0], top->limb[1], top->limb[2],
                                       top->limb[3]);
}

}  // namespace weft::evm
