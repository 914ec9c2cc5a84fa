#pragma once
// Operations on words that are known when code is translated.

#include <optional>

#include "base/u256.hpp"
#include "evm/opcode.hpp"

namespace weft::evm {

/// The operation that gives the same with its operands exchanged. @pre not SUB.
[[nodiscard]] inline Opcode mirrored(Opcode opcode) {
    switch (opcode) {
        case Opcode::lt: return Opcode::gt;
        case Opcode::gt: return Opcode::lt;
        case Opcode::slt: return Opcode::sgt;
        case Opcode::sgt: return Opcode::slt;
        default: return opcode;
    }
}
[[nodiscard]] inline bool is_power_of_two(const U256& value) {
    return !value.is_zero() && (value & (value - 1)).is_zero();
}

/// What an operation on constants gives, if it is one that costs the same whatever they are.
[[nodiscard]] inline std::optional<U256> fold(Opcode opcode, const U256& a, const U256& b) {
    const U256 half(std::uint64_t{1} << 63, 0, 0, 0);
    switch (opcode) {
        case Opcode::add: return a + b;
        case Opcode::mul: return a * b;
        case Opcode::sub: return a - b;
        case Opcode::div: return b.is_zero() ? U256{} : a / b;
        case Opcode::mod: return b.is_zero() ? U256{} : a % b;
        case Opcode::and_: return a & b;
        case Opcode::or_: return a | b;
        case Opcode::xor_: return a ^ b;
        case Opcode::eq: return U256(a == b ? 1 : 0);
        case Opcode::lt: return U256(a < b ? 1 : 0);
        case Opcode::gt: return U256(b < a ? 1 : 0);
        case Opcode::slt: return U256((a ^ half) < (b ^ half) ? 1 : 0);
        case Opcode::sgt: return U256((b ^ half) < (a ^ half) ? 1 : 0);
        case Opcode::shl: return a.fits_u64() ? b << a.low() : U256{};
        case Opcode::shr: return a.fits_u64() ? b >> a.low() : U256{};
        default: return std::nullopt;
    }
}

}  // namespace weft::evm
