#include "net/loop.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "net/timer_wheel.hpp"

namespace weft::net {
namespace {

TEST(timer_wheel, fires_every_timer_in_order_and_never_early) {
    LoopGroup group(1);  // a loop to belong to; it does not run
    auto& loop = group.loop(0);
    constexpr std::int64_t start = 123'456'789'012;
    TimerWheel wheel(start);
    struct Entry {
        std::int64_t at;
        std::unique_ptr<Timer> timer;
        std::int64_t fired = -1;
    };
    std::vector<Entry> entries;
    std::int64_t now = start;
    std::uint64_t random = 7;
    for (int i = 0; i < 3'000; ++i) {
        random = mix64(random + 1);
        const auto shift = random % 43;  // from microseconds to hours
        entries.push_back({start + static_cast<std::int64_t>((random >> 8) % (1ULL << shift)) * 1'000, nullptr});
    }
    for (auto& entry : entries) {
        entry.timer = std::make_unique<Timer>(loop, [&entry, &now] { entry.fired = now; });
        wheel.insert(*entry.timer, entry.at);
    }
    for (std::size_t i = 0; i < entries.size(); i += 5) TimerWheel::remove(*entries[i].timer);
    std::int64_t turns = 0;
    while (true) {
        const std::int64_t next = wheel.next_ns();
        if (next == INT64_MAX) break;
        now = std::max(now, next);
        wheel.advance(now);
        ASSERT_LT(++turns, 100'000);
    }
    constexpr std::int64_t tick = 1 << 20;
    for (std::size_t i = 0; i < entries.size(); ++i) {
        SCOPED_TRACE(i);
        if (i % 5 == 0) {
            EXPECT_EQ(entries[i].fired, -1);
        } else {
            ASSERT_GE(entries[i].fired, entries[i].at);
            ASSERT_LE(entries[i].fired, entries[i].at + tick);
        }
    }
}

TEST(timer_wheel, late_advance_fires_all_that_is_due) {
    LoopGroup group(1);
    TimerWheel wheel(0);
    int fired = 0;
    std::vector<std::unique_ptr<Timer>> timers;
    for (int i = 0; i < 200; ++i) {
        timers.push_back(std::make_unique<Timer>(group.loop(0), [&] { ++fired; }));
        wheel.insert(*timers.back(), i * 37 * ns_per_ms);
    }
    wheel.advance(100 * 37 * ns_per_ms + 2 * ns_per_ms);
    EXPECT_EQ(fired, 101);
    wheel.advance(3'600 * ns_per_s);
    EXPECT_EQ(fired, 200);
}

TEST(timer_wheel, a_firing_timer_may_cancel_and_destroy_others) {
    LoopGroup group(1);
    TimerWheel wheel(0);
    bool second_fired = false;
    auto second = std::make_unique<Timer>(group.loop(0), [&] { second_fired = true; });
    std::unique_ptr<Timer> first;
    first = std::make_unique<Timer>(group.loop(0), [&] {
        second.reset();
        first.reset();
    });
    wheel.insert(*first, 5 * ns_per_ms);
    wheel.insert(*second, 5 * ns_per_ms);
    wheel.advance(10 * ns_per_ms);
    EXPECT_FALSE(second_fired);
    EXPECT_EQ(first, nullptr);
}

TEST(loop, posts_from_many_threads_all_run_on_its_thread) {
    LoopGroup group(1);
    group.start();
    std::atomic<int> ran{0};
    std::atomic<int> elsewhere{0};
    {
        std::vector<std::jthread> threads;
        for (int i = 0; i < 4; ++i) {
            threads.emplace_back([&] {
                for (int k = 0; k < 10'000; ++k) {
                    group.loop(0).post([&] {
                        if (!group.loop(0).inside()) ++elsewhere;
                        ++ran;
                        ran.notify_all();
                    });
                }
            });
        }
    }
    for (int seen = ran; seen != 40'000; seen = ran) ran.wait(seen);
    EXPECT_EQ(elsewhere, 0);
}

Task<std::int64_t> slept(Loop& loop, std::int64_t duration) {
    const std::int64_t start = monotonic_ns();
    co_await loop.sleep_for(duration);
    co_return monotonic_ns() - start;
}

TEST(loop, sleeps_at_least_as_long_as_asked) {
    LoopGroup group(1);
    group.start();
    for (const std::int64_t ms : {0, 1, 5, 20}) {
        SCOPED_TRACE(ms);
        const auto took = run(slept(group.loop(0), ms * ns_per_ms));
        ASSERT_TRUE(took);
        EXPECT_GE(*took, ms * ns_per_ms);
    }
}

TEST(loop, stop_ends_sleeps_with_cancelled) {
    LoopGroup group(1);
    group.start();
    std::optional<Result<std::int64_t>> result;
    group.loop(0).post([&] {
        spawn(slept(group.loop(0), 3'600 * ns_per_s), [&](Result<std::int64_t> end) { result = std::move(end); });
    });
    group.stop();
    ASSERT_TRUE(result);
    EXPECT_EQ(result->error().code, ErrorCode::cancelled);
}

TEST(loop, alarm_can_be_ended_by_another_task) {
    LoopGroup group(1);
    group.start();
    const auto both = [&]() -> Task<int> {
        co_await switch_to(group.loop(0));
        Alarm alarm(group.loop(0));
        group.loop(0).post([&] { alarm.cancel(); });
        const auto result = co_await settled(alarm.wait_until(monotonic_ns() + 3'600 * ns_per_s));
        const auto second = co_await settled(alarm.wait_until(monotonic_ns() + ns_per_ms));
        co_return (result ? 0 : 1) + (second ? 2 : 0);
    };
    EXPECT_EQ(run(both()), 3);
}

TEST(loop, within_gives_the_value_or_the_deadline) {
    LoopGroup group(1);
    group.start();
    auto& loop = group.loop(0);
    EXPECT_TRUE(run(within(loop, monotonic_ns() + 60 * ns_per_s, slept(loop, ns_per_ms))));
    const auto late = run(within(loop, monotonic_ns() + ns_per_ms, slept(loop, 3'600 * ns_per_s)));
    ASSERT_FALSE(late);
    EXPECT_EQ(late.error().code, ErrorCode::deadline_exceeded);
}

TEST(loop, a_task_goes_on_where_it_was) {
    LoopGroup group(2);
    group.start();
    WorkerPool pool(2, 10);
    const auto hop = [&]() -> Task<int> {
        co_await switch_to(group.loop(0));
        int here = group.loop(0).inside() ? 1 : 0;
        const bool in_pool = co_await run_on(pool, [&] { return Executor::current() == &pool; });
        here += in_pool && group.loop(0).inside() ? 2 : 0;
        co_await group.loop(1).sleep_for(0);
        here += group.loop(0).inside() ? 4 : 0;
        const auto failed =
            co_await settled(run_on(pool, []() -> Result<int> { return fail(ErrorCode::not_found, "no"); }));
        here += !failed && group.loop(0).inside() ? 8 : 0;
        co_return here;
    };
    EXPECT_EQ(run(hop()), 15);
}

TEST(worker_pool, refuses_what_does_not_fit) {
    std::atomic<bool> go{false};
    std::atomic<bool> busy{false};
    WorkerPool pool(1, 1);
    ASSERT_TRUE(pool.try_post([&] {
        busy = true;
        go.wait(false);
    }));
    while (!busy) std::this_thread::yield();
    ASSERT_TRUE(pool.try_post([] {}));
    const auto refused = run(run_on(pool, [] { return 1; }));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::resource_exhausted);
    go = true;
    go.notify_all();
}

TEST(loop_group, stops_with_work_that_posts_between_loops) {
    for (int round = 0; round < 20; ++round) {
        LoopGroup group(2);
        group.start();
        std::atomic<int> ended{0};
        for (int i = 0; i < 50; ++i) {
            spawn([](LoopGroup& loops) -> Task<void> {
                for (int k = 0; k < 20; ++k) {
                    co_await switch_to(loops.loop(0));
                    co_await switch_to(loops.loop(1));
                }
            }(group), [&](const Result<void>&) { ++ended; });
        }
        group.stop();
        EXPECT_EQ(ended, 50);
    }
}

}  // namespace
}  // namespace weft::net
