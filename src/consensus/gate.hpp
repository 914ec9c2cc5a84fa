#pragma once
// Persist before send: holds back what an engine decided until what it depends on is durable.

#include <cstdint>
#include <deque>
#include <utility>

#include "base/result.hpp"
#include "consensus/engine.hpp"

namespace weft::consensus {

inline constexpr std::size_t held_max = 1000;  // actions; a full disk must not fill the memory too

/// Batches go through in order. Of each, what stands before its first Persist takes effect at once; the rest waits for
/// the record, and so does every batch after it.
class Gate {
  public:
    /// An engine's batch. @param release  called for each action that may take effect now. For a Persist that is:
    /// begin to write it, and call persisted() when it is durable.
    template <class Release>
    void put(Actions& actions, Release&& release) {
        for (auto& action : actions) held_.push_back(std::move(action));
        actions.clear();
        if (!waits_) drain(release);
    }

    /// The record that was released last is durable.
    template <class Release>
    void persisted(Release&& release) {
        WEFT_ASSERT(waits_);
        waits_ = false;
        drain(release);
    }

    /// Whether a record is being written.
    [[nodiscard]] bool waits() const { return waits_; }
    /// Whether the driver feeds the engine no messages until there is room. Timers that are held do not run anyway.
    [[nodiscard]] bool is_full() const { return held_.size() >= held_max; }
    [[nodiscard]] std::size_t size() const { return held_.size(); }

  private:
    template <class Release>
    void drain(Release&& release) {
        while (!held_.empty() && !waits_) {
            Action action = std::move(held_.front());
            held_.pop_front();
            waits_ = std::holds_alternative<Persist>(action);
            release(std::move(action));
        }
    }

    std::deque<Action> held_;
    bool waits_ = false;
};

}  // namespace weft::consensus
