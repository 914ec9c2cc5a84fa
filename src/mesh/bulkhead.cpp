#include "mesh/bulkhead.hpp"

#include <algorithm>

#include "base/result.hpp"

namespace weft::mesh {

Entry enter(Bulkhead& bulkhead, std::uint32_t running_max, std::uint32_t waiting_max) {
    // Nobody overtakes those who wait.
    if (bulkhead.running < running_max && bulkhead.waiting == 0) {
        ++bulkhead.running;
        return Entry::run;
    }
    if (bulkhead.waiting >= waiting_max) return Entry::refuse;
    ++bulkhead.waiting;
    return Entry::wait;
}

std::uint32_t leave(Bulkhead& bulkhead, std::uint32_t running_max) {
    WEFT_ASSERT(bulkhead.running > 0);
    --bulkhead.running;
    const std::uint32_t places = running_max > bulkhead.running ? running_max - bulkhead.running : 0;
    const std::uint32_t going_on = std::min(places, bulkhead.waiting);
    bulkhead.waiting -= going_on;
    bulkhead.running += going_on;
    return going_on;
}

void give_up(Bulkhead& bulkhead) {
    WEFT_ASSERT(bulkhead.waiting > 0);
    --bulkhead.waiting;
}

}  // namespace weft::mesh
