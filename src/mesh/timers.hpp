#pragma once
// Time for what must wait, given by the caller: a loop in a process, a schedule of virtual time in a test.

#include <cstdint>
#include <functional>
#include <utility>

#include "base/task.hpp"

namespace weft::mesh {

/// Thread-safe. Outlives what waits.
class Timers {
  public:
    using Id = std::uint64_t;

    virtual ~Timers() = default;
    [[nodiscard]] virtual std::int64_t now_ns() const = 0;
    /// 64 uniform bits.
    [[nodiscard]] virtual std::uint64_t random() = 0;
    /// Calls @p work once, then. A source that stops destroys it uncalled.
    virtual Id at(std::int64_t at_ns, std::move_only_function<void()> work) = 0;
    /// Too late is no error: the work is done or being done.
    virtual void cancel(Id id) = 0;

    /// @errors cancelled  the source has stopped.
    Task<void> sleep_until(std::int64_t at_ns) {
        Promise<void> promise;
        auto future = promise.future();
        at(at_ns, [done = std::move(promise)]() mutable { done.set({}); });
        co_await std::move(future).wait();
    }
};

}  // namespace weft::mesh
