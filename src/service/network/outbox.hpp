#pragma once
// What waits to be sent to one peer, by lane.
//
// A higher lane goes first, always, but for the guard: a lane that has waited while guard_bytes of higher ones left
// sends one frame. So votes are never behind a block by more than the frame that is on its way, and a flood of them
// does not stop a peer's other requests for ever.

#include <array>
#include <cstdint>
#include <deque>
#include <memory>

#include "base/bytes.hpp"
#include "service/network/frame.hpp"

namespace weft::service::network {

/// A whole frame, which many peers' outboxes share.
using FramePtr = std::shared_ptr<const Bytes>;

class Outbox {
  public:
    /// @param bytes_max  of each lane, lane_count of them.
    explicit Outbox(const std::size_t* bytes_max) : bytes_max_(bytes_max) {}

    /// False if the lane is full. An empty lane takes any frame.
    [[nodiscard]] bool add(Lane lane, FramePtr frame) {
        auto& queue = lanes_[static_cast<std::size_t>(lane)];
        if (queue.bytes != 0 && queue.bytes + frame->size() > bytes_max_[static_cast<std::size_t>(lane)]) return false;
        queue.bytes += frame->size();
        queue.frames.push_back(std::move(frame));
        return true;
    }
    /// What leaves next; null if nothing waits.
    [[nodiscard]] FramePtr next() {
        Queue* chosen = nullptr;
        for (auto& queue : lanes_) {
            if (queue.frames.empty()) continue;
            if (chosen == nullptr) chosen = &queue;
            if (queue.passed >= guard_bytes) {
                chosen = &queue;
                break;
            }
        }
        if (chosen == nullptr) return nullptr;
        FramePtr frame = std::move(chosen->frames.front());
        chosen->frames.pop_front();
        chosen->bytes -= frame->size();
        chosen->passed = 0;
        for (Queue* queue = chosen + 1; queue < lanes_.data() + lanes_.size(); ++queue) {
            if (!queue->frames.empty()) queue->passed += frame->size();
        }
        return frame;
    }
    [[nodiscard]] std::size_t size(Lane lane) const { return lanes_[static_cast<std::size_t>(lane)].bytes; }

    static constexpr std::size_t guard_bytes = 1 << 20;

  private:
    struct Queue {
        std::deque<FramePtr> frames;
        std::size_t bytes = 0;
        std::size_t passed = 0;  // by higher lanes since this one sent
    };
    const std::size_t* bytes_max_;
    std::array<Queue, lane_count> lanes_;
};

}  // namespace weft::service::network
