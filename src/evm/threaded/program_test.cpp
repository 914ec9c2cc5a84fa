// Translated code against the byte-by-byte interpreter: everything that a caller can see must be the same. Bench runs
// each code both ways and compares; so does every other test of the room that uses it.

#include "evm/threaded/program.hpp"

#include <gtest/gtest.h>

#include <random>

#include "base/hex.hpp"
#include "evm/gas.hpp"
#include "evm/test_bytecode.hpp"

namespace weft::evm {
namespace {

using enum Opcode;

TEST(program, finds_destinations_alone) {
    const auto code = make_code(*from_hex("0x5b605b5b00"), {});
    const Program program(*code, Revision::osaka);
    EXPECT_EQ(program.find(0), program.begin());
    EXPECT_NE(program.find(3), nullptr);
    for (const std::uint64_t offset : {1, 2, 4, 5, 64, 1000}) EXPECT_EQ(program.find(offset), nullptr) << offset;
    EXPECT_EQ(program.find(~std::uint64_t{0}), nullptr);
}

TEST(program, finds_destinations_of_large_code) {
    Bytes bytes;
    for (int i = 0; i < 1000; ++i) bytes.insert(bytes.end(), {0x5b, 0x60, 0x5b, 0x50});
    const auto code = make_code(bytes, {});
    const Program program(*code, Revision::osaka);
    const ProgramWord* last = nullptr;
    for (std::uint64_t i = 0; i < bytes.size() + 100; ++i) {
        const auto* const found = program.find(i);
        EXPECT_EQ(found != nullptr, i % 4 == 0 && i < bytes.size());
        if (found == nullptr) continue;
        EXPECT_GT(found, last);
        last = found;
    }
}

TEST(program, is_made_once_for_one_revision) {
    const auto code = make_code(Bytes{0x5b}, {});
    EXPECT_EQ(code->program(), nullptr);
    const Program& made = code->translate(Revision::osaka);
    EXPECT_EQ(&code->translate(Revision::berlin), &made);
    EXPECT_EQ(code->program(), &made);
}

/// Counts down from @p rounds in a loop, then returns what gas is left.
Bytes countdown(std::uint64_t rounds) {
    Bytecode code;
    code.push(rounds);
    const std::size_t loop = code.size();
    code.op(jumpdest).push(1).op({swap1, sub, dup1}).push(loop).op(jumpi).op({pop, Opcode::gas});
    return code.return_top();
}

TEST(program, takes_over_in_the_middle_of_a_loop) {
    // Long enough to be translated while it runs; both ways must leave the same gas.
    Bench bench;
    bench.gas = 10'000'000;
    const auto code = countdown(100'000);
    const auto result = bench.run(code);
    EXPECT_EQ(result.status, Status::success);
    EXPECT_GT(result.gas_left, 0U);
}

TEST(program, a_code_of_another_revision_is_run_byte_by_byte) {
    // One account's code, kept by the host, first under Osaka, then under a fork in which CLZ is undefined.
    struct KeepingHost : TestHost {
        CodePtr kept;
        CodePtr code(const Address& /*address*/) override { return kept; }
    } host;
    const Bytes bytes = Bytecode().push(1).op(clz);
    host.kept = make_code(bytes, {});
    static_cast<void>(host.kept->translate(Revision::osaka));
    Environment environment;
    Message message;
    message.gas = 1000;
    EXPECT_EQ(execute(host, environment, message).status, Status::success);
    environment.revision = Revision::prague;
    EXPECT_EQ(execute(host, environment, message).status, Status::invalid_opcode);
}

TEST(program, shifts_by_every_constant) {
    const U256 word(0x8123456789abcdef, 0xf123456789abcdef, 0x0fedcba987654321, 0x8000000000000001);
    for (std::uint64_t count = 0; count < 260; ++count) {
        SCOPED_TRACE(count);
        Bench bench;
        EXPECT_EQ(U256::from_bytes(bench.run(Bytecode().push(word).push(count).op(shl).return_top()).output),
                  word << count);
        EXPECT_EQ(U256::from_bytes(bench.run(Bytecode().push(word).push(count).op(shr).return_top()).output),
                  word >> count);
        static_cast<void>(bench.run(Bytecode().push(word).push(count).op(sar).return_top()));
    }
}

TEST(program, blocks_stop_at_the_right_gas) {
    // Every gas limit from nothing to more than enough: the last instruction that could be paid for is the same.
    const Bytes codes[] = {
        countdown(3),
        Bytecode()
            .push(7)
            .push(0)
            .op({mstore, Opcode::gas, pop})
            .push(0)
            .op(mload)
            .push(1)
            .op({add, Opcode::gas})
            .return_top(),
        Bytecode().sstore(1, 2).push(1).op({tload, pop}).sstore(1, 0),
        Bytecode().call(staticcall, Bench::address(3), 0, 300).op({pop, Opcode::gas}).return_top(),
        Bytecode()
            .push(0x20)
            .push(0)
            .op({Opcode::keccak256, dup1, eq, iszero})
            .push(0)
            .op(jumpi)
            .push(1)
            .push(2)
            .op(Opcode::revert),
    };
    for (const auto& code : codes) {
        for (std::uint64_t gas = 0; gas < 400; ++gas) {
            SCOPED_TRACE(gas);
            Bench bench;
            bench.gas = gas;
            static_cast<void>(bench.run(code));
            bench.gas = 22000 + gas;
            static_cast<void>(bench.run(code));
        }
    }
}

/// Code with the instructions, operands and jumps that translation treats specially, in any order.
class RandomCode {
  public:
    explicit RandomCode(std::uint64_t seed) : engine_(seed) {}

    Bytes next() {
        Bytecode code;
        const auto start = pick(18);
        for (std::uint64_t i = 0; i < start; ++i) code.push(value());
        const auto count = 5 + pick(80);
        for (std::uint64_t i = 0; i < count; ++i) add_instruction(code);
        return code.op(msize).return_top();
    }
    std::uint64_t pick(std::uint64_t below) { return engine_() % below; }

  private:
    U256 value() {
        switch (pick(6)) {
            case 0: return pick(4);
            case 1: return pick(300);
            case 2: return engine_();
            case 3: return U256(1) << pick(256);
            case 4: return ~U256{} >> pick(256);
            default: return U256(engine_(), engine_(), engine_(), engine_());
        }
    }
    void add_instruction(Bytecode& code) {
        static constexpr Opcode plain[] = {add,        sub,          mul,
                                           div,        sdiv,         mod,
                                           addmod,     mulmod,       exp,
                                           signextend, lt,           gt,
                                           slt,        sgt,          eq,
                                           iszero,     and_,         or_,
                                           xor_,       not_,         Opcode::byte,
                                           shl,        shr,          sar,
                                           clz,        pop,          pop,
                                           caller,     calldataload, msize,
                                           pc,         Opcode::gas,  keccak256,
                                           sload,      tload,        mload,
                                           mstore,     mstore8,      returndatasize,
                                           mcopy,      push0};
        const auto kind = pick(110);
        if (kind >= 100) {
            add_condition(code);
        } else if (kind < 25) {
            code.push(value());
        } else if (kind < 45) {
            code.op(static_cast<Opcode>(to_byte(dup1) + pick(16)));
        } else if (kind < 58) {
            code.op(static_cast<Opcode>(to_byte(swap1) + pick(16)));
        } else if (kind < 64) {
            code.op(jumpdest);
            last_destination_ = code.size() - 1;
        } else if (kind < 70) {
            if (pick(3) != 0) code.op(plain[pick(std::size(plain))]);
            // Mostly backwards, into a loop that the gas ends; forwards it may or may not land.
            code.push(pick(3) == 0 ? code.size() + 3 + pick(6) : last_destination_).op(pick(4) == 0 ? jump : jumpi);
            code.op(jumpdest);
            last_destination_ = pick(2) == 0 ? code.size() - 1 : last_destination_;
        } else if (kind < 76) {
            code.push(pick(200)).op(pick(2) == 0 ? mstore : mload);
        } else if (kind < 78) {
            code.push(pick(3)).op(pick(2) == 0 ? sstore : tstore);
        } else {
            code.op(plain[pick(std::size(plain))]);
        }
    }

    /// Words that translation keeps back, an operation on them, perhaps a jump on its outcome.
    void add_condition(Bytecode& code) {
        static constexpr Opcode operations[] = {add, sub, mul, div, mod, and_, or_, xor_, eq, lt, gt, slt, sgt,
                                                eq,  lt,  gt,  slt, sgt, shl,  shr, not_};
        for (auto words = pick(4); words > 0; --words) {
            if (pick(2) == 0) {
                code.push(value());
            } else {
                code.op(static_cast<Opcode>(to_byte(dup1) + pick(3)));
            }
        }
        if (pick(3) == 0) code.op(static_cast<Opcode>(to_byte(swap1) + pick(3)));
        if (pick(5) == 0) code.op(pop);
        if (pick(5) != 0) code.op(operations[pick(std::size(operations))]);
        if (pick(4) == 0) code.op(iszero);
        if (pick(6) == 0) code.op(iszero);
        if (pick(3) == 0) return;
        // Forwards, over one instruction, so that the program goes on either way.
        code.push(code.size() + 4).op({jumpi, pick(2) == 0 ? msize : caller, jumpdest});
    }

    std::mt19937_64 engine_;
    std::uint64_t last_destination_ = 0;
};

TEST(program, random_code_runs_the_same_both_ways) {
    std::map<Status, int> ends;
    for (std::uint64_t seed = 1; seed <= 6000; ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        RandomCode random(seed);
        const Bytes code = random.next();
        Bench bench(static_cast<Revision>(random.pick(revision_count)));
        bench.gas = random.pick(2) == 0 ? 30'000 : random.pick(3000);
        bench.input = Bytes(random.pick(70), 0x5a);
        const auto result = bench.run(code);
        ++ends[result.status];
        ASSERT_FALSE(HasFailure()) << to_hex(code);
    }
    // The test would be vacuous if all of them failed early.
    EXPECT_GT(ends[Status::success], 100);
    EXPECT_GT(ends[Status::out_of_gas], 100);
    EXPECT_GT(ends[Status::stack_underflow], 100);
    EXPECT_GT(ends[Status::bad_jump_destination], 20);
}

}  // namespace
}  // namespace weft::evm
