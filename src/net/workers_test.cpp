#include "net/workers.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace weft::net {
namespace {

TEST(workers, run_each_piece_once) {
    WorkerPool pool(2, 100);
    PoolWorkers workers(pool, 3);
    for (const std::size_t count : {0UL, 1UL, 2UL, 3UL, 7UL, 1000UL}) {
        SCOPED_TRACE(count);
        std::vector<std::atomic<int>> calls(count);
        workers.run(count, [&](std::size_t i) { ++calls[i]; });
        for (const auto& each : calls) EXPECT_EQ(each, 1);
    }
}

TEST(workers, pieces_run_at_once) {
    WorkerPool pool(1, 100);
    PoolWorkers workers(pool, 2);
    // Each piece ends only when the other has begun.
    std::atomic<int> begun = 0;
    workers.run(2, [&](std::size_t) {
        ++begun;
        begun.notify_all();
        for (int now = begun; now != 2; now = begun) begun.wait(now);
    });
    EXPECT_EQ(begun, 2);
}

TEST(workers, go_on_alone_while_the_pool_is_busy_or_full) {
    // Before the pool, whose threads may still look at it when they are joined.
    std::atomic<bool> release = false;
    WorkerPool pool(1, 1);
    pool.post([&] { release.wait(false); });
    pool.post([] {});
    PoolWorkers workers(pool, 4);
    std::atomic<int> calls = 0;
    workers.run(10, [&](std::size_t) { ++calls; });
    EXPECT_EQ(calls, 10);
    release = true;
    release.notify_all();
}

TEST(workers, nest) {
    WorkerPool pool(2, 100);
    PoolWorkers workers(pool, 3);
    std::atomic<int> calls = 0;
    workers.run(8, [&](std::size_t) { workers.run(8, [&](std::size_t) { ++calls; }); });
    EXPECT_EQ(calls, 64);
}

TEST(workers, ranges_cover_everything_once) {
    std::vector<std::pair<std::size_t, std::size_t>> got;
    run_ranges(serial_workers(), 10, 4, [&](std::size_t first, std::size_t end) { got.emplace_back(first, end); });
    EXPECT_EQ(got, (std::vector<std::pair<std::size_t, std::size_t>>{{0, 4}, {4, 8}, {8, 10}}));
    run_ranges(serial_workers(), 0, 4, [&](std::size_t, std::size_t) { ADD_FAILURE() << "nothing to do"; });
}

}  // namespace
}  // namespace weft::net
