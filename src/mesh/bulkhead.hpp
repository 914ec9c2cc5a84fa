#pragma once
// A bulkhead: so many calls at once, so many more may wait for a place, the rest is refused. One slow service then
// can't take all of its caller's memory and connections.

#include <cstdint>

namespace weft::mesh {

struct Bulkhead {
    std::uint32_t running = 0;
    std::uint32_t waiting = 0;
};

enum class Entry : std::uint8_t { run, wait, refuse };

/// @param running_max  May change between calls, as an adaptive limit does (mesh/adaptive.hpp).
[[nodiscard]] Entry enter(Bulkhead& bulkhead, std::uint32_t running_max, std::uint32_t waiting_max);
/// A call has ended. @return how many that wait go on now; they count as running.
[[nodiscard]] std::uint32_t leave(Bulkhead& bulkhead, std::uint32_t running_max);
/// One that waited does so no longer: its deadline has passed.
void give_up(Bulkhead& bulkhead);

}  // namespace weft::mesh
