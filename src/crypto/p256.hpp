#pragma once

#include "base/bytes.hpp"

namespace weft::crypto {

/// Whether an ECDSA signature over P-256 (secp256r1) is valid.
///
/// @param input160  message hash, r, s, public key x, y, 32 bytes each; any other length is invalid.
/// @source          EIP-7951.
[[nodiscard]] bool p256_verify(BytesView input160);

}  // namespace weft::crypto
