#pragma once
// Ids of sessions, whatever they are carried by.

#include <atomic>
#include <cstdint>

namespace weft::net {

/// Never the same twice in a process; from 1.
[[nodiscard]] inline std::uint64_t next_session_id() {
    static std::atomic<std::uint64_t> last{0};
    return last.fetch_add(1, std::memory_order_relaxed) + 1;
}

}  // namespace weft::net
