#pragma once
// What the files of handlers share. The uppermost word of the stack lives in four registers; `sp` points to the one
// below it, and the slot above `sp` is where the uppermost word would be. A stack of height 0 or 1 has `sp` below the
// first slot: the pool keeps a margin there, and what is read from it is never used.

#include "evm/instruction.hpp"
#include "evm/threaded/handlers.hpp"

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
#define WEFT_EVM_LOAD(word)  \
    t0 = (word).limb[0];     \
    t1 = (word).limb[1];     \
    t2 = (word).limb[2];     \
    t3 = (word).limb[3]
#define WEFT_EVM_RELOAD() WEFT_EVM_LOAD(sp[1])
/// The uppermost word is gone; the one below takes its place.
#define WEFT_EVM_DROP() \
    --sp;               \
    WEFT_EVM_RELOAD()
/// Goes to the target, pc[1], or on after the handler's words.
#define WEFT_EVM_BRANCH(taken, words)                      \
    if (taken) {                                           \
        pc = reinterpret_cast<const ProgramWord*>(pc[1]);  \
        WEFT_EVM_ENTER();                                  \
    }                                                      \
    pc += (words);                                         \
    WEFT_EVM_ENTER()

namespace weft::evm {

using Handler = void (*)(WEFT_EVM_PARAMETERS) [[clang::preserve_none]];

[[gnu::always_inline]] inline void set_word(U256& to, std::uint64_t l0, std::uint64_t l1, std::uint64_t l2,
                                            std::uint64_t l3) {
    to.limb[0] = l0;
    to.limb[1] = l1;
    to.limb[2] = l2;
    to.limb[3] = l3;
}

/// The slot that DUP copies. @param distance  as dup_distance().
[[gnu::always_inline]] inline U256& slot_at(U256* sp, ProgramWord distance) {
    return *reinterpret_cast<U256*>(reinterpret_cast<char*>(sp) + static_cast<std::int64_t>(distance));
}

[[gnu::always_inline]] inline bool may_enter(const ProgramWord* pc, const U256* sp, std::int64_t& gas,
                                             const Frame* frame) {
    gas -= static_cast<std::uint32_t>(pc[1]);
    const auto height = static_cast<std::uint32_t>(reinterpret_cast<const char*>(sp) -
                                                   reinterpret_cast<const char*>(
                                                       frame->floor.load(std::memory_order_relaxed)));
    return gas >= 0 && height - static_cast<std::uint32_t>(pc[2]) <= static_cast<std::uint32_t>(pc[2] >> 32);
}

[[clang::preserve_none]] void leave(WEFT_EVM_PARAMETERS);

/// Ends the frame.
template <Status status>
[[clang::preserve_none, gnu::noinline, gnu::cold]] void halt(WEFT_EVM_PARAMETERS) {
    static_cast<void>(pc), static_cast<void>(sp);
    static_cast<void>(t0), static_cast<void>(t1), static_cast<void>(t2), static_cast<void>(t3);
    frame->status = status;
    frame->gas = gas;
    frame->pc = frame->code->begin();
    frame->stack_size = 0;
}

[[nodiscard]] inline ProgramWord address_of(Handler handler) { return reinterpret_cast<ProgramWord>(handler); }

/// Each file's handlers, put into the set.
void add_stack_handlers(HandlerSet& set);
void add_arithmetic_handlers(HandlerSet& set);
void add_jump_handlers(HandlerSet& set);

}  // namespace weft::evm
