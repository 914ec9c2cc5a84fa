#pragma once
// Keccak-256 as Ethereum uses it: the sponge as submitted to the SHA-3 competition (padding byte 0x01), which differs
// from the SHA3-256 of FIPS 202 (padding byte 0x06) in the padding alone.

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/bytes.hpp"

namespace weft::crypto {

[[nodiscard]] Hash keccak256(BytesView data);

/// The same, to 32 bytes at @p out32, which may overlap the input.
void keccak256_into(const std::uint8_t* data, std::size_t size, std::uint8_t* out32);

/// A message and where its hash goes, which must not overlap any message of the same call.
struct HashJob {
    BytesView message;
    std::uint8_t* out32 = nullptr;
};
/// The hash of each message. Several at a time go through one vector unit, so that many cost a fraction of as many
/// calls of keccak256(). @param jobs  left in another order.
void keccak256_many(std::span<HashJob> jobs);

/// Keccak-256 of a message that arrives in parts.
class Keccak256 {
  public:
    void update(BytesView data);
    /// The hash of everything given so far; afterwards the object is as new.
    [[nodiscard]] Hash finish();

  private:
    static constexpr std::size_t rate = 136;  // 1600 bits of state less twice the 256 bits of output

    std::uint64_t state_[25] = {};
    std::uint8_t buffer_[rate] = {};
    std::size_t buffered_ = 0;
};

}  // namespace weft::crypto
