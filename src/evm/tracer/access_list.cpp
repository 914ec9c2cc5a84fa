#include "evm/tracer/access_list.hpp"

#include "evm/instruction.hpp"

namespace weft::evm {

void AccessListTracer::add(const std::vector<Entry>& entries) {
    for (const auto& entry : entries) {
        if (excluded_.contains(entry.address)) continue;
        auto& slots = touched_[entry.address];
        slots.insert(entry.slots.begin(), entry.slots.end());
    }
}

void AccessListTracer::on_step(const TraceStep& step) {
    const auto size = step.stack.size();
    const auto touch = [this](const U256& word) {
        const Address address = to_address(word);
        if (!excluded_.contains(address)) touched_[address];
    };
    switch (static_cast<Opcode>(step.opcode)) {
        case Opcode::sload:
        case Opcode::sstore:
            if (size >= 1) touched_[step.message.recipient].insert(step.stack[size - 1]);
            break;
        case Opcode::extcodecopy:
        case Opcode::extcodehash:
        case Opcode::extcodesize:
        case Opcode::balance:
        case Opcode::selfdestruct:
            if (size >= 1) touch(step.stack[size - 1]);
            break;
        case Opcode::call:
        case Opcode::callcode:
        case Opcode::delegatecall:
        case Opcode::staticcall:
            if (size >= 5) touch(step.stack[size - 2]);
            break;
        default: break;
    }
}

std::vector<AccessListTracer::Entry> AccessListTracer::result() const {
    std::vector<Entry> out;
    out.reserve(touched_.size());
    for (const auto& [address, slots] : touched_) out.push_back({address, {slots.begin(), slots.end()}});
    return out;
}

}  // namespace weft::evm
