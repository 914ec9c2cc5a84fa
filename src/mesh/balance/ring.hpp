#pragma once
// Consistent hashing on a ring: a key belongs to the first point at or after its hash, and each instance has points in
// proportion to its weight. An instance that comes or goes moves only the keys it gets or had. With a bound on the load
// a popular key overflows to the next instances on the ring.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "mesh/balance.hpp"
#include "mesh/balance/stable_hash.hpp"

namespace weft::mesh {

struct HashRing {
    struct Point {
        std::uint64_t hash = 0;
        std::uint32_t index = 0;
    };
    std::vector<Point> points;  // by hash
};

/// Points of one unit of weight: shares are then even within about a tenth.
inline constexpr std::uint32_t ring_points_wanted = 100;
/// Of a ring. Above it the heaviest have fewer than their weight says.
inline constexpr std::size_t ring_points_max = 1 << 17;

[[nodiscard]] HashRing make_ring(std::span<const Hashed> members);

/// @param candidates  In the order of the members of the ring.
/// @param key         A hash of what shall always go the same way.
[[nodiscard]] std::optional<std::size_t> pick_ring(const HashRing& ring, std::span<const Candidate> candidates,
                                                   std::uint64_t key);

/// Of all candidates that may be called. Kept up to date by who counts calls, or a pick would have to look at them all.
struct LoadTotal {
    std::uint64_t outstanding = 0;
    std::uint64_t share = 0;
};
[[nodiscard]] LoadTotal load_total(std::span<const Candidate> candidates);

/// What a candidate may hold at most if all hold @p total and get one more.
/// @param percent  100 or more: of its fair part.
[[nodiscard]] std::uint64_t bound_of(const Candidate& candidate, const LoadTotal& total, std::uint32_t percent);

/// As pick_ring(), but no candidate gets more than bound_of() allows: the key goes on along the ring.
///
/// @source  V. Mirrokni, M. Thorup, M. Zadimoghaddam, "Consistent Hashing with Bounded Loads", SODA 2018.
[[nodiscard]] std::optional<std::size_t> pick_bounded(const HashRing& ring, std::span<const Candidate> candidates,
                                                      const LoadTotal& total, std::uint64_t key,
                                                      std::uint32_t percent = 125);

}  // namespace weft::mesh
