#include "mesh/backoff.hpp"

#include <algorithm>

#include "base/result.hpp"

namespace weft::mesh {

std::int64_t backoff_ns(const Backoff& backoff, std::uint32_t attempt, std::uint64_t random) {
    WEFT_ASSERT(backoff.min_ns >= 0 && backoff.max_ns >= backoff.min_ns);
    std::int64_t wait = backoff.min_ns;
    for (std::uint32_t i = 0; i < attempt && wait < backoff.max_ns; ++i) {
        wait = wait > backoff.max_ns / 2 ? backoff.max_ns : wait * 2;
    }
    const auto half = static_cast<std::uint64_t>(wait / 2);
    return wait - static_cast<std::int64_t>(half == 0 ? 0 : random % (half + 1));
}

}  // namespace weft::mesh
