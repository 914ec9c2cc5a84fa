#pragma once
// Numbers as bytes, the most significant first.

#include <cstdint>

#include "base/bytes.hpp"

namespace weft {

/// @param size  bytes to write; what does not fit is cut off at the front.
inline void append_big_endian(Bytes& out, std::uint64_t value, int size = 8) {
    for (int shift = (size - 1) * 8; shift >= 0; shift -= 8) out.push_back(static_cast<std::uint8_t>(value >> shift));
}

/// Of all bytes; at most 8.
[[nodiscard]] inline std::uint64_t from_big_endian(BytesView bytes) {
    std::uint64_t out = 0;
    for (const auto byte : bytes) out = out << 8 | byte;
    return out;
}

}  // namespace weft
