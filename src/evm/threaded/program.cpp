#include "evm/threaded/program.hpp"

#include <algorithm>
#include <optional>

#include "base/result.hpp"
#include "evm/gas.hpp"
#include "evm/opcode.hpp"
#include "evm/threaded/fold.hpp"
#include "evm/threaded/handlers.hpp"
#include "evm/threaded/scan.hpp"

namespace weft::evm {

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
                flush();
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
        flush();
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

    // --- words that are not on the stack yet

    /// A word that an instruction has pushed, kept back until something needs it on the stack: most are used up by the
    /// instruction after, which can take them as operands.
    struct Item {
        bool is_value = true;
        U256 value;
        int depth = 0;  // of the slot it copies, on the stack as it is without kept words: 0 is the top

        [[nodiscard]] bool is_small() const { return is_value && value.fits_u64(); }
        [[nodiscard]] bool is_top() const { return !is_value && depth == 0; }
        /// What a handler's operand says of it.
        [[nodiscard]] ProgramWord operand() const { return is_value ? value.low() : dup_distance(depth + 1); }
    };

    void keep(const U256& value) { kept_.push_back({true, value, 0}); }
    Item take() {
        const Item item = kept_.back();
        kept_.pop_back();
        return item;
    }
    /// Puts all kept words but the uppermost @p left on the stack.
    void flush(std::size_t left = 0) {
        if (kept_.size() <= left) return;
        const std::size_t count = kept_.size() - left;
        for (std::size_t i = 0; i < count;) {
            // A slot lies deeper by the words that were put on top of it.
            const Item first = deeper(kept_[i], i);
            if (i + 1 < count && fits_pair(first) && fits_pair(kept_[i + 1])) {
                const Item second = deeper(kept_[i + 1], i + 1);
                emit(handlers_.push_pair[first.is_value ? 0 : 1][second.is_value ? 0 : 1]);
                emit(first.operand());
                emit(second.operand());
                i += 2;
            } else {
                push(first);
                ++i;
            }
        }
        kept_.erase(kept_.begin(), kept_.begin() + static_cast<std::ptrdiff_t>(count));
        for (auto& item : kept_) item = deeper(item, count);
    }
    /// The same for words already taken from the kept ones.
    void flush_below(Item& a, Item& b) {
        const std::size_t count = kept_.size();
        flush();
        a = deeper(a, count);
        b = deeper(b, count);
    }
    [[nodiscard]] static Item deeper(Item item, std::size_t count) {
        if (!item.is_value) item.depth += static_cast<int>(count);
        return item;
    }
    [[nodiscard]] static bool fits_pair(const Item& item) { return !item.is_value || item.is_small(); }
    void push(const Item& item) {
        if (!item.is_value) {
            if (item.depth < 16) return emit(handlers_.alone[to_byte(Opcode::dup1) + item.depth]);
            emit(handlers_.dup_at);
            return emit(item.operand());
        }
        if (item.is_small()) {
            emit(handlers_.push);
            return emit(item.value.low());
        }
        emit(handlers_.push_wide);
        emit_value(item.value);
    }

    // --- instructions

    std::size_t translate(const Instruction& now) {
        if (!defined(now)) {
            flush();
            emit(handlers_.undefined);
            emit(now.offset);
            close_block();
            return now.next;
        }
        account(now);
        const auto byte = to_byte(now.opcode);
        if (now.opcode == Opcode::pc || is_push(now.opcode)) {
            keep(now.opcode == Opcode::pc ? U256(now.offset) : value_of(now));
            return now.next;
        }
        if (is_dup(now.opcode)) return translate_dup(now);
        if (is_swap(now.opcode)) return translate_swap(now);
        if (handlers_.binary[0][byte] != 0) return translate_binary(now, now.opcode);
        switch (now.opcode) {
            case Opcode::pop: return translate_pop(now);
            case Opcode::iszero: return translate_is_zero(now);
            case Opcode::jump:
            case Opcode::jumpi: return translate_jump(now);
            default: break;
        }
        if (fold_kept(now.opcode) || translate_shift(now)) return now.next;
        if (!kept_.empty()) {
            const Item& top = kept_.back();
            const ProgramWord fused = top.is_small() ? handlers_.push_then[byte]
                                      : top.is_value ? 0
                                      : top.depth == 0 ? handlers_.dup1_then[byte]
                                                       : handlers_.dup_then[byte];
            // With other words kept below it, what was the top lies in memory.
            const bool lower = kept_.size() > 1 && top.is_top();
            if (fused != 0 && !lower) {
                flush(1);
                emit(fused);
                emit(take().operand());
                return finish(now);
            }
        }
        flush();
        WEFT_ASSERT(handlers_.alone[byte] != 0);
        emit(handlers_.alone[byte]);
        return finish(now);
    }

    std::size_t translate_dup(const Instruction& now) {
        const auto n = static_cast<std::size_t>(dup_count(now.opcode));
        if (n <= kept_.size()) {
            kept_.push_back(Item(kept_[kept_.size() - n]));
        } else {
            kept_.push_back({false, {}, static_cast<int>(n - kept_.size()) - 1});
        }
        return now.next;
    }

    std::size_t translate_pop(const Instruction& now) {
        if (!kept_.empty()) {
            kept_.pop_back();
            return now.next;
        }
        const auto second = after(now);
        if (second.opcode == Opcode::pop) {
            account(second);
            emit(handlers_.pop_pop);
            return second.next;
        }
        emit(handlers_.alone[to_byte(Opcode::pop)]);
        return now.next;
    }

    std::size_t translate_swap(const Instruction& now) {
        const auto n = static_cast<std::size_t>(swap_count(now.opcode));
        if (n < kept_.size()) {
            std::swap(kept_.back(), kept_[kept_.size() - 1 - n]);
            return now.next;
        }
        const auto second = after(now);
        if (second.opcode == Opcode::pop && translate_assign(n, second)) return second.next;
        if (n == 1 && kept_.size() == 1) {
            if (const auto end = translate_reversed(second)) return *end;
        }
        flush();
        ProgramWord fused = 0;
        if (second.opcode == Opcode::pop) fused = handlers_.swap_pop[n];
        if (n == 1 && fused == 0 && !compare_jump_after(second)) fused = handlers_.swap1_then[to_byte(second.opcode)];
        if (fused == 0) {
            emit(handlers_.alone[to_byte(now.opcode)]);
            return now.next;
        }
        account(second);
        emit(fused);
        return second.next;
    }

    /// SWAPn and POP with a kept word on top: the word replaces one that is on the stack.
    bool translate_assign(std::size_t n, const Instruction& pop) {
        if (kept_.empty() || (!kept_.back().is_small() && !kept_.back().is_top())) return false;
        if (kept_.size() > 1 && kept_.back().is_top()) return false;
        if (n == 1 && kept_.back().is_top()) {  // by itself
            take();
        } else {
            flush(1);
            const Item item = take();
            const auto target = dup_distance(static_cast<int>(n));
            if (item.is_top()) {
                emit(handlers_.assign_top);
                emit(target);
            } else if (n == 1) {
                emit(handlers_.assign_to_top);
                emit(item.operand());
            } else {
                emit(handlers_.assign);
                emit(target);
                emit(item.operand());
            }
        }
        account(pop);
        return true;
    }

    /// SWAP1 with one kept word, then an operation on the stack's top and it.
    std::optional<std::size_t> translate_reversed(const Instruction& operation) {
        if (!defined(operation)) return std::nullopt;
        const auto byte = to_byte(operation.opcode);
        if (operation.opcode == Opcode::sub || operation.opcode == Opcode::div) {
            const Item& item = kept_.back();
            const bool shifts = operation.opcode == Opcode::div && item.is_value && is_power_of_two(item.value);
            if (!shifts && !(operation.opcode == Opcode::sub && item.is_small())) return std::nullopt;
            account(operation);
            const Item taken = take();
            if (shifts) {
                emit_shift(handlers_.push_shr, taken.value.bit_length() - 1);
            } else {
                emit(handlers_.push_swap1_sub);
                emit(taken.operand());
            }
            return operation.next;
        }
        if (handlers_.binary[0][byte] == 0) return std::nullopt;
        account(operation);
        return translate_binary(operation, mirrored(operation.opcode));
    }

    bool fold_kept(Opcode opcode) {
        if (opcode == Opcode::not_ && !kept_.empty() && kept_.back().is_value) {
            kept_.back().value = ~kept_.back().value;
            return true;
        }
        if (kept_.size() < 2 || !kept_.back().is_value || !kept_[kept_.size() - 2].is_value) return false;
        if (opcode_traits[to_byte(opcode)].pops != 2) return false;
        const auto folded = fold(opcode, kept_.back().value, kept_[kept_.size() - 2].value);
        if (!folded) return false;
        take();
        kept_.back().value = *folded;
        return true;
    }

    void emit_shift(const std::array<ProgramWord, 4>& handlers, std::uint64_t count) {
        emit(handlers[count / 64]);
        emit(count % 64);
    }

    /// A shift by a constant, or a division or a remainder by a power of two, which is one.
    bool translate_shift(const Instruction& now) {
        if (kept_.empty()) return false;
        if (now.opcode == Opcode::shl || now.opcode == Opcode::shr) {
            if (!kept_.back().is_small() || kept_.back().value.low() >= 256) return false;
            flush(1);
            emit_shift(now.opcode == Opcode::shl ? handlers_.push_shl : handlers_.push_shr, take().value.low());
            return true;
        }
        if ((now.opcode != Opcode::div && now.opcode != Opcode::mod) || kept_.size() < 2) return false;
        const Item& divisor = kept_[kept_.size() - 2];
        if (!divisor.is_value || !is_power_of_two(divisor.value)) return false;
        const Item dividend = take();
        const U256 value = take().value;
        kept_.push_back(dividend);
        flush();
        if (now.opcode == Opcode::div) {
            emit_shift(handlers_.push_shr, value.bit_length() - 1);
        } else {
            emit_and(value - 1);
        }
        return true;
    }

    void emit_and(const U256& mask) {
        if (mask.fits_u64()) {
            emit(handlers_.push_then[to_byte(Opcode::and_)]);
            emit(mask.low());
        } else {
            emit(handlers_.push_wide_and);
            emit_value(mask);
        }
    }

    // --- operations on two words

    /// @param opcode  what to do; @p now is where it stands, the last instruction so far.
    std::size_t translate_binary(const Instruction& now, Opcode opcode) {
        if (kept_.empty()) {
            if (const auto jump = compare_jump_after(now))
                return emit_compare_jump(*jump, handlers_.compare_jump, opcode);
            emit(handlers_.alone[to_byte(opcode)]);
            return now.next;
        }
        if (fold_kept(opcode)) return now.next;
        Item a = take();
        if (kept_.empty()) return translate_with_stack(now, opcode, a);
        Item b = take();
        if (a.is_value && opcode != Opcode::sub) {
            std::swap(a, b);
            opcode = mirrored(opcode);
        }
        const Item& value = a.is_value ? a : b;
        const bool shifts = opcode == Opcode::mul && value.is_value && is_power_of_two(value.value);
        if (shifts || (value.is_value && !value.is_small())) {
            if (shifts || opcode == Opcode::and_) {
                kept_.push_back(a);
                flush();
                if (shifts) {
                    emit_shift(handlers_.push_shl, value.value.bit_length() - 1);
                } else {
                    emit_and(value.value);
                }
                return now.next;
            }
            kept_.push_back(b);
            kept_.push_back(a);
            flush();
            emit(handlers_.alone[to_byte(opcode)]);
            return now.next;
        }
        flush_below(a, b);
        if (const auto jump = compare_jump_after(now)) return compare_kept(*jump, opcode, a, b);
        emit(handlers_.binary[a.is_value ? 2 : b.is_value ? 1 : 0][to_byte(opcode)]);
        emit(a.operand());
        emit(b.operand());
        return now.next;
    }

    /// The first operand is kept, the second the stack's top.
    std::size_t translate_with_stack(const Instruction& now, Opcode opcode, const Item& a) {
        if (a.is_value && opcode == Opcode::mul && is_power_of_two(a.value)) {
            emit_shift(handlers_.push_shl, a.value.bit_length() - 1);
            return now.next;
        }
        if (a.is_value && opcode == Opcode::and_) {
            emit_and(a.value);
            return now.next;
        }
        if (a.is_top() || (a.is_value && !a.is_small())) {
            push(a);
            emit(handlers_.alone[to_byte(opcode)]);
            return now.next;
        }
        if (const auto jump = compare_jump_after(now)) {
            const auto end =
                emit_compare_jump(*jump, a.is_value ? handlers_.push_compare_jump : handlers_.dup_compare_jump, opcode,
                                  a.operand());
            return end;
        }
        emit((a.is_value ? handlers_.push_then : handlers_.dup_then)[to_byte(opcode)]);
        emit(a.operand());
        return now.next;
    }

    // --- jumps

    /// Maybe an ISZERO, a push of a destination, JUMPI.
    struct CompareJump {
        bool negated;
        Instruction not_;  // if negated
        Instruction push;
        Instruction jump;
        U256 target;
    };
    [[nodiscard]] std::optional<CompareJump> compare_jump_after(const Instruction& comparison) const {
        if (handlers_.compare_jump[0][to_byte(comparison.opcode)] == 0) return std::nullopt;
        CompareJump out{};
        const auto second = after(comparison);
        out.negated = second.opcode == Opcode::iszero;
        out.not_ = second;
        out.push = out.negated ? after(second) : second;
        out.jump = after(out.push);
        if (!is_push(out.push.opcode) || !defined(out.push) || out.jump.opcode != Opcode::jumpi) return std::nullopt;
        out.target = value_of(out.push);
        if (!is_target(out.target)) return std::nullopt;
        return out;
    }
    template <class... Operand>
    std::size_t emit_compare_jump(const CompareJump& jump, const HandlerSet::Comparisons& handlers, Opcode opcode,
                                  Operand... operand) {
        if (jump.negated) account(jump.not_);
        account(jump.push);
        account(jump.jump);
        emit(handlers[jump.negated ? 1 : 0][to_byte(opcode)]);
        emit_target(jump.target);
        (emit(operand), ...);
        return finish(jump.jump);
    }
    /// A comparison of two kept words, the first of which is no constant.
    std::size_t compare_kept(const CompareJump& jump, Opcode opcode, Item a, Item b) {
        if (!b.is_value && b.depth == 0) {
            std::swap(a, b);
            opcode = mirrored(opcode);
        }
        const int kind = (a.is_top() ? 2 : 0) + (b.is_value ? 1 : 0);
        if (b.is_top()) {  // both
            push(b);
            push(a);
            return emit_compare_jump(jump, handlers_.compare_jump, opcode);
        }
        const auto& handlers = handlers_.kept_compare_jump[static_cast<std::size_t>(kind)];
        if (a.is_top()) return emit_compare_jump(jump, handlers, opcode, b.operand());
        return emit_compare_jump(jump, handlers, opcode, a.operand(), b.operand());
    }

    std::size_t translate_is_zero(const Instruction& now) {
        if (!kept_.empty() && kept_.back().is_value) {
            kept_.back().value = kept_.back().value.is_zero() ? 1 : 0;
            return now.next;
        }
        const auto jump = compare_jump_after(now);
        if (jump && !kept_.empty()) {
            flush(1);
            const Item item = take();
            if (item.is_top()) return emit_compare_jump(*jump, handlers_.top_compare_jump, Opcode::iszero);
            return emit_compare_jump(*jump, handlers_.slot_compare_jump, Opcode::iszero, item.operand());
        }
        flush();
        if (jump) return emit_compare_jump(*jump, handlers_.compare_jump, Opcode::iszero);
        emit(handlers_.alone[to_byte(Opcode::iszero)]);
        return now.next;
    }

    std::size_t translate_jump(const Instruction& now) {
        const bool always = now.opcode == Opcode::jump;
        if (kept_.empty() || !kept_.back().is_value) {
            flush();
            emit(handlers_.alone[to_byte(now.opcode)]);
            return finish(now);
        }
        const U256 target = take().value;
        if (!is_target(target)) {
            flush();
            emit(always ? handlers_.bad_jump : handlers_.bad_jump_if);
            return finish(now);
        }
        if (!always && !kept_.empty() && !kept_.back().is_value) {
            flush(1);
            const Item item = take();
            // Whether a word is not zero: the negated ISZERO.
            const auto& handlers = item.is_top() ? handlers_.top_compare_jump : handlers_.slot_compare_jump;
            emit(handlers[1][to_byte(Opcode::iszero)]);
            emit_target(target);
            if (!item.is_top()) emit(item.operand());
            return finish(now);
        }
        flush();
        emit(handlers_.push_then[to_byte(now.opcode)]);
        emit_target(target);
        return finish(now);
    }

    Program& program_;
    const Code& code_;
    BytesView bytes_;
    const GasSchedule& schedule_;
    const HandlerSet& handlers_ = handler_set();
    std::vector<std::pair<std::size_t, std::uint64_t>> targets_;  // words that become addresses of blocks

    std::vector<Item> kept_;  // the uppermost is last; empty where blocks begin and end
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
