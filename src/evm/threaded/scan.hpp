#pragma once
// Instructions as translation looks at them.

#include <cstddef>

#include "evm/opcode.hpp"

namespace weft::evm {

/// One instruction of the code.
struct Instruction {
    std::size_t offset = 0;
    Opcode opcode = Opcode::stop;
    std::size_t next = 0;  // offset of the one after it
};

[[nodiscard]] inline bool is_push(Opcode opcode) { return opcode >= Opcode::push0 && opcode <= Opcode::push32; }
[[nodiscard]] inline bool is_dup(Opcode opcode) { return opcode >= Opcode::dup1 && opcode <= Opcode::dup16; }
[[nodiscard]] inline bool is_swap(Opcode opcode) { return opcode >= Opcode::swap1 && opcode <= Opcode::swap16; }
[[nodiscard]] inline int dup_count(Opcode opcode) { return to_byte(opcode) - to_byte(Opcode::dup1) + 1; }
[[nodiscard]] inline int swap_count(Opcode opcode) { return to_byte(opcode) - to_byte(Opcode::swap1) + 1; }

/// Nothing after it runs unless a jump arrives there.
[[nodiscard]] inline bool ends_sequence(Opcode opcode) {
    return opcode == Opcode::stop || opcode == Opcode::jump || opcode == Opcode::return_ || opcode == Opcode::revert ||
           opcode == Opcode::invalid || opcode == Opcode::selfdestruct;
}

/// What comes after it can see, or depends on, exactly how much gas is left.
[[nodiscard]] inline bool observes_gas(Opcode opcode) {
    switch (opcode) {
        case Opcode::gas:
        case Opcode::sstore:
        case Opcode::call:
        case Opcode::callcode:
        case Opcode::delegatecall:
        case Opcode::staticcall:
        case Opcode::create:
        case Opcode::create2: return true;
        default: return false;
    }
}

}  // namespace weft::evm
