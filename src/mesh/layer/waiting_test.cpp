// Layers that wait: timeout, retry, hedge, bulkhead.

#include <gtest/gtest.h>

#include "mesh/layer/bulkhead.hpp"
#include "mesh/layer/hedge.hpp"
#include "mesh/layer/retry.hpp"
#include "mesh/layer/test_timers.hpp"
#include "mesh/layer/timeout.hpp"

namespace weft::mesh {
namespace {

struct Fixture : testing::Test {
    VirtualTimers timers;
    Scripted service;

    void TearDown() override { service.end_all(); }
    Context soon() const { return {.deadline_ns = timers.now_ns() + 10 * ns_per_s}; }
};
using layers_that_wait = Fixture;

TEST_F(layers_that_wait, timeout_answers_at_the_deadline_and_drops_what_comes_later) {
    const auto port = timeout(timers, ns_per_s) | service;
    const auto late = ask(port, soon());
    const auto in_time = ask(port, soon());
    EXPECT_EQ(service.calls->front().context.deadline_ns, timers.now_ns() + ns_per_s);
    timers.pass(ns_per_s - 1);
    service.answer(Ask::Reply{2}, 1);
    EXPECT_EQ(in_time.value(), 2);
    EXPECT_FALSE(late.done());
    timers.pass(1);
    EXPECT_EQ(late.error(), ErrorCode::deadline_exceeded);
    service.answer(Ask::Reply{1});
    EXPECT_EQ(late.error(), ErrorCode::deadline_exceeded);
    EXPECT_EQ(timers.pending(), 0U);
    EXPECT_EQ(ask(port, {.deadline_ns = timers.now_ns()}).error(), ErrorCode::deadline_exceeded);
    EXPECT_EQ(*service.made, 2);
}

TEST_F(layers_that_wait, an_attempt_that_is_late_keeps_what_it_calls) {
    auto calls = service.calls;
    Pending late;
    {
        const auto port = timeout(timers, ns_per_s) | retry(timers, repeatable_always) | std::exchange(service, {});
        late = ask(port, soon());
        timers.pass(ns_per_s);
        EXPECT_TRUE(late.done());
    }
    calls->front().promise.set(fail(ErrorCode::unavailable, "gone"));  // the route is destroyed, its retry is not
    timers.pass(0);
}

TEST_F(layers_that_wait, deadline_leaves_time_for_the_way_back) {
    const auto port = deadline(timers, ns_per_s) | service;
    const auto call = ask(port, soon());
    EXPECT_EQ(service.calls->front().context.deadline_ns, timers.now_ns() + 9 * ns_per_s);
    EXPECT_EQ(ask(port, {.deadline_ns = timers.now_ns() + ns_per_s}).error(), ErrorCode::deadline_exceeded);
    EXPECT_EQ(*service.made, 1);
}

TEST_F(layers_that_wait, retry_makes_again_what_was_not_handled_or_may_be_twice) {
    const struct {
        const char* name;
        Repeatable repeatable;
        std::unexpected<Error> error;
        bool again;
    } cases[] = {
        {"lost, repeatable", repeatable_always, fail(ErrorCode::unavailable, "x"), true},
        {"lost, not repeatable", repeatable_never, fail(ErrorCode::unavailable, "x"), false},
        {"unsent, not repeatable", repeatable_never, fail_unsent("x"), true},
        {"wrong", repeatable_always, fail(ErrorCode::invalid_argument, "x"), false},
        {"late", repeatable_always, fail(ErrorCode::deadline_exceeded, "x"), false},
    };
    for (const auto& [name, repeatable, error, again] : cases) {
        SCOPED_TRACE(name);
        *service.made = 0;
        const auto port = retry(timers, repeatable) | service;
        const auto call = ask(port, soon());
        service.answer(error);
        EXPECT_EQ(call.done(), !again);
        timers.pass(ns_per_s);
        EXPECT_EQ(*service.made, again ? 2 : 1);
        if (again) service.answer(Ask::Reply{7});
        EXPECT_EQ(call.value(), again ? 7 : -1);
    }
}

TEST_F(layers_that_wait, retry_ends_with_its_attempts_its_deadline_and_its_budget) {
    const auto port = retry(timers, repeatable_always, {.attempts_max = 3}) | service;
    const auto call = ask(port, soon());
    for (int i = 0; i < 3; ++i) {
        service.answer(fail_unsent("x"));
        timers.pass(ns_per_s);
    }
    EXPECT_EQ(call.error(), ErrorCode::unavailable);
    EXPECT_EQ(*service.made, 3);

    const auto hurried = ask(port, {.deadline_ns = timers.now_ns() + ns_per_ms});
    service.answer(fail_unsent("x"));
    EXPECT_TRUE(hurried.done());

    const RetryConfig poor{.per_call = 0, .per_second = 0, .saved_max = 2'000};
    const auto frugal = retry(timers, repeatable_always, {.attempts_max = 9, .budget = poor}) | service;
    const auto bounded = ask(frugal, soon());
    *service.made = 0;
    for (int i = 0; i < 3; ++i) {
        service.answer(fail_unsent("x"));
        timers.pass(ns_per_s);
    }
    EXPECT_TRUE(bounded.done());
    EXPECT_TRUE(service.calls->empty());
    EXPECT_EQ(timers.pending(), 0U);
}

/// A layer that has seen enough calls of 10 ms to hedge.
HedgeLayer trained(VirtualTimers& timers, const Scripted& service, Repeatable repeatable) {
    const auto layer =
        hedge(timers, repeatable, {.calls_min = 32, .budget = {.per_call = 50, .per_second = 0, .saved_max = 10'000}});
    const auto port = layer | service;
    for (int i = 0; i < 64; ++i) {
        const auto call = ask(port, {.deadline_ns = timers.now_ns() + ns_per_s});
        timers.pass(10 * ns_per_ms);
        service.answer(Ask::Reply{0});
        EXPECT_TRUE(call.done());
    }
    *service.made = 0;
    return layer;
}

TEST_F(layers_that_wait, hedge_asks_again_when_it_takes_long_and_the_first_answer_counts) {
    const auto port = trained(timers, service, repeatable_always) | service;
    const auto call = ask(port, soon());
    timers.pass(9 * ns_per_ms);
    EXPECT_EQ(*service.made, 1);
    timers.pass(3 * ns_per_ms);
    ASSERT_EQ(*service.made, 2);
    service.answer(Ask::Reply{2}, 1);
    EXPECT_EQ(call.value(), 2);
    service.answer(Ask::Reply{1});  // overtaken
    EXPECT_EQ(call.value(), 2);
    EXPECT_EQ(timers.pending(), 0U);
}

TEST_F(layers_that_wait, hedge_fails_when_both_have) {
    const auto port = trained(timers, service, repeatable_always) | service;
    const auto call = ask(port, soon());
    timers.pass(20 * ns_per_ms);
    service.answer(fail_unsent("x"));
    EXPECT_FALSE(call.done());
    service.answer(fail(ErrorCode::internal, "y"));
    EXPECT_EQ(call.error(), ErrorCode::internal);
    const auto quick = ask(port, soon());
    service.answer(fail_unsent("x"));
    EXPECT_TRUE(quick.done());  // a failure is not slow: no hedge
    EXPECT_EQ(timers.pending(), 0U);
}

TEST_F(layers_that_wait, hedge_doubles_nothing_that_may_not_be_and_no_more_than_its_budget) {
    const auto never = trained(timers, service, repeatable_never) | service;
    const auto call = ask(never, soon());
    timers.pass(ns_per_s);
    EXPECT_EQ(*service.made, 1);
    service.answer(Ask::Reply{1});
    EXPECT_EQ(call.value(), 1);

    const auto port = trained(timers, service, repeatable_always) | service;
    std::vector<Pending> calls;
    for (int i = 0; i < 100; ++i) calls.push_back(ask(port, soon()));
    timers.pass(20 * ns_per_ms);
    EXPECT_EQ(*service.made, 100 + (64 + 100) * 50 / 1'000);
    while (!service.calls->empty()) service.answer(Ask::Reply{1});
    for (const auto& one : calls) EXPECT_EQ(one.value(), 1);
}

TEST_F(layers_that_wait, bulkhead_runs_some_keeps_some_waiting_and_refuses_the_rest) {
    std::vector<std::int64_t> queued;
    const auto port = bulkhead(timers, {.running_max = 2,
                                        .waiting_max = 2,
                                        .adaptive = {},
                                        .started = [&](std::int64_t ns) { queued.push_back(ns); }}) |
                      service;
    std::vector<Pending> calls;
    for (int i = 0; i < 5; ++i) calls.push_back(ask(port, soon(), i));
    EXPECT_EQ(*service.made, 2);
    EXPECT_EQ(calls[4].error(), ErrorCode::resource_exhausted);
    timers.pass(ns_per_ms);
    service.answer(fail(ErrorCode::internal, "x"));  // a failure gives its place back too
    EXPECT_EQ(*service.made, 3);
    EXPECT_EQ(service.calls->back().request.value, 2);
    EXPECT_EQ(queued, (std::vector<std::int64_t>{0, 0, ns_per_ms}));
    while (!service.calls->empty()) service.answer(Ask::Reply{1});
    EXPECT_EQ(calls[3].value(), 1);
    EXPECT_EQ(timers.pending(), 0U);
}

TEST_F(layers_that_wait, bulkhead_forgets_who_waits_past_its_deadline) {
    const auto port = bulkhead(timers, {.running_max = 1, .waiting_max = 2}) | service;
    const auto running = ask(port, soon());
    const auto hurried = ask(port, {.deadline_ns = timers.now_ns() + ns_per_ms});
    const auto patient = ask(port, soon());
    timers.pass(ns_per_ms);
    EXPECT_EQ(hurried.error(), ErrorCode::deadline_exceeded);
    const auto next = ask(port, soon());
    EXPECT_FALSE(next.done());  // there is a place to wait in again
    for (int i = 0; i < 3; ++i) service.answer(Ask::Reply{i});
    EXPECT_EQ(running.value(), 0);
    EXPECT_EQ(patient.value(), 1);
    EXPECT_EQ(next.value(), 2);
    EXPECT_EQ(*service.made, 3);
}

TEST_F(layers_that_wait, bulkhead_finds_its_limit_out) {
    const auto layer = bulkhead(timers, {.waiting_max = 0, .adaptive = AdaptiveConfig{.start = 4}});
    const auto port = layer | service;
    std::vector<Pending> calls;
    for (int i = 0; i < 6; ++i) calls.push_back(ask(port, soon()));
    EXPECT_EQ(*service.made, 4);
    for (int round = 0; round < 50; ++round) {
        while (ask(port, soon()).error() != ErrorCode::resource_exhausted) {
        }
        timers.pass(10 * ns_per_ms);  // as quick with more calls as with few
        while (!service.calls->empty()) service.answer(Ask::Reply{1});
    }
    *service.made = 0;
    while (ask(port, soon()).error() != ErrorCode::resource_exhausted) {
    }
    EXPECT_GT(*service.made, 6);
    while (!service.calls->empty()) service.answer(Ask::Reply{1});
}

}  // namespace
}  // namespace weft::mesh
