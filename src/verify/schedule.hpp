#pragma once
// What will happen, in order of virtual time. Events of one time come in the order of a tie-break, which may be random.

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

namespace weft::verify {

template <class Event>
class Schedule {
  public:
    /// @param time  not before now().
    void at(std::int64_t time, std::uint64_t tie, Event event) {
        heap_.push_back({std::max(time, now_), tie, next_++, std::move(event)});
        std::push_heap(heap_.begin(), heap_.end(), later);
    }
    [[nodiscard]] bool empty() const { return heap_.empty(); }
    [[nodiscard]] std::size_t size() const { return heap_.size(); }
    [[nodiscard]] std::int64_t now() const { return now_; }
    /// The time of what take() gives. @pre not empty.
    [[nodiscard]] std::int64_t next_time() const { return heap_.front().time; }
    Event take() {
        std::pop_heap(heap_.begin(), heap_.end(), later);
        Entry entry = std::move(heap_.back());
        heap_.pop_back();
        now_ = entry.time;
        return std::move(entry.event);
    }

  private:
    struct Entry {
        std::int64_t time;
        std::uint64_t tie;
        std::uint64_t number;
        Event event;
    };
    static bool later(const Entry& a, const Entry& b) {
        if (a.time != b.time) return a.time > b.time;
        if (a.tie != b.tie) return a.tie > b.tie;
        return a.number > b.number;
    }

    std::vector<Entry> heap_;
    std::int64_t now_ = 0;
    std::uint64_t next_ = 0;
};

}  // namespace weft::verify
