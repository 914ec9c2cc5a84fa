#pragma once
// Work in pieces that may run at once, for code that knows no threads: it is handed a Workers. The one with threads is
// in net/workers.hpp.

#include <cstddef>
#include <cstdint>
#include <functional>

namespace weft {

class Workers {
  public:
    virtual ~Workers() = default;
    /// Pieces that run at once, at most.
    [[nodiscard]] virtual std::size_t width() const { return 1; }
    /// Whether cutting up work of about @p work_ns gains more than waking others costs.
    [[nodiscard]] virtual bool pays(std::int64_t work_ns) const {
        (void)work_ns;
        return false;
    }
    /// Calls piece(i) for each i below @p count and returns when all have returned. Here one after the other; in
    /// general in any order, several at once, on any thread. A piece may call run() itself.
    virtual void run(std::size_t count, const std::function<void(std::size_t index)>& piece) {
        for (std::size_t i = 0; i < count; ++i) piece(i);
    }
};

/// The one that does everything in order on the caller's thread.
inline Workers& serial_workers() {
    static Workers workers;
    return workers;
}

/// Calls piece(first, end) for consecutive ranges of about @p size that make up [0, count).
inline void run_ranges(Workers& workers, std::size_t count, std::size_t size,
                       const std::function<void(std::size_t first, std::size_t end)>& piece) {
    workers.run((count + size - 1) / size, [&](std::size_t index) {
        const std::size_t first = index * size;
        piece(first, first + size < count ? first + size : count);
    });
}

}  // namespace weft
