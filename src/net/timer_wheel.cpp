#include "net/timer_wheel.hpp"

#include <bit>
#include <limits>

namespace weft::net {

TimerWheel::TimerWheel(std::int64_t now_ns) : now_tick_(static_cast<std::uint64_t>(now_ns) >> tick_bits) {
    const auto reset = [](Timer& head) { head.next_ = head.previous_ = &head; };
    reset(due_);
    for (auto& level : slots_) {
        for (auto& head : level) reset(head);
    }
}

void TimerWheel::link(Timer& head, Timer& timer) {
    timer.next_ = &head;
    timer.previous_ = head.previous_;
    head.previous_->next_ = &timer;
    head.previous_ = &timer;
}

void TimerWheel::remove(Timer& timer) {
    timer.previous_->next_ = timer.next_;
    timer.next_->previous_ = timer.previous_;
    timer.next_ = timer.previous_ = nullptr;
}

void TimerWheel::take(Timer& from, Timer& to) {
    if (empty(from)) {
        to.next_ = to.previous_ = &to;
        return;
    }
    to.next_ = from.next_;
    to.previous_ = from.previous_;
    to.next_->previous_ = &to;
    to.previous_->next_ = &to;
    from.next_ = from.previous_ = &from;
}

void TimerWheel::insert(Timer& timer, std::int64_t at_ns) {
    constexpr std::uint64_t below_tick = (1ULL << tick_bits) - 1;
    const std::uint64_t at = at_ns > 0 ? static_cast<std::uint64_t>(at_ns) : 0;
    timer.tick_ = (at >> tick_bits) + ((at & below_tick) != 0 ? 1 : 0);
    place(timer);
}

void TimerWheel::place(Timer& timer) {
    if (timer.tick_ <= now_tick_) return link(due_, timer);
    // 7 levels of 6 bits are 2^42 ticks: the wheel outlasts the machine, so a later time waits on the last level.
    constexpr std::uint64_t span = (1ULL << (level_count * slot_bits)) - 1;
    if ((timer.tick_ ^ now_tick_) > span) timer.tick_ = now_tick_ | span;
    const int level = (std::bit_width(timer.tick_ ^ now_tick_) - 1) / slot_bits;
    const auto index = (timer.tick_ >> (level * slot_bits)) & (slot_count - 1);
    const auto at = static_cast<std::size_t>(level);
    link(slots_[at][index], timer);
    occupied_[at] |= 1ULL << index;
}

bool TimerWheel::next_slot(Slot& out) const {
    // A timer on a lower level is due before every timer on a higher one, and no occupied slot lies before now.
    for (int level = 0; level < level_count; ++level) {
        const std::uint64_t bits = occupied_[static_cast<std::size_t>(level)];
        if (bits == 0) continue;
        const int index = std::countr_zero(bits);
        const int shift = level * slot_bits;
        const std::uint64_t above = now_tick_ >> (shift + slot_bits) << (shift + slot_bits);
        out = {level, index, above | static_cast<std::uint64_t>(index) << shift};
        return true;
    }
    return false;
}

std::int64_t TimerWheel::next_ns() const {
    if (!empty(due_)) return 0;
    Slot slot{};
    if (!next_slot(slot)) return std::numeric_limits<std::int64_t>::max();
    return static_cast<std::int64_t>(slot.starts_at << tick_bits);
}

void TimerWheel::advance(std::int64_t now_ns) {
    const std::uint64_t target = static_cast<std::uint64_t>(now_ns) >> tick_bits;
    Timer list;
    take(due_, list);
    fire(list);
    Slot slot{};
    while (next_slot(slot) && slot.starts_at <= target) {
        const auto level = static_cast<std::size_t>(slot.level);
        occupied_[level] &= ~(1ULL << slot.index);
        now_tick_ = slot.starts_at;
        take(slots_[level][static_cast<std::size_t>(slot.index)], list);
        while (!empty(list)) {
            Timer& timer = *list.next_;
            remove(timer);
            place(timer);
        }
        take(due_, list);
        fire(list);
    }
    if (target > now_tick_) now_tick_ = target;
}

void TimerWheel::fire(Timer& list) {
    while (!empty(list)) {
        Timer& timer = *list.next_;
        remove(timer);
        timer.fire_();  // the timer may be gone now
    }
}

void TimerWheel::stop() {
    Timer wake;
    wake.next_ = wake.previous_ = &wake;
    const auto clear = [&wake](Timer& head) {
        while (!empty(head)) {
            Timer& timer = *head.next_;
            remove(timer);
            if (timer.also_at_stop_) link(wake, timer);
        }
    };
    clear(due_);
    for (auto& level : slots_) {
        for (auto& head : level) clear(head);
    }
    occupied_.fill(0);
    fire(wake);
}

}  // namespace weft::net
