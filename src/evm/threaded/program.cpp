#include "evm/threaded/program.hpp"

#include <algorithm>
#include <optional>

#include "base/result.hpp"
#include "evm/gas.hpp"
#include "evm/opcode.hpp"
#include "evm/threaded/handlers.hpp"

namespace weft::evm {

namespace {

/// One instruction of the code.
struct Instruction {
    std::size_t offset = 0;
    Opcode opcode = Opcode::stop;
    std::size_t next = 0;  // offset of the one after it
};

bool is_push(Opcode opcode) { return opcode >= Opcode::push0 && opcode <= Opcode::push32; }
bool is_dup(Opcode opcode) { return opcode >= Opcode::dup1 && opcode <= Opcode::dup16; }
bool is_swap(Opcode opcode) { return opcode >= Opcode::swap1 && opcode <= Opcode::swap16; }
int dup_count(Opcode opcode) { return to_byte(opcode) - to_byte(Opcode::dup1) + 1; }
int swap_count(Opcode opcode) { return to_byte(opcode) - to_byte(Opcode::swap1) + 1; }

/// Nothing after it runs unless a jump arrives there.
bool ends_sequence(Opcode opcode) {
    return opcode == Opcode::stop || opcode == Opcode::jump || opcode == Opcode::return_ || opcode == Opcode::revert ||
           opcode == Opcode::invalid || opcode == Opcode::selfdestruct;
}

/// What comes after it can see, or depends on, exactly how much gas is left.
bool observes_gas(Opcode opcode) {
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

}  // namespace

/// Writes a program's words, block by block.
class Translator {
  public:
    Translator(Program& program, const Code& code)
        : program_(program), code_(code), bytes_(code.bytes()), schedule_(gas_schedule(program.revision_)) {}

    void run() {
        // Behind the code stands what a frame finds there: STOP.
        program_.words_.reserve(2 * bytes_.size() + 8);
        open_block(0);
        std::size_t at = 0;
        while (at < bytes_.size()) {
            const auto now = instruction_at(at);
            if (now.opcode == Opcode::jumpdest) {
                if (!in_block_ || at != block_offset_) {
                    close_block();
                    open_block(at);
                }
                program_.starts_.push_back(static_cast<std::uint32_t>(block_));
                account(now);
                at = now.next;
            } else if (in_block_) {
                at = translate(now);
            } else {
                at = now.next;  // no way leads here
            }
        }
        if (!in_block_) open_block(at);
        emit(handlers_.alone[to_byte(Opcode::stop)]);
        close_block();
        for (const auto& [word, offset] : targets_) {
            program_.words_[word] = reinterpret_cast<ProgramWord>(program_.find(offset));
        }
    }

  private:
    [[nodiscard]] Instruction instruction_at(std::size_t at) const {
        if (at >= bytes_.size()) return {at, Opcode::stop, at + 1};
        const auto opcode = static_cast<Opcode>(bytes_[at]);
        return {at, opcode, at + 1 + (is_push(opcode) ? opcode_traits[bytes_[at]].immediate : std::size_t{0})};
    }
    [[nodiscard]] Instruction after(const Instruction& now) const { return instruction_at(now.next); }
    [[nodiscard]] bool defined(const Instruction& now) const { return schedule_.defines(to_byte(now.opcode)); }

    /// A PUSH's value; bytes behind the code's end are zeros.
    [[nodiscard]] U256 value_of(const Instruction& push) const {
        Bytes operand(push.next - push.offset - 1);
        for (std::size_t i = 0; i < operand.size(); ++i) operand[i] = code_.begin()[push.offset + 1 + i];
        return U256::from_bytes(operand);
    }

    // --- blocks

    void open_block(std::size_t offset) {
        in_block_ = true;
        block_ = program_.words_.size();
        block_offset_ = offset;
        gas_ = 0;
        height_ = need_ = growth_ = 0;
        emit(handlers_.header);
        program_.words_.resize(block_ + header_size);
    }

    void close_block() {
        if (!in_block_) return;
        in_block_ = false;
        constexpr ProgramWord slot = sizeof(U256);
        const auto need = static_cast<ProgramWord>(need_);
        const int room = stack_size_max - growth_ - need_;
        program_.words_[block_ + 1] = static_cast<ProgramWord>(block_offset_) << 32 | static_cast<ProgramWord>(gas_);
        // A block that no height suits gets limits that no height meets.
        program_.words_[block_ + 2] =
            room < 0 ? 0xffffffff : static_cast<ProgramWord>(room) * slot << 32 | need * slot;
    }

    /// Puts an instruction's gas and stack use on the block's account.
    void account(const Instruction& now) {
        const auto& traits = opcode_traits[to_byte(now.opcode)];
        gas_ += schedule_[now.opcode];
        need_ = std::max(need_, traits.pops - height_);
        height_ += traits.pushes - traits.pops;
        growth_ = std::max(growth_, height_);
    }

    void emit(ProgramWord word) { program_.words_.push_back(word); }
    void emit_value(const U256& value) {
        for (const auto limb : value.limb) emit(limb);
    }
    void emit_target(const U256& target) {
        targets_.emplace_back(program_.words_.size(), target.low());
        emit(0);
    }
    [[nodiscard]] bool is_target(const U256& target) const {
        return target.fits_u64() && code_.is_jump_destination(target.low());
    }

    /// @return the offset to go on at.
    std::size_t finish(const Instruction& last) {
        if (ends_sequence(last.opcode)) {
            close_block();
        } else if (last.opcode == Opcode::jumpi || observes_gas(last.opcode)) {
            close_block();
            open_block(last.next);
        }
        return last.next;
    }

    // --- instructions

    std::size_t translate(const Instruction& now) {
        if (!defined(now)) {
            emit(handlers_.undefined);
            emit(now.offset);
            close_block();
            return now.next;
        }
        account(now);
        if (now.opcode == Opcode::pc) return emit_push(now, now.offset);
        if (is_push(now.opcode)) return translate_push(now);
        if (is_dup(now.opcode)) return translate_dup(now);
        const auto second = after(now);
        if (is_swap(now.opcode)) return translate_swap(now, second);
        if (now.opcode == Opcode::pop && second.opcode == Opcode::pop) {
            account(second);
            emit(handlers_.pop_pop);
            return second.next;
        }
        if (const auto end = translate_compare(now, second)) return *end;
        const auto handler = handlers_.alone[to_byte(now.opcode)];
        WEFT_ASSERT(handler != 0);
        emit(handler);
        return finish(now);
    }

    std::size_t emit_push(const Instruction& now, const U256& value) {
        if (value.fits_u64()) {
            emit(handlers_.push);
            emit(value.low());
        } else {
            emit(handlers_.push_wide);
            emit_value(value);
        }
        return now.next;
    }

    std::size_t translate_push(const Instruction& now) {
        const U256 value = value_of(now);
        const auto second = after(now);
        if (!defined(second)) return emit_push(now, value);
        if (second.opcode == Opcode::jump || second.opcode == Opcode::jumpi) {
            account(second);
            if (is_target(value)) {
                emit(handlers_.push_then[to_byte(second.opcode)]);
                emit_target(value);
            } else {
                emit(second.opcode == Opcode::jump ? handlers_.bad_jump : handlers_.bad_jump_if);
            }
            return finish(second);
        }
        if (!value.fits_u64()) {
            if (second.opcode != Opcode::and_) return emit_push(now, value);
            account(second);
            emit(handlers_.push_wide_and);
            emit_value(value);
            return second.next;
        }
        return translate_small_push(now, value.low(), second);
    }

    std::size_t translate_small_push(const Instruction& now, std::uint64_t value, const Instruction& second) {
        const auto third = after(second);
        if (second.opcode == Opcode::swap1 && third.opcode == Opcode::sub) {
            account(second);
            account(third);
            emit(handlers_.push_swap1_sub);
            emit(value);
            return third.next;
        }
        if ((second.opcode == Opcode::shl || second.opcode == Opcode::shr) && value < 256) {
            account(second);
            emit((second.opcode == Opcode::shl ? handlers_.push_shl : handlers_.push_shr)[value / 64]);
            emit(value % 64);
            return second.next;
        }
        if (const auto handler = handlers_.push_then[to_byte(second.opcode)]; handler != 0) {
            account(second);
            emit(handler);
            emit(value);
            return second.next;
        }
        // A pair that would tear a better one apart is left alone.
        if (is_dup(second.opcode) && fused_dup(second, third) == 0) {
            account(second);
            emit(handlers_.push_dup);
            emit(value);
            emit(dup_distance(dup_count(second.opcode)));
            return second.next;
        }
        if (is_push(second.opcode) && value_of(second).fits_u64() && !fuses_with_push(second, third)) {
            account(second);
            emit(handlers_.push_push);
            emit(value);
            emit(value_of(second).low());
            return second.next;
        }
        return emit_push(now, value);
    }

    /// The handler of DUP and the instruction after it, 0 if there is none.
    [[nodiscard]] ProgramWord fused_dup(const Instruction& dup, const Instruction& next) const {
        if (!defined(next)) return 0;
        return (dup.opcode == Opcode::dup1 ? handlers_.dup1_then : handlers_.dup_then)[to_byte(next.opcode)];
    }
    [[nodiscard]] bool fuses_with_push(const Instruction& push, const Instruction& next) const {
        if (!defined(next)) return false;
        const bool subtracts = next.opcode == Opcode::swap1 && after(next).opcode == Opcode::sub;
        return handlers_.push_then[to_byte(next.opcode)] != 0 || is_dup(next.opcode) || subtracts ||
               !value_of(push).fits_u64();
    }

    std::size_t translate_dup(const Instruction& now) {
        const auto distance = dup_distance(dup_count(now.opcode));
        const auto second = after(now);
        if (const auto fused = fused_dup(now, second); fused != 0) {
            account(second);
            emit(fused);
            emit(distance);
            return second.next;
        }
        const auto third = after(second);
        if (defined(second) && is_dup(second.opcode) && fused_dup(second, third) == 0) {
            account(second);
            emit(handlers_.dup_dup);
            emit(distance);
            emit(dup_distance(dup_count(second.opcode)));
            return second.next;
        }
        if (defined(second) && is_push(second.opcode) && !fuses_with_push(second, third)) {
            account(second);
            emit(handlers_.dup_push);
            emit(distance);
            emit(value_of(second).low());
            return second.next;
        }
        emit(handlers_.alone[to_byte(now.opcode)]);
        return now.next;
    }

    std::size_t translate_swap(const Instruction& now, const Instruction& second) {
        ProgramWord fused = 0;
        if (second.opcode == Opcode::pop) fused = handlers_.swap_pop[static_cast<std::size_t>(swap_count(now.opcode))];
        if (now.opcode == Opcode::swap1 && fused == 0) fused = handlers_.swap1_then[to_byte(second.opcode)];
        if (fused == 0) {
            emit(handlers_.alone[to_byte(now.opcode)]);
            return now.next;
        }
        account(second);
        emit(fused);
        return second.next;
    }

    /// A comparison, maybe an ISZERO, a push of a destination, JUMPI.
    std::optional<std::size_t> translate_compare(const Instruction& now, const Instruction& second) {
        if (handlers_.compare_jump[0][to_byte(now.opcode)] == 0) return std::nullopt;
        const bool negated = second.opcode == Opcode::iszero;
        const auto push = negated ? after(second) : second;
        const auto jump = after(push);
        if (!is_push(push.opcode) || !defined(push) || jump.opcode != Opcode::jumpi) return std::nullopt;
        const U256 target = value_of(push);
        if (!is_target(target)) return std::nullopt;
        if (negated) account(second);
        account(push);
        account(jump);
        emit(handlers_.compare_jump[negated ? 1 : 0][to_byte(now.opcode)]);
        emit_target(target);
        return finish(jump);
    }

    Program& program_;
    const Code& code_;
    BytesView bytes_;
    const GasSchedule& schedule_;
    const HandlerSet& handlers_ = handler_set();
    std::vector<std::pair<std::size_t, std::uint64_t>> targets_;  // words that become addresses of blocks

    bool in_block_ = false;
    std::size_t block_ = 0;         // its header's place
    std::size_t block_offset_ = 0;  // in the code
    std::int64_t gas_ = 0;
    int height_ = 0;  // against the block's begin
    int need_ = 0;
    int growth_ = 0;
};

Program::Program(const Code& code, Revision revision) : revision_(revision), size_(code.size()) {
    const std::size_t groups = size_ / 64 + 1;
    destinations_.resize(groups);
    ranks_.resize(groups);
    std::uint32_t count = 0;
    for (std::size_t i = 0; i < groups; ++i) {
        ranks_[i] = count;
        for (std::size_t j = 0; j < 64; ++j) {
            if (!code.is_jump_destination(64 * i + j)) continue;
            destinations_[i] |= std::uint64_t{1} << j;
            ++count;
        }
    }
    Translator(*this, code).run();
    WEFT_ASSERT(starts_.size() == count);
}

}  // namespace weft::evm
