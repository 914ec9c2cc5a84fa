#pragma once

#include <cstdint>

namespace weft::crypto {

/// The compression function F of BLAKE2b with any number of rounds, which the EVM has as a precompile.
///
/// @param h       State, updated in place.
/// @param m       One block of the message, 16 little-endian words.
/// @param t0, t1  Bytes hashed so far, low and high word.
/// @param last    Whether this is the last block.
/// @param rounds  12 in BLAKE2b; the caller bounds it (the EVM by gas, one each).
/// @source        RFC 7693, section 3.2; EIP-152.
void blake2b_compress(std::uint64_t h[8], const std::uint64_t m[16], std::uint64_t t0, std::uint64_t t1, bool last,
                      std::uint32_t rounds);

}  // namespace weft::crypto
