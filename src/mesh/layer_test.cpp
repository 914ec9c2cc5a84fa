#include "mesh/layer.hpp"

#include <gtest/gtest.h>

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
