#pragma once
// Runs a frame's code to its end: threaded code, one small function for each opcode and price, each of which ends in a
// guaranteed tail call of the next. What every instruction needs stays in registers all the way.

#include "evm/machine.hpp"

namespace weft::evm {

/// Runs @p frame from its first instruction with frame.gas; leaves status, gas and output in it.
///
/// After an exceptional halt frame.gas is what the failed instruction left: negative by what was missing if the status
/// is out_of_gas. The caller of the frame takes all of it.
void interpret(Frame& frame);

/// Goes on byte by byte with the instruction at @p pc.
/// @param top  the uppermost word; the slot before the first for an empty stack.
void interpret_from(Frame& frame, const std::uint8_t* pc, U256* top, std::int64_t gas);

}  // namespace weft::evm
