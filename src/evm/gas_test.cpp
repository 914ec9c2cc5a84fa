// Prices: which fork has which opcode and at what constant price, and the dynamic parts as the EIPs' own tables have
// them.

#include <gtest/gtest.h>

#include <algorithm>

#include "base/hex.hpp"
#include "evm/gas.hpp"
#include "evm/test_bytecode.hpp"

namespace weft::evm {
namespace {

using enum Opcode;

TEST(gas, each_fork_changes_what_its_eips_say) {
    struct Change {
        Revision revision;
        Opcode opcode;
        int before;
        int after;
    };
    constexpr int none = GasSchedule::undefined;
    const std::vector<Change> changes = {
        {Revision::homestead, delegatecall, none, 40},
        {Revision::tangerine_whistle, balance, 20, 400},
        {Revision::tangerine_whistle, extcodesize, 20, 700},
        {Revision::tangerine_whistle, extcodecopy, 20, 700},
        {Revision::tangerine_whistle, sload, 50, 200},
        {Revision::tangerine_whistle, call, 40, 700},
        {Revision::tangerine_whistle, callcode, 40, 700},
        {Revision::tangerine_whistle, delegatecall, 40, 700},
        {Revision::tangerine_whistle, selfdestruct, 0, 5000},
        {Revision::byzantium, returndatasize, none, 2},
        {Revision::byzantium, returndatacopy, none, 3},
        {Revision::byzantium, staticcall, none, 700},
        {Revision::byzantium, revert, none, 0},
        {Revision::constantinople, shl, none, 3},
        {Revision::constantinople, shr, none, 3},
        {Revision::constantinople, sar, none, 3},
        {Revision::constantinople, extcodehash, none, 400},
        {Revision::constantinople, create2, none, 32000},
        {Revision::istanbul, balance, 400, 700},
        {Revision::istanbul, extcodehash, 400, 700},
        {Revision::istanbul, chainid, none, 2},
        {Revision::istanbul, selfbalance, none, 5},
        {Revision::istanbul, sload, 200, 800},
        {Revision::berlin, balance, 700, 100},
        {Revision::berlin, extcodesize, 700, 100},
        {Revision::berlin, extcodecopy, 700, 100},
        {Revision::berlin, extcodehash, 700, 100},
        {Revision::berlin, sload, 800, 100},
        {Revision::berlin, call, 700, 100},
        {Revision::berlin, callcode, 700, 100},
        {Revision::berlin, delegatecall, 700, 100},
        {Revision::berlin, staticcall, 700, 100},
        {Revision::london, basefee, none, 2},
        {Revision::shanghai, push0, none, 2},
        {Revision::cancun, blobhash, none, 3},
        {Revision::cancun, blobbasefee, none, 2},
        {Revision::cancun, tload, none, 100},
        {Revision::cancun, tstore, none, 100},
        {Revision::cancun, mcopy, none, 3},
        {Revision::osaka, clz, none, 5},
    };
    std::size_t found = 0;
    for (std::size_t r = 1; r < revision_count; ++r) {
        for (std::size_t opcode = 0; opcode < 256; ++opcode) {
            const int before = gas_schedules[r - 1].base[opcode];
            const int after = gas_schedules[r].base[opcode];
            if (before == after) continue;
            ++found;
            const auto is_it = [&](const Change& change) {
                return change.revision == static_cast<Revision>(r) && to_byte(change.opcode) == opcode &&
                       change.before == before && change.after == after;
            };
            EXPECT_TRUE(std::ranges::any_of(changes, is_it))
                << to_string(static_cast<Revision>(r)) << " " << opcode_name(static_cast<std::uint8_t>(opcode));
        }
    }
    EXPECT_EQ(found, changes.size());
}

TEST(gas, frontier_prices) {
    const auto& schedule = gas_schedule(Revision::frontier);
    const struct {
        int price;
        std::vector<Opcode> opcodes;
    } table[] = {
        {0, {stop, return_, selfdestruct}},
        {1, {jumpdest}},
        {2,
         {address, origin, caller, callvalue, calldatasize, codesize, gasprice, coinbase, timestamp, number, prevrandao,
          gaslimit, pop, pc, msize, Opcode::gas}},
        {3,
         {add,          sub,   not_,   lt,      gt,    slt,    sgt,  eq,    iszero, and_,   or_,          xor_,    byte,
          calldataload, mload, mstore, mstore8, push1, push32, dup1, dup16, swap1,  swap16, calldatacopy, codecopy}},
        {5, {mul, div, sdiv, mod, smod, signextend}},
        {8, {addmod, mulmod, jump}},
        {10, {exp, jumpi}},
        {20, {balance, extcodesize, extcodecopy, blockhash}},
        {30, {keccak256}},
        {375, {log0, log4}},
        {GasSchedule::undefined, {invalid, static_cast<Opcode>(0x0c), static_cast<Opcode>(0xef), push0, shl, revert}},
    };
    for (const auto& row : table) {
        for (const auto opcode : row.opcodes) EXPECT_EQ(schedule[opcode], row.price) << opcode_name(to_byte(opcode));
    }
}

TEST(gas, dynamic_parts) {
    const U256 far_away = 0x123456;
    const struct {
        const char* name;
        Revision revision;
        Bytecode program;
        std::uint64_t want;
    } table[] = {
        {"memory, one word", Revision::osaka, Bytecode().push(0).op(mload), 3 + 3 + 3},
        {"memory, 1024 words", Revision::osaka, Bytecode().push(32 * 1023).op(mload),
         3 + 3 + 3 * 1024 + 1024 * 1024 / 512},
        {"memory grows once", Revision::osaka, Bytecode().push(0).push(0).op({mload, pop, mload}),
         3 + 3 + 3 + 3 + 2 + 3},
        {"mstore8 of byte 32", Revision::osaka, Bytecode().push(1).push(32).op(mstore8), 3 + 3 + 3 + 6},
        {"keccak256 of 33 bytes", Revision::osaka, Bytecode().push(33).push(0).op(keccak256), 3 + 3 + 30 + 2 * 6 + 6},
        {"calldatacopy of 33 bytes", Revision::osaka, Bytecode().push(33).push(0).push(0).op(calldatacopy),
         9 + 3 + 2 * 3 + 6},
        {"mcopy of 33 bytes", Revision::osaka, Bytecode().push(33).push(0).push(0).op(mcopy), 9 + 3 + 2 * 3 + 6},
        {"exp, one byte, Frontier", Revision::frontier, Bytecode().push(255).push(2).op(exp), 6 + 10 + 10},
        {"exp, two bytes, Spurious Dragon", Revision::spurious_dragon, Bytecode().push(256).push(2).op(exp),
         6 + 10 + 100},
        {"exp of zero", Revision::osaka, Bytecode().push(0).push(2).op(exp), 6 + 10},
        {"log2 of 10 bytes", Revision::osaka, Bytecode().push(0).push(0).push(10).push(0).op(log2),
         12 + 375 * 3 + 80 + 3},
        {"balance, cold", Revision::berlin, Bytecode().push(far_away).op(balance), 3 + 2600},
        {"balance, cold then warm", Revision::berlin,
         Bytecode().push(far_away).op({balance, pop}).push(far_away).op(balance), 3 + 2600 + 2 + 3 + 100},
        {"balance of a precompile", Revision::osaka, Bytecode().push(0x100).op(balance), 3 + 100},
        {"balance of what becomes a precompile in Osaka", Revision::prague, Bytecode().push(0x100).op(balance),
         3 + 2600},
        {"balance, Istanbul", Revision::istanbul, Bytecode().push(far_away).op(balance), 3 + 700},
        {"extcodesize, cold", Revision::osaka, Bytecode().push(far_away).op(extcodesize), 3 + 2600},
        {"extcodehash, cold", Revision::osaka, Bytecode().push(far_away).op(extcodehash), 3 + 2600},
        {"extcodecopy, cold, 33 bytes", Revision::osaka,
         Bytecode().push(33).push(0).push(0).push(far_away).op(extcodecopy), 12 + 2600 + 2 * 3 + 6},
        {"sload, cold", Revision::osaka, Bytecode().push(1).op(sload), 3 + 2100},
        {"sload, cold then warm", Revision::osaka, Bytecode().push(1).op({sload, pop}).push(1).op(sload),
         3 + 2100 + 5 + 100},
        {"tload and tstore", Revision::osaka, Bytecode().push(1).push(1).op(tstore).push(1).op(tload),
         6 + 100 + 3 + 100},
        {"selfdestruct to a stranger with nothing to give", Revision::osaka, Bytecode().push(far_away).op(selfdestruct),
         3 + 5000 + 2600},
        {"selfdestruct to a stranger, Tangerine Whistle", Revision::tangerine_whistle,
         Bytecode().push(far_away).op(selfdestruct), 3 + 5000 + 25000},
        {"selfdestruct, Frontier", Revision::frontier, Bytecode().push(far_away).op(selfdestruct), 3},
        {"create of nothing", Revision::osaka, Bytecode().push(0).push(0).push(0).op(create), 9 + 32000},
        {"create with 33 bytes of STOP", Revision::osaka, Bytecode().push(33).push(0).push(0).op(create),
         9 + 32000 + 6 + 4},
        {"the same before EIP-3860", Revision::paris, Bytecode().push(33).push(0).push(0).op(create), 9 + 32000 + 6},
        {"create2 with 33 bytes of STOP", Revision::osaka, Bytecode().push(0).push(33).push(0).push(0).op(create2),
         12 + 32000 + 6 + 4 + 12},
    };
    for (const auto& test : table) {
        SCOPED_TRACE(test.name);
        EXPECT_EQ(Bench(test.revision).gas_of(test.program), test.want);
    }
}

/// The gas and refund that a sequence of SSTOREs to one slot takes: each EIP's own test table.
TEST(gas, sstore_sequences) {
    struct Row {
        std::uint64_t original;
        std::vector<std::uint64_t> writes;
        std::uint64_t gas;  // with two PUSHes of 3 each a write
        std::int64_t refund;
    };
    const struct {
        Revision revision;
        std::vector<Row> rows;
    } tables[] = {
        {Revision::frontier, {{0, {0}, 5006, 0}, {0, {1}, 20006, 0}, {1, {2}, 5006, 0}, {1, {0}, 5006, 15000},
                              {1, {0, 1}, 25012, 15000}}},
        {Revision::constantinople,  // EIP-1283
         {{0, {0, 0}, 412, 0}, {0, {0, 1}, 20212, 0}, {0, {1, 0}, 20212, 19800}, {0, {1, 2}, 20212, 0},
          {0, {1, 1}, 20212, 0}, {1, {0, 0}, 5212, 15000}, {1, {0, 1}, 5212, 4800}, {1, {0, 2}, 5212, 0},
          {1, {2, 0}, 5212, 15000}, {1, {2, 3}, 5212, 0}, {1, {2, 1}, 5212, 4800}, {1, {2, 2}, 5212, 0},
          {1, {1, 0}, 5212, 15000}, {1, {1, 2}, 5212, 0}, {1, {1, 1}, 412, 0}, {0, {1, 0, 1}, 40218, 19800},
          {1, {0, 1, 0}, 10218, 19800}}},
        {Revision::petersburg, {{0, {1, 0}, 25012, 15000}, {1, {0, 1}, 25012, 15000}}},
        {Revision::istanbul,  // EIP-2200
         {{0, {0, 0}, 1612, 0}, {0, {0, 1}, 20812, 0}, {0, {1, 0}, 20812, 19200}, {0, {1, 2}, 20812, 0},
          {0, {1, 1}, 20812, 0}, {1, {0, 0}, 5812, 15000}, {1, {0, 1}, 5812, 4200}, {1, {0, 2}, 5812, 0},
          {1, {2, 0}, 5812, 15000}, {1, {2, 3}, 5812, 0}, {1, {2, 1}, 5812, 4200}, {1, {2, 2}, 5812, 0},
          {1, {1, 0}, 5812, 15000}, {1, {1, 2}, 5812, 0}, {1, {1, 1}, 1612, 0}, {0, {1, 0, 1}, 40818, 19200},
          {1, {0, 1, 0}, 10818, 19200}}},
        {Revision::london,  // EIP-3529, the slot being cold: 2100 more
         {{0, {0, 0}, 2312, 0}, {0, {0, 1}, 22212, 0}, {0, {1, 0}, 22212, 19900}, {0, {1, 2}, 22212, 0},
          {0, {1, 1}, 22212, 0}, {1, {0, 0}, 5112, 4800}, {1, {0, 1}, 5112, 2800}, {1, {0, 2}, 5112, 0},
          {1, {2, 0}, 5112, 4800}, {1, {2, 3}, 5112, 0}, {1, {2, 1}, 5112, 2800}, {1, {2, 2}, 5112, 0},
          {1, {1, 0}, 5112, 4800}, {1, {1, 2}, 5112, 0}, {1, {1, 1}, 2312, 0}, {0, {1, 0, 1}, 42218, 19900},
          {1, {0, 1, 0}, 8018, 7600}}},
    };
    for (const auto& table : tables) {
        for (const auto& row : table.rows) {
            Bench bench(table.revision);
            std::string name(to_string(table.revision));
            Bytecode program;
            for (const auto value : row.writes) {
                name += " " + std::to_string(value);
                program.sstore(0, value);
            }
            SCOPED_TRACE(name + " from " + std::to_string(row.original));
            bench.host.original[{bench.contract, 0}] = row.original;
            if (row.original != 0) bench.host.world.accounts[bench.contract].storage[0] = row.original;
            const auto result = bench.run(program);
            EXPECT_EQ(bench.gas - result.gas_left, row.gas);
            EXPECT_EQ(result.gas_refund, row.refund);
        }
    }
}

TEST(gas, sstore_needs_more_than_a_stipend) {
    for (const auto& [revision, gas, want] :
         {std::tuple{Revision::istanbul, 2306, Status::out_of_gas}, {Revision::istanbul, 2307, Status::success},
          {Revision::constantinople, 206, Status::success}}) {
        Bench bench(revision);
        bench.gas = static_cast<std::uint64_t>(gas);
        EXPECT_EQ(bench.run(Bytecode().sstore(0, 0)).status, want) << to_string(revision) << gas;
    }
}

TEST(gas, one_too_few_runs_out) {
    for (const auto& program : {Bytecode().push(1).push(2).op(add), Bytecode().push(0).op(mload),
                                Bytecode().push(0x123456).op(balance), Bytecode().push(33).push(0).op(keccak256)}) {
        const auto exact = Bench().gas_of(program);
        Bench bench;
        bench.gas = exact;
        EXPECT_EQ(bench.run(program).status, Status::success);
        bench.gas = exact - 1;
        Bench poorer;
        poorer.gas = exact - 1;
        EXPECT_EQ(poorer.run(program).status, Status::out_of_gas);
    }
}

TEST(gas, gas_sees_what_is_left_after_itself) {
    Bench bench;
    bench.gas = 100;
    EXPECT_EQ(U256::from_bytes(bench.run(Bytecode().op(Opcode::gas).return_top()).output), U256(98));
}

}  // namespace
}  // namespace weft::evm
