#pragma once
// Time for the layers of src/mesh/layer/ in a process: the timers of its event loops.

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>

#include "mesh/timers.hpp"
#include "net/loop.hpp"

namespace weft::app {

class LoopTimers : public mesh::Timers {
  public:
    /// @param loops  stop before this is destroyed.
    explicit LoopTimers(net::LoopGroup& loops) : loops_(loops) {}

    [[nodiscard]] std::int64_t now_ns() const override;
    [[nodiscard]] std::uint64_t random() override;
    /// The work is done on the loop that it was asked on, or on one of the group.
    Id at(std::int64_t at_ns, std::move_only_function<void()> work) override;
    void cancel(Id id) override;

  private:
    /// Of its loop's thread, but for the flag.
    struct Entry;
    std::shared_ptr<Entry> take(Id id);

    net::LoopGroup& loops_;
    std::mutex mutex_;
    std::map<Id, std::shared_ptr<Entry>> entries_;
    Id last_ = 0;
};

}  // namespace weft::app
