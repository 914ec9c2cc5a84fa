#include "mesh/adaptive.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "verify/random.hpp"
#include "verify/schedule.hpp"

namespace weft::mesh {
namespace {

/// A service of so many workers, each call a time about as long, a queue before them; and clients that always have one
/// more call to make.
struct Service {
    std::uint32_t workers;
    std::int64_t work_ns;

    AdaptiveConfig config = {};
    Adaptive state = make_adaptive({}, 0);
    verify::Random random{14};
    std::vector<std::int64_t> free_at = {};
    struct Call {
        std::int64_t began_ns;
    };
    verify::Schedule<Call> ends = {};
    std::uint32_t running = 0;

    void begin(std::int64_t now_ns) {
        free_at.resize(workers, now_ns);
        auto& worker = *std::ranges::min_element(free_at);
        const auto jitter = static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(work_ns) / 5));
        worker = std::max(worker, now_ns) + work_ns - work_ns / 10 + jitter;
        ends.at(worker, 0, {now_ns});
        ++running;
    }
    void run(std::int64_t until_ns, std::uint32_t clients) {
        while (running < std::min(clients, limit_of(config, state))) begin(ends.now());
        while (ends.next_time() < until_ns) {
            const auto call = ends.take();
            on_end(config, state, ends.now() - call.began_ns, running, false, ends.now());
            --running;
            while (running < std::min(clients, limit_of(config, state))) begin(ends.now());
        }
    }
};

TEST(adaptive, finds_what_a_service_can_do_and_leaves_a_short_queue) {
    Service service{.workers = 50, .work_ns = 10 * ns_per_ms};
    service.run(60 * ns_per_s, 10'000);
    EXPECT_GE(service.state.limit, 50);
    EXPECT_LE(service.state.limit, 75);
}

TEST(adaptive, follows_when_the_service_can_do_less_and_when_it_is_slower) {
    Service service{.workers = 60, .work_ns = 10 * ns_per_ms};
    service.run(60 * ns_per_s, 10'000);
    service.workers = 20;
    service.free_at.resize(20);
    service.run(180 * ns_per_s, 10'000);
    EXPECT_GE(service.state.limit, 20);
    EXPECT_LE(service.state.limit, 40);
    service.work_ns = 40 * ns_per_ms;  // four times as slow, with as many workers
    service.run(400 * ns_per_s, 10'000);
    EXPECT_GE(service.state.limit, 18);
    EXPECT_LE(service.state.limit, 45);
}

TEST(adaptive, an_unused_limit_does_not_grow) {
    Service service{.workers = 50, .work_ns = 10 * ns_per_ms};
    service.run(60 * ns_per_s, 3);
    EXPECT_LE(service.state.limit, service.config.start + 1);
}

TEST(adaptive, refusals_shrink_it_once_a_window_and_never_below_the_least) {
    const AdaptiveConfig config;
    auto state = make_adaptive(config, 0);
    on_end(config, state, 0, 5, true, 1);
    EXPECT_EQ(state.limit, 20);
    on_end(config, state, 0, 5, true, config.window_ns);
    EXPECT_DOUBLE_EQ(state.limit, 18);
    for (int i = 2; i < 100; ++i) on_end(config, state, 0, 5, true, i * config.window_ns);
    EXPECT_EQ(limit_of(config, state), config.limit_min);
}

}  // namespace
}  // namespace weft::mesh
