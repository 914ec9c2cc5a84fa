#include "app/loop_timers.hpp"

#include <gtest/gtest.h>

#include <atomic>

#include "base/time.hpp"
#include "mesh/layer/timeout.hpp"

namespace weft::app {
namespace {

struct Ask {
    struct Reply {
        int value = 0;
    };
    static constexpr std::string_view method = "test.Test/Ask";
};

struct loop_timers : testing::Test {
    net::LoopGroup loops{2};
    LoopTimers timers{loops};
    void SetUp() override { loops.start(); }
    void TearDown() override { loops.stop(); }
};

TEST_F(loop_timers, work_is_done_once_and_not_before_its_time_from_any_thread) {
    const std::int64_t at_ns = monotonic_ns() + 20 * ns_per_ms;
    EXPECT_TRUE(run(timers.sleep_until(at_ns)));
    EXPECT_GE(monotonic_ns(), at_ns);
    const auto on_a_loop = [&]() -> Task<void> {
        co_await net::switch_to(loops.loop(0));
        co_await timers.sleep_until(monotonic_ns() + ns_per_ms);
        EXPECT_TRUE(loops.loop(0).inside());
    };
    EXPECT_TRUE(run(on_a_loop()));
}

TEST_F(loop_timers, what_is_cancelled_is_not_done_and_destroyed) {
    auto witness = std::make_shared<int>(0);
    std::atomic<int> done{0};
    for (int i = 0; i < 100; ++i) {
        const auto id = timers.at(monotonic_ns() + 3'600 * ns_per_s, [&done, witness] { ++done; });
        timers.cancel(id);
        timers.cancel(id);
    }
    // All that was posted before has run when this has.
    for (std::size_t i = 0; i < loops.size(); ++i) {
        EXPECT_TRUE(run([](net::Loop& loop) -> Task<void> { co_await net::switch_to(loop); }(loops.loop(i))));
    }
    EXPECT_EQ(done, 0);
    EXPECT_EQ(witness.use_count(), 1);
}

TEST_F(loop_timers, a_layer_runs_on_them) {
    const mesh::Port<Ask> slow([this](mesh::Context, Ask) -> Task<Ask::Reply> {
        co_await timers.sleep_until(monotonic_ns() + 10 * ns_per_s);
        co_return Ask::Reply{1};
    });
    const mesh::Port<Ask> quick([](mesh::Context, Ask) -> Task<Ask::Reply> { co_return Ask::Reply{2}; });
    const auto context = mesh::Context::with_timeout(20 * ns_per_s);
    const mesh::Port<Ask> late(mesh::timeout(timers, 20 * ns_per_ms) | slow);
    EXPECT_EQ(run(late(context, {})).error().code, ErrorCode::deadline_exceeded);
    const mesh::Port<Ask> soon(mesh::timeout(timers, 10 * ns_per_s) | quick);
    EXPECT_EQ(run(soon(context, {}))->value, 2);
}

}  // namespace
}  // namespace weft::app
