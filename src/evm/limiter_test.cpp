#include "evm/limiter.hpp"

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <thread>

#include "evm/test_bytecode.hpp"
#include "evm/tracer.hpp"

namespace weft::evm {
namespace {

using enum Opcode;
using Reason = Limiter::Reason;

/// More than any test can wait for: whatever ends is ended.
constexpr std::uint64_t endless_gas = std::uint64_t{1} << 62;

/// Tells another thread that the code has begun.
struct SignallingHost : TestHost {
    using TestHost::TestHost;
    std::atomic<bool> begun{false};
    CodePtr kept;  // instead of making it anew, if it is there
    CodePtr code(const Address& address) override { return kept ? kept : TestHost::code(address); }
    U256 storage(const Address& address, const U256& key) override {
        begun = true;
        begun.notify_all();
        return TestHost::storage(address, key);
    }
    SlotValues storage_values(const Address& address, const U256& key) override {
        begun = true;
        begun.notify_all();
        return TestHost::storage_values(address, key);
    }
};

const Address contract{{0xcc}};

/// SLOADs once and loops for ever.
Bytes loop_bomb() {
    Bytecode code;
    code.push(0).op({sload, pop});
    const auto loop = code.size();
    return code.op(jumpdest).push(loop).op(jump).return_top();
}
/// ... with a condition, and a word more on the stack.
Bytes conditional_loop_bomb() {
    Bytecode code;
    code.push(0).op({sload, pop}).push(7);
    const auto loop = code.size();
    return code.op(jumpdest).push(1).push(loop).op(jumpi).return_top();
}
/// SLOADs and calls @p to without end, one call after another.
Bytes call_bomb(const Address& to) {
    Bytecode code;
    code.push(0).op({sload, pop});
    const auto loop = code.size();
    return code.op(jumpdest).call(call, to).op(pop).push(loop).op(jump).return_top();
}

struct CountingTracer : Tracer {
    bool wants_steps() const override { return true; }
};

CallResult execute_code(SignallingHost& host, Environment environment, const Bytes& code) {
    host.world.accounts[contract].code = code;
    Message message;
    message.gas = endless_gas;
    message.recipient = message.code_address = contract;
    return execute(host, environment, message);
}

TEST(limiter, ends_loops_however_they_run) {
    CountingTracer tracer;
    const struct {
        const char* name;
        Bytes code;
        bool translated;
        Revision translated_for;
        Tracer* tracer;
    } table[] = {
        {"by bytes, then translated", loop_bomb(), false, Revision::osaka, nullptr},
        {"translated", loop_bomb(), true, Revision::osaka, nullptr},
        {"translated, conditional", conditional_loop_bomb(), true, Revision::osaka, nullptr},
        {"by bytes, as it is translated for another fork", loop_bomb(), true, Revision::berlin, nullptr},
        {"traced", loop_bomb(), false, Revision::osaka, &tracer},
        {"in calls", call_bomb(Address{{0x99}}), false, Revision::osaka, nullptr},
        {"in calls of code", call_bomb(Address{{0xdd}}), true, Revision::osaka, nullptr},
    };
    for (const auto& test : table) {
        SCOPED_TRACE(test.name);
        SignallingHost host;
        host.translates_at_once = test.translated;
        host.world.accounts[Address{{0xdd}}].code = Bytecode().push(1).op(Opcode::stop).return_top();
        if (test.translated_for != Revision::osaka) {
            // The host makes code anew each time: the one that runs was kept under another fork.
            host.kept = make_code(test.code, {});
            (void)host.kept->translate(test.translated_for);
        }
        Limiter limiter;
        std::atomic<bool> done{false};
        std::thread other([&] {
            host.begun.wait(false);
            while (!done) {
                limiter.request(Reason::time);
                std::this_thread::yield();
            }
        });
        Environment environment;
        environment.limiter = &limiter;
        environment.tracer = test.tracer;
        const auto result = execute_code(host, environment, test.code);
        done = true;
        other.join();
        EXPECT_EQ(result.status, Status::aborted);
        EXPECT_EQ(limiter.reason(), Reason::time);
    }
}

TEST(limiter, one_that_is_not_asked_changes_nothing) {
    for (const bool translated : {false, true}) {
        std::array<CallResult, 2> results;
        for (const bool limited : {false, true}) {
            SignallingHost host;
            host.translates_at_once = translated;
            Limiter limiter(std::uint64_t{64} << 20, 1024);
            Environment environment;
            if (limited) environment.limiter = &limiter;
            Bytecode code;
            code.push(3'000);
            const auto loop = code.size();
            code.op(jumpdest).push(1).op({swap1, sub}).sstore(6, 5).call(call, Address{{0xdd}}).op(pop);
            code.op(dup1).push(loop).op(jumpi).op(Opcode::gas);
            results[limited ? 1 : 0] = execute_code(host, environment, code.return_top());
            EXPECT_EQ(limiter.reason(), Reason::none);
        }
        EXPECT_EQ(results[0].status, Status::success);
        EXPECT_EQ(results[1].status, Status::success);
        EXPECT_EQ(results[0].gas_left, results[1].gas_left);
        EXPECT_EQ(results[0].output, results[1].output);
    }
}

TEST(limiter, an_end_ends_callers_too_and_undoes_what_they_did) {
    SignallingHost host;
    host.world.accounts[Address{{0xdd}}].code = loop_bomb();
    Limiter limiter;
    std::atomic<bool> done{false};
    std::thread other([&] {
        host.begun.wait(false);
        while (!done) limiter.request(Reason::stopping);
    });
    Environment environment;
    environment.limiter = &limiter;
    // SSTORE before the call signals as well: the end may come in either frame.
    const auto result =
        execute_code(host, environment, Bytecode().sstore(1, 2).call(call, Address{{0xdd}}).return_top());
    done = true;
    other.join();
    EXPECT_EQ(result.status, Status::aborted);
    EXPECT_TRUE(host.world.accounts[contract].storage.empty());
}

TEST(limiter, memory_is_refused_before_it_is_taken) {
    const struct {
        const char* name;
        U256 offset;
        std::uint64_t memory_max;
        Status want;
    } table[] = {
        {"within", U256{1 << 20}, std::uint64_t{64} << 20, Status::success},
        {"beyond", U256{100 << 20}, std::uint64_t{64} << 20, Status::aborted},
        {"gigabytes", U256{std::uint64_t{0xf0000000}}, std::uint64_t{64} << 20, Status::aborted},
        {"without a bound", U256{40 << 20}, 0, Status::success},
    };
    for (const auto& test : table) {
        SCOPED_TRACE(test.name);
        SignallingHost host;
        Limiter limiter(test.memory_max, 1024);
        Environment environment;
        environment.limiter = &limiter;
        const auto result =
            execute_code(host, environment, Bytecode().push(1).push(test.offset).op(mstore).push(1).return_top());
        EXPECT_EQ(result.status, test.want);
        EXPECT_EQ(limiter.reason(), test.want == Status::aborted ? Reason::memory : Reason::none);
    }
}

TEST(limiter, memory_counts_over_all_frames) {
    // Each level takes a megabyte and calls itself.
    SignallingHost host;
    Limiter limiter(std::uint64_t{32} << 20, 1024);
    Environment environment;
    environment.limiter = &limiter;
    const auto code = Bytecode().push(1).push(1 << 20).op(mstore).call(call, contract).return_top();
    EXPECT_EQ(execute_code(host, environment, code).status, Status::aborted);
    EXPECT_EQ(limiter.reason(), Reason::memory);
}

TEST(limiter, calls_go_as_deep_as_allowed) {
    for (const int depth_max : {1, 7, 1024}) {
        SCOPED_TRACE(depth_max);
        SignallingHost host;
        Limiter limiter(0, depth_max);
        Environment environment;
        environment.limiter = &limiter;
        // Depth 0 calls depth 1, which calls nothing.
        host.world.accounts[Address{{0xdd}}].code = Bytecode().push(1).return_top();
        EXPECT_EQ(execute_code(host, environment, Bytecode().call(call, Address{{0xdd}}).return_top()).status,
                  Status::success);
        const auto deep = execute_code(host, environment, Bytecode().call(call, contract).return_top());
        // At the protocol's own depth the call fails, and its caller goes on.
        EXPECT_EQ(deep.status, depth_max == 1024 ? Status::success : Status::aborted);
        EXPECT_EQ(limiter.reason(), depth_max == 1024 ? Reason::none : Reason::depth);
    }
}

TEST(trace_budget, gives_until_it_is_used_up_and_then_ends_the_execution) {
    Limiter limiter;
    TraceBudget budget{100, &limiter};
    EXPECT_TRUE(budget.take(60));
    EXPECT_TRUE(budget.take(40));
    EXPECT_EQ(limiter.reason(), Reason::none);
    EXPECT_FALSE(budget.take(1));
    EXPECT_EQ(limiter.reason(), Reason::trace_size);
    EXPECT_TRUE(budget.take(0));
    limiter.request(Reason::time);
    EXPECT_EQ(limiter.reason(), Reason::trace_size) << "the first reason stays";
}

}  // namespace
}  // namespace weft::evm
