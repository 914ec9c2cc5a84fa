#pragma once
// The EVM's operations on the pairing-friendly curve BLS12-381.
//
// An element of Fp is 64 bytes: 16 zeros, then 48 big-endian bytes below the prime; of Fp2, c0 then c1 (c0 + c1 * i).
// A point of G1 is 128 bytes (x, y), of G2 256; all zeros is the point at infinity. A scalar is any 32 bytes.
// nullopt: the input breaks a rule (length included), the precompile fails.
//
// Points must be on the curve. Multiplication and pairing also demand the prime-order subgroup, addition does not.

#include <optional>

#include "base/bytes.hpp"

namespace weft::crypto {

/// @source EIP-2537, BLS12_G1ADD. @param input  Two points, 256 bytes.
[[nodiscard]] std::optional<Bytes> bls_g1_add(BytesView input);
/// @source EIP-2537, BLS12_G1MSM. @param input  One or more of (point, scalar), 160 bytes each.
[[nodiscard]] std::optional<Bytes> bls_g1_msm(BytesView input);
/// @source EIP-2537, BLS12_G2ADD. @param input  Two points, 512 bytes.
[[nodiscard]] std::optional<Bytes> bls_g2_add(BytesView input);
/// @source EIP-2537, BLS12_G2MSM. @param input  One or more of (point, scalar), 288 bytes each.
[[nodiscard]] std::optional<Bytes> bls_g2_msm(BytesView input);
/// 32 bytes, the number 1 if the product of the pairings is one, else 0.
/// @source EIP-2537, BLS12_PAIRING_CHECK. @param input  One or more of (G1, G2), 384 bytes each.
[[nodiscard]] std::optional<Bytes> bls_pairing(BytesView input);
/// @source EIP-2537, BLS12_MAP_FP_TO_G1. @param input  One element of Fp, 64 bytes.
[[nodiscard]] std::optional<Bytes> bls_map_fp_to_g1(BytesView input);
/// @source EIP-2537, BLS12_MAP_FP2_TO_G2. @param input  One element of Fp2, 128 bytes.
[[nodiscard]] std::optional<Bytes> bls_map_fp2_to_g2(BytesView input);

}  // namespace weft::crypto
