#pragma once
// Workers on the threads of a pool. The caller takes part: it never waits for a thread that is busy elsewhere, only for
// pieces that were begun, so that calls may nest and the pool may be full.

#include "base/workers.hpp"
#include "net/loop.hpp"

namespace weft::net {

class PoolWorkers final : public Workers {
  public:
    /// What it takes to wake a thread and to wait for its last piece, and a little more.
    static constexpr std::int64_t wake_ns_usual = 40'000;

    /// @param pool   must outlive this. @param width  threads that take part in one run(), the caller's included.
    /// @param wake_ns  work that takes less is not worth cutting up.
    PoolWorkers(WorkerPool& pool, std::size_t width, std::int64_t wake_ns = wake_ns_usual)
        : pool_(pool), width_(width), wake_ns_(wake_ns) {
        WEFT_ASSERT(width > 0);
    }

    [[nodiscard]] std::size_t width() const override { return width_; }
    [[nodiscard]] bool pays(std::int64_t work_ns) const override { return width_ > 1 && work_ns >= wake_ns_; }
    /// Thread-safe.
    void run(std::size_t count, const std::function<void(std::size_t index)>& piece) override;

  private:
    WorkerPool& pool_;
    const std::size_t width_;
    const std::int64_t wake_ns_;
};

}  // namespace weft::net
