#pragma once
// Arithmetic on words that are spread over four registers, lowest limb first: by reference to single limbs, because a
// struct of four would go through memory.

#include <cstdint>

#include "base/u256.hpp"
#include "evm/opcode.hpp"

namespace weft::evm {

[[gnu::always_inline]] inline void add(std::uint64_t& t0, std::uint64_t& t1, std::uint64_t& t2, std::uint64_t& t3,
                                       std::uint64_t l0, std::uint64_t l1, std::uint64_t l2, std::uint64_t l3) {
    unsigned long long carry = 0;
    t0 = __builtin_addcll(t0, l0, 0, &carry);
    t1 = __builtin_addcll(t1, l1, carry, &carry);
    t2 = __builtin_addcll(t2, l2, carry, &carry);
    t3 = __builtin_addcll(t3, l3, carry, &carry);
}
[[gnu::always_inline]] inline std::uint64_t subtract(std::uint64_t a0, std::uint64_t a1, std::uint64_t a2,
                                                     std::uint64_t a3, std::uint64_t b0, std::uint64_t b1,
                                                     std::uint64_t b2, std::uint64_t b3, std::uint64_t& t0,
                                                     std::uint64_t& t1, std::uint64_t& t2, std::uint64_t& t3) {
    unsigned long long borrow = 0;
    t0 = __builtin_subcll(a0, b0, 0, &borrow);
    t1 = __builtin_subcll(a1, b1, borrow, &borrow);
    t2 = __builtin_subcll(a2, b2, borrow, &borrow);
    t3 = __builtin_subcll(a3, b3, borrow, &borrow);
    return borrow;
}
[[gnu::always_inline]] inline std::uint64_t below(std::uint64_t a0, std::uint64_t a1, std::uint64_t a2,
                                                  std::uint64_t a3, std::uint64_t b0, std::uint64_t b1,
                                                  std::uint64_t b2, std::uint64_t b3) {
    std::uint64_t d0, d1, d2, d3;
    return subtract(a0, a1, a2, a3, b0, b1, b2, b3, d0, d1, d2, d3);
}

/// The operations whose first operand is the uppermost word t and whose second is l.
template <Opcode opcode>
concept Binary = opcode == Opcode::add || opcode == Opcode::sub || opcode == Opcode::mul || opcode == Opcode::and_ ||
                 opcode == Opcode::or_ || opcode == Opcode::xor_ || opcode == Opcode::eq || opcode == Opcode::lt ||
                 opcode == Opcode::gt || opcode == Opcode::slt || opcode == Opcode::sgt;

/// A comparison's answer, 0 or 1.
template <Opcode opcode>
[[gnu::always_inline]] inline std::uint64_t compare(std::uint64_t a0, std::uint64_t a1, std::uint64_t a2,
                                                    std::uint64_t a3, std::uint64_t b0, std::uint64_t b1,
                                                    std::uint64_t b2, std::uint64_t b3) {
    constexpr std::uint64_t half = std::uint64_t{1} << 63;
    if constexpr (opcode == Opcode::lt) return below(a0, a1, a2, a3, b0, b1, b2, b3);
    if constexpr (opcode == Opcode::gt) return below(b0, b1, b2, b3, a0, a1, a2, a3);
    if constexpr (opcode == Opcode::slt) return below(a0, a1, a2, a3 ^ half, b0, b1, b2, b3 ^ half);
    if constexpr (opcode == Opcode::sgt) return below(b0, b1, b2, b3 ^ half, a0, a1, a2, a3 ^ half);
    return ((a0 ^ b0) | (a1 ^ b1) | (a2 ^ b2) | (a3 ^ b3)) == 0 ? 1 : 0;
}

/// t = a op b.
template <Opcode opcode>
[[gnu::always_inline]] inline void compute(std::uint64_t a0, std::uint64_t a1, std::uint64_t a2, std::uint64_t a3,
                                           std::uint64_t b0, std::uint64_t b1, std::uint64_t b2, std::uint64_t b3,
                                           std::uint64_t& t0, std::uint64_t& t1, std::uint64_t& t2, std::uint64_t& t3) {
    if constexpr (opcode == Opcode::add) {
        add(a0, a1, a2, a3, b0, b1, b2, b3);
        t0 = a0, t1 = a1, t2 = a2, t3 = a3;
    } else if constexpr (opcode == Opcode::sub) {
        static_cast<void>(subtract(a0, a1, a2, a3, b0, b1, b2, b3, t0, t1, t2, t3));
    } else if constexpr (opcode == Opcode::mul) {
        const U256 product = U256(a3, a2, a1, a0) * U256(b3, b2, b1, b0);
        t0 = product.limb[0], t1 = product.limb[1], t2 = product.limb[2], t3 = product.limb[3];
    } else if constexpr (opcode == Opcode::and_) {
        t0 = a0 & b0, t1 = a1 & b1, t2 = a2 & b2, t3 = a3 & b3;
    } else if constexpr (opcode == Opcode::or_) {
        t0 = a0 | b0, t1 = a1 | b1, t2 = a2 | b2, t3 = a3 | b3;
    } else if constexpr (opcode == Opcode::xor_) {
        t0 = a0 ^ b0, t1 = a1 ^ b1, t2 = a2 ^ b2, t3 = a3 ^ b3;
    } else {
        t0 = compare<opcode>(a0, a1, a2, a3, b0, b1, b2, b3);
        t1 = t2 = t3 = 0;
    }
}

/// high:low << count, the high half. @param count  below 64.
[[gnu::always_inline]] inline std::uint64_t shift_left(std::uint64_t high, std::uint64_t low, std::uint64_t count) {
    return high << count | low >> 1 >> (63 - count);
}
[[gnu::always_inline]] inline std::uint64_t shift_right(std::uint64_t high, std::uint64_t low, std::uint64_t count) {
    return low >> count | high << 1 << (63 - count);
}

}  // namespace weft::evm
