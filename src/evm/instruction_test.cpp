// What each instruction computes, one table; and that its price is what gas.hpp says.

#include <gtest/gtest.h>

#include "base/hex.hpp"
#include "evm/gas.hpp"
#include "evm/test_bytecode.hpp"

namespace weft::evm {
namespace {

using enum Opcode;

const U256 max = ~U256{};
const U256 minus_one = max;
const U256 int_min = U256(1) << 255;

struct Case {
    const char* name;
    Opcode opcode;
    std::vector<U256> operands;  // the top first
    U256 want;
};

const std::vector<Case>& cases() {
    static const U256 a(0x1111111111111111, 0x2222222222222222, 0x3333333333333333, 0x4444444444444444);
    static const std::vector<Case> table = {
        {"add", add, {3, 4}, 7},
        {"add carries through all limbs", add, {max, 1}, 0},
        {"add carries into limb 2", add, {U256(0, 0, ~0ULL, ~0ULL), 1}, U256(0, 1, 0, 0)},
        {"sub", sub, {9, 4}, 5},
        {"sub borrows through all limbs", sub, {0, 1}, max},
        {"sub borrows from limb 3", sub, {U256(1, 0, 0, 0), 1}, U256(0, ~0ULL, ~0ULL, ~0ULL)},
        {"mul", mul, {7, 6}, 42},
        {"mul wraps", mul, {max, max}, 1},
        {"mul crosses limbs", mul, {U256(0, 0, 0, ~0ULL), U256(0, 0, 0, ~0ULL)}, U256(0, 0, ~0ULL - 1, 1)},
        {"div", div, {17, 5}, 3},
        {"div by zero", div, {17, 0}, 0},
        {"div by larger", div, {5, 17}, 0},
        {"div full by one limb", div, {max, 2}, max >> 1},
        {"div full by two limbs", div, {max, U256(0, 0, 1, 0)}, max >> 64},
        {"div full by full", div, {max, max - 1}, 1},
        {"div by itself", div, {a, a}, 1},
        {"sdiv", sdiv, {-U256(8), 2}, -U256(4)},
        {"sdiv rounds to zero", sdiv, {-U256(7), 2}, -U256(3)},
        {"sdiv both negative", sdiv, {-U256(8), -U256(2)}, 4},
        {"sdiv least by minus one", sdiv, {int_min, minus_one}, int_min},
        {"sdiv by zero", sdiv, {-U256(8), 0}, 0},
        {"mod", mod, {17, 5}, 2},
        {"mod by zero", mod, {17, 0}, 0},
        {"mod full", mod, {max, U256(0, 0, 1, 0)}, ~0ULL},
        {"smod takes the dividend's sign", smod, {-U256(8), 3}, -U256(2)},
        {"smod ignores the divisor's sign", smod, {8, -U256(3)}, 2},
        {"smod by zero", smod, {-U256(8), 0}, 0},
        {"addmod", addmod, {10, 10, 8}, 4},
        {"addmod does not wrap", addmod, {max, 2, max}, 2},
        {"addmod with carry", addmod, {max, max, max - 1}, 2},
        {"addmod by zero", addmod, {1, 2, 0}, 0},
        {"addmod by one", addmod, {max, max, 1}, 0},
        {"mulmod", mulmod, {10, 10, 8}, 4},
        {"mulmod does not wrap", mulmod, {max, max, 12}, 9},
        {"mulmod by full", mulmod, {max, max, max - 1}, 1},
        {"mulmod by zero", mulmod, {1, 2, 0}, 0},
        {"mulmod by two limbs", mulmod, {max, max, U256(0, 0, 1, 0)}, 1},
        {"exp", exp, {3, 5}, 243},
        {"exp of zero to zero", exp, {0, 0}, 1},
        {"exp wraps", exp, {2, 256}, 0},
        {"exp with a large exponent", exp, {3, max}, U256(0xaaaaaaaaaaaaaaaa, 0xaaaaaaaaaaaaaaaa, 0xaaaaaaaaaaaaaaaa,
                                                            0xaaaaaaaaaaaaaaab)},
        {"signextend positive", signextend, {0, 0x7f}, 0x7f},
        {"signextend negative", signextend, {0, 0x80}, max - 0x7f},
        {"signextend drops what is above", signextend, {0, 0x17f}, 0x7f},
        {"signextend in limb 1", signextend, {8, U256(0, 0, 0x80, 0)}, U256(~0ULL, ~0ULL, ~0ULL - 0x7f, 0)},
        {"signextend of byte 30", signextend, {30, U256(0x0080000000000000, 0, 0, 0)},
         U256(0xff80000000000000, 0, 0, 0)},
        {"signextend by 31 is nothing", signextend, {31, a}, a},
        {"signextend far away is nothing", signextend, {U256(0, 1, 0, 0), a}, a},
        {"lt", lt, {1, 2}, 1},
        {"lt equal", lt, {2, 2}, 0},
        {"lt by the top limb", lt, {U256(1, 0, 0, 0), U256(0, ~0ULL, ~0ULL, ~0ULL)}, 0},
        {"gt", gt, {3, 2}, 1},
        {"gt equal", gt, {2, 2}, 0},
        {"slt", slt, {minus_one, 0}, 1},
        {"slt both negative", slt, {-U256(2), minus_one}, 1},
        {"slt not", slt, {0, minus_one}, 0},
        {"sgt", sgt, {0, minus_one}, 1},
        {"sgt least", sgt, {int_min, max >> 1}, 0},
        {"eq", eq, {a, a}, 1},
        {"eq differs in limb 3", eq, {a, a ^ int_min}, 0},
        {"iszero", iszero, {0}, 1},
        {"iszero of limb 3", iszero, {int_min}, 0},
        {"and", and_, {0b1100, 0b1010}, 0b1000},
        {"or", or_, {0b1100, 0b1010}, 0b1110},
        {"xor", xor_, {0b1100, 0b1010}, 0b0110},
        {"not", not_, {0}, max},
        {"byte 31 is the last", byte, {31, 0xabcd}, 0xcd},
        {"byte 0 is the first", byte, {0, U256(0xab00000000000000, 0, 0, 0)}, 0xab},
        {"byte 32 is none", byte, {32, max}, 0},
        {"byte far away is none", byte, {U256(0, 0, 1, 0), max}, 0},
        {"shl", shl, {1, 3}, 6},
        {"shl by limbs", shl, {192, 1}, U256(1, 0, 0, 0)},
        {"shl across limbs", shl, {60, 0xff}, U256(0, 0, 0xf, 0xf000000000000000)},
        {"shl by 256", shl, {256, max}, 0},
        {"shl by 2^64", shl, {U256(0, 0, 1, 0), max}, 0},
        {"shr", shr, {1, 3}, 1},
        {"shr across limbs", shr, {4, U256(0, 0, 0xf, 0)}, 0xf000000000000000},
        {"shr by 255", shr, {255, max}, 1},
        {"shr by 256", shr, {256, max}, 0},
        {"sar of positive", sar, {1, 4}, 2},
        {"sar of negative", sar, {1, -U256(4)}, -U256(2)},
        {"sar of negative by much", sar, {U256(1, 0, 0, 0), int_min}, minus_one},
        {"sar of positive by 256", sar, {256, max >> 1}, 0},
        {"sar by 255", sar, {255, int_min}, minus_one},
        {"clz of zero", clz, {0}, 256},
        {"clz of one", clz, {1}, 255},
        {"clz of limb 2", clz, {U256(0, 1, 0, 0)}, 127},
        {"clz of the top bit", clz, {int_min}, 0},
    };
    return table;
}

TEST(instruction, computes) {
    for (const auto& test : cases()) {
        SCOPED_TRACE(test.name);
        Bytecode program;
        program.push(0x5a5a);  // must stay untouched below
        for (auto i = test.operands.size(); i-- > 0;) program.push(test.operands[i]);
        const std::size_t before = program.size();
        program.op(test.opcode);
        static_cast<void>(before);
        program.push(0).op(mstore).push(0x20).op(mstore).push(64).push(0).op(return_);
        const auto result = Bench().run(program);
        ASSERT_EQ(result.status, Status::success);
        ASSERT_EQ(result.output.size(), 64U);
        EXPECT_EQ(to_quantity(U256::from_big_endian(result.output.data())), to_quantity(test.want));
        EXPECT_EQ(U256::from_big_endian(result.output.data() + 32), U256(0x5a5a));
    }
}

TEST(instruction, reads_what_surrounds_it) {
    Bench bench;
    auto& block = bench.environment.block;
    block = {101, 102, 103, Bench::address(9), 104, U256(105).to_hash(), 106, 107, 108};
    bench.environment.transaction = {Bench::address(8), 201, {U256(301).to_hash(), U256(302).to_hash()}};
    bench.input = Bytes(40, 0x11);
    bench.value = 55;
    bench.host.world.accounts[bench.other] = {77, 3, Bytes{1, 2, 3}, {}};
    const auto word = [](const Address& address) { return U256::from_bytes(address); };
    const struct {
        const char* name;
        std::vector<U256> operands;
        Opcode opcode;
        U256 want;
    } table[] = {
        {"address", {}, address, word(bench.contract)},
        {"balance", {word(bench.other)}, balance, 77},
        {"balance ignores the upper 12 bytes", {word(bench.other) | int_min}, balance, 77},
        {"origin", {}, origin, word(Bench::address(8))},
        {"caller", {}, caller, word(bench.sender)},
        {"callvalue", {}, callvalue, 55},
        {"calldataload", {8}, calldataload, U256::from_bytes(Bytes(32, 0x11))},
        {"calldataload at the end", {39}, calldataload, U256(0x11) << 248},
        {"calldataload behind the end", {40}, calldataload, 0},
        {"calldataload far away", {max}, calldataload, 0},
        {"calldatasize", {}, calldatasize, 40},
        {"gasprice", {}, gasprice, 201},
        {"extcodesize", {word(bench.other)}, extcodesize, 3},
        {"extcodesize of nobody", {0x123456}, extcodesize, 0},
        {"extcodehash", {word(bench.other)}, extcodehash, U256::from_bytes(crypto::keccak256(Bytes{1, 2, 3}))},
        {"extcodehash of nobody", {0x123456}, extcodehash, 0},
        {"returndatasize", {}, returndatasize, 0},
        {"blockhash of the parent", {100}, blockhash, 1100},
        {"blockhash of this block", {101}, blockhash, 0},
        {"blockhash far away", {max}, blockhash, 0},
        {"coinbase", {}, coinbase, word(Bench::address(9))},
        {"timestamp", {}, timestamp, 102},
        {"number", {}, number, 101},
        {"prevrandao", {}, prevrandao, 105},
        {"gaslimit", {}, gaslimit, 103},
        {"chainid", {}, chainid, 108},
        {"selfbalance", {}, selfbalance, 55},
        {"basefee", {}, basefee, 106},
        {"blobhash", {1}, blobhash, 302},
        {"blobhash behind the end", {2}, blobhash, 0},
        {"blobbasefee", {}, blobbasefee, 107},
        {"msize", {}, msize, 0},
        {"pc", {}, pc, 0},
    };
    for (const auto& test : table) {
        SCOPED_TRACE(test.name);
        Bytecode program;
        for (const auto& operand : test.operands) program.push(operand);
        Bench fresh = bench;
        const auto result = fresh.run(program.op(test.opcode).return_top());
        ASSERT_EQ(result.status, Status::success);
        EXPECT_EQ(to_quantity(U256::from_bytes(result.output)), to_quantity(test.want));
    }
}

TEST(instruction, blockhash_reaches_256_blocks_back) {
    Bench bench;
    bench.environment.block.number = 1000;
    EXPECT_EQ(U256::from_bytes(bench.run(Bytecode().push(744).op(blockhash).return_top()).output), U256(1744));
    EXPECT_EQ(U256::from_bytes(bench.run(Bytecode().push(743).op(blockhash).return_top()).output), U256(0));
}

TEST(instruction, difficulty_before_paris) {
    Bench bench(Revision::london);
    bench.environment.block.difficulty = 104;
    bench.environment.block.prev_randao = U256(105).to_hash();
    EXPECT_EQ(U256::from_bytes(bench.run(Bytecode().op(prevrandao).return_top()).output), U256(104));
}

TEST(instruction, push_takes_its_operand_and_zeros_behind_the_code) {
    for (unsigned size = 1; size <= 32; ++size) {
        SCOPED_TRACE(size);
        Bytes operand(size);
        for (unsigned i = 0; i < size; ++i) operand[i] = static_cast<std::uint8_t>(0xf0 + i);
        const auto opcode = static_cast<std::uint8_t>(to_byte(push0) + size);
        const auto result = Bench().run(Bytecode().raw(Bytes{opcode}).raw(operand).return_top());
        EXPECT_EQ(U256::from_bytes(result.output), U256::from_bytes(operand));
        // Cut off in the middle: the code ends with it, so it stops.
        operand.resize(size / 2);
        EXPECT_EQ(Bench().run(Bytecode().raw(Bytes{opcode}).raw(operand)).status, Status::success);
    }
    EXPECT_EQ(U256::from_bytes(Bench().run(Bytecode().push(7).op({push0}).return_top()).output), U256(0));
}

TEST(instruction, dup_and_swap_reach_their_word) {
    for (int n = 1; n <= 16; ++n) {
        SCOPED_TRACE(n);
        Bytecode program;
        for (int i = 17; i >= 1; --i) program.push(static_cast<std::uint64_t>(i));  // the top is 1
        Bytecode dup = program;
        dup.op(static_cast<Opcode>(to_byte(dup1) + n - 1)).return_top();
        EXPECT_EQ(U256::from_bytes(Bench().run(dup).output), U256(static_cast<std::uint64_t>(n)));
        Bytecode swap = program;
        swap.op(static_cast<Opcode>(to_byte(swap1) + n - 1)).return_top();
        EXPECT_EQ(U256::from_bytes(Bench().run(swap).output), U256(static_cast<std::uint64_t>(n + 1)));
        swap = program;
        swap.op(static_cast<Opcode>(to_byte(swap1) + n - 1)).repeat(static_cast<std::size_t>(n), pop).return_top();
        EXPECT_EQ(U256::from_bytes(Bench().run(swap).output), U256(1));
    }
}

/// For every opcode of every fork: one word too few underflows, one too many overflows, and the least that fits passes.
TEST(instruction, stack_bounds) {
    for (std::size_t r = 0; r < revision_count; ++r) {
        const auto revision = static_cast<Revision>(r);
        const auto& schedule = gas_schedule(revision);
        for (int opcode = 0; opcode < 256; ++opcode) {
            const auto index = static_cast<std::uint8_t>(opcode);
            SCOPED_TRACE(std::string(to_string(revision)) + " " + opcode_name(index));
            Bench bench(revision);
            bench.gas = 10'000'000;
            const auto traits = opcode_traits[index];
            const auto with_height = [&](int height) {
                Bytecode program;
                for (int i = 0; i < height; ++i) program.push(0);
                return bench.run(program.raw(Bytes{index})).status;
            };
            if (!schedule.defines(index)) {
                EXPECT_EQ(with_height(20), Status::invalid_opcode);
                continue;
            }
            if (traits.pops > 0) EXPECT_EQ(with_height(traits.pops - 1), Status::stack_underflow);
            EXPECT_NE(with_height(traits.pops), Status::stack_underflow);
            const int growth = traits.pushes - traits.pops;
            if (growth > 0) {
                EXPECT_EQ(with_height(stack_size_max), Status::stack_overflow);
                EXPECT_NE(with_height(stack_size_max - 1), Status::stack_overflow);
            } else {
                EXPECT_NE(with_height(stack_size_max), Status::stack_overflow);
            }
        }
    }
}

TEST(instruction, jumps) {
    const struct {
        const char* name;
        Bytes code;
        Status want;
    } table[] = {
        {"to a destination", *from_hex("0x6003565b00"), Status::success},
        {"to no destination", *from_hex("0x6004565b00"), Status::bad_jump_destination},
        {"into a push", *from_hex("0x600456605b00"), Status::bad_jump_destination},
        {"behind a push that holds 5b", *from_hex("0x6005565b615b5b5b00"), Status::bad_jump_destination},
        {"after it", *from_hex("0x600656615b5b5b00"), Status::success},
        {"behind the end", *from_hex("0x60ff56"), Status::bad_jump_destination},
        {"2^64 beyond a destination", *from_hex("0x68010000000000000003565b"), Status::bad_jump_destination},
        {"jumpi taken", *from_hex("0x60016006575bfe5b"), Status::bad_jump_destination},
        {"jumpi not taken to nowhere", *from_hex("0x600060ff5700"), Status::success},
        {"jumpi on the top limb", *from_hex("0x600160ff1b60085700"), Status::bad_jump_destination},
        {"a destination in a truncated push", *from_hex("0x600456615b"), Status::bad_jump_destination},
    };
    for (const auto& test : table) {
        SCOPED_TRACE(test.name);
        EXPECT_EQ(Bench().run(test.code).status, test.want);
    }
}

TEST(instruction, jump_bomb_costs_its_gas) {
    Bench bench;
    bench.gas = 1'000'000;
    const auto result = bench.run(*from_hex("0x5b600056"));  // JUMPDEST PUSH1 0 JUMP: 12 gas a round
    EXPECT_EQ(result.status, Status::out_of_gas);
    EXPECT_EQ(result.gas_left, 0U);
}

TEST(instruction, memory) {
    const struct {
        const char* name;
        Bytecode program;
        U256 want;
    } table[] = {
        {"mstore and mload", Bytecode().push(0xabc).push(5).op(mstore).push(5).op(mload), 0xabc},
        {"mload in between", Bytecode().push(0xabcd).push(0).op(mstore).push(1).op(mload), 0xabcd00},
        {"mstore8 takes the last byte", Bytecode().push(0x1234).push(31).op(mstore8).push(0).op(mload), 0x34},
        {"memory begins as zeros", Bytecode().push(1000).op(mload), 0},
        {"msize counts words", Bytecode().push(1).op({mload, pop, msize}), 64},
        {"msize after nothing", Bytecode().push(0).push(max).op({keccak256, pop, msize}), 0},
        {"keccak256 of nothing", Bytecode().push(0).push(max).op(keccak256),
         U256::from_bytes(*from_hex("0xc5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"))},
        {"keccak256 of a zero word", Bytecode().push(32).push(0).op(keccak256),
         U256::from_bytes(*from_hex("0x290decd9548b62a8d60345a988386fc84ba6bc95484008f6362f93160ef3e563"))},
        {"mcopy forwards, overlapping",
         Bytecode()
             .push(U256::from_bytes(*from_hex("0x0102030405060708")) << 192)
             .push(0)
             .op(mstore)
             .push(8)
             .push(0)
             .push(2)
             .op(mcopy)
             .push(0)
             .op(mload),
         U256::from_bytes(*from_hex("0x01020102030405060708")) << 176},
        {"mcopy backwards, overlapping",
         Bytecode()
             .push(U256::from_bytes(*from_hex("0x0102030405060708")) << 192)
             .push(0)
             .op(mstore)
             .push(6)
             .push(2)
             .push(0)
             .op(mcopy)
             .push(0)
             .op(mload),
         U256::from_bytes(*from_hex("0x0304050607080708")) << 192},
        {"codecopy pads with zeros",
         Bytecode().push(max).push(0).op(mstore).push(32).push(1000).push(0).op(codecopy).push(0).op(mload), 0},
    };
    for (const auto& test : table) {
        SCOPED_TRACE(test.name);
        Bytecode program = test.program;
        const auto result = Bench().run(program.return_top());
        ASSERT_EQ(result.status, Status::success);
        EXPECT_EQ(to_quantity(U256::from_bytes(result.output)), to_quantity(test.want));
    }
}

TEST(instruction, memory_beyond_what_gas_could_pay) {
    for (const auto& offset : {U256(0xffffffff), U256(1) << 32, U256(~0ULL), U256(1) << 64, max}) {
        SCOPED_TRACE(to_quantity(offset));
        for (const auto opcode : {mload, mstore, mstore8}) {
            EXPECT_EQ(Bench().run(Bytecode().push(1).push(offset).op(opcode)).status, Status::out_of_gas);
        }
        for (const auto opcode : {keccak256, return_, revert, log0}) {
            EXPECT_EQ(Bench().run(Bytecode().push(1).push(offset).op(opcode)).status, Status::out_of_gas);
            EXPECT_EQ(Bench().run(Bytecode().push(offset).push(0).op(opcode)).status, Status::out_of_gas);
            EXPECT_NE(Bench().run(Bytecode().push(0).push(offset).op(opcode)).status, Status::out_of_gas);
        }
        for (const auto opcode : {calldatacopy, codecopy, mcopy}) {
            EXPECT_EQ(Bench().run(Bytecode().push(1).push(0).push(offset).op(opcode)).status, Status::out_of_gas);
            EXPECT_EQ(Bench().run(Bytecode().push(0).push(0).push(offset).op(opcode)).status, Status::success);
        }
    }
}

TEST(instruction, returndatacopy_is_strict) {
    const auto give = Bytecode().push(32).push(0).op(return_);
    const auto copy = [&](const U256& from, const U256& size) {
        Bench bench;
        bench.host.world.accounts[bench.other].code = give;
        return bench.run(Bytecode().call(call, bench.other).push(size).push(from).push(0).op(returndatacopy)).status;
    };
    EXPECT_EQ(copy(0, 32), Status::success);
    EXPECT_EQ(copy(32, 0), Status::success);
    EXPECT_EQ(copy(0, 33), Status::return_data_out_of_bounds);
    EXPECT_EQ(copy(1, 32), Status::return_data_out_of_bounds);
    EXPECT_EQ(copy(33, 0), Status::return_data_out_of_bounds);
    EXPECT_EQ(copy(max, 1), Status::return_data_out_of_bounds);
}

TEST(instruction, logs) {
    Bench bench;
    const auto result = bench.run(Bytecode().push(0xabc).push(0).op(mstore)
                                      .push(4).push(3).push(2).push(1).push(2).push(30).op(log4)
                                      .push(0).push(0).op(log0));
    ASSERT_EQ(result.status, Status::success);
    ASSERT_EQ(bench.host.world.logs.size(), 2U);
    const auto& log = bench.host.world.logs[0];
    EXPECT_EQ(log.address, bench.contract);
    EXPECT_EQ(log.data, (Bytes{0x0a, 0xbc}));
    EXPECT_EQ(log.topics,
              (std::vector<Hash>{U256(1).to_hash(), U256(2).to_hash(), U256(3).to_hash(), U256(4).to_hash()}));
    EXPECT_TRUE(bench.host.world.logs[1].topics.empty());
}

TEST(instruction, static_mode_forbids_writes) {
    for (const auto opcode : {sstore, tstore, log0, log4, create, create2, selfdestruct}) {
        SCOPED_TRACE(opcode_name(to_byte(opcode)));
        Bench bench;
        bench.is_static = true;
        Bytecode program;
        for (int i = 0; i < 8; ++i) program.push(0);
        const auto before = bench.host.world.logs.size();
        EXPECT_EQ(bench.run(program.op(opcode)).status, Status::static_mode_violation);
        EXPECT_EQ(bench.host.world.logs.size(), before);
    }
    Bench bench;
    bench.is_static = true;
    bench.host.world.accounts[bench.contract].balance = 10;
    EXPECT_EQ(bench.run(Bytecode().call(call, bench.other, 1)).status, Status::static_mode_violation);
    EXPECT_EQ(bench.run(Bytecode().call(call, bench.other, 0)).status, Status::success);
    EXPECT_EQ(bench.run(Bytecode().call(callcode, bench.other, 1)).status, Status::success);
}

}  // namespace
}  // namespace weft::evm
