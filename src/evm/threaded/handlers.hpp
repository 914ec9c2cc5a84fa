#pragma once
// The handlers a program's words point to, and running one.

#include <array>

#include "evm/machine.hpp"
#include "evm/threaded/program.hpp"

namespace weft::evm {

/// Addresses of handlers; 0 where there is none. Operands follow the handler's word in the stream.
struct HandlerSet {
    ProgramWord header = 0;
    /// The instruction alone. PUSH and JUMPDEST are not here.
    std::array<ProgramWord, 256> alone{};
    ProgramWord push = 0;       // value
    ProgramWord push_wide = 0;  // four words, the lowest first
    /// A push of one word, then the instruction. Operand: the value; of JUMP and JUMPI, the target's address.
    std::array<ProgramWord, 256> push_then{};
    /// A push of a count below 256, then SHL or SHR: [count / 64]. Operand: count % 64.
    std::array<ProgramWord, 4> push_shl{};
    std::array<ProgramWord, 4> push_shr{};
    ProgramWord push_wide_and = 0;          // four words
    ProgramWord push_dup = 0;               // value, DUP's distance
    ProgramWord push_push = 0;              // two values
    ProgramWord push_swap1_sub = 0;         // value
    /// DUP, then the instruction. Operand: DUP's distance.
    std::array<ProgramWord, 256> dup_then{};
    std::array<ProgramWord, 256> dup1_then{};  // the same for DUP1, whose word has no slot
    ProgramWord dup_dup = 0;                // two distances, the second as after the first
    ProgramWord dup_push = 0;               // distance, value
    /// SWAP1, then the instruction.
    std::array<ProgramWord, 256> swap1_then{};
    std::array<ProgramWord, 17> swap_pop{};  // [n]: SWAPn, POP
    ProgramWord pop_pop = 0;
    /// The comparison (or ISZERO), a push of a target, JUMPI. [1]: with an ISZERO in between. Operand: the target.
    std::array<std::array<ProgramWord, 256>, 2> compare_jump{};
    ProgramWord bad_jump = 0;  // a JUMP that goes nowhere
    ProgramWord bad_jump_if = 0;
    ProgramWord undefined = 0;  // code offset
};

[[nodiscard]] const HandlerSet& handler_set();

/// Distance operand of DUPn: from the second slot, in bytes.
[[nodiscard]] constexpr ProgramWord dup_distance(int n) {
    return static_cast<ProgramWord>(static_cast<std::int64_t>(2 - n) * static_cast<std::int64_t>(sizeof(U256)));
}

/// Runs a frame from a block's header on.
/// @param top  the frame's uppermost word; the one before the first for an empty stack.
void run_program(Frame& frame, const Program& program, const ProgramWord* header, U256* top, std::int64_t gas);

}  // namespace weft::evm
