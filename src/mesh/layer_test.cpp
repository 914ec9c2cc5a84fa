#include "mesh/layer.hpp"

#include <gtest/gtest.h>

#include <thread>

#include "mesh/layer/authenticate.hpp"
#include "mesh/layer/breaker.hpp"
#include "mesh/layer/bulkhead.hpp"
#include "mesh/layer/cache.hpp"
#include "mesh/layer/fallback.hpp"
#include "mesh/layer/hedge.hpp"
#include "mesh/layer/rate_limit.hpp"
#include "mesh/layer/retry.hpp"
#include "mesh/layer/shed.hpp"
#include "mesh/layer/test_timers.hpp"
#include "mesh/layer/timeout.hpp"
#include "mesh/layer/trace.hpp"

namespace weft::mesh {
namespace {

const KeyOf<Ask> by_value = [](const Ask& asked) { return std::to_string(asked.value); };

struct Other {
    using Reply = int;
    static constexpr std::string_view method = "test.Test/Other";
};
// A layer made for one operation doesn't fit another, nor one service another's operation: at compile time.
static_assert(ServiceOf<Scripted, Ask> && !ServiceOf<Scripted, Other>);
static_assert(ServiceOf<Layered<CacheLayer<Ask>, Port<Ask>>, Ask>);
static_assert(!ServiceOf<Layered<CacheLayer<Ask>, Port<Other>>, Other>);
static_assert(!ServiceOf<Layered<TimeoutLayer, Port<Other>>, Ask>);
static_assert(!LayerFor<FallbackLayer<Port<Other>>, Ask, Port<Ask>>);

TEST(layer, a_route_with_all_of_them_is_one_port) {
    VirtualTimers timers;
    Scripted service;
    observe::SpanLog log(16);
    const auto check = [](const Caller& caller) -> Result<std::string> { return caller.metadata.at("key"); };
    const auto shedding = shed(timers);
    BulkheadOptions places;
    places.started = [shedding](std::int64_t queued_ns) { shedding.started(queued_ns); };
    const Port<Ask> port(trace(log, "test") | authenticate(check) | rate_limit(timers, {}) | shedding |
                         timeout(timers, ns_per_s) | fallback(service) | cache<Ask>(timers, by_value) |
                         coalesce<Ask>(by_value) | bulkhead(timers, places) | retry(timers, repeatable_always) |
                         hedge(timers, repeatable_always) | breaker(timers) | deadline(timers, ns_per_ms) | service);
    Context context{.deadline_ns = timers.now_ns() + 10 * ns_per_s, .trace_id = 7};
    EXPECT_EQ(ask(port, context).error(), ErrorCode::unauthenticated);
    context.caller = std::make_shared<Caller>(Caller{.metadata = {{"key", "alice"}}, .principal = ""});
    const auto first = ask(port, context, 5);
    const auto second = ask(port, context, 5);
    ASSERT_EQ(*service.made, 1);
    const auto& inner = service.calls->front().context;
    EXPECT_EQ(inner.deadline_ns, timers.now_ns() + ns_per_s - ns_per_ms);
    EXPECT_EQ(inner.caller->principal, "alice");
    service.answer(Ask::Reply{55});
    EXPECT_EQ(first.value(), 55);
    EXPECT_EQ(second.value(), 55);
    EXPECT_EQ(ask(port, context, 5).value(), 55);
    EXPECT_EQ(*service.made, 1);
    EXPECT_EQ(timers.pending(), 0U);
    EXPECT_EQ(log.of_low(7).size(), 4U);
    EXPECT_TRUE(log.of_low(7)[0].failed);
}

TEST(layer, copies_share_their_state_and_threads_may_call_at_once) {
    VirtualTimers timers;
    std::atomic<std::uint32_t> running{0}, most{0};
    const auto service = [&](Context, Ask asked) -> Task<Ask::Reply> {
        const auto now = ++running;
        for (auto seen = most.load(); now > seen && !most.compare_exchange_weak(seen, now);) {
        }
        --running;
        co_return Ask::Reply{asked.value * 2};
    };
    constexpr std::uint32_t threads = 4, places = 2;
    const auto places_of = bulkhead(timers, {.running_max = places, .waiting_max = 0});
    const Port<Ask> port(shed(timers) | rate_limit(timers, make_rate_limit(1'000'000'000, 1'000'000'000)) |
                         cache<Ask>(timers, by_value, {.replies_max = 8}) | coalesce<Ask>(by_value) | places_of |
                         breaker(timers, {.consecutive_max = 1'000'000, .failed_percent = 101}) | service);
    std::atomic<int> wrong{0}, right{0}, refused{0};
    std::vector<std::jthread> callers;
    for (std::uint32_t t = 0; t < threads; ++t) {
        callers.emplace_back([&, t] {
            verify::Random random(t);
            for (int i = 0; i < 5'000; ++i) {
                const auto value = static_cast<int>(random.below(64));
                const auto reply = run(port({.deadline_ns = INT64_MAX}, Ask{value}));
                auto& counter = !reply ? refused : reply->value == value * 2 ? right : wrong;
                ++counter;
            }
        });
    }
    callers.clear();
    EXPECT_EQ(wrong, 0);
    EXPECT_EQ(right + refused, static_cast<int>(threads) * 5'000);
    EXPECT_GT(right, 5'000);
    EXPECT_LE(most, places);
    EXPECT_EQ(places_of.state.with([](const auto& it) { return it.bulkhead.running; }), 0U);
}

TEST(layer, first_is_decided_once_and_by_nobody_if_all_are_gone) {
    Future<int> abandoned;
    {
        const First<int> first;
        abandoned = first.future();
    }
    EXPECT_EQ(run(std::move(abandoned).wait()).error().code, ErrorCode::cancelled);
    const First<int> first;
    auto answer = first.future();
    EXPECT_TRUE(first.offer(1));
    EXPECT_FALSE(first.offer(2));
    EXPECT_EQ(run(std::move(answer).wait()), 1);
}

}  // namespace
}  // namespace weft::mesh
