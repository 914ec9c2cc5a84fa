#pragma once
// Which chain and which of its forks a node follows, in twelve bytes. @source EIP-2124, EIP-6122.

#include <cstdint>

#include "base/bytes.hpp"
#include "chain/fork.hpp"

namespace weft::chain {

/// CRC-32 (IEEE 802.3) of what @p crc is the checksum of (0: nothing) and then @p bytes.
[[nodiscard]] std::uint32_t crc32(std::uint32_t crc, BytesView bytes);

struct ForkId {
    std::uint32_t hash = 0;  // CRC-32 of the genesis hash and the forks that have passed
    std::uint64_t next = 0;  // block number or time of the next one; 0: none is known
    bool operator==(const ForkId&) const = default;
};

/// Where a chain stands.
struct ForkPoint {
    Hash genesis_hash;
    std::uint64_t genesis_time = 0;
    std::uint64_t number = 0;     // of the head
    std::uint64_t timestamp = 0;  // of the head
};
[[nodiscard]] ForkId fork_id(const ChainConfig& config, const ForkPoint& at);
/// Whether a peer with that id can be on this chain, now or once either has caught up.
[[nodiscard]] bool is_compatible(const ChainConfig& config, const ForkPoint& at, const ForkId& remote);

}  // namespace weft::chain
