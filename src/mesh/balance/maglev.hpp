#pragma once
// Consistent hashing by a table that is looked up in one step: shares are even within one entry of the table, a change
// moves little more than it must. Against the ring: faster and more even, dearer to build, no bound on the load.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "mesh/balance.hpp"
#include "mesh/balance/stable_hash.hpp"

namespace weft::mesh {

/// Prime, and a hundred times the number of instances for which shares are to be even within a percent.
inline constexpr std::uint32_t maglev_size = 65'537;

struct Maglev {
    std::vector<std::uint16_t> table;  // index of a member; empty if there is none
};

/// About 2 ms: for a change of members, not for one of health. At most maglev_size - 1 members.
///
/// @source  D. Eisenbud et al., "Maglev: A Fast and Reliable Software Network Load Balancer", NSDI 2016, 3.4; weights
///          as in Envoy.
[[nodiscard]] Maglev make_maglev(std::span<const Hashed> members);

/// A key whose instance can't be called goes elsewhere, always to the same; the keys of the others stay.
///
/// @param candidates  In the order of the members of the table.
[[nodiscard]] std::optional<std::size_t> pick_maglev(const Maglev& maglev, std::span<const Candidate> candidates,
                                                     std::uint64_t key);

}  // namespace weft::mesh
