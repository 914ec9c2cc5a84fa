// Handlers of jumps, alone and together with the comparison that decides them.

#include "evm/threaded/handler.hpp"
#include "evm/threaded/limbs.hpp"

namespace weft::evm {

namespace {

WEFT_EVM_HANDLER jump(WEFT_EVM_PARAMETERS) {
    const auto* const target = (t1 | t2 | t3) != 0 ? nullptr : frame->program->find(t0);
    if (target == nullptr) [[unlikely]] WEFT_EVM_GO(halt<Status::bad_jump_destination>);
    pc = target;
    WEFT_EVM_DROP();
    WEFT_EVM_ENTER();
}
WEFT_EVM_HANDLER jump_if(WEFT_EVM_PARAMETERS) {
    const bool taken = !sp->is_zero();
    const auto* target = pc + 1;
    if (taken) {
        target = (t1 | t2 | t3) != 0 ? nullptr : frame->program->find(t0);
        if (target == nullptr) [[unlikely]] WEFT_EVM_GO(halt<Status::bad_jump_destination>);
    }
    pc = target;
    --sp;
    WEFT_EVM_DROP();
    WEFT_EVM_ENTER();
}
WEFT_EVM_HANDLER push_jump(WEFT_EVM_PARAMETERS) {
    pc = reinterpret_cast<const ProgramWord*>(pc[1]);
    WEFT_EVM_ENTER();
}
WEFT_EVM_HANDLER push_jump_if(WEFT_EVM_PARAMETERS) {
    const bool taken = (t0 | t1 | t2 | t3) != 0;
    WEFT_EVM_DROP();
    WEFT_EVM_BRANCH(taken, 2);
}
/// A comparison, an ISZERO if negated, then a conditional jump.
template <Opcode opcode, bool negated>
WEFT_EVM_HANDLER compare_jump(WEFT_EVM_PARAMETERS) {
    bool taken = false;
    if constexpr (opcode == Opcode::iszero) {
        taken = ((t0 | t1 | t2 | t3) == 0) != negated;
    } else {
        const U256& b = *sp;
        taken = (compare<opcode>(t0, t1, t2, t3, b.limb[0], b.limb[1], b.limb[2], b.limb[3]) != 0) != negated;
        --sp;
    }
    WEFT_EVM_DROP();
    WEFT_EVM_BRANCH(taken, 2);
}
template <Opcode opcode, bool negated>
WEFT_EVM_HANDLER push_compare_jump(WEFT_EVM_PARAMETERS) {
    const bool taken = (compare<opcode>(pc[2], 0, 0, 0, t0, t1, t2, t3) != 0) != negated;
    WEFT_EVM_DROP();
    WEFT_EVM_BRANCH(taken, 3);
}
template <Opcode opcode, bool negated>
WEFT_EVM_HANDLER dup_compare_jump(WEFT_EVM_PARAMETERS) {
    const U256& a = slot_at(sp, pc[2]);
    const bool taken =
        (compare<opcode>(a.limb[0], a.limb[1], a.limb[2], a.limb[3], t0, t1, t2, t3) != 0) != negated;
    WEFT_EVM_DROP();
    WEFT_EVM_BRANCH(taken, 3);
}
template <Opcode opcode, bool negated>
WEFT_EVM_HANDLER slot_slot_jump(WEFT_EVM_PARAMETERS) {
    const U256& a = slot_at(sp, pc[2]);
    const U256& b = slot_at(sp, pc[3]);
    const bool taken = (compare<opcode>(a.limb[0], a.limb[1], a.limb[2], a.limb[3], b.limb[0], b.limb[1], b.limb[2],
                                        b.limb[3]) != 0) != negated;
    WEFT_EVM_BRANCH(taken, 4);
}
template <Opcode opcode, bool negated>
WEFT_EVM_HANDLER slot_value_jump(WEFT_EVM_PARAMETERS) {
    const U256& a = slot_at(sp, pc[2]);
    const bool taken = (compare<opcode>(a.limb[0], a.limb[1], a.limb[2], a.limb[3], pc[3], 0, 0, 0) != 0) != negated;
    WEFT_EVM_BRANCH(taken, 4);
}
template <Opcode opcode, bool negated>
WEFT_EVM_HANDLER top_slot_jump(WEFT_EVM_PARAMETERS) {
    const U256& b = slot_at(sp, pc[2]);
    const bool taken =
        (compare<opcode>(t0, t1, t2, t3, b.limb[0], b.limb[1], b.limb[2], b.limb[3]) != 0) != negated;
    WEFT_EVM_BRANCH(taken, 3);
}
template <Opcode opcode, bool negated>
WEFT_EVM_HANDLER top_value_jump(WEFT_EVM_PARAMETERS) {
    const bool taken = (compare<opcode>(t0, t1, t2, t3, pc[2], 0, 0, 0) != 0) != negated;
    WEFT_EVM_BRANCH(taken, 3);
}
template <bool negated>
WEFT_EVM_HANDLER slot_zero_jump(WEFT_EVM_PARAMETERS) {
    WEFT_EVM_BRANCH(slot_at(sp, pc[2]).is_zero() != negated, 3);
}
template <bool negated>
WEFT_EVM_HANDLER top_zero_jump(WEFT_EVM_PARAMETERS) {
    WEFT_EVM_BRANCH(((t0 | t1 | t2 | t3) == 0) != negated, 2);
}
WEFT_EVM_HANDLER bad_jump_if(WEFT_EVM_PARAMETERS) {
    if ((t0 | t1 | t2 | t3) != 0) WEFT_EVM_GO(halt<Status::bad_jump_destination>);
    WEFT_EVM_DROP();
    pc += 1;
    WEFT_EVM_ENTER();
}

template <bool negated, Opcode... opcode>
void fill_compare(HandlerSet& set) {
    constexpr std::size_t row = negated ? 1 : 0;
    ((set.compare_jump[row][to_byte(opcode)] = address_of(compare_jump<opcode, negated>)), ...);
    ((set.push_compare_jump[row][to_byte(opcode)] = address_of(push_compare_jump<opcode, negated>)), ...);
    ((set.dup_compare_jump[row][to_byte(opcode)] = address_of(dup_compare_jump<opcode, negated>)), ...);
    auto& kept = set.kept_compare_jump;
    ((kept[0][row][to_byte(opcode)] = address_of(slot_slot_jump<opcode, negated>)), ...);
    ((kept[1][row][to_byte(opcode)] = address_of(slot_value_jump<opcode, negated>)), ...);
    ((kept[2][row][to_byte(opcode)] = address_of(top_slot_jump<opcode, negated>)), ...);
    ((kept[3][row][to_byte(opcode)] = address_of(top_value_jump<opcode, negated>)), ...);
    constexpr std::size_t zero = to_byte(Opcode::iszero);
    set.compare_jump[row][zero] = address_of(compare_jump<Opcode::iszero, negated>);
    set.slot_compare_jump[row][zero] = address_of(slot_zero_jump<negated>);
    set.top_compare_jump[row][zero] = address_of(top_zero_jump<negated>);
}

}  // namespace

void add_jump_handlers(HandlerSet& set) {
    using enum Opcode;
    fill_compare<false, eq, lt, gt, slt, sgt>(set);
    fill_compare<true, eq, lt, gt, slt, sgt>(set);
    set.alone[to_byte(Opcode::jump)] = address_of(weft::evm::jump);
    set.alone[to_byte(Opcode::jumpi)] = address_of(jump_if);
    set.push_then[to_byte(Opcode::jump)] = address_of(push_jump);
    set.push_then[to_byte(Opcode::jumpi)] = address_of(push_jump_if);
    set.bad_jump = address_of(halt<Status::bad_jump_destination>);
    set.bad_jump_if = address_of(bad_jump_if);
}

}  // namespace weft::evm
