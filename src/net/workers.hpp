#pragma once
// Workers on the threads of a pool. The caller takes part: it never waits for a thread that is busy elsewhere, only for
// pieces that were begun, so that calls may nest and the pool may be full.

#include "base/workers.hpp"
#include "net/loop.hpp"

namespace weft::net {

class PoolWorkers final : public Workers {
  public:
    /// @param pool   must outlive this. @param width  threads that take part in one run(), the caller's included.
    PoolWorkers(WorkerPool& pool, std::size_t width) : pool_(pool), width_(width) { WEFT_ASSERT(width > 0); }

    [[nodiscard]] std::size_t width() const override { return width_; }
    /// Thread-safe.
    void run(std::size_t count, const std::function<void(std::size_t index)>& piece) override;

  private:
    WorkerPool& pool_;
    const std::size_t width_;
};

}  // namespace weft::net
