#include "base/task.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <thread>

namespace weft {
namespace {

Task<int> value(int number) { co_return number; }
Task<int> failing() { co_return fail(ErrorCode::not_found, "nothing here"); }
Task<void> failing_void() { co_await Result<void>(fail(ErrorCode::aborted, "stop")); }
Task<int> sum() { co_return co_await value(1) + co_await value(2) + co_await Result<int>(4); }

struct Flag {
    bool* set;
    ~Flag() { *set = true; }
};

Task<int> through(bool* destroyed, bool* reached) {
    Flag flag{destroyed};
    const int got = co_await failing();
    *reached = true;
    co_return got;
}

TEST(task, gives_its_value) {
    EXPECT_EQ(run(sum()), 7);
    EXPECT_TRUE(run([]() -> Task<void> { co_return; }()).has_value());
}

TEST(task, error_ends_every_awaiting_task_and_destroys_its_locals) {
    bool destroyed = false;
    bool reached = false;
    const auto outer = [&]() -> Task<std::string> {
        (void)co_await through(&destroyed, &reached);
        co_return "not reached";
    };
    const auto result = run(outer());
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, ErrorCode::not_found);
    EXPECT_TRUE(destroyed);
    EXPECT_FALSE(reached);
}

TEST(task, settled_hands_the_error_to_its_awaiter) {
    const auto outer = []() -> Task<int> {
        const Result<int> result = co_await settled(failing());
        const Result<void> second = co_await settled(failing_void());
        co_return (result ? 0 : 1) + (second ? 0 : 10);
    };
    EXPECT_EQ(run(outer()), 11);
}

TEST(task, a_result_error_ends_the_task) {
    const auto outer = []() -> Task<int> {
        co_await failing_void();
        co_return 1;
    };
    const auto result = run(outer());
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().message, "stop");
}

TEST(task, future_set_before_and_after_the_wait) {
    for (const bool early : {true, false}) {
        SCOPED_TRACE(early);
        Promise<int> promise;
        auto future = promise.future();
        if (early) promise.set(5);
        std::thread late;
        if (!early) late = std::thread([&] { promise.set(5); });
        EXPECT_EQ(run(std::move(future).wait()), 5);
        if (late.joinable()) late.join();
    }
}

TEST(task, dropped_promise_cancels_and_error_passes_through_a_future) {
    auto future = Promise<int>().future();
    EXPECT_EQ(run(std::move(future).wait()).error().code, ErrorCode::cancelled);
    Promise<void> promise;
    auto other = promise.future();
    promise.set(fail(ErrorCode::unavailable, "gone"));
    EXPECT_EQ(run(std::move(other).wait()).error().code, ErrorCode::unavailable);
}

struct alignas(32) Wide {
    std::uint64_t limbs[4] = {1, 2, 3, 4};
};
Task<Wide> wide() { co_return Wide{}; }

TEST(task, who_waits_may_end_what_its_promise_is_part_of) {
    auto held = std::make_unique<Promise<int>>();
    const auto wait = [](std::unique_ptr<Promise<int>>& holder, Future<int> future) -> Task<int> {
        const int value = co_await std::move(future).wait();
        holder.reset();
        co_return value;
    };
    int got = 0;
    spawn(wait(held, held->future()), [&](const Result<int>& value) { got = value.value_or(-1); });
    held->set(7);
    EXPECT_EQ(got, 7);
    EXPECT_EQ(held, nullptr);
}

TEST(task, locals_are_aligned_as_their_types_ask) {
    const auto look = []() -> Task<bool> {
        Wide local = co_await wide();
        const Wide other = co_await wide();
        Wide* seen[] = {&local, const_cast<Wide*>(&other)};
        asm volatile("" : : "r"(seen) : "memory");
        bool aligned = true;
        for (const Wide* at : seen) aligned = aligned && reinterpret_cast<std::uintptr_t>(at) % alignof(Wide) == 0;
        co_return aligned;
    };
    std::vector<char> odd(40);  // moves the heap off any lucky alignment
    EXPECT_EQ(run(look()), true);
}

TEST(task, a_long_loop_of_awaits_needs_no_stack) {
    const auto loop = []() -> Task<int> {
        int total = 0;
        for (int i = 0; i < 1'000'000; ++i) total += co_await value(1);
        co_return total;
    };
    EXPECT_EQ(run(loop()), 1'000'000);
}

}  // namespace
}  // namespace weft
