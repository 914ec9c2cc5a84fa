#pragma once
// Timers in a hierarchy of wheels: setting and cancelling cost the same whatever their number, which is what a server
// with a deadline on every call needs.
//
// Level l has 64 slots of 64^l ticks. A timer waits on the level of the highest digit (base 64) in which its tick
// differs from now; when time reaches its slot it moves down, and from level 0 it fires. A tick is 2^20 ns.

#include <array>
#include <cstdint>

#include "net/loop.hpp"

namespace weft::net {

class TimerWheel {
  public:
    explicit TimerWheel(std::int64_t now_ns);

    void insert(Timer& timer, std::int64_t at_ns);
    static void remove(Timer& timer);
    /// Fires what is due. Timers may be set, cancelled and destroyed meanwhile.
    void advance(std::int64_t now_ns);
    /// When advance() has something to do next (it may be early, never late); INT64_MAX for never.
    [[nodiscard]] std::int64_t next_ns() const;
    /// Unlinks all timers, and fires those that want to know of the loop's end.
    void stop();

  private:
    static constexpr int level_count = 7;
    static constexpr int slot_bits = 6;
    static constexpr int slot_count = 1 << slot_bits;
    static constexpr int tick_bits = 20;

    struct Slot {
        int level;
        int index;
        std::uint64_t starts_at;
    };
    [[nodiscard]] bool next_slot(Slot& out) const;
    void place(Timer& timer);
    static void link(Timer& head, Timer& timer);
    static bool empty(const Timer& head) { return head.next_ == &head; }
    /// Moves a list's timers to another, whose own are lost.
    static void take(Timer& from, Timer& to);
    static void fire(Timer& list);

    std::uint64_t now_tick_;
    Timer due_;  // set for a time that had passed
    Timer slots_[level_count][slot_count];
    std::array<std::uint64_t, level_count>
        occupied_{};  // a bit may outlive its slot's last timer, until time gets there
};

}  // namespace weft::net
