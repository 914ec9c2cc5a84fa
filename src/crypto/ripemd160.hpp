#pragma once

#include <array>
#include <cstdint>

#include "base/bytes.hpp"

namespace weft::crypto {

/// @source Dobbertin, Bosselaers, Preneel: RIPEMD-160, a strengthened version of RIPEMD (1996).
[[nodiscard]] std::array<std::uint8_t, 20> ripemd160(BytesView data);

}  // namespace weft::crypto
