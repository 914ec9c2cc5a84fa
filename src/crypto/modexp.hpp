#pragma once

#include "base/bytes.hpp"

namespace weft::crypto {

/// base^exponent mod modulus, big-endian numbers of any length.
///
/// @return  As many bytes as the modulus has; all zero if it is 0 or 1. 0^0 is 1.
/// @source  EIP-198. The caller bounds the sizes (EIP-7823) and charges for the time.
[[nodiscard]] Bytes modexp(BytesView base, BytesView exponent, BytesView modulus);

}  // namespace weft::crypto
