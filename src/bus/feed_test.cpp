#include "bus/feed.hpp"

#include <gtest/gtest.h>

#include <thread>

namespace weft::bus {
namespace {

constexpr std::int64_t long_ns = 30 * ns_per_s;

TEST(feed, gives_what_follows_a_position_without_gaps) {
    Feed<int> feed(10, 1);
    for (int i = 0; i < 5; ++i) feed.publish(i);
    const auto page = run(feed.read(1, 3, monotonic_ns()));
    ASSERT_TRUE(page);
    EXPECT_EQ(page->items, (std::vector{1, 2, 3}));
    EXPECT_EQ(page->first, 1U);
    EXPECT_EQ(page->next, 4U);
}

TEST(feed, tells_a_reader_that_fell_behind) {
    Feed<int> feed(2, 1);
    for (int i = 0; i < 5; ++i) feed.publish(i);
    EXPECT_EQ(run(feed.read(1, 10, monotonic_ns())).error().code, ErrorCode::out_of_range);
    EXPECT_EQ(run(feed.read(6, 10, monotonic_ns())).error().code, ErrorCode::out_of_range);
    EXPECT_EQ(run(feed.read(3, 10, monotonic_ns()))->items, (std::vector{3, 4}));
}

TEST(feed, keeps_no_more_bytes_than_it_may_but_always_the_newest) {
    Feed<int> feed(10, 1, 100, [](const int& item) { return static_cast<std::size_t>(item); });
    for (const int item : {50, 30, 20}) feed.publish(item);
    EXPECT_EQ(run(feed.read(0, 10, monotonic_ns()))->items, (std::vector{50, 30, 20}));
    feed.publish(1);
    EXPECT_EQ(run(feed.read(0, 10, monotonic_ns())).error().code, ErrorCode::out_of_range);
    EXPECT_EQ(run(feed.read(1, 10, monotonic_ns()))->items, (std::vector{30, 20, 1}));
    feed.publish(1000);
    EXPECT_EQ(run(feed.read(4, 10, monotonic_ns()))->items, std::vector{1000});
    EXPECT_EQ(run(feed.read(3, 10, monotonic_ns())).error().code, ErrorCode::out_of_range);
    feed.publish(2);
    EXPECT_EQ(run(feed.read(5, 10, monotonic_ns()))->items, std::vector{2});
}

TEST(feed, from_now_on_starts_at_the_end) {
    Feed<int> feed(10, 1);
    feed.publish(1);
    const auto page = run(feed.read(~std::uint64_t{0}, 10, monotonic_ns()));
    ASSERT_TRUE(page);
    EXPECT_TRUE(page->items.empty());
    EXPECT_EQ(page->next, 1U);
}

TEST(feed, a_waiting_reader_is_woken_by_the_next_item) {
    Feed<int> feed(10, 1);
    std::thread writer([&] { feed.publish(7); });
    const auto page = run(feed.read(0, 10, monotonic_ns() + long_ns));
    writer.join();
    ASSERT_TRUE(page);
    EXPECT_EQ(page->items, std::vector{7});
}

TEST(feed, a_wait_on_a_loop_ends_at_its_deadline) {
    Feed<int> feed(10, 1);
    net::LoopGroup loops(1);
    loops.start();
    const auto wait = [&]() -> Task<std::size_t> {
        co_await net::switch_to(loops.loop(0));
        const auto page = co_await feed.read(0, 10, monotonic_ns() + 20 * ns_per_ms);
        co_return page.items.size();
    };
    EXPECT_EQ(run(wait()), 0U);
    feed.close();
    loops.stop();
}

TEST(feed, closing_ends_every_wait) {
    Feed<int> feed(10, 1);
    std::thread closer([&] { feed.close(); });
    const auto page = run(feed.read(0, 10, monotonic_ns() + long_ns));
    closer.join();
    ASSERT_TRUE(page);
    EXPECT_TRUE(page->items.empty());
}

}  // namespace
}  // namespace weft::bus
