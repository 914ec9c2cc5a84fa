#pragma once
// SipHash-2-4: 64 bits of a keyed hash, for tables and short names that a stranger must not be able to make collide.

#include <bit>
#include <cstdint>
#include <cstring>

#include "base/bytes.hpp"

namespace weft::crypto {

struct SipKey {
    std::uint64_t low = 0;   // the key's first 8 bytes, little-endian
    std::uint64_t high = 0;  // its last 8
};

/// @source Aumasson and Bernstein, "SipHash: a fast short-input PRF".
[[nodiscard]] inline std::uint64_t siphash24(const SipKey& key, BytesView data) {
    std::uint64_t v0 = key.low ^ 0x736f6d6570736575ULL;
    std::uint64_t v1 = key.high ^ 0x646f72616e646f6dULL;
    std::uint64_t v2 = key.low ^ 0x6c7967656e657261ULL;
    std::uint64_t v3 = key.high ^ 0x7465646279746573ULL;
    const auto rounds = [&](int count) {
        for (int i = 0; i < count; ++i) {
            v0 += v1, v1 = std::rotl(v1, 13) ^ v0, v0 = std::rotl(v0, 32);
            v2 += v3, v3 = std::rotl(v3, 16) ^ v2;
            v0 += v3, v3 = std::rotl(v3, 21) ^ v0;
            v2 += v1, v1 = std::rotl(v1, 17) ^ v2, v2 = std::rotl(v2, 32);
        }
    };
    const std::size_t whole = data.size() / 8 * 8;
    for (std::size_t i = 0; i < whole; i += 8) {
        std::uint64_t word;
        std::memcpy(&word, data.data() + i, 8);
        v3 ^= word;
        rounds(2);
        v0 ^= word;
    }
    std::uint64_t last = static_cast<std::uint64_t>(data.size()) << 56;
    for (std::size_t i = whole; i < data.size(); ++i) last |= std::uint64_t{data[i]} << (8 * (i - whole));
    v3 ^= last;
    rounds(2);
    v0 ^= last;
    v2 ^= 0xff;
    rounds(4);
    return v0 ^ v1 ^ v2 ^ v3;
}

}  // namespace weft::crypto
