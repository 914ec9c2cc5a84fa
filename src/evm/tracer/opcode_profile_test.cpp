#include "evm/tracer/opcode_profile.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/hex.hpp"
#include "base/json.hpp"
#include "evm/test_bytecode.hpp"

namespace weft::evm {
namespace {

using enum Opcode;

struct Profiled : Bench {
    std::uint64_t used = 0;
    std::vector<std::string> profile(const Bytes& code, OpcodeProfileOptions options = {}) {
        OpcodeProfileTracer tracer(options);
        environment.tracer = &tracer;
        const auto result = run(code);
        used = gas - result.gas_left;
        total = (*json::parse(tracer.result()))["total"].text();
        return tracer.folded();
    }
    std::string path(const Address& address) const { return to_hex(address); }
    std::string total;
};

bool has(const std::vector<std::string>& lines, const std::string& line) {
    return std::ranges::find(lines, line) != lines.end();
}

TEST(opcode_profile, one_frame_adds_up) {
    Profiled bench;
    bench.input = *from_hex("0xa9059cbb0000");
    const auto lines = bench.profile(Bytecode().push(1).push(2).op({add, pop}).push(0).op({sload, pop}));
    const std::string frame = to_hex(bench.contract) + ":a9059cbb;";
    EXPECT_TRUE(has(lines, frame + "PUSH1 9"));
    EXPECT_TRUE(has(lines, frame + "ADD 3"));
    EXPECT_TRUE(has(lines, frame + "SLOAD 2100"));
    EXPECT_EQ(bench.total, std::to_string(bench.used));
}

TEST(opcode_profile, what_a_call_takes_along_counts_where_it_is_spent) {
    for (const std::uint64_t value : {0, 5}) {
        SCOPED_TRACE(value);
        Profiled bench;
        bench.host.world.accounts[bench.contract].balance = 100;
        bench.host.world.accounts[bench.other].nonce = 1;
        bench.host.world.accounts[bench.other].code = Bytecode().push(0).op({sload, pop});
        const auto lines = bench.profile(
            Bytecode().call(call, bench.other, value).call(call, bench.other, value, 9'000).op({pop, pop}));
        const std::string caller = to_hex(bench.contract) + ";";
        EXPECT_TRUE(has(lines, caller + to_hex(bench.other) + ";SLOAD 2200")) << "cold, then warm, in one line";
        EXPECT_TRUE(has(lines, caller + "CALL " + std::to_string(value == 0 ? 2'700 : 2'700 + 2 * 6'700)));
        EXPECT_EQ(bench.total, std::to_string(bench.used));
    }
}

TEST(opcode_profile, precompiles_failures_and_deposits_have_lines) {
    Profiled bench;
    bench.host.world.accounts[bench.other].code = Bytecode().push(1).op(invalid);
    const auto lines = bench.profile(Bytecode().call(call, bench.other, 0, 5'000).call(staticcall, Bench::address(4))
                                         .call(staticcall, Address::from(U256(4).to_hash()))
                                         .op({pop, pop, pop}));
    const std::string caller = to_hex(bench.contract) + ";";
    EXPECT_TRUE(has(lines, caller + to_hex(bench.other) + ";PUSH1 3"));
    EXPECT_TRUE(has(lines, caller + to_hex(bench.other) + ";(deposit or lost) 4997"));
    EXPECT_TRUE(has(lines, caller + to_hex(Address::from(U256(4).to_hash())) + ";(precompile) 15"));
    EXPECT_EQ(bench.total, std::to_string(bench.used));
}

TEST(opcode_profile, counts_instructions_if_asked) {
    Profiled bench;
    const auto lines =
        bench.profile(Bytecode().push(1).push(2).op({add, pop}), {ProfileUnit::count, nullptr});
    const std::string frame = to_hex(bench.contract) + ";";
    EXPECT_EQ(lines, (std::vector{frame + "STOP 1", frame + "ADD 1", frame + "POP 1", frame + "PUSH1 2"}));
    EXPECT_EQ(bench.total, "5");
}

TEST(opcode_profile, is_bounded) {
    Profiled bench;
    Limiter limiter;
    TraceBudget budget{6'000, &limiter};
    OpcodeProfileTracer tracer({ProfileUnit::gas, &budget});
    bench.environment.tracer = &tracer;
    (void)bench.run(Bytecode().call(call, bench.other).call(call, Bench::address(8)));
    EXPECT_EQ(limiter.reason(), Limiter::Reason::trace_size);
    EXPECT_LE(tracer.folded().size(), 40U);
}

}  // namespace
}  // namespace weft::evm
