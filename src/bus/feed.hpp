#pragma once
// A stream in memory with gap-free positions: readers ask for what follows a position and wait if nothing does. What is
// older than the feed's capacity is gone, and a reader that fell behind is told so.

#include <algorithm>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <vector>

#include "base/task.hpp"
#include "base/time.hpp"
#include "net/loop.hpp"

namespace weft::bus {

template <class Item>
struct FeedPage {
    std::vector<Item> items;
    std::uint64_t first = 0;  // position of items[0]
    std::uint64_t next = 0;
};

/// Thread-safe. Outlives its readers' tasks; closed before the loops they wait on stop.
template <class Item>
class Feed {
  public:
    /// @param capacity  items kept.
    /// @param epoch     not zero; tells this feed from the one of an earlier process.
    Feed(std::size_t capacity, std::uint64_t epoch) : capacity_(capacity), epoch_(epoch) {}

    [[nodiscard]] std::uint64_t epoch() const { return epoch_; }

    void publish(Item item) {
        std::vector<Promise<void>> woken;
        {
            const std::lock_guard lock(mutex_);
            items_.push_back(std::move(item));
            if (items_.size() > capacity_) {
                items_.pop_front();
                ++first_;
            }
            woken.swap(waiting_);
        }
        for (auto& promise : woken) promise.set({});
    }

    /// Ends every wait with what there is.
    void close() {
        std::vector<Promise<void>> woken;
        {
            const std::lock_guard lock(mutex_);
            closed_ = true;
            woken.swap(waiting_);
        }
        for (auto& promise : woken) promise.set({});
    }

    /// Items from position @p from on, at most @p count_max; waits for one until @p deadline_ns, then gives none.
    ///
    /// @param from  ~0: from the end.
    /// @errors out_of_range  the items at @p from are gone, or @p from is beyond the end.
    Task<FeedPage<Item>> read(std::uint64_t from, std::size_t count_max, std::int64_t deadline_ns) {
        while (true) {
            std::optional<Future<void>> wait;
            {
                const std::lock_guard lock(mutex_);
                const std::uint64_t end = first_ + items_.size();
                if (from == ~std::uint64_t{0}) from = end;
                if (from < first_ || from > end) {
                    co_return fail(ErrorCode::out_of_range, "position is not in the feed any more");
                }
                if (from < end || closed_ || monotonic_ns() >= deadline_ns) {
                    const auto count = std::min<std::uint64_t>(end - from, count_max);
                    const auto begin = items_.begin() + static_cast<std::ptrdiff_t>(from - first_);
                    co_return FeedPage<Item>{{begin, begin + static_cast<std::ptrdiff_t>(count)}, from, from + count};
                }
                // A reader that timed out leaves its promise behind; the next item takes it away, and so does this.
                if (waiting_.size() >= waiting_max) waiting_.erase(waiting_.begin());
                waiting_.emplace_back();
                wait = waiting_.back().future();
            }
            if (auto* loop = net::Loop::current()) {
                const auto woken = co_await settled(net::within(*loop, deadline_ns, std::move(*wait).wait()));
                if (!woken && woken.error().code == ErrorCode::cancelled && !loop->running()) {
                    co_return fail(ErrorCode::cancelled, "the loop stopped");
                }
            } else {
                (void)co_await settled(std::move(*wait).wait());
            }
        }
    }

  private:
    static constexpr std::size_t waiting_max = 4096;

    const std::size_t capacity_;
    const std::uint64_t epoch_;
    std::mutex mutex_;
    std::deque<Item> items_;
    std::uint64_t first_ = 0;
    std::vector<Promise<void>> waiting_;
    bool closed_ = false;
};

}  // namespace weft::bus
