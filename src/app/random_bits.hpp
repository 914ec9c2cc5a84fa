#pragma once

#include <atomic>
#include <cstdint>

#include "base/bytes.hpp"
#include "base/time.hpp"

namespace weft::app {

/// 64 bits to spread waits and choices by; nobody's secret. From any thread.
[[nodiscard]] inline std::uint64_t random_bits() {
    static std::atomic<std::uint64_t> count{0};
    return mix64(count.fetch_add(1, std::memory_order_relaxed) ^ static_cast<std::uint64_t>(monotonic_ns()) << 20);
}

}  // namespace weft::app
