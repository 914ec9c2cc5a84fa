#pragma once
// Keccak-256 as Ethereum uses it: the sponge as submitted to the SHA-3 competition (padding byte 0x01), which differs
// from the SHA3-256 of FIPS 202 (padding byte 0x06) in the padding alone.

#include <cstddef>
#include <cstdint>

#include "base/bytes.hpp"

namespace weft::crypto {

[[nodiscard]] Hash keccak256(BytesView data);

/// The same, to 32 bytes at @p out32, which may overlap the input.
void keccak256_into(const std::uint8_t* data, std::size_t size, std::uint8_t* out32);

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
