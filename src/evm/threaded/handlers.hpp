#pragma once
// The handlers a program's words point to, and running one.

#include <array>

#include "evm/machine.hpp"
#include "evm/threaded/program.hpp"

namespace weft::evm {

/// Addresses of handlers; 0 where there is none. Operands follow the handler's word in the stream; a slot is one as
/// dup_distance() gives it, a value a word of at most 64 bits, a target the address of a block.
struct HandlerSet {
    /// By whether an ISZERO comes between the comparison and the jump, and by the comparison.
    using Comparisons = std::array<std::array<ProgramWord, 256>, 2>;

    ProgramWord header = 0;
    /// The instruction alone. PUSH and JUMPDEST are not here.
    std::array<ProgramWord, 256> alone{};
    ProgramWord push = 0;       // value
    ProgramWord push_wide = 0;  // four words, the lowest first
    ProgramWord dup_at = 0;     // slot
    /// Two pushes of a value [0] or a slot [1] each; the second slot as it is after the first push.
    std::array<std::array<ProgramWord, 2>, 2> push_pair{};
    /// A push of a value, then the instruction. Operand: the value; of JUMP and JUMPI, the target.
    std::array<ProgramWord, 256> push_then{};
    /// A push of a count below 256, then SHL or SHR: [count / 64]. Operand: count % 64.
    std::array<ProgramWord, 4> push_shl{};
    std::array<ProgramWord, 4> push_shr{};
    ProgramWord push_wide_and = 0;          // four words
    ProgramWord push_swap1_sub = 0;         // value
    /// DUP, then the instruction. Operand: the slot.
    std::array<ProgramWord, 256> dup_then{};
    std::array<ProgramWord, 256> dup1_then{};  // the same for DUP1, whose word has no slot
    /// An operation on two slots [0], a slot and a value [1], a value and a slot [2]; the result is pushed.
    std::array<std::array<ProgramWord, 256>, 3> binary{};
    /// SWAP1, then the instruction.
    std::array<ProgramWord, 256> swap1_then{};
    std::array<ProgramWord, 17> swap_pop{};  // [n]: SWAPn, POP
    ProgramWord pop_pop = 0;
    ProgramWord assign = 0;         // slot, value: the slot becomes the value
    ProgramWord assign_top = 0;     // slot: it becomes the uppermost word, which stays
    ProgramWord assign_to_top = 0;  // value: the uppermost word becomes it
    /// The comparison (or ISZERO), a push of a target, JUMPI. Operands: target, then those of the name.
    Comparisons compare_jump{};       // the two uppermost words, which go
    Comparisons push_compare_jump{};  // value, with the uppermost word, which goes
    Comparisons dup_compare_jump{};   // slot, with the uppermost word, which goes
    /// Of two slots [0], a slot and a value [1], the uppermost word and a slot [2], or and a value [3]; nothing goes.
    std::array<Comparisons, 4> kept_compare_jump{};
    Comparisons slot_compare_jump{};  // slot: ISZERO of it alone
    Comparisons top_compare_jump{};   // ISZERO of the uppermost word, which stays
    ProgramWord bad_jump = 0;  // a JUMP that goes nowhere
    ProgramWord bad_jump_if = 0;
    ProgramWord undefined = 0;  // code offset
};

[[nodiscard]] const HandlerSet& handler_set();

/// The operand for the slot that DUPn copies: from the second slot, in bytes. The uppermost word (n is 1) has a slot
/// only after it was written there.
[[nodiscard]] constexpr ProgramWord dup_distance(int n) {
    return static_cast<ProgramWord>(static_cast<std::int64_t>(2 - n) * static_cast<std::int64_t>(sizeof(U256)));
}

/// Runs a frame from a block's header on.
/// @param top  the frame's uppermost word; the one before the first for an empty stack.
void run_program(Frame& frame, const Program& program, const ProgramWord* header, U256* top, std::int64_t gas);

}  // namespace weft::evm
