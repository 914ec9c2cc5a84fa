#pragma once

#include "base/bytes.hpp"

namespace weft::crypto {

/// @source FIPS 180-4.
[[nodiscard]] Hash sha256(BytesView data);

}  // namespace weft::crypto
