// Handlers that move words: PUSH, DUP, SWAP, POP, and what replaces several of them.

#include <utility>

#include "evm/threaded/handler.hpp"

namespace weft::evm {

namespace {

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
    WEFT_EVM_LOAD(from);
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
    WEFT_EVM_LOAD(from);
    WEFT_EVM_NEXT(3);
}
template <int n>
WEFT_EVM_HANDLER dup(WEFT_EVM_PARAMETERS) {
    WEFT_EVM_SPILL();
    if constexpr (n > 1) {
        const U256& from = sp[2 - n];
        WEFT_EVM_LOAD(from);
    }
    ++sp;
    WEFT_EVM_NEXT(1);
}
WEFT_EVM_HANDLER dup_at(WEFT_EVM_PARAMETERS) {
    WEFT_EVM_SPILL();
    const U256& from = slot_at(sp, pc[1]);
    ++sp;
    WEFT_EVM_LOAD(from);
    WEFT_EVM_NEXT(2);
}
WEFT_EVM_HANDLER assign(WEFT_EVM_PARAMETERS) {
    set_word(slot_at(sp, pc[1]), pc[2], 0, 0, 0);
    WEFT_EVM_NEXT(3);
}
WEFT_EVM_HANDLER assign_top(WEFT_EVM_PARAMETERS) {
    set_word(slot_at(sp, pc[1]), t0, t1, t2, t3);
    WEFT_EVM_NEXT(2);
}
WEFT_EVM_HANDLER assign_to_top(WEFT_EVM_PARAMETERS) {
    t0 = pc[1];
    t1 = t2 = t3 = 0;
    WEFT_EVM_NEXT(2);
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

template <std::size_t... n>
void fill_swap_pop(HandlerSet& set, std::index_sequence<n...>) {
    ((set.swap_pop[n + 1] = address_of(swap_pop<n + 1>)), ...);
}
template <std::size_t... n>
void fill_alone(HandlerSet& set, std::index_sequence<n...>) {
    ((set.alone[to_byte(Opcode::dup1) + n] = address_of(dup<n + 1>)), ...);
    ((set.alone[to_byte(Opcode::swap1) + n] = address_of(swap<n + 1>)), ...);
}

}  // namespace

void add_stack_handlers(HandlerSet& set) {
    fill_alone(set, std::make_index_sequence<16>());
    fill_swap_pop(set, std::make_index_sequence<16>());
    set.alone[to_byte(Opcode::pop)] = address_of(pop);
    set.push = address_of(push);
    set.push_wide = address_of(push_wide);
    set.push_pair = {{{address_of(push_push), address_of(push_dup)}, {address_of(dup_push), address_of(dup_dup)}}};
    set.dup_at = address_of(dup_at);
    set.assign = address_of(assign);
    set.assign_top = address_of(assign_top);
    set.assign_to_top = address_of(assign_to_top);
    set.pop_pop = address_of(pop_pop);
}

}  // namespace weft::evm
