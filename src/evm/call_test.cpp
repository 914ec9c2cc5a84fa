// What calls and creations move, pass on, forbid and undo.

#include "evm/call.hpp"

#include <gtest/gtest.h>

#include <limits>

#include "base/hex.hpp"
#include "evm/test_bytecode.hpp"

namespace weft::evm {
namespace {

using enum Opcode;

U256 word(const Address& address) { return U256::from_bytes(address); }
U256 word(const CallResult& result) { return U256::from_bytes(result.output); }

const Bytes return_gas = Bytecode().op(Opcode::gas).return_top();
const Bytes revert_with_7 = Bytecode().push(7).push(0).op(mstore).push(32).push(0).op(Opcode::revert);

TEST(call, moves_value) {
    Bench bench;
    bench.host.world.accounts[bench.contract].balance = 10;
    const auto result = bench.run(Bytecode().call(call, bench.other, 4).return_top());
    EXPECT_EQ(word(result), U256(1));
    EXPECT_EQ(bench.host.world.accounts[bench.contract].balance, U256(6));
    EXPECT_EQ(bench.host.world.accounts[bench.other].balance, U256(4));
}

TEST(call, more_value_than_there_is_fails_softly_and_gives_the_gas_back) {
    Bench bench;
    bench.host.world.accounts[bench.other].nonce = 1;
    const auto result = bench.run(Bytecode().call(call, bench.other, 4).op({pop, returndatasize}).return_top());
    EXPECT_EQ(result.status, Status::success);
    EXPECT_EQ(word(result), U256(0));
    // The stipend comes back with the rest: 9000 - 2300.
    EXPECT_EQ(bench.gas - result.gas_left, 7U * 3 + 2600 + 6700 + 2 + 2 + 3 + 3 + 3 + 3 + 3);
}

TEST(call, gas_passed_on) {
    const struct {
        const char* name;
        Revision revision;
        Opcode kind;
        U256 value;
        U256 asked;
        std::uint64_t gas;
        std::uint64_t want;  // what the callee sees, 2 after its GAS
    } table[] = {
        {"as asked", Revision::osaka, call, 0, 5000, 100000, 4998},
        {"all but one 64th", Revision::osaka, call, 0, ~U256{}, 100000, 0},
        {"with the stipend", Revision::osaka, call, 1, 0, 100000, 2298},
        {"callcode with the stipend", Revision::osaka, callcode, 1, 100, 100000, 2398},
        {"staticcall", Revision::osaka, staticcall, 0, 700, 100000, 698},
        {"delegatecall", Revision::osaka, delegatecall, 0, 700, 100000, 698},
        {"Homestead as asked", Revision::homestead, call, 0, 5000, 100000, 4998},
    };
    for (const auto& test : table) {
        SCOPED_TRACE(test.name);
        Bench bench(test.revision);
        bench.gas = test.gas;
        bench.host.world.accounts[bench.contract].balance = 10;
        bench.host.world.accounts[bench.other].code = return_gas;
        Bytecode program;
        program.push(32).push(0).push(0).push(0);
        if (test.kind == call || test.kind == callcode) program.push(test.value);
        program.push(bench.other).push(test.asked).op(test.kind).push(0).op(mload).return_top();
        auto want = test.want;
        if (want == 0) {
            const std::uint64_t left = test.gas - 7 * 3 - 3 - 2600;
            want = left - left / 64 - 2;
        }
        EXPECT_EQ(word(bench.run(program)), U256(want));
    }
}

TEST(call, before_tangerine_whistle_asking_for_too_much_fails_the_caller) {
    Bench bench(Revision::homestead);
    bench.gas = 10000;
    EXPECT_EQ(bench.run(Bytecode().call(call, bench.other, 0, 10000)).status, Status::out_of_gas);
}

TEST(call, what_a_new_account_costs) {
    const struct {
        const char* name;
        Revision revision;
        bool exists;
        U256 value;
        std::uint64_t want;  // beyond the seven pushes and the stipend
    } table[] = {
        {"Frontier, nothing moved", Revision::frontier, false, 0, 40 + 25000},
        {"Frontier, exists", Revision::frontier, true, 0, 40},
        {"Spurious Dragon, nothing moved", Revision::spurious_dragon, false, 0, 700},
        {"Spurious Dragon, moved", Revision::spurious_dragon, false, 1, 700 + 9000 + 25000 - 2300},
        {"Osaka, moved to who exists", Revision::osaka, true, 1, 2600 + 9000 - 2300},
        {"Osaka, moved to a stranger", Revision::osaka, false, 1, 2600 + 9000 + 25000 - 2300},
    };
    for (const auto& test : table) {
        SCOPED_TRACE(test.name);
        Bench bench(test.revision);
        bench.host.world.accounts[bench.contract].balance = 10;
        if (test.exists) bench.host.world.accounts[bench.other].nonce = 1;
        EXPECT_EQ(bench.gas_of(Bytecode().call(call, bench.other, test.value, 0)), 21 + test.want);
    }
}

TEST(call, kinds_differ_in_who_is_who) {
    // The callee stores CALLER, ADDRESS and CALLVALUE.
    const Bytes code =
        Bytecode().op(caller).push(1).op(sstore).op(address).push(2).op(sstore).op(callvalue).push(3).op(sstore);
    const struct {
        Opcode kind;
        bool in_caller;  // whose storage
        bool sender_is_contract;
        U256 value;
    } table[] = {
        {call, false, true, 5},
        {callcode, true, true, 5},
        {delegatecall, true, false, 9},  // the value of the frame it runs in
    };
    for (const auto& test : table) {
        SCOPED_TRACE(opcode_name(to_byte(test.kind)));
        Bench bench;
        bench.value = 9;
        bench.host.world.accounts[bench.other].code = code;
        ASSERT_EQ(word(bench.run(Bytecode().call(test.kind, bench.other, 5).return_top())), U256(1));
        auto& storage = bench.host.world.accounts[test.in_caller ? bench.contract : bench.other].storage;
        EXPECT_EQ(storage[1], word(test.sender_is_contract ? bench.contract : bench.sender));
        EXPECT_EQ(storage[2], word(test.in_caller ? bench.contract : bench.other));
        EXPECT_EQ(storage[3], test.value);
    }
}

TEST(call, a_failing_callee_leaves_nothing_behind) {
    const Bytes spoil = Bytecode().sstore(1, 2).push(0).push(0).op(log0).push(3).push(4).op(tstore)
                            .push(0x777).op({balance, pop}).call(call, Bench::address(9), 1).op(pop);
    for (const bool reverts : {true, false}) {
        Bench bench;
        bench.host.world.accounts[bench.contract].balance = 10;
        bench.host.world.accounts[bench.other].balance = 10;
        Bytecode bad;
        bad.raw(spoil);
        if (reverts) {
            bad.raw(revert_with_7);
        } else {
            bad.op(invalid);
        }
        bench.host.world.accounts[bench.other].code = bad;
        const auto result = bench.run(Bytecode().call(call, bench.other, 4).op({pop, returndatasize}).return_top());
        EXPECT_EQ(result.status, Status::success);
        EXPECT_EQ(word(result), U256(reverts ? 32 : 0));
        EXPECT_TRUE(bench.host.world.logs.empty());
        EXPECT_TRUE(bench.host.world.transient.empty());
        EXPECT_FALSE(bench.host.world.warm_accounts.contains(Address::from(Bytes{0x07, 0x77})));
        EXPECT_TRUE(bench.host.world.accounts[bench.other].storage.empty());
        EXPECT_EQ(bench.host.world.accounts[bench.other].balance, U256(10));
        EXPECT_EQ(bench.host.world.accounts[bench.contract].balance, U256(10));
        EXPECT_EQ(result.gas_refund, 0);
    }
}

TEST(call, a_reverted_frame_takes_its_refund_back) {
    Bench bench;
    bench.host.world.accounts[bench.other].storage[1] = 1;
    bench.host.original[{bench.other, 1}] = 1;
    Bytecode bad = Bytecode().sstore(1, 0);
    bench.host.world.accounts[bench.other].code = bad.raw(revert_with_7);
    EXPECT_EQ(bench.run(Bytecode().call(call, bench.other)).gas_refund, 0);
    bench.host.world.accounts[bench.other].code = Bytecode().sstore(1, 0);
    EXPECT_EQ(bench.run(Bytecode().call(call, bench.other)).gas_refund, 4800);
}

TEST(call, static_is_inherited) {
    Bench bench;
    const Address third = Bench::address(9);
    bench.host.world.accounts[third].code = Bytecode().sstore(1, 2);
    bench.host.world.accounts[bench.other].code = Bytecode().call(call, third).return_top();
    const auto program = Bytecode().push(32).push(0).push(0).push(0).push(bench.other).push(100000).op(staticcall)
                             .op(pop).push(0).op(mload).return_top();
    EXPECT_EQ(word(bench.run(program)), U256(0));
    EXPECT_TRUE(bench.host.world.accounts[third].storage.empty());
}

TEST(call, return_data_is_cut_to_the_area_and_kept_whole) {
    Bench bench;
    bench.host.world.accounts[bench.other].code = Bytecode().push(~U256{}).return_top();
    const auto program = Bytecode().push(2).push(0).push(0).push(0).push(0).push(bench.other).push(100000).op(call)
                             .op(pop).push(0).op(mload).op(returndatasize).op(add).return_top();
    EXPECT_EQ(word(bench.run(program)), (U256(0xffff) << 240) + 32);
}

TEST(call, depth_stops_at_1024) {
    for (const auto kind : {call, callcode, delegatecall, staticcall}) {
        SCOPED_TRACE(opcode_name(to_byte(kind)));
        Bench bench;
        bench.gas = std::uint64_t{1} << 60;
        // Each frame calls itself with all gas and returns 1 + what the callee returned: 1025 frames run, the last call
        // fails.
        Bytecode program;
        program.push(32).push(0).push(0).push(0);
        if (kind == call || kind == callcode) program.push(0);
        program.push(bench.contract).op({Opcode::gas, kind, pop}).push(0).op(mload).push(1).op(add).return_top();
        const auto result = bench.run(program);
        EXPECT_EQ(result.status, Status::success);
        EXPECT_EQ(word(result), U256(1025));
    }
}

TEST(call, memory_of_frames_does_not_mix) {
    // The callee fills memory far beyond the caller's, so that its memory must move; then the caller's is as before and
    // a second callee finds zeros.
    Bench bench;
    bench.gas = 100'000'000;
    bench.host.world.accounts[bench.other].code =
        Bytecode().push(~U256{}).push(0).op(mstore).push(~U256{}).push(3'000'000).op(mstore)
            .push(0).op(calldataload).push(32).op(mload).op(or_).push(64).op(mload).op(or_).return_top();
    Bytecode program;
    program.push(0x42).push(0).op(mstore);
    for (const std::uint64_t to : {32, 64}) {
        program.push(32).push(to).push(32).push(0).push(0).push(bench.other).push(90'000'000).op(call).op(pop);
    }
    program.push(0).op(mload).push(32).op(mload).op(add).push(64).op(mload).op(add).return_top();
    const auto result = bench.run(program);
    ASSERT_EQ(result.status, Status::success);
    EXPECT_EQ(word(result), U256(0x42 * 3));
}

TEST(call, precompiles_by_fork) {
    const struct {
        Revision revision;
        std::size_t count;
    } table[] = {{Revision::frontier, 4}, {Revision::spurious_dragon, 4}, {Revision::byzantium, 8},
                 {Revision::istanbul, 9}, {Revision::shanghai, 9},        {Revision::cancun, 10},
                 {Revision::prague, 17},  {Revision::osaka, 18}};
    for (const auto& row : table) {
        EXPECT_EQ(precompiles(row.revision).size(), row.count) << to_string(row.revision);
        for (const auto& address : precompiles(row.revision)) EXPECT_TRUE(is_precompile(address, row.revision));
    }
    EXPECT_FALSE(is_precompile(Address{}, Revision::osaka));
    Address high;
    high.bytes[0] = 1;
    high.bytes[19] = 1;
    EXPECT_FALSE(is_precompile(high, Revision::osaka));
    EXPECT_EQ(precompiles(Revision::osaka).back(), Address::from(Bytes{1, 0}));
}

TEST(call, a_moved_precompile_answers_elsewhere) {
    Bench bench;
    const auto identity = Address::from(Bytes{4});
    bench.environment.moved_precompiles = {{identity, bench.other}};
    bench.host.world.accounts[identity].code = Bytecode().push(9).return_top();
    bench.input = Bytes(3, 7);
    EXPECT_EQ(bench.call(bench.other).output, bench.input);
    EXPECT_EQ(word(bench.call(identity)), U256(9));
}

TEST(call, a_delegation_runs_the_delegates_code) {
    for (const auto revision : {Revision::cancun, Revision::prague}) {
        Bench bench(revision);
        const Address delegate = Bench::address(9);
        bench.host.world.accounts[delegate].code = Bytecode().op(address).return_top();
        Bytes designator = *from_hex("0xef0100");
        append(designator, delegate);
        bench.host.world.accounts[bench.other].code = designator;
        const auto program = Bytecode().push(32).push(0).push(0).push(0).push(0).push(bench.other).push(100000).op(call)
                                 .op(pop).push(0).op(mload).return_top();
        const auto result = bench.run(program);
        EXPECT_EQ(word(result), revision == Revision::prague ? word(bench.other) : U256(0));
        if (revision == Revision::prague) {
            // Seven pushes, both accounts cold, the delegate's ADDRESS and return, then what follows the call.
            EXPECT_EQ(bench.gas - result.gas_left,
                      21U + 5200 + 3 + (2 + 3 + 3 + 3 + 3 + 3) + 2 + 3 + 3 + 3 + 3 + 3 + 3);
        }
    }
}

TEST(call, a_delegation_is_followed_once_and_not_into_a_precompile) {
    Bench bench;
    const auto designator = [](const Address& to) {
        Bytes out = *from_hex("0xef0100");
        append(out, to);
        return out;
    };
    const Address second = Bench::address(9);
    bench.host.world.accounts[second].code = designator(Bench::address(10));
    bench.host.world.accounts[bench.other].code = designator(second);
    EXPECT_EQ(bench.call(bench.other).status, Status::invalid_opcode);
    bench.input = Bytes(10, 1);
    bench.host.world.accounts[bench.other].code = designator(Address::from(Bytes{4}));
    const auto result = bench.call(bench.other);
    EXPECT_EQ(result.status, Status::success);
    EXPECT_TRUE(result.output.empty());
}

TEST(call, delegation_designators) {
    EXPECT_EQ(delegation_of(*from_hex("0xef010000000000000000000000000000000000000000ff")), Address::from(Bytes{0xff}));
    EXPECT_FALSE(delegation_of(*from_hex("0xef010000000000000000000000000000000000000000")));
    EXPECT_FALSE(delegation_of(*from_hex("0xef010100000000000000000000000000000000000000ff")));
    EXPECT_FALSE(delegation_of(*from_hex("0xef01000000000000000000000000000000000000000000ff")));
}

TEST(create, addresses) {
    const auto sender = *fixed_from_hex<Address>("0x6ac7ea33f8831ea9dcc53393aaa88b25a785dbf0");
    EXPECT_EQ(to_hex(create_address(sender, 0)), "0xcd234a471b72ba2f1ccf0a70fcaba648a5eecd8d");
    EXPECT_EQ(to_hex(create_address(sender, 1)), "0x343c43a37d37dff08ae8c4a11544c718abb4fcf8");
    // EIP-1014, its examples.
    EXPECT_EQ(to_hex(create2_address({}, {}, Bytes{0})), "0x4d1a2e2bb4f88f0250f26ffff098b0b30b26bf38");
    EXPECT_EQ(
        to_hex(create2_address(*fixed_from_hex<Address>("0xdeadbeef00000000000000000000000000000000"), {}, Bytes{0})),
        "0xb928f69bb1d91cd65274e3c79d8986362984fda3");
    EXPECT_EQ(to_hex(create2_address({}, {}, {})), "0xe33c0c7f7df4809055c3eba6c09cfe4baf1bd9e0");
}

TEST(create, of_a_transaction) {
    Bench bench;
    bench.value = 3;
    const Bytes code = {0x60, 0x01};
    const auto result = bench.create(Bytecode::deploying(code));
    ASSERT_EQ(result.status, Status::success);
    EXPECT_EQ(result.created, create_address(bench.sender, 0));
    const auto& account = bench.host.world.accounts[result.created];
    EXPECT_EQ(account.code, code);
    EXPECT_EQ(account.nonce, 1U);
    EXPECT_EQ(account.balance, U256(3));
    EXPECT_EQ(bench.host.world.accounts[bench.sender].nonce, 1U);  // the transaction had counted it
}

TEST(create, what_its_code_may_be) {
    const struct {
        const char* name;
        Revision revision;
        Bytes init;
        Status want;
    } table[] = {
        {"24576 bytes", Revision::osaka, Bytecode().push(24576).push(0).op(return_), Status::success},
        {"24577 bytes", Revision::osaka, Bytecode().push(24577).push(0).op(return_), Status::max_code_size_exceeded},
        {"24577 bytes before EIP-170", Revision::homestead, Bytecode().push(24577).push(0).op(return_),
         Status::success},
        {"0xef", Revision::london, Bytecode().push(0xef).push(0).op(mstore8).push(1).push(0).op(return_),
         Status::invalid_code_prefix},
        {"0xef before EIP-3541", Revision::berlin,
         Bytecode().push(0xef).push(0).op(mstore8).push(1).push(0).op(return_), Status::success},
        {"reverts", Revision::osaka, Bytecode().push(0).push(0).op(Opcode::revert), Status::revert},
        {"fails", Revision::osaka, Bytecode().op(invalid), Status::invalid_opcode},
        {"empty", Revision::osaka, {}, Status::success},
    };
    for (const auto& test : table) {
        SCOPED_TRACE(test.name);
        Bench bench(test.revision);
        bench.gas = 10'000'000;
        const auto before = bench.host.world.accounts.size();
        const auto result = bench.create(test.init);
        EXPECT_EQ(result.status, test.want);
        EXPECT_EQ(bench.host.world.accounts.size(), before + (test.want == Status::success ? 1U : 0U));
        if (test.want > Status::revert) EXPECT_EQ(result.gas_left, 0U);
    }
    Bench bench;
    bench.gas = 10'000'000;
    bench.environment.allow_unlimited_code = true;
    EXPECT_EQ(bench.create(Bytecode().push(24577).push(0).op(return_)).status, Status::success);
}

TEST(create, without_gas_for_the_deposit) {
    const Bytes init = Bytecode().push(100).push(0).op(return_);  // 100 bytes: 20000
    for (const auto& [revision, want, code_size] : {std::tuple{Revision::frontier, Status::success, 0U},
                                                    {Revision::homestead, Status::code_store_out_of_gas, 0U}}) {
        Bench bench(revision);
        bench.gas = 20000;
        const auto result = bench.create(init);
        EXPECT_EQ(result.status, want);
        if (want == Status::success) {
            EXPECT_EQ(result.gas_left, bench.gas - 6 - 12);
            EXPECT_EQ(bench.host.world.accounts[result.created].code.size(), code_size);
        }
    }
}

TEST(create, by_a_contract) {
    Bench bench;
    const Bytes init = Bytecode().push(0).push(0).op(return_);
    const auto result = bench.run(Bytecode().place(init).push(init.size()).push(0).push(0).op(create).return_top());
    ASSERT_EQ(result.status, Status::success);
    EXPECT_EQ(word(result), word(create_address(bench.contract, 1)));
    EXPECT_EQ(bench.host.world.accounts[bench.contract].nonce, 2U);
    EXPECT_TRUE(bench.host.world.warm_accounts.contains(create_address(bench.contract, 1)));
}

TEST(create, onto_something_fails_and_counts_the_nonce) {
    for (const int occupied_by : {0, 1, 2}) {
        Bench bench;
        auto& account = bench.host.world.accounts[create_address(bench.contract, 1)];
        if (occupied_by == 0) account.nonce = 1;
        if (occupied_by == 1) account.code = Bytes{0};
        if (occupied_by == 2) account.storage[1] = 1;  // EIP-7610
        const auto result = bench.run(Bytecode().push(0).push(0).push(0).op(create).return_top());
        EXPECT_EQ(word(result), U256(0));
        EXPECT_EQ(bench.host.world.accounts[bench.contract].nonce, 2U);
        EXPECT_LT(result.gas_left, bench.gas / 64 + 1);  // the creation's gas is gone
    }
}

TEST(create, refusals_return_the_gas) {
    Bench bench;
    bench.host.world.accounts[bench.contract].nonce = std::numeric_limits<std::uint64_t>::max();
    const auto worn_out = bench.run(Bytecode().push(0).push(0).push(0).op(create).return_top());
    EXPECT_EQ(word(worn_out), U256(0));
    EXPECT_GT(worn_out.gas_left, bench.gas - 33000);
    EXPECT_EQ(bench.host.world.accounts[bench.contract].nonce, std::numeric_limits<std::uint64_t>::max());
    Bench poor;
    const auto result = poor.run(Bytecode().push(0).push(0).push(1).op(create).return_top());
    EXPECT_EQ(word(result), U256(0));
    EXPECT_GT(result.gas_left, poor.gas - 33000);
    EXPECT_EQ(poor.host.world.accounts[poor.contract].nonce, 1U);
}

TEST(create, init_code_size) {
    const auto with_size = [](Revision revision, std::uint64_t size) {
        Bench bench(revision);
        bench.gas = 10'000'000;
        return bench.run(Bytecode().push(size).push(0).push(0).op(create)).status;
    };
    EXPECT_EQ(with_size(Revision::shanghai, 49152), Status::success);
    EXPECT_EQ(with_size(Revision::shanghai, 49153), Status::out_of_gas);
    EXPECT_EQ(with_size(Revision::paris, 49153), Status::success);
}

TEST(create, reverted_leaves_its_data_and_succeeded_none) {
    Bench bench;
    const auto result =
        bench.run(Bytecode().place(revert_with_7).push(revert_with_7.size()).push(0).push(0).op(create)
                      .op({pop, returndatasize}).return_top());
    EXPECT_EQ(word(result), U256(32));
    Bench good;
    const Bytes init = Bytecode().push(5).push(0).op(return_);
    EXPECT_EQ(word(good.run(Bytecode()
                                .place(init)
                                .push(init.size())
                                .push(0)
                                .push(0)
                                .op(create)
                                .op({pop, returndatasize})
                                .return_top())),
              U256(0));
}

TEST(selfdestruct, by_fork) {
    const struct {
        const char* name;
        Revision revision;
        bool to_itself;
        U256 own_left;
        bool destroyed;
        std::int64_t refund;
    } table[] = {
        {"Berlin", Revision::berlin, false, 0, true, 24000},
        {"Berlin, to itself", Revision::berlin, true, 0, true, 24000},
        {"London", Revision::london, false, 0, true, 0},
        {"Cancun", Revision::cancun, false, 0, false, 0},
        {"Cancun, to itself", Revision::cancun, true, 10, false, 0},
    };
    for (const auto& test : table) {
        SCOPED_TRACE(test.name);
        Bench bench(test.revision);
        bench.host.world.accounts[bench.contract].balance = 10;
        const auto result =
            bench.run(Bytecode().push(test.to_itself ? bench.contract : bench.other).op(Opcode::selfdestruct));
        EXPECT_EQ(result.status, Status::success);
        EXPECT_EQ(result.gas_refund, test.refund);
        EXPECT_EQ(bench.host.world.accounts[bench.contract].balance, test.own_left);
        if (!test.to_itself) EXPECT_EQ(bench.host.world.accounts[bench.other].balance, U256(10));
        EXPECT_EQ(bench.host.world.destroyed.contains(bench.contract), test.destroyed);
    }
}

TEST(selfdestruct, in_the_transaction_that_created_it) {
    Bench bench;
    bench.value = 5;
    const auto result = bench.create(Bytecode().op({address, Opcode::selfdestruct}));
    EXPECT_EQ(result.status, Status::success);
    EXPECT_TRUE(bench.host.world.destroyed.contains(result.created));
    EXPECT_EQ(bench.host.world.accounts[result.created].balance, U256(0));
}

TEST(call, touches_of_ripemd_outlive_a_revert) {
    Bench bench;
    const auto ripemd = Address::from(Bytes{3});
    const auto sha = Address::from(Bytes{2});
    const auto result = bench.run(Bytecode().call(call, ripemd, 0, 1).call(call, sha, 0, 1).op(invalid));
    EXPECT_EQ(result.status, Status::invalid_opcode);
    EXPECT_TRUE(bench.host.world.touched.contains(ripemd));
    EXPECT_FALSE(bench.host.world.touched.contains(sha));
}

TEST(call, gas_above_half_the_range_is_given_back) {
    Bench bench;
    bench.gas = std::numeric_limits<std::uint64_t>::max();
    EXPECT_EQ(bench.run(Bytecode().push(1)).gas_left, bench.gas - 3);
}

}  // namespace
}  // namespace weft::evm
