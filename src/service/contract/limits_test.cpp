#include "service/contract/limits.hpp"

#include <gtest/gtest.h>

namespace weft::service::contract {
namespace {

using Reason = evm::Limiter::Reason;

void wait_for(const evm::Limiter& limiter) {
    while (!limiter.requested()) std::this_thread::yield();
}

TEST(watchdog, ends_what_is_due_with_its_reason) {
    Watchdog dog;
    evm::Limiter slow;
    evm::Limiter left;
    evm::Limiter quick;
    const std::int64_t far = monotonic_ns() + 3'600 * ns_per_s;
    const Watchdog::Watch quick_watch(dog, quick, far, 3'600 * ns_per_s);
    const Watchdog::Watch slow_watch(dog, slow, far, ns_per_ms);
    const Watchdog::Watch left_watch(dog, left, monotonic_ns() + ns_per_ms, 0);
    wait_for(slow);
    wait_for(left);
    EXPECT_EQ(slow.reason(), Reason::time);
    EXPECT_EQ(left.reason(), Reason::caller_left);
    EXPECT_EQ(quick.reason(), Reason::none);
}

TEST(watchdog, a_time_that_began_anew_is_not_over) {
    Watchdog dog;
    evm::Limiter first;
    evm::Limiter second;
    const std::int64_t far = monotonic_ns() + 3'600 * ns_per_s;
    Watchdog::Watch watch(dog, first, far, 1'000 * ns_per_s);
    watch.restart(2'000 * ns_per_s);
    const Watchdog::Watch other(dog, second, far, ns_per_ms);
    wait_for(second);
    EXPECT_FALSE(first.requested());
    watch.restart(ns_per_ms);
    wait_for(first);
    EXPECT_EQ(first.reason(), Reason::time);
}

TEST(watchdog, a_stop_ends_what_runs_and_what_begins_later) {
    Watchdog dog;
    evm::Limiter before;
    evm::Limiter after;
    const std::int64_t far = monotonic_ns() + 3'600 * ns_per_s;
    const Watchdog::Watch first(dog, before, far, 0);
    dog.stop_all();
    const Watchdog::Watch second(dog, after, far, 0);
    wait_for(before);
    wait_for(after);
    EXPECT_EQ(before.reason(), Reason::stopping);
    EXPECT_EQ(after.reason(), Reason::stopping);
}

TEST(limits, errors_say_which_limit_in_words_that_clients_know) {
    const Limits limits{.memory = 64 << 20, .depth = 7, .trace_size = 1000};
    const struct {
        Reason reason;
        std::int64_t time_ns;
        bool is_trace;
        const char* want;
    } table[] = {
        {Reason::time, 5 * ns_per_s, false, "execution aborted (timeout = 5s)"},
        {Reason::time, 1'500 * ns_per_ms, false, "execution aborted (timeout = 1.5s)"},
        {Reason::time, 250 * ns_per_ms, false, "execution aborted (timeout = 250ms)"},
        {Reason::time, 5 * ns_per_s, true, "execution timeout"},
        {Reason::memory, 0, false, "execution aborted (memory limit = 64 MiB)"},
        {Reason::depth, 0, true, "execution aborted (call depth limit = 7)"},
        {Reason::trace_size, 0, true, "trace is too large (limit = 1000 bytes)"},
        {Reason::caller_left, 0, false, "deadline exceeded"},
        {Reason::stopping, 0, false, "the service is stopping"},
    };
    for (const auto& test : table) {
        SCOPED_TRACE(test.want);
        EXPECT_EQ(to_error(test.reason, limits, test.time_ns, test.is_trace).message, test.want);
    }
    EXPECT_EQ(to_error(Reason::stopping, limits, 0, false).code, ErrorCode::unavailable) << "others can be asked";
}

}  // namespace
}  // namespace weft::service::contract
