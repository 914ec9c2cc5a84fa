#include "evm/tracer/prestate.hpp"

#include <gtest/gtest.h>

#include "base/json.hpp"
#include "evm/test_bytecode.hpp"
#include "evm/tracer/access_list.hpp"

namespace weft::evm {
namespace {

using enum Opcode;

json::Value trace(Bench& bench, const Bytes& code, PrestateOptions options = {}) {
    bench.host.world.accounts[bench.contract].code = code;
    PrestateTracer tracer(options);
    tracer.begin(bench.host, bench.environment.revision, {bench.sender, bench.contract, Bench::address(99), {}});
    bench.environment.tracer = &tracer;
    static_cast<void>(bench.call(bench.contract));
    bench.environment.tracer = nullptr;
    tracer.finish(bench.host);
    return *json::parse(tracer.result());
}

std::vector<std::string> keys(const json::Value& object) {
    std::vector<std::string> out;
    for (const auto& [key, value] : object.members()) out.push_back(key.substr(38));
    return out;
}

TEST(prestate, shows_what_was_touched_as_it_was) {
    Bench bench;
    bench.host.world.accounts[bench.other].balance = 7;
    bench.host.world.accounts[bench.contract].storage[1] = 11;
    const auto pre = trace(bench, Bytecode().push(bench.other).op({balance, pop}).sstore(1, 12).sstore(2, 5));
    EXPECT_EQ(keys(pre), (std::vector<std::string>{"a001", "a002", "a003"}));  // the coinbase was empty
    EXPECT_EQ(json::to_string(pre.members()[2].second), R"({"balance":"0x7"})");
    const auto& contract = pre.members()[1].second;
    EXPECT_EQ(contract["nonce"].text(), "1");
    const std::string zeros(62, '0');
    EXPECT_EQ(json::to_string(contract["storage"]), "{\"0x" + zeros + "01\":\"0x" + zeros + "0b\",\"0x" + zeros +
                                                        "02\":\"0x" + zeros + "00\"}");
    PrestateOptions options;
    options.include_empty = true;
    EXPECT_EQ(keys(trace(bench, Bytecode().op(stop), options)), (std::vector<std::string>{"a001", "a002", "a063"}));
}

TEST(prestate, what_could_not_be_paid_was_not_touched) {
    Bench bench;
    bench.gas = 1000;
    bench.host.world.accounts[bench.other].balance = 7;
    EXPECT_EQ(keys(trace(bench, Bytecode().push(bench.other).op(balance))), (std::vector<std::string>{"a001", "a002"}));
}

TEST(prestate, diff_shows_changes_alone) {
    Bench bench;
    bench.host.world.accounts[bench.other].balance = 7;
    bench.host.world.accounts[Bench::address(99)].balance = 1;
    bench.host.world.accounts[bench.contract].storage = {{1, 11}, {3, 33}, {4, 44}};
    bench.host.world.accounts[bench.contract].balance = 9;
    PrestateOptions options;
    options.diff_mode = true;
    options.disable_code = true;
    const auto diff = trace(bench, Bytecode().push(bench.other).op({balance, pop}).sstore(1, 12).sstore(2, 5)
                                       .sstore(3, 33).sstore(4, 0).call(call, Bench::address(99), 2), options);
    EXPECT_EQ(keys(diff["pre"]), (std::vector<std::string>{"a002", "a063"}));
    EXPECT_EQ(keys(diff["post"]), (std::vector<std::string>{"a002", "a063"}));
    const auto& before = diff["pre"].members()[0].second;
    const auto& after = diff["post"].members()[0].second;
    EXPECT_EQ(before["storage"].members().size(), 2U);  // slots 1 and 4; 2 was zero, 3 did not change
    EXPECT_EQ(after["storage"].members().size(), 2U);   // slots 1 and 2; 4 is zero
    EXPECT_EQ(before["balance"].text(), "0x9");
    EXPECT_EQ(after["balance"].text(), "0x7");
    EXPECT_TRUE(after["nonce"].is_null());
    EXPECT_EQ(json::to_string(diff["post"].members()[1].second), R"({"balance":"0x3"})");
}

TEST(access_list, lists_what_is_not_warm_anyway) {
    Bench bench;
    AccessListTracer tracer({bench.sender, bench.contract});
    tracer.add({{Bench::address(7), {5}}, {bench.sender, {1}}});
    bench.environment.tracer = &tracer;
    bench.host.world.accounts[bench.other].code = Bytecode().push(3).op({sload, pop}).push(2).op(sload);
    static_cast<void>(bench.run(Bytecode().push(1).op(sload).push(bench.sender).op(balance).call(call, bench.other)));
    EXPECT_EQ(tracer.result(), (std::vector<AccessListTracer::Entry>{
                                   {bench.contract, {1}}, {bench.other, {2, 3}}, {Bench::address(7), {5}}}));
}

}  // namespace
}  // namespace weft::evm
