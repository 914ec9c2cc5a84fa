#include "evm/tracer/struct_log.hpp"

#include <gtest/gtest.h>

#include "base/json.hpp"
#include "evm/test_bytecode.hpp"

namespace weft::evm {
namespace {

using enum Opcode;

std::string trace(Bench& bench, const Bytes& code, StructLogOptions options = {}) {
    StructLogTracer tracer(options);
    bench.environment.tracer = &tracer;
    const auto result = bench.run(code);
    bench.environment.tracer = nullptr;
    return tracer.result(bench.gas - result.gas_left);
}

std::string trace(const Bytes& code, StructLogOptions options = {}) {
    Bench bench;
    bench.gas = 100000;
    return trace(bench, code, options);
}

TEST(struct_log, shows_each_instruction_before_it_runs) {
    EXPECT_EQ(trace(Bytecode().push(1).push(0x100).op({add, stop})),
              R"({"gas":9,"failed":false,"returnValue":"0x","structLogs":[)"
              R"({"pc":0,"op":"PUSH1","gas":100000,"gasCost":3,"depth":1,"stack":[]},)"
              R"({"pc":2,"op":"PUSH2","gas":99997,"gasCost":3,"depth":1,"stack":["0x1"]},)"
              R"({"pc":5,"op":"ADD","gas":99994,"gasCost":3,"depth":1,"stack":["0x1","0x100"]},)"
              R"({"pc":6,"op":"STOP","gas":99991,"gasCost":0,"depth":1,"stack":["0x101"]}]})");
}

TEST(struct_log, options) {
    StructLogOptions options;
    options.disable_stack = true;
    options.enable_memory = true;
    EXPECT_EQ(trace(Bytecode().push(0xab).push(0).op({mstore, msize}), options),
              R"({"gas":14,"failed":false,"returnValue":"0x","structLogs":[)"
              R"({"pc":0,"op":"PUSH1","gas":100000,"gasCost":3,"depth":1},)"
              R"({"pc":2,"op":"PUSH1","gas":99997,"gasCost":3,"depth":1},)"
              R"({"pc":4,"op":"MSTORE","gas":99994,"gasCost":6,"depth":1},)"
              R"({"pc":5,"op":"MSIZE","gas":99988,"gasCost":2,"depth":1,"memory":[)"
              R"("0x00000000000000000000000000000000000000000000000000000000000000ab"]},)"
              R"({"pc":6,"op":"STOP","gas":99986,"gasCost":0,"depth":1,"memory":[)"
              R"("0x00000000000000000000000000000000000000000000000000000000000000ab"]}]})");
    options.limit = 100;
    EXPECT_EQ(
        json::parse(trace(Bytecode().push(1).push(2).push(3).push(4), options))->find("structLogs")->items().size(),
        2U);
}

TEST(struct_log, storage_accumulates_and_refunds_show) {
    Bench bench;
    bench.host.original[{bench.contract, 2}] = 7;
    bench.host.world.accounts[bench.contract].storage[2] = 7;
    const auto text = trace(bench, Bytecode().push(2).op({sload, pop}).sstore(2, 0).sstore(1, 5));
    const auto logs = json::parse(text)->find("structLogs")->items();
    const std::string zeros(63, '0');
    const auto slot = [&](char digit) { return "0x" + zeros + digit; };
    EXPECT_EQ(json::to_string(logs[1]["storage"]), "{\"" + slot('2') + "\":\"" + slot('7') + "\"}");
    EXPECT_EQ(json::to_string(logs[5]["storage"]), "{\"" + slot('2') + "\":\"" + slot('0') + "\"}");
    EXPECT_TRUE(logs[5]["refund"].is_null());
    EXPECT_EQ(logs[6]["refund"].text(), "4800");
    EXPECT_EQ(json::to_string(logs[8]["storage"]),
              "{\"" + slot('1') + "\":\"" + slot('5') + "\",\"" + slot('2') + "\":\"" + slot('0') + "\"}");
    EXPECT_EQ(logs[1]["gasCost"].text(), "2100");
    EXPECT_EQ(logs[5]["gasCost"].text(), "2900");
    EXPECT_EQ(logs[8]["gasCost"].text(), "22100");
}

TEST(struct_log, a_call_costs_what_it_takes_along_and_its_callee_follows) {
    Bench bench;
    bench.host.world.accounts[bench.contract].balance = 5;
    bench.host.world.accounts[bench.other].code = Bytecode().op(stop);
    const auto logs =
        json::parse(trace(bench, Bytecode().call(call, bench.other, 1, 1000)))->find("structLogs")->items();
    ASSERT_EQ(logs.size(), 10U);
    EXPECT_EQ(logs[7]["op"].text(), "CALL");
    EXPECT_EQ(logs[7]["gasCost"].text(), std::to_string(2600 + 9000 + 1000));
    EXPECT_EQ(logs[8]["op"].text(), "STOP");
    EXPECT_EQ(logs[8]["depth"].text(), "2");
    EXPECT_EQ(logs[8]["gas"].text(), "3300");
    EXPECT_EQ(logs[9]["depth"].text(), "1");
}

TEST(struct_log, failures) {
    const struct {
        const char* name;
        Bytes code;
        const char* op;
        const char* cost;
        const char* error;  // empty: geth shows none, for the step had begun
    } table[] = {
        {"underflow", Bytecode().op(add), "ADD", "0", "stack underflow (0 <=> 2)"},
        {"invalid", Bytecode().op(invalid), "INVALID", "0", ""},
        {"undefined", Bytecode().raw(Bytes{0x0c}), "opcode 0xc not defined", "0", ""},
        {"jump", Bytecode().push(9).op(jump), "JUMP", "8", ""},
        {"out of gas", Bytecode().push(10'000'000).op(mload), "MLOAD", "191673829", "out of gas"},
    };
    for (const auto& test : table) {
        SCOPED_TRACE(test.name);
        const auto reply = *json::parse(trace(test.code));
        EXPECT_TRUE(reply["failed"].as_boolean());
        EXPECT_EQ(reply["returnValue"].text(), "0x");
        EXPECT_EQ(reply["gas"].text(), "100000");
        const auto& last = reply["structLogs"].items().back();
        EXPECT_EQ(last["op"].text(), test.op);
        EXPECT_EQ(last["error"].text(), test.error);
        if (std::string_view(test.name) != "out of gas") EXPECT_EQ(last["gasCost"].text(), test.cost);
    }
}

TEST(struct_log, a_revert_shows_its_data) {
    const auto reply =
        *json::parse(trace(Bytecode().push(0xee).push(0).op(mstore8).push(1).push(0).op(Opcode::revert)));
    EXPECT_TRUE(reply["failed"].as_boolean());
    EXPECT_EQ(reply["returnValue"].text(), "0xee");
}

TEST(struct_log, tracing_changes_nothing) {
    const Bytes code = Bytecode()
                           .sstore(1, 2)
                           .push(32)
                           .push(0)
                           .op(keccak256)
                           .call(call, Bench::address(3), 0, 500)
                           .op(Opcode::gas)
                           .return_top();
    Bench plain;
    const auto want = plain.run(code);
    Bench traced;
    StructLogTracer tracer;
    traced.environment.tracer = &tracer;
    const auto got = traced.run(code);
    EXPECT_EQ(got.gas_left, want.gas_left);
    EXPECT_EQ(got.output, want.output);
    EXPECT_EQ(traced.host.world, plain.host.world);
}

}  // namespace
}  // namespace weft::evm
