#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <sstream>
#include <thread>

#include "observe/health.hpp"
#include "observe/log.hpp"
#include "observe/metric.hpp"
#include "observe/trace.hpp"

namespace weft::observe {
namespace {

TEST(log, a_line_has_time_level_service_message_and_fields) {
    EXPECT_EQ(format_line(1'769'860'800'123, Level::info, "gateway", "listening",
                          {{"address", "127.0.0.1:8545"}, {"loops", 2}, {"ok", true}}),
              "2026-01-31T12:00:00.123Z info gateway listening address=127.0.0.1:8545 loops=2 ok=true");
}

TEST(log, nothing_in_a_field_begins_a_line) {
    EXPECT_EQ(format_line(0, Level::error, "x", "a\nb",
                          {{"k", "c d\n\"e\"\x01"}, {"empty", ""}, {"n", -3}, {"u", ~0ULL}, {"r", 0.5}}),
              "1970-01-01T00:00:00.000Z error x a\\nb k=\"c d\\n\\\"e\\\"\\x01\" empty=\"\" n=-3 "
              "u=18446744073709551615 r=0.5");
}

TEST(log, writes_what_reaches_the_level_to_the_file) {
    const std::string path = testing::TempDir() + "weft-log-" + std::to_string(getpid());
    ASSERT_TRUE(set_log_file(path));
    const Log log("test");
    log.debug("dropped");
    log.warn("kept");
    set_log_level(Level::off);
    log.error("dropped");
    set_log_level(Level::info);
    ASSERT_TRUE(set_log_file(""));
    std::stringstream content;
    content << std::ifstream(path).rdbuf();
    EXPECT_EQ(content.str().find("dropped"), std::string::npos);
    EXPECT_NE(content.str().find(" warn test kept\n"), std::string::npos);
    std::remove(path.c_str());
    EXPECT_EQ(set_log_file("/no/such/folder/log").error().code, ErrorCode::unavailable);
}

TEST(log, levels_by_name) {
    EXPECT_EQ(*level_from("warn"), Level::warn);
    EXPECT_EQ(level_from("loud").error().code, ErrorCode::invalid_argument);
}

TEST(metric, counters_add_up_over_threads) {
    Metrics all;
    auto& counter = all.counter("requests_total", "Requests.", {{"method", "a\"b\\c\n"}});
    {
        std::vector<std::jthread> threads;
        for (int i = 0; i < 8; ++i) {
            threads.emplace_back([&] {
                for (int k = 0; k < 10'000; ++k) counter.add();
            });
        }
    }
    EXPECT_EQ(counter.value(), 80'000U);
    EXPECT_EQ(&counter, &all.counter("requests_total", "Requests.", {{"method", "a\"b\\c\n"}}));
    EXPECT_EQ(all.text(), "# HELP requests_total Requests.\n# TYPE requests_total counter\n"
                          "requests_total{method=\"a\\\"b\\\\c\\n\"} 80000\n");
}

TEST(metric, histogram_counts_cumulate_in_the_text) {
    Metrics all;
    auto& histogram = all.histogram("seconds", "How long.", {0.1, 1});
    for (const double value : {0.05, 0.1, 0.5, 7.0}) histogram.observe(value);
    EXPECT_EQ(
        all.text(),
        "# HELP seconds How long.\n# TYPE seconds histogram\nseconds_bucket{le=\"0.1\"} 2\nseconds_bucket{le=\"1\"} 3\n"
        "seconds_bucket{le=\"+Inf\"} 4\nseconds_sum 7.65\nseconds_count 4\n");
    EXPECT_EQ(histogram.snapshot().quantile(0.5), 0.1);
    EXPECT_EQ(histogram.snapshot().quantile(0.75), 1);
    EXPECT_EQ(Histogram({1}).snapshot().quantile(0.5), 0);
}

TEST(metric, gauges_and_callbacks) {
    Metrics all;
    all.gauge("open", "Open.").add(3);
    all.gauge("open", "Open.").add(-5);
    all.callback("head", "Height.", [] { return 12.0; });
    EXPECT_EQ(all.text(),
              "# HELP head Height.\n# TYPE head gauge\nhead 12\n# HELP open Open.\n# TYPE open gauge\nopen -2\n");
}

TEST(metric, one_name_is_one_kind) {
    Metrics all;
    all.counter("x", "X.");
    EXPECT_DEATH(all.gauge("x", "X."), "assertion failed");
}

TEST(health, alive_is_not_ready) {
    Health health;
    EXPECT_TRUE(health.ready());
    health.expect("store");
    EXPECT_TRUE(health.live());
    EXPECT_FALSE(health.ready());
    EXPECT_EQ(health.to_json(), R"({"status":"not ready","checks":{"store":"starting"}})");
    health.set_ready("store");
    bool peers = false;
    health.add_check("peers", [&]() -> Result<void> {
        if (!peers) return fail(ErrorCode::unavailable, "no peer yet");
        return {};
    });
    EXPECT_EQ(health.to_json(), R"({"status":"not ready","checks":{"peers":"no peer yet","store":"ok"}})");
    peers = true;
    EXPECT_TRUE(health.ready());
    health.set_dead("loop stuck");
    EXPECT_FALSE(health.live());
    EXPECT_FALSE(health.ready());
    EXPECT_EQ(health.to_json(), R"({"status":"dead","reason":"loop stuck","checks":{"peers":"ok","store":"ok"}})");
}

TEST(trace, traceparent_comes_back) {
    const TraceContext context{{0x0af7651916cd43dd, 0x8448eb211c80319c}, 0xb7ad6b7169203331, true};
    const std::string text = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    EXPECT_EQ(to_traceparent(context), text);
    EXPECT_EQ(parse_traceparent(text), context);
    EXPECT_EQ(parse_traceparent("cc" + text.substr(2) + "-what-comes-later"), context);
}

TEST(trace, bad_traceparents_are_none) {
    const std::string good = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    for (const auto& [at, character] : std::initializer_list<std::pair<std::size_t, char>>{
             {0, 'f'}, {2, '_'}, {5, 'A'}, {5, 'g'}, {35, '0'}, {54, ' '}}) {
        SCOPED_TRACE(at);
        std::string bad = good;
        bad[at] = character;
        if (at == 0) bad[1] = 'f';
        EXPECT_FALSE(parse_traceparent(bad));
    }
    EXPECT_FALSE(parse_traceparent(""));
    EXPECT_FALSE(parse_traceparent(good + "-00"));
    EXPECT_FALSE(parse_traceparent("00-00000000000000000000000000000000-b7ad6b7169203331-01"));
    EXPECT_FALSE(parse_traceparent("00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01"));
}

TEST(trace, spans_join_and_the_log_keeps_the_last) {
    SpanLog log(3);
    const TraceContext request{make_trace_id(), make_span_id(), true};
    {
        Span outer(log, "gateway", "eth_call", request);
        outer.attribute("from", "0x1");
        Span inner(log, "contract", "Call", outer.context());
        inner.set_failed();
    }
    const auto both = log.of(request.trace);
    ASSERT_EQ(both.size(), 2U);
    EXPECT_EQ(both[0].name, "Call");
    EXPECT_TRUE(both[0].failed);
    EXPECT_EQ(both[0].parent, both[1].span);
    EXPECT_EQ(both[1].parent, request.span);
    EXPECT_EQ(log.of_low(request.trace.low).size(), 2U);
    { Span unsampled(log, "x", "y", {make_trace_id(), 0, false}); }
    for (const char* name : {"a", "b", "c"}) Span(log, "s", name, {make_trace_id(), 0, true});
    const auto last = log.recent(2);
    ASSERT_EQ(last.size(), 2U);
    EXPECT_EQ(last[0].name, "b");
    EXPECT_EQ(last[1].name, "c");
    EXPECT_TRUE(log.of(request.trace).empty());
}

}  // namespace
}  // namespace weft::observe
