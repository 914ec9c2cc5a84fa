#pragma once
// That a blob belongs to its commitment: what the network form of a blob transaction has to show.
//
// A blob is 4096 numbers of 32 big-endian bytes, each below the order of BLS12-381's scalar field: the values of a
// polynomial of degree 4095 at the 4096th roots of unity, in the order of their numbers' bits reversed. Malformed input
// is false.

#include <span>

#include "base/bytes.hpp"

namespace weft::crypto {

inline constexpr std::size_t blob_size = 131072;
inline constexpr std::size_t cells_per_blob = 128;

/// @param proof48  of the polynomial's value at a point that blob and commitment decide.
/// @source         EIP-4844; consensus specification (Deneb), verify_blob_kzg_proof.
[[nodiscard]] bool kzg_verify_blob_proof(BytesView blob, BytesView commitment48, BytesView proof48);

/// @param proofs  48 bytes each, one for each of the 128 cells of the blob extended to twice its size.
/// @source        EIP-7594; consensus specification (Fulu), verify_cell_kzg_proof_batch.
[[nodiscard]] bool kzg_verify_cell_proofs(BytesView blob, BytesView commitment48, std::span<const Bytes> proofs);

}  // namespace weft::crypto
