#include "evm/tracer/call.hpp"

#include <gtest/gtest.h>

#include "base/hex.hpp"
#include "base/json.hpp"
#include "evm/call.hpp"
#include "evm/status.hpp"
#include "evm/test_bytecode.hpp"
#include "evm/tracer/four_byte.hpp"

namespace weft::evm {
namespace {

using enum Opcode;

struct Traced : Bench {
    json::Value trace(const Bytes& code, CallTracerOptions options = {}) {
        CallTracer tracer(options);
        environment.tracer = &tracer;
        const auto result = run(code);
        return *json::parse(tracer.result(gas + 21000, 21000 + gas - result.gas_left));
    }
};

TEST(call_tracer, one_call) {
    Traced bench;
    bench.gas = 0x5000;
    bench.value = 3;
    bench.input = Bytes{1, 2};
    EXPECT_EQ(json::to_string(bench.trace(Bytecode().push(0xaa).push(0).op(mstore8).push(1).push(0).op(return_))),
              R"({"from":"0x000000000000000000000000000000000000a001","gas":"0xa208","gasUsed":"0x521a",)"
              R"("to":"0x000000000000000000000000000000000000a002","input":"0x0102","output":"0xaa","value":"0x3",)"
              R"("type":"CALL"})");
}

TEST(call_tracer, tree_of_every_kind) {
    Traced bench;
    bench.host.world.accounts[bench.contract].balance = 100;
    bench.host.world.accounts[bench.other].code = Bytecode().call(delegatecall, Bench::address(9));
    const auto top = bench.trace(Bytecode().call(call, bench.other, 7, 50000).call(staticcall, Bench::address(4))
                                     .call(callcode, Bench::address(5), 2).push(0).push(0).push(0).op(create)
                                     .push(0x42).op(selfdestruct));
    const auto& calls = top["calls"].items();
    ASSERT_EQ(calls.size(), 5U);
    EXPECT_EQ(calls[0]["type"].text(), "CALL");
    EXPECT_EQ(calls[0]["value"].text(), "0x7");
    const auto& inner = calls[0]["calls"].items();
    ASSERT_EQ(inner.size(), 1U);
    EXPECT_EQ(inner[0]["type"].text(), "DELEGATECALL");
    EXPECT_EQ(inner[0]["from"].text(), to_hex(bench.other));  // not who called it
    EXPECT_EQ(inner[0]["to"].text(), to_hex(Bench::address(9)));
    EXPECT_EQ(inner[0]["value"].text(), "0x7");
    EXPECT_EQ(calls[1]["type"].text(), "STATICCALL");
    EXPECT_TRUE(calls[1]["value"].is_null());
    EXPECT_EQ(calls[2]["type"].text(), "CALLCODE");
    EXPECT_EQ(calls[2]["to"].text(), to_hex(Bench::address(5)));
    EXPECT_EQ(calls[3]["type"].text(), "CREATE");
    EXPECT_EQ(calls[3]["to"].text(), to_hex(create_address(bench.contract, 1)));
    EXPECT_EQ(
        json::to_string(calls[4]),
        R"({"from":"0x000000000000000000000000000000000000a002","gas":"0x0","gasUsed":"0x0",)"
        R"("to":"0x0000000000000000000000000000000000000042","input":"0x","value":"0x5d","type":"SELFDESTRUCT"})");
    CallTracerOptions options;
    options.only_top_call = true;
    EXPECT_TRUE(Traced().trace(Bytecode().call(call, bench.other), options)["calls"].is_null());
}

TEST(call_tracer, failures) {
    Traced bench;
    const auto give = *from_hex(
        "0x08c379a00000000000000000000000000000000000000000000000000000000000000020"
        "00000000000000000000000000000000000000000000000000000000000000036e6f210000000000000000000000000000000000000000"
        "000"
        "000000000000000000000");
    bench.input = give;
    const auto top = bench.trace(Bytecode().op(calldatasize).push(0).push(0).op(calldatacopy).op(calldatasize).push(0)
                                     .op(Opcode::revert));
    EXPECT_EQ(top["error"].text(), "execution reverted");
    EXPECT_EQ(top["revertReason"].text(), "no!");
    EXPECT_EQ(top["output"].text(), to_hex(give));
    const auto bad = Traced().trace(Bytecode().call(call, Bench::address(3), 5).op(invalid));
    EXPECT_EQ(bad["error"].text(), "invalid opcode: INVALID");
    EXPECT_TRUE(bad["output"].is_null());
    EXPECT_EQ(bad["calls"].items()[0]["error"].text(), "insufficient balance for transfer");
    const auto create_failed = Traced().trace(Bytecode().place(Bytes{0xfe}).push(1).push(0).push(0).op(create));
    EXPECT_TRUE(create_failed["calls"].items()[0]["to"].is_null());
    EXPECT_EQ(create_failed["calls"].items()[0]["error"].text(), "invalid opcode: INVALID");
}

TEST(call_tracer, logs_of_failed_calls_are_dropped_and_their_numbers_reused) {
    Traced bench;
    CallTracerOptions options;
    options.with_log = true;
    options.first_log_index = 10;
    bench.host.world.accounts[bench.other].code = Bytecode().push(0).push(0).op({log0, invalid});
    const auto top = bench.trace(Bytecode().push(0).push(0).op(log0).call(call, bench.other, 0, 5000)
                                     .push(7).push(0).push(0).op(log1), options);
    EXPECT_TRUE(top["calls"].items()[0]["logs"].is_null());
    const auto& logs = top["logs"].items();
    ASSERT_EQ(logs.size(), 2U);
    EXPECT_EQ(logs[0]["index"].text(), "0xa");
    EXPECT_EQ(logs[0]["position"].text(), "0x0");
    EXPECT_EQ(logs[1]["index"].text(), "0xb");
    EXPECT_EQ(logs[1]["position"].text(), "0x1");
    EXPECT_EQ(logs[1]["topics"].items().size(), 1U);
}

TEST(four_byte, counts_selectors_and_sizes) {
    Bench bench;
    FourByteTracer tracer;
    bench.environment.tracer = &tracer;
    bench.input = *from_hex("0x0102030405");
    const auto once = [&](const Address& to) {
        return Bytecode().push(0).push(0).push(6).push(0).push(0).push(to).push(5000).op(call);
    };
    static_cast<void>(bench.run(Bytecode().raw(Bytes(once(bench.other))).raw(Bytes(once(bench.other)))
                                    .raw(Bytes(once(Address::from(Bytes{4}))))));
    EXPECT_EQ(tracer.result(), R"({"0x00000000-2":2,"0x01020304-1":1})");
}

TEST(status, texts) {
    EXPECT_EQ(describe(Status::invalid_opcode, 0xfe, 0), "invalid opcode: INVALID");
    EXPECT_EQ(describe(Status::invalid_opcode, 0x0c, 0), "invalid opcode: opcode 0xc not defined");
    EXPECT_EQ(describe(Status::stack_underflow, 0x50, 0), "stack underflow (0 <=> 1)");
    EXPECT_EQ(describe(Status::stack_overflow, 0x60, 1024), "stack limit reached 1024 (1023)");
    EXPECT_EQ(describe(Status::code_store_out_of_gas, 0, 0), "contract creation code storage out of gas");
    EXPECT_EQ(revert_reason(*from_hex("0x4e487b710000000000000000000000000000000000000000000000000000000000000011")),
              "arithmetic underflow or overflow");
    EXPECT_EQ(revert_reason(*from_hex("0x4e487b7100000000000000000000000000000000000000000000000000000000000000ff")),
              "unknown panic code: 0xff");
    EXPECT_FALSE(revert_reason(*from_hex("0x01020304")));
    EXPECT_FALSE(revert_reason(Bytes(3)));
    // A text that claims to be longer than the data.
    EXPECT_FALSE(revert_reason(*from_hex(
        "0x08c379a00000000000000000000000000000000000000000000000000000000000000020"
        "000000000000000000000000000000000000000000000000000000000000ffff")));
}

}  // namespace
}  // namespace weft::evm
