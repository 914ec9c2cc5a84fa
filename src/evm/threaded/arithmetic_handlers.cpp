// Handlers of arithmetic and logic on words in registers and slots.

#include "evm/threaded/handler.hpp"
#include "evm/threaded/limbs.hpp"

namespace weft::evm {

namespace {

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
/// Neither operand is the stack's top.
template <Opcode opcode>
WEFT_EVM_HANDLER slot_slot(WEFT_EVM_PARAMETERS) {
    WEFT_EVM_SPILL();
    const U256& a = slot_at(sp, pc[1]);
    const U256& b = slot_at(sp, pc[2]);
    ++sp;
    compute<opcode>(a.limb[0], a.limb[1], a.limb[2], a.limb[3], b.limb[0], b.limb[1], b.limb[2], b.limb[3], t0, t1, t2,
                    t3);
    WEFT_EVM_NEXT(3);
}
template <Opcode opcode>
WEFT_EVM_HANDLER slot_value(WEFT_EVM_PARAMETERS) {
    WEFT_EVM_SPILL();
    const U256& a = slot_at(sp, pc[1]);
    ++sp;
    compute<opcode>(a.limb[0], a.limb[1], a.limb[2], a.limb[3], pc[2], 0, 0, 0, t0, t1, t2, t3);
    WEFT_EVM_NEXT(3);
}
template <Opcode opcode>
WEFT_EVM_HANDLER value_slot(WEFT_EVM_PARAMETERS) {
    WEFT_EVM_SPILL();
    const U256& b = slot_at(sp, pc[2]);
    ++sp;
    compute<opcode>(pc[1], 0, 0, 0, b.limb[0], b.limb[1], b.limb[2], b.limb[3], t0, t1, t2, t3);
    WEFT_EVM_NEXT(3);
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

// --- shifts

/// Limb @p to of l3:l2:l1:l0 shifted by @p limbs whole limbs and @p bits.
template <int limbs, int to>
[[gnu::always_inline]] inline std::uint64_t limb_shifted_left(const std::uint64_t (&l)[4], std::uint64_t bits) {
    constexpr int from = to - limbs;
    if constexpr (from < 0) return 0;
    if constexpr (from == 0) return l[0] << bits;
    if constexpr (from > 0) return shift_left(l[from], l[from - 1], bits);
}
template <int limbs, int to>
[[gnu::always_inline]] inline std::uint64_t limb_shifted_right(const std::uint64_t (&l)[4], std::uint64_t bits) {
    constexpr int from = to + limbs;
    if constexpr (from > 3) return 0;
    if constexpr (from == 3) return l[3] >> bits;
    if constexpr (from < 3) return shift_right(l[from + 1], l[from], bits);
}
/// t = t shifted by whole limbs and @p bits, which are below 64.
template <bool left, int limbs>
[[gnu::always_inline]] inline void shift_by(std::uint64_t bits, std::uint64_t& t0, std::uint64_t& t1, std::uint64_t& t2,
                                            std::uint64_t& t3) {
    const std::uint64_t l[4] = {t0, t1, t2, t3};
    if constexpr (left) {
        t0 = limb_shifted_left<limbs, 0>(l, bits), t1 = limb_shifted_left<limbs, 1>(l, bits);
        t2 = limb_shifted_left<limbs, 2>(l, bits), t3 = limb_shifted_left<limbs, 3>(l, bits);
    } else {
        t0 = limb_shifted_right<limbs, 0>(l, bits), t1 = limb_shifted_right<limbs, 1>(l, bits);
        t2 = limb_shifted_right<limbs, 2>(l, bits), t3 = limb_shifted_right<limbs, 3>(l, bits);
    }
}
/// @tparam limbs  whole limbs to shift by; the rest of the count is the operand.
template <bool left, int limbs>
WEFT_EVM_HANDLER push_shift(WEFT_EVM_PARAMETERS) {
    shift_by<left, limbs>(pc[1], t0, t1, t2, t3);
    WEFT_EVM_NEXT(2);
}
/// By a count that only the run knows.
template <bool left>
[[gnu::always_inline]] inline void shift_word(std::uint64_t count, std::uint64_t& t0, std::uint64_t& t1,
                                              std::uint64_t& t2, std::uint64_t& t3) {
    const std::uint64_t bits = count % 64;
    switch (count / 64) {
        case 0: return shift_by<left, 0>(bits, t0, t1, t2, t3);
        case 1: return shift_by<left, 1>(bits, t0, t1, t2, t3);
        case 2: return shift_by<left, 2>(bits, t0, t1, t2, t3);
        case 3: return shift_by<left, 3>(bits, t0, t1, t2, t3);
        default: t0 = t1 = t2 = t3 = 0;
    }
}
/// A count as the shifts take it: what doesn't fit 64 bits shifts everything out.
[[gnu::always_inline]] inline std::uint64_t shift_count(std::uint64_t c0, std::uint64_t c1, std::uint64_t c2,
                                                        std::uint64_t c3) {
    return (c1 | c2 | c3) == 0 ? c0 : 256;
}
template <bool left>
WEFT_EVM_HANDLER shift(WEFT_EVM_PARAMETERS) {
    const std::uint64_t count = shift_count(t0, t1, t2, t3);
    WEFT_EVM_LOAD(*sp);
    shift_word<left>(count, t0, t1, t2, t3);
    --sp;
    WEFT_EVM_NEXT(1);
}
/// The count is a slot's.
template <bool left>
WEFT_EVM_HANDLER dup_shift(WEFT_EVM_PARAMETERS) {
    const U256& from = slot_at(sp, pc[1]);
    const std::uint64_t count = shift_count(from.limb[0], from.limb[1], from.limb[2], from.limb[3]);
    shift_word<left>(count, t0, t1, t2, t3);
    WEFT_EVM_NEXT(2);
}

/// The size is below 31, so its sign bit is in one limb; those above are copies of it.
WEFT_EVM_HANDLER signextend(WEFT_EVM_PARAMETERS) {
    const std::uint64_t size = shift_count(t0, t1, t2, t3);
    const U256& word = *sp;
    WEFT_EVM_LOAD(word);
    --sp;
    if (size < 31) {
        const std::uint64_t shift = 56 - size % 8 * 8;
        const auto extended = [shift](std::uint64_t limb) {
            return static_cast<std::uint64_t>(static_cast<std::int64_t>(limb << shift) >> shift);
        };
        const auto sign = [](std::uint64_t limb) {
            return static_cast<std::uint64_t>(static_cast<std::int64_t>(limb) >> 63);
        };
        if (size < 8) {
            t0 = extended(t0);
            t1 = t2 = t3 = sign(t0);
        } else if (size < 16) {
            t1 = extended(t1);
            t2 = t3 = sign(t1);
        } else if (size < 24) {
            t2 = extended(t2);
            t3 = sign(t2);
        } else {
            t3 = extended(t3);
        }
    }
    WEFT_EVM_NEXT(1);
}

template <Opcode... opcode>
void fill_binary(HandlerSet& set) {
    ((set.alone[to_byte(opcode)] = address_of(binary<opcode>)), ...);
    ((set.push_then[to_byte(opcode)] = address_of(push_binary<opcode>)), ...);
    ((set.dup_then[to_byte(opcode)] = address_of(dup_binary<opcode>)), ...);
    ((set.swap1_then[to_byte(opcode)] = address_of(swap_binary<opcode>)), ...);
    ((set.binary[0][to_byte(opcode)] = address_of(slot_slot<opcode>)), ...);
    ((set.binary[1][to_byte(opcode)] = address_of(slot_value<opcode>)), ...);
    ((set.binary[2][to_byte(opcode)] = address_of(value_slot<opcode>)), ...);
}

}  // namespace

void add_arithmetic_handlers(HandlerSet& set) {
    using enum Opcode;
    fill_binary<add, sub, mul, and_, or_, xor_, eq, lt, gt, slt, sgt>(set);
    set.alone[to_byte(Opcode::iszero)] = address_of(weft::evm::iszero);
    set.alone[to_byte(Opcode::not_)] = address_of(weft::evm::not_);
    set.push_shl = {address_of(push_shift<true, 0>), address_of(push_shift<true, 1>), address_of(push_shift<true, 2>),
                    address_of(push_shift<true, 3>)};
    set.push_shr = {address_of(push_shift<false, 0>), address_of(push_shift<false, 1>),
                    address_of(push_shift<false, 2>), address_of(push_shift<false, 3>)};
    set.alone[to_byte(Opcode::signextend)] = address_of(weft::evm::signextend);
    set.alone[to_byte(shl)] = address_of(shift<true>);
    set.alone[to_byte(shr)] = address_of(shift<false>);
    set.dup_then[to_byte(shl)] = address_of(dup_shift<true>);
    set.dup_then[to_byte(shr)] = address_of(dup_shift<false>);
    set.push_wide_and = address_of(push_wide_and);
    set.push_swap1_sub = address_of(push_swap1_sub);
}

}  // namespace weft::evm
