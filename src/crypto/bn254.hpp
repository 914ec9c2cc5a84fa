#pragma once
// The EVM's operations on the pairing-friendly curve BN254 (alt_bn128).
//
// A coordinate is 32 big-endian bytes below the field's prime, a point of G1 is x, y; a point of G2 is x, y with each
// coordinate's imaginary part first; all zeros is the point at infinity. nullopt: the input breaks a rule, the
// precompile fails.

#include <optional>

#include "base/bytes.hpp"

namespace weft::crypto {

/// Sum of two points of G1. @param input  128 bytes; as if zeros followed it, and what is beyond is ignored.
/// @source EIP-196, ECADD.
[[nodiscard]] std::optional<Bytes> bn254_add(BytesView input);

/// A point of G1 times a 32-byte number. @param input  96 bytes; as if zeros followed it, and what is beyond is
/// ignored.
/// @source EIP-196, ECMUL.
[[nodiscard]] std::optional<Bytes> bn254_multiply(BytesView input);

/// 32 bytes, the number 1 if the product of the pairings of (G1, G2) is one, else 0.
/// @param input  Pairs of 192 bytes, maybe none; any other length fails.
/// @source       EIP-197.
[[nodiscard]] std::optional<Bytes> bn254_pairing(BytesView input);

}  // namespace weft::crypto
