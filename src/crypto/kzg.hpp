#pragma once
// KZG proofs that a blob's polynomial has a given value at a given point.
//
// Commitments and proofs are compressed points of G1 (48 bytes); points and values are 32 big-endian bytes below the
// order of BLS12-381's scalar field.

#include <optional>

#include "base/bytes.hpp"

namespace weft::crypto {

/// What a transaction carries of a blob: its commitment's SHA-256 hash with the first byte set to the version, 1.
/// @source EIP-4844, kzg_to_versioned_hash.
[[nodiscard]] Hash kzg_to_versioned_hash(BytesView commitment48);

/// Whether @p proof48 shows that the polynomial committed to has the value @p y32 at @p z32. Malformed input is false.
/// @source EIP-4844; consensus specification (Deneb), verify_kzg_proof.
[[nodiscard]] bool kzg_verify_proof(BytesView commitment48, BytesView z32, BytesView y32, BytesView proof48);

/// @param input192  versioned hash, z, y, commitment, proof; any other length fails.
/// @return          4096 and the scalar field's order, 32 bytes each; nullopt if the hash is not of the commitment or
///                  the proof is wrong.
/// @source          EIP-4844, point evaluation precompile.
[[nodiscard]] std::optional<Bytes> kzg_point_evaluation(BytesView input192);

}  // namespace weft::crypto
