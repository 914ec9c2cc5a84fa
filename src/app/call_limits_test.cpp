// Requests that would take all there is: each ends at its limit with words that say which, and the others are answered.

#include <gtest/gtest.h>

#include <filesystem>

#include "app/node.hpp"
#include "app/signals.hpp"
#include "base/hex.hpp"

namespace weft::app {
namespace {

mesh::Context soon() { return mesh::Context::with_timeout(60 * ns_per_s); }
const Address target{{0xaa, 0xbb}};

/// JUMPDEST PUSH1 0 JUMP
constexpr const char* loop_bomb = "0x5b600056";
/// A word more each time: JUMPDEST PUSH1 0 MSIZE MSTORE PUSH1 0 JUMP
constexpr const char* slow_memory_bomb = "0x5b6000595260005600";
/// PUSH1 0 PUSH4 15/16 of 4 GiB MSTORE
constexpr const char* memory_bomb = "0x600063f0000000525b";
/// Calls itself with all its gas: PUSH1 0 x5 ADDRESS GAS CALL
constexpr const char* recursion_bomb = "0x6000600060006000600030" "5af1";
/// Returns 64 MiB: PUSH4 PUSH1 0 RETURN
constexpr const char* return_bomb = "0x63040000006000f3";
/// Grows memory to 1 MiB, then loops: PUSH1 0 PUSH3 0x100000 MSTORE JUMPDEST PUSH1 7 JUMP
constexpr const char* log_bomb = "0x60006210000052" "5b600756";

class CallLimitsTest : public testing::Test {
  protected:
    CallLimitsTest() : loops_(1) {
        const StopSignals inherited;
        std::filesystem::remove_all(path_);
        loops_.start();
        limits_.gas = 0;
        limits_.time_ns = 150 * ns_per_ms;
        limits_.memory = std::uint64_t{32} << 20;
        limits_.trace_size = std::uint64_t{1} << 20;
    }
    ~CallLimitsTest() override {
        node_.reset();
        loops_.stop();
        std::filesystem::remove_all(path_);
    }
    void open(std::size_t threads = 4) {
        SystemConfig system;
        system.dev = true;
        auto config = *make_node_config(system, path_);
        config.call_limits = limits_;
        config.call_threads = threads;
        auto opened = Node::open(loops_, std::move(config));
        ASSERT_TRUE(opened) << opened.error().message;
        node_ = *std::move(opened);
        ports_ = node_->ports();
    }
    void deploy(const char* code) {
        ASSERT_TRUE(run(ports_.set_account(soon(), {target, {}, {}, from_hex(code).value(), {}})));
    }
    static api::contract::CallRequest request() {
        api::contract::CallRequest out;
        out.to = target;
        return out;
    }
    /// What each kind of request ends with.
    std::string call() { return message(run(ports_.call(soon(), {request(), {}, {}, {}}))); }
    std::string estimate() {
        return message(run(ports_.estimate(soon(), {request(), {}, {}, {}})));
    }
    std::string access_list() { return message(run(ports_.create_access_list(soon(), {request(), {}}))); }
    std::string trace(const char* tracer, bool memory = false) {
        api::contract::TraceCall asked{request(), {}, {}, {}, {}};
        asked.options.tracer = tracer;
        asked.options.enable_memory = memory;
        return message(run(ports_.trace_call(soon(), asked)));
    }
    std::string simulate() {
        api::contract::BlockOverrides overrides;
        overrides.gas_limit = std::uint64_t{1} << 60;
        return message(run(ports_.simulate(soon(), {{{overrides, {}, {request()}}}, {}, false, false})));
    }
    template <class Reply>
    static std::string message(const Result<Reply>& reply) {
        if (reply) return "done";
        EXPECT_TRUE(reply.error().code != ErrorCode::resource_exhausted || reply.error().detail == -32000);
        return reply.error().message;
    }

    const std::string path_ = std::string(WEFT_BUILD_DIR) + "/call_limits_test";
    net::LoopGroup loops_;
    service::contract::Limits limits_;
    std::unique_ptr<Node> node_;
    service::gateway::Ports ports_;
};

TEST_F(CallLimitsTest, a_loop_ends_with_its_time) {
    open();
    deploy(loop_bomb);
    const std::string aborted = "execution aborted (timeout = 150ms)";
    EXPECT_EQ(call(), aborted);
    EXPECT_EQ(access_list(), aborted);
    EXPECT_EQ(simulate(), aborted);
    EXPECT_EQ(trace("callTracer"), "execution timeout");
    EXPECT_EQ(trace("4byteTracer"), "execution timeout");
    EXPECT_EQ(trace("noopTracer"), "execution timeout");
    EXPECT_EQ(trace("prestateTracer"), "execution timeout");
    EXPECT_EQ(trace(""), "trace is too large (limit = 1 MiB)");
}

TEST_F(CallLimitsTest, a_recursion_ends_with_its_time_or_depth) {
    limits_.depth = 100;
    open();
    deploy(recursion_bomb);
    EXPECT_EQ(call(), "execution aborted (call depth limit = 100)");
    EXPECT_EQ(trace("callTracer"), "execution aborted (call depth limit = 100)");
}

TEST_F(CallLimitsTest, memory_is_bounded) {
    limits_.time_ns = 0;
    open();
    for (const char* code : {memory_bomb, slow_memory_bomb, return_bomb}) {
        SCOPED_TRACE(code);
        deploy(code);
        EXPECT_EQ(call(), "execution aborted (memory limit = 32 MiB)");
        EXPECT_EQ(simulate(), "execution aborted (memory limit = 32 MiB)");
        EXPECT_EQ(trace("callTracer"), "execution aborted (memory limit = 32 MiB)");
    }
}

TEST_F(CallLimitsTest, a_trace_is_bounded_by_what_it_keeps) {
    open();
    deploy(log_bomb);
    EXPECT_EQ(trace("", true), "trace is too large (limit = 1 MiB)");
    EXPECT_EQ(trace(""), "trace is too large (limit = 1 MiB)");
}

TEST_F(CallLimitsTest, an_estimate_that_is_ended_tries_no_other_gas) {
    limits_.depth = 100;
    open();
    deploy(recursion_bomb);
    EXPECT_EQ(estimate(), "execution aborted (call depth limit = 100)");
}

TEST_F(CallLimitsTest, gas_is_bounded_by_the_node_s_own_limit) {
    limits_.gas = 100'000;
    open();
    deploy(loop_bomb);
    EXPECT_EQ(call(), "out of gas");
    deploy("0x5a60005260206000f3");  // GAS, returned
    const auto left = run(ports_.call(soon(), {request(), {}, {}, {}}));
    ASSERT_TRUE(left);
    EXPECT_EQ(U256::from_bytes(left->output), U256(100'000 - 21'000 - 2));
}

TEST_F(CallLimitsTest, the_caller_s_deadline_counts_too) {
    limits_.time_ns = 0;
    open();
    deploy(loop_bomb);
    const auto reply = run(ports_.call(mesh::Context::with_timeout(100 * ns_per_ms), {request(), {}, {}, {}}));
    ASSERT_FALSE(reply);
    EXPECT_EQ(reply.error().code, ErrorCode::deadline_exceeded);
}

TEST_F(CallLimitsTest, others_are_answered_while_bombs_run_and_a_stop_ends_them) {
    limits_.time_ns = 0;
    constexpr int bombs = 8;
    open(bombs + 2);
    deploy(loop_bomb);
    std::atomic<int> running{bombs};
    std::atomic<int> stopped{0};
    for (int i = 0; i < bombs; ++i) {
        spawn(ports_.call(soon(), {request(), {}, {}, {}}), [&](const Result<api::contract::CallReply>& reply) {
            if (!reply && reply.error().message == "the service is stopping") ++stopped;
            --running;
            running.notify_all();
        });
    }
    api::contract::Call cheap;
    cheap.call.to = Address{{0xee}};
    for (int i = 0; i < 20; ++i) ASSERT_TRUE(run(ports_.call(soon(), cheap)));
    ASSERT_TRUE(run(ports_.mine(soon(), {}))) << "and blocks are made";
    EXPECT_EQ(running, bombs);
    node_->stop();
    for (int now = running; now != 0; now = running) running.wait(now);
    EXPECT_EQ(stopped, bombs);
}

}  // namespace
}  // namespace weft::app
