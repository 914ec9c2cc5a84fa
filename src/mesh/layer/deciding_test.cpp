// Layers that decide at once: breaker, fallback, rate limit, shed, cache, coalesce, authenticate.

#include <gtest/gtest.h>

#include "mesh/layer/authenticate.hpp"
#include "mesh/layer/breaker.hpp"
#include "mesh/layer/cache.hpp"
#include "mesh/layer/fallback.hpp"
#include "mesh/layer/rate_limit.hpp"
#include "mesh/layer/shed.hpp"
#include "mesh/layer/test_timers.hpp"

namespace weft::mesh {
namespace {

const KeyOf<Ask> by_value = [](const Ask& asked) { return std::to_string(asked.value); };

struct Fixture : testing::Test {
    VirtualTimers timers;
    Scripted service;

    void TearDown() override { service.end_all(); }
    Context soon() const { return {.deadline_ns = timers.now_ns() + 10 * ns_per_s}; }
    Context of(const std::string& principal) const {
        auto context = soon();
        context.caller = std::make_shared<Caller>(Caller{.metadata = {}, .principal = principal});
        return context;
    }
};
using layers_that_decide = Fixture;

TEST_F(layers_that_decide, breaker_refuses_unsent_and_closes_by_probes) {
    const auto port = breaker(timers, {.consecutive_max = 3, .probes = 1}) | service;
    for (int i = 0; i < 10; ++i) {
        (void)ask(port, soon());
        service.answer(fail(ErrorCode::not_found, "an answer like any other"));
    }
    const auto late = ask(port, soon());
    for (int i = 0; i < 3; ++i) {
        (void)ask(port, soon());
        service.answer(fail(ErrorCode::internal, "x"), 1);
    }
    const auto refused = ask(port, soon());
    ASSERT_EQ(refused.error(), ErrorCode::unavailable);
    EXPECT_TRUE(is_unsent((*refused.result)->error()));
    EXPECT_EQ(*service.made, 14);
    timers.pass(ns_per_s);
    service.answer(Ask::Reply{1});  // of before it opened: closes nothing
    EXPECT_EQ(late.value(), 1);
    const auto probe = ask(port, soon());
    EXPECT_FALSE(probe.done());
    EXPECT_TRUE(ask(port, soon()).done());
    service.answer(fail(ErrorCode::cancelled, "says nothing"));
    (void)ask(port, soon());
    service.answer(Ask::Reply{1});
    for (int i = 0; i < 5; ++i) EXPECT_FALSE(ask(port, soon()).done());
}

TEST_F(layers_that_decide, fallback_answers_for_faults_not_for_refusals) {
    const auto port = fallback([](Context, Ask) -> Task<Ask::Reply> { co_return Ask::Reply{99}; }) | service;
    const auto lost = ask(port, soon());
    service.answer(fail(ErrorCode::unavailable, "x"));
    EXPECT_EQ(lost.value(), 99);
    const auto wrong = ask(port, soon());
    service.answer(fail(ErrorCode::invalid_argument, "x"));
    EXPECT_EQ(wrong.error(), ErrorCode::invalid_argument);
}

TEST_F(layers_that_decide, rate_limit_counts_each_client) {
    const auto port = rate_limit(timers, make_rate_limit(10, 2)) | service;
    for (const std::string name : {"alice", "bob"}) {
        for (int i = 0; i < 2; ++i) EXPECT_FALSE(ask(port, of(name)).done());
        const auto refused = ask(port, of(name));
        ASSERT_EQ(refused.error(), ErrorCode::resource_exhausted);
        EXPECT_EQ((*refused.result)->error().message, "test.Test/Ask: rate limit; try again in 101 ms");
    }
    timers.pass(100 * ns_per_ms);
    EXPECT_FALSE(ask(port, of("bob")).done());
}

TEST_F(layers_that_decide, shed_refuses_the_least_important_first) {
    const ShedConfig config{.window_requests = 32};
    const auto layer = shed(timers, config);
    const auto port = layer | service;
    int refused = 0, refused_important = 0;
    for (int i = 0; i < 20'000; ++i) {
        auto context = of(std::to_string(i));
        context.priority = i % 2 == 0 ? 0 : 9;
        const auto call = ask(port, context);
        if (!call.done()) {
            layer.started(ns_per_s);
            service.answer(Ask::Reply{1});
            continue;
        }
        EXPECT_EQ(call.error(), ErrorCode::resource_exhausted);
        ++refused;
        if (context.priority != 0) continue;
        ++refused_important;  // then nobody less important is admitted
        EXPECT_LE(layer.state.with([](Shed& it) { return it.admitted_below; }), Shed::clients);
    }
    EXPECT_GT(refused_important, 5'000);
    EXPECT_GT(refused, refused_important + 9'000);
}

TEST_F(layers_that_decide, cache_answers_for_its_time_within_its_bound) {
    const auto port = cache<Ask>(timers, by_value, {.replies_max = 2, .ttl_ns = ns_per_s}) | service;
    const auto get = [&](int value) {
        const auto made = *service.made;
        const auto call = ask(port, soon(), value);
        if (!call.done()) service.answer(Ask::Reply{value * 10});
        EXPECT_EQ(call.value(), value * 10);
        return *service.made > made ? "miss" : "hit";
    };
    EXPECT_STREQ(get(1), "miss");
    EXPECT_STREQ(get(1), "hit");
    EXPECT_STREQ(get(2), "miss");
    EXPECT_STREQ(get(1), "hit");
    EXPECT_STREQ(get(3), "miss");  // 2 was asked for longest ago
    EXPECT_STREQ(get(1), "hit");
    EXPECT_STREQ(get(2), "miss");
    timers.pass(ns_per_s);
    EXPECT_STREQ(get(2), "miss");
    (void)ask(port, soon(), 5);
    service.answer(fail(ErrorCode::internal, "not kept"));
    EXPECT_STREQ(get(5), "miss");
}

TEST_F(layers_that_decide, two_who_miss_at_once_keep_one_reply) {
    const auto port = cache<Ask>(timers, by_value) | service;
    const auto a = ask(port, soon(), 1), b = ask(port, soon(), 1);
    service.answer(Ask::Reply{1});
    service.answer(Ask::Reply{2});
    EXPECT_EQ(a.value(), 1);
    EXPECT_EQ(b.value(), 2);
    EXPECT_EQ(ask(port, soon(), 1).value(), 2);
}

TEST_F(layers_that_decide, coalesce_asks_once_for_all_who_ask_meanwhile) {
    const auto port = coalesce<Ask>(by_value, 2) | service;
    std::vector<Pending> calls;
    for (int i = 0; i < 4; ++i) calls.push_back(ask(port, soon(), 1));
    const auto other = ask(port, soon(), 2);
    EXPECT_EQ(*service.made, 3);  // the first, one too many to wait, the other key
    service.answer(fail(ErrorCode::not_found, "for all"));
    for (int i = 0; i < 3; ++i) EXPECT_EQ(calls[static_cast<std::size_t>(i)].error(), ErrorCode::not_found);
    EXPECT_FALSE(calls[3].done());
    EXPECT_FALSE(other.done());
    const auto next = ask(port, soon(), 1);
    EXPECT_EQ(*service.made, 4);
    while (!service.calls->empty()) service.answer(Ask::Reply{1});
    EXPECT_EQ(next.value(), 1);
}

TEST_F(layers_that_decide, coalesced_calls_do_not_share_anothers_deadline) {
    const auto port = coalesce<Ask>(by_value) | service;
    const auto hurried = ask(port, soon(), 1), a = ask(port, soon(), 1), b = ask(port, soon(), 1);
    service.answer(fail(ErrorCode::deadline_exceeded, "the first's"));
    EXPECT_TRUE(hurried.done());
    EXPECT_FALSE(a.done());
    EXPECT_EQ(*service.made, 2);  // one of the two asks for both
    service.answer(Ask::Reply{3});
    EXPECT_EQ(a.value(), 3);
    EXPECT_EQ(b.value(), 3);
}

TEST_F(layers_that_decide, authenticate_names_the_caller_or_refuses) {
    const auto check = [](const Caller& caller) -> Result<std::string> {
        const auto key = caller.metadata.find("key");
        if (key == caller.metadata.end()) return fail(ErrorCode::permission_denied, "no key");
        return key->second;
    };
    const auto port = authenticate(check) | service;
    EXPECT_EQ(ask(port, soon()).error(), ErrorCode::unauthenticated);
    EXPECT_EQ(ask(port, of("mallory")).error(), ErrorCode::permission_denied);
    auto context = soon();
    context.caller = std::make_shared<Caller>(Caller{.metadata = {{"key", "alice"}}, .principal = "root"});
    EXPECT_FALSE(ask(port, context).done());
    EXPECT_EQ(service.calls->front().context.caller->principal, "alice");
}

}  // namespace
}  // namespace weft::mesh
