#pragma once
// A stream in memory with gap-free positions: readers ask for what follows a position and wait if nothing does. What is
// older than the feed's capacity is gone, and a reader that fell behind is told so.

#include <algorithm>
#include <cstdint>
#include <deque>
#include <functional>
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
    /// About the bytes of memory that an item keeps in use.
    using SizeOf = std::function<std::size_t(const Item&)>;

    /// @param capacity  items kept.
    /// @param epoch     not zero; tells this feed from the one of an earlier process.
    /// @param size_max  bytes kept, if items differ much in @p size_of; the newest stays however large it is.
    Feed(std::size_t capacity, std::uint64_t epoch, std::size_t size_max = ~std::size_t{0},
         SizeOf size_of = [](const Item&) { return std::size_t{0}; })
        : capacity_(capacity), epoch_(epoch), size_max_(size_max), size_of_(std::move(size_of)) {}

    [[nodiscard]] std::uint64_t epoch() const { return epoch_; }

    void publish(Item item) {
        std::vector<Promise<void>> woken;
        {
            const std::lock_guard lock(mutex_);
            const std::size_t size = size_of_(item);
            size_ += size;
            items_.push_back(std::move(item));
            sizes_.push_back(size);
            while (items_.size() > capacity_ || (size_ > size_max_ && items_.size() > 1)) drop_oldest();
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

    void drop_oldest() {
        size_ -= sizes_.front();
        items_.pop_front();
        sizes_.pop_front();
        ++first_;
    }

    const std::size_t capacity_;
    const std::uint64_t epoch_;
    const std::size_t size_max_;
    const SizeOf size_of_;
    std::mutex mutex_;
    std::deque<Item> items_;
    std::deque<std::size_t> sizes_;  // of items_
    std::size_t size_ = 0;
    std::uint64_t first_ = 0;
    std::vector<Promise<void>> waiting_;
    bool closed_ = false;
};

}  // namespace weft::bus
