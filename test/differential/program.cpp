#include "program.hpp"

#include <algorithm>
#include <functional>

#include "evm/execute.hpp"
#include "evm/gas.hpp"
#include "evm/instruction.hpp"
#include "precompile_input.hpp"

namespace weft::differential {

namespace {

using evm::Opcode;
using evm::Revision;

constexpr int nesting_max = 2;        // init code in code, and code in that
constexpr int height_max = 900;       // of a stack that is not to run over
constexpr std::size_t code_max = 20000;

U256 to_word(const Address& address) { return U256::from_bytes(address); }

/// Opcodes from @p first to @p last that a revision has and that take and leave so many words.
std::vector<Opcode> opcodes_like(Revision revision, int first, int last, int pops, int pushes) {
    const auto& schedule = evm::gas_schedules[static_cast<std::size_t>(revision)];
    std::vector<Opcode> out;
    for (int i = first; i <= last; ++i) {
        const auto& traits = evm::opcode_traits[static_cast<std::size_t>(i)];
        if (!schedule.defines(static_cast<std::uint8_t>(i)) || traits.immediate != 0) continue;
        if ((pops < 0 || traits.pops == pops) && traits.pushes == pushes) out.push_back(static_cast<Opcode>(i));
    }
    return out;
}

class Builder {
  public:
    Builder(Random& random, const Surroundings& around, int nesting)
        : random_(random),
          around_(around),
          schedule_(evm::gas_schedules[static_cast<std::size_t>(around.revision)]),
          nesting_(nesting) {}

    Bytes program() {
        statements(static_cast<int>(random_.between(1, nesting_ == 0 ? 25 : 8)));
        show_stack();
        end_frame();
        return take();
    }

    Bytes init_code() {
        statements(static_cast<int>(random_.below(6)));
        switch (random_.below(12)) {
            case 0: end_frame(); break;
            case 1: return_zeros(random_.pick(std::array<std::uint64_t, 6>{0, 1, 24575, 24576, 24577, 30000})); break;
            case 2: return_data({0xef}); break;
            case 3: return_data({0xef, 0x01, 0x00, 0x01}); break;
            case 4: return_data(delegation()); break;
            default: return_data(Builder(random_, around_, nesting_ + 1).program()); break;
        }
        return take();
    }

    Bytes recursion() {
        const auto kinds = std::array{Opcode::call, Opcode::callcode, Opcode::delegatecall, Opcode::staticcall,
                                      Opcode::create, Opcode::create2};
        Opcode kind = random_.pick(kinds);
        if (!has(kind)) kind = Opcode::call;
        if (kind == Opcode::create || kind == Opcode::create2) {
            push(0), op(Opcode::codesize), push(0), push(0), op(Opcode::codecopy), op(Opcode::pop);
            if (kind == Opcode::create2) push(random_.below(2));
            op(Opcode::codesize), push(0), push(0), op(kind);
        } else {
            push(0), op(Opcode::calldataload), push(1), op(Opcode::add), push(0), op(Opcode::mstore);
            push(32), push(0), push(32), push(0);
            if (kind == Opcode::call || kind == Opcode::callcode) push(0);
            op(Opcode::address), op(Opcode::gas), op(kind);
        }
        push(0), op(Opcode::mload), op(Opcode::add), push(0), op(Opcode::mstore);
        if (random_.chance(30)) use_storage();
        push(32), push(0), op(random_.chance(85) || !has(Opcode::revert) ? Opcode::return_ : Opcode::revert);
        return take();
    }

  private:
    // --- emitting

    [[nodiscard]] bool has(Opcode opcode) const { return schedule_.defines(evm::to_byte(opcode)); }

    void byte(std::uint8_t value) { code_.push_back(value); }
    void op(Opcode opcode) {
        const auto& traits = evm::opcode_traits[evm::to_byte(opcode)];
        byte(evm::to_byte(opcode));
        height_ += traits.pushes - traits.pops;
    }
    /// Usually in as few bytes as it takes.
    void push(const U256& value) {
        unsigned size = value.byte_length();
        if (random_.chance(5)) size = static_cast<unsigned>(random_.between(size, 32));
        if (size == 0 && !has(Opcode::push0)) size = 1;
        byte(static_cast<std::uint8_t>(evm::to_byte(Opcode::push0) + size));
        const auto bytes = value.to_hash();
        append(code_, bytes.view().subspan(32 - size));
        ++height_;
    }
    /// PUSH2 of what is known later. @return where its operand is.
    std::size_t push_later() {
        code_.insert(code_.end(), {0x61, 0, 0});
        ++height_;
        return code_.size() - 2;
    }
    void fill_in(std::size_t at, std::size_t value) {
        code_[at] = static_cast<std::uint8_t>(value >> 8);
        code_[at + 1] = static_cast<std::uint8_t>(value);
    }
    void destination(std::size_t at) {
        fill_in(at, code_.size());
        op(Opcode::jumpdest);
    }
    /// Pushes the place of bytes that stand after the code.
    void push_data(Bytes bytes) { data_.push_back({push_later(), std::move(bytes)}); }
    /// Copies such bytes to memory.
    void copy_data(Bytes bytes, std::uint64_t to) {
        push(bytes.size());
        push_data(std::move(bytes));
        push(to);
        op(Opcode::codecopy);
    }
    [[nodiscard]] int free_height() const { return height_ - floor_; }
    /// Makes the stack high enough for an instruction, without what an enclosing loop keeps there.
    void need(int words) {
        while (free_height() < words) push(random_.word());
    }
    Bytes take() {
        if (random_.chance(3)) {  // ends in the middle of an operand
            byte(static_cast<std::uint8_t>(random_.between(0x60, 0x7f)));
            append(code_, random_.bytes(random_.below(3)));
        }
        for (const auto& [at, bytes] : data_) {
            fill_in(at, code_.size());
            append(code_, bytes);
        }
        return std::move(code_);
    }

    // --- values that make sense somewhere

    Address some_address() {
        if (random_.chance(60) && !around_.contracts.empty()) return random_.pick(around_.contracts);
        return random_.pick(around_.accounts);
    }
    void push_address() {
        switch (random_.below(12)) {
            case 0: op(Opcode::address); break;
            case 1: op(Opcode::caller); break;
            case 2: op(Opcode::origin); break;
            case 3: push(to_word(some_address()) | U256(random_.next()) << 160); break;  // the upper bytes don't count
            default: push(to_word(some_address())); break;
        }
    }
    U256 offset() {
        if (random_.chance(94)) return random_.below(0x120);
        if (random_.chance(50)) return random_.between(0x1000, 0x9000);
        return random_.word();
    }
    U256 size() {
        if (random_.chance(10)) return 0;
        if (random_.chance(90)) return random_.below(0x60);
        if (random_.chance(60)) return random_.below(0x2000);
        return random_.word();
    }
    U256 slot() { return random_.chance(95) ? U256(random_.below(4)) : random_.word(); }
    U256 amount() {
        if (random_.chance(70)) return 0;
        return random_.chance(80) ? U256(random_.below(50)) : random_.word();
    }
    void push_gas() {
        switch (random_.below(10)) {
            case 0: push(random_.word()); break;
            case 1: push(random_.below(5000)); break;
            case 2: push(random_.below(100000)); break;
            case 3: push(0); break;
            default: op(Opcode::gas); break;
        }
    }
    Bytes delegation() {
        Bytes out{0xef, 0x01, 0x00};
        append(out, some_address());
        return out;
    }

    // --- statements

    void statements(int count) {
        for (int i = 0; i < count && code_.size() < code_max; ++i) statement();
    }

    void statement() {
        static constexpr unsigned weights[] = {22, 7, 7, 12, 6, 12, 4, 9, 9, 4, 6, 4, 5, 4, 2, 1, 1, 2, 1};
        using Member = void (Builder::*)();
        static constexpr Member members[] = {
            &Builder::compute, &Builder::look_around, &Builder::ask, &Builder::use_memory, &Builder::copy,
            &Builder::use_storage, &Builder::use_transient_storage, &Builder::shuffle, &Builder::call,
            &Builder::create, &Builder::call_precompile, &Builder::log, &Builder::branch, &Builder::loop,
            &Builder::jump_over, &Builder::end_early, &Builder::anything, &Builder::show_gas, &Builder::fill_stack};
        static_assert(std::size(weights) == std::size(members));
        (this->*members[random_.weighted(weights)])();
        while (height_ > height_max) op(Opcode::pop);
    }

    void compute() {
        const auto choices = opcodes_like(around_.revision, 0x01, 0x1e, -1, 1);
        for (auto count = random_.between(1, 5); count > 0; --count) {
            const Opcode opcode = random_.pick(choices);
            const int pops = evm::opcode_traits[evm::to_byte(opcode)].pops;
            for (int i = 0; i < pops; ++i) {
                if (random_.chance(60)) push(random_.word());
            }
            need(pops);
            op(opcode);
        }
    }
    void look_around() {
        auto choices = opcodes_like(around_.revision, 0x30, 0x4a, 0, 1);
        choices.insert(choices.end(), {Opcode::pc, Opcode::msize});
        op(random_.pick(choices));
    }
    void ask() {
        auto choices = opcodes_like(around_.revision, 0x30, 0x4a, 1, 1);
        const Opcode opcode = random_.pick(choices);
        if (opcode == Opcode::blockhash && random_.chance(90)) {
            push(random_.below(270)), op(Opcode::number), op(Opcode::sub);
        } else if (opcode == Opcode::calldataload || opcode == Opcode::blobhash || opcode == Opcode::blockhash) {
            push(random_.chance(80) ? U256(random_.below(70)) : random_.word());
        } else {
            push_address();
        }
        op(opcode);
    }
    void use_memory() {
        switch (random_.below(has(Opcode::mcopy) ? 5 : 4)) {
            case 0: push(offset()), op(Opcode::mload); break;
            case 1: need(1), push(offset()), op(Opcode::mstore); break;
            case 2: need(1), push(offset()), op(Opcode::mstore8); break;
            case 3: push(size()), push(offset()), op(Opcode::keccak256); break;
            default: push(size()), push(offset()), push(offset()), op(Opcode::mcopy); break;
        }
    }
    void copy() {
        switch (random_.below(has(Opcode::returndatacopy) ? 5 : 3)) {
            case 0: push(size()), push(offset()), push(offset()), op(Opcode::calldatacopy); break;
            case 1: push(size()), push(offset()), push(offset()), op(Opcode::codecopy); break;
            case 2: push(size()), push(offset()), push(offset()), push_address(), op(Opcode::extcodecopy); break;
            case 3: op(Opcode::returndatasize), push(0), push(offset()), op(Opcode::returndatacopy); break;
            default:
                if (random_.chance(70)) {  // some of it
                    push(random_.below(3)), push(random_.below(33)), push(offset()), op(Opcode::returndatacopy);
                } else {
                    push(size()), push(offset()), push(offset()), op(Opcode::returndatacopy);
                }
        }
    }
    void use_storage() {
        if (random_.chance(40)) {
            push(slot()), op(Opcode::sload);
        } else {
            if (random_.chance(60)) push(random_.chance(70) ? U256(random_.below(3)) : random_.word());
            need(1), push(slot()), op(Opcode::sstore);
        }
    }
    void use_transient_storage() {
        if (!has(Opcode::tload)) return use_storage();
        if (random_.chance(50)) {
            push(slot()), op(Opcode::tload);
        } else {
            need(1), push(slot()), op(Opcode::tstore);
        }
    }
    void shuffle() {
        for (auto count = random_.between(1, 6); count > 0; --count) {
            const auto which = random_.below(4);
            const int depth = static_cast<int>(random_.below(16));
            if (which == 0) {
                push(random_.word());
            } else if (which == 1 && free_height() > 0) {
                op(Opcode::pop);
            } else if (which == 2 && free_height() > 1) {
                op(static_cast<Opcode>(0x90 + std::min(depth, free_height() - 2)));
            } else if (height_ > 0) {
                op(static_cast<Opcode>(0x80 + std::min(depth, height_ - 1)));
            }
        }
    }
    Opcode call_kind() {
        const auto kinds = std::array{Opcode::call, Opcode::call, Opcode::call, Opcode::callcode, Opcode::delegatecall,
                                      Opcode::delegatecall, Opcode::staticcall};
        const Opcode kind = random_.pick(kinds);
        return has(kind) || random_.chance(5) ? kind : Opcode::call;
    }
    static bool takes_value(Opcode kind) { return kind == Opcode::call || kind == Opcode::callcode; }

    void call() {
        const Opcode kind = call_kind();
        push(size()), push(offset()), push(size()), push(offset());
        if (takes_value(kind)) push(amount());
        push_address();
        push_gas();
        op(kind);
        after_call();
    }
    void after_call() {
        if (random_.chance(30) && has(Opcode::returndatacopy)) {
            op(Opcode::returndatasize), push(0), push(random_.below(64)), op(Opcode::returndatacopy);
        }
        if (random_.chance(30)) push(slot()), op(Opcode::sstore);
    }
    void call_precompile() {
        auto all = evm::precompiles(random_.chance(95) ? around_.revision : Revision::osaka);
        const Address address = random_.pick(all);
        const auto number = static_cast<std::uint16_t>(address.bytes[18] << 8 | address.bytes[19]);
        // The costly ones take a peer long; they come less often.
        if (number >= 8 && number != 9 && number != 0x100 && random_.chance(60)) return call_precompile();
        Bytes input = make_precompile_input(random_, number);
        const std::size_t input_size = input.size();
        if (code_.size() + input_size > code_max) return;
        const std::uint64_t at = random_.chance(80) ? 0 : random_.below(64);
        copy_data(std::move(input), at);
        const Opcode kind = call_kind();
        push(random_.below(100)), push(random_.below(200));
        push(random_.chance(95) ? U256(input_size) : size()), push(at);
        if (takes_value(kind)) push(random_.chance(85) ? U256{} : amount());
        push(to_word(address));
        push_gas();
        op(kind);
        after_call();
    }
    void create() {
        if (nesting_ >= nesting_max) return call();
        const bool second = has(Opcode::create2) && random_.chance(50);
        if (random_.chance(8)) {  // zeros: at the limit of EIP-3860, and no code
            if (second) push(random_.word());
            push(random_.pick(std::array<std::uint64_t, 4>{0, 49151, 49152, 49153}));
            push(0), push(amount()), op(second ? Opcode::create2 : Opcode::create);
            return;
        }
        Bytes init = Builder(random_, around_, nesting_ + 1).init_code();
        const std::size_t init_size = init.size();
        if (code_.size() + init_size > code_max) return;
        copy_data(std::move(init), 0);
        const bool twice = random_.chance(15);  // the second one collides, if it is CREATE2 and the first succeeded
        const auto salt = U256(random_.below(3));
        const auto value = amount();
        for (int i = 0; i < (twice ? 2 : 1); ++i) {
            if (second) push(salt);
            push(init_size), push(0), push(value), op(second ? Opcode::create2 : Opcode::create);
        }
        if (random_.chance(60)) {
            push(0), push(0), push(random_.below(40)), push(0), push(amount());
            op(static_cast<Opcode>(0x85));  // DUP6: the new address
            push_gas(), op(Opcode::call);
        }
        after_call();
    }
    void log() {
        const auto topics = static_cast<int>(random_.below(5));
        need(topics);
        push(size()), push(offset());
        op(static_cast<Opcode>(evm::to_byte(Opcode::log0) + topics));
    }

    /// Runs a part that leaves the stack as it was and does not reach below.
    void balanced(const std::function<void()>& part) {
        const int floor = std::exchange(floor_, height_);
        part();
        while (height_ > floor_) op(Opcode::pop);
        floor_ = floor;
    }
    void branch() {
        need(1);
        if (random_.chance(50)) op(Opcode::iszero);
        const auto skip = push_later();
        op(Opcode::jumpi);
        balanced([this] { statements(static_cast<int>(random_.between(1, 4))); });
        destination(skip);
    }
    void loop() {
        if (loops_ >= 2) return compute();
        ++loops_;
        push(random_.chance(90) ? random_.between(1, 12) : random_.between(1, 400));
        const std::size_t start = code_.size();
        op(Opcode::jumpdest);
        balanced([this] { statements(static_cast<int>(random_.between(1, 4))); });
        push(1), op(Opcode::swap1), op(Opcode::sub), op(Opcode::dup1);
        push(start), op(Opcode::jumpi), op(Opcode::pop);
        --loops_;
    }
    /// Over bytes that no one runs, by an address that is computed, or to where no one may jump.
    void jump_over() {
        const auto target = push_later();
        if (random_.chance(30)) push(0), op(Opcode::add);
        op(Opcode::jump);
        Bytes between = random_.bytes(random_.below(8));
        const auto push_opcode = random_.chance(50) ? std::size_t{0} : random_.below(32) + 1;
        append(code_, between);
        if (push_opcode != 0) {  // a whole PUSH, so that what follows is no operand; its operand is full of JUMPDESTs
            byte(static_cast<std::uint8_t>(0x5f + push_opcode));
            code_.insert(code_.end(), push_opcode, 0x5b);
        }
        if (random_.chance(4)) {
            fill_in(target, code_.size() - std::min<std::size_t>(1, push_opcode));
            return;
        }
        // Zeros end whatever operand the random bytes may have begun.
        code_.insert(code_.end(), 33, 0x5b);
        fill_in(target, code_.size() - 1);
    }
    void end_early() {
        need(1);
        const auto skip = push_later();
        op(Opcode::jumpi);
        balanced([this] { end_frame(); });
        destination(skip);
    }
    void anything() {
        switch (random_.below(4)) {
            case 0: append(code_, random_.bytes(random_.between(1, 6))); break;
            case 1: byte(static_cast<std::uint8_t>(random_.next())); break;
            case 2:  // too few words, or too many
                for (auto count = random_.between(1, 20); count > 0; --count) byte(evm::to_byte(Opcode::pop));
                break;
            default: {  // a loop that fills the stack
                const std::size_t start = code_.size();
                op(Opcode::jumpdest), push(random_.word()), push(start), op(Opcode::jump);
            }
        }
    }
    void show_gas() { op(Opcode::gas), push(slot()), op(Opcode::sstore); }
    void fill_stack() {
        if (loops_ != 0) return;
        for (auto count = random_.between(10, 40); count > 0; --count) push(random_.below(256));
    }

    // --- ends

    void show_stack() {
        const int words = std::min(free_height(), static_cast<int>(random_.below(9)));
        for (int i = 0; i < words; ++i) push(static_cast<std::uint64_t>(32 * i)), op(Opcode::mstore);
        if (random_.chance(20)) push(static_cast<std::uint64_t>(32 * words)), push(0), op(Opcode::log0);
    }
    void end_frame() {
        switch (random_.below(14)) {
            case 0: op(Opcode::stop); break;
            case 1:
            case 2: push_address(), byte(evm::to_byte(Opcode::selfdestruct)), --height_; break;
            case 3:
            case 4:
                if (!has(Opcode::revert)) return op(Opcode::stop);
                push(size()), push(offset()), op(Opcode::revert);
                break;
            case 5: byte(evm::to_byte(Opcode::invalid)); break;
            case 6: push(size()), push(offset()), op(Opcode::return_); break;
            default: push(random_.below(0x120)), push(random_.chance(80) ? 0 : random_.below(64)), op(Opcode::return_);
        }
    }
    void return_zeros(std::uint64_t count) { push(count), push(0), op(Opcode::return_); }
    void return_data(Bytes bytes) {
        const std::size_t count = bytes.size();
        copy_data(std::move(bytes), 0);
        push(count), push(0), op(Opcode::return_);
    }

    struct Data {
        std::size_t at;
        Bytes bytes;
    };

    Random& random_;
    const Surroundings& around_;
    const evm::GasSchedule& schedule_;
    int nesting_;
    Bytes code_;
    std::vector<Data> data_;
    int height_ = 0;
    int floor_ = 0;  // what is below belongs to enclosing loops and branches
    int loops_ = 0;
};

}  // namespace

Bytes make_program(Random& random, const Surroundings& around) { return Builder(random, around, 0).program(); }

Bytes make_init_code(Random& random, const Surroundings& around) { return Builder(random, around, 1).init_code(); }

Bytes make_recursion(Random& random, const Surroundings& around) { return Builder(random, around, 0).recursion(); }

}  // namespace weft::differential
