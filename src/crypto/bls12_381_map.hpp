#pragma once
// From a field element to a point of BLS12-381's groups, the second half of hashing to the curve.

#include "crypto/bls12_381_curve.hpp"

namespace weft::crypto::bls {

/// @source RFC 9380, sections 6.6.3 and 8.8: simplified SWU on an isogenous curve, the isogeny, the cofactor.
[[nodiscard]] G1 map_to_g1(const Fp& u);
[[nodiscard]] G2 map_to_g2(const F2& u);

}  // namespace weft::crypto::bls
