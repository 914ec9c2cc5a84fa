#pragma once
// Code translated for speed: a stream of handler addresses and operands in place of bytes.
//
// A program is made of blocks. A block begins where a jump may arrive, and after every instruction that can observe gas
// or leave the sequence; its header carries the gas of all of its instructions and the heights of the stack they work
// at, so that the instructions themselves check nothing. Whoever cannot enter a block (too little gas, a stack that
// would under- or overflow) goes on in the byte-by-byte interpreter, which finds the instruction that fails. That gas
// is taken early is not observable: a frame that then runs short would have run short in the same block anyway.
//
// What PUSH and DUP put on the stack is kept back until something needs it there: operations on constants are done when
// translating, and most other words become operands of the handler that uses them.

#include <cstdint>
#include <memory>
#include <vector>

#include "evm/code.hpp"
#include "evm/revision.hpp"

namespace weft::evm {

/// A handler's address or an operand.
using ProgramWord = std::uint64_t;

class Program {
  public:
    Program(const Code& code, Revision revision);

    [[nodiscard]] Revision revision() const { return revision_; }
    /// The header of the block that the code begins with.
    [[nodiscard]] const ProgramWord* begin() const { return words_.data(); }
    /// The header of the block at a code offset; null if no jump may go there.
    [[nodiscard]] const ProgramWord* find(std::uint64_t offset) const {
        if (offset >= size_) return nullptr;
        const std::uint64_t bits = destinations_[offset / 64];
        const std::uint64_t bit = std::uint64_t{1} << (offset % 64);
        if ((bits & bit) == 0) return nullptr;
        return words_.data() +
               starts_[ranks_[offset / 64] + static_cast<unsigned>(__builtin_popcountll(bits & (bit - 1)))];
    }

  private:
    friend class Translator;

    Revision revision_;
    std::size_t size_;
    std::vector<ProgramWord> words_;
    std::vector<std::uint64_t> destinations_;  // one bit a byte of code
    std::vector<std::uint32_t> ranks_;         // destinations before each 64 of them
    std::vector<std::uint32_t> starts_;        // of each destination's block in words_
};

/// Words of a block's header: handler; gas and code offset; least height and room above it, in bytes of stack.
inline constexpr std::size_t header_size = 3;

}  // namespace weft::evm
