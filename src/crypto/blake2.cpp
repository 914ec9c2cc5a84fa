#include "crypto/blake2.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>

namespace weft::crypto {

namespace {

// Four G functions of a round go side by side, one in each element; row a is v[0..3], b v[4..7], c v[8..11], d v[12..15].
using Row = std::uint64_t __attribute__((vector_size(32)));

constexpr std::uint64_t initial[8] = {0x6a09e667f3bcc908, 0xbb67ae8584caa73b, 0x3c6ef372fe94f82b, 0xa54ff53a5f1d36f1,
                                      0x510e527fade682d1, 0x9b05688c2b3e6c1f, 0x1f83d9abfb41bd6b, 0x5be0cd19137e2179};

constexpr std::size_t schedule_count = 10;

/// RFC 7693, section 2.7, each row in the order the vectors want it: the first words of the four column G, their second
/// words, then the same of the four diagonal G, beginning with the one that uses v[4].
constexpr std::uint8_t schedules[schedule_count][16] = {
    {0, 2, 4, 6, 1, 3, 5, 7, 14, 8, 10, 12, 15, 9, 11, 13},
    {14, 4, 9, 13, 10, 8, 15, 6, 5, 1, 0, 11, 3, 12, 2, 7},
    {11, 12, 5, 15, 8, 0, 2, 13, 9, 10, 3, 7, 4, 14, 6, 1},
    {7, 3, 13, 11, 9, 1, 12, 14, 15, 2, 5, 4, 8, 6, 10, 0},
    {9, 5, 2, 10, 0, 7, 4, 15, 3, 14, 11, 6, 13, 1, 12, 8},
    {2, 6, 0, 8, 12, 10, 11, 3, 1, 4, 7, 15, 9, 13, 5, 14},
    {12, 1, 14, 4, 5, 15, 13, 10, 8, 0, 6, 9, 11, 7, 3, 2},
    {13, 7, 12, 3, 11, 14, 1, 9, 2, 5, 15, 8, 10, 0, 4, 6},
    {6, 14, 11, 0, 15, 9, 3, 8, 10, 12, 13, 1, 5, 2, 7, 4},
    {10, 8, 7, 1, 2, 4, 6, 5, 13, 15, 9, 3, 0, 11, 14, 12},
};

[[gnu::always_inline]] inline Row load(const std::uint64_t* words) {
    Row out;
    std::memcpy(&out, words, sizeof out);
    return out;
}

[[gnu::always_inline]] inline Row rotate_right(Row row, int count) { return (row >> count) | (row << (64 - count)); }

[[gnu::always_inline]] inline void mix(Row& a, Row& b, Row& c, Row& d, Row x, Row y) {
    a += b + x;
    d = rotate_right(d ^ a, 32);
    c += d;
    b = rotate_right(b ^ c, 24);
    a += b + y;
    d = rotate_right(d ^ a, 16);
    c += d;
    b = rotate_right(b ^ c, 63);
}

}  // namespace

void blake2b_compress(std::uint64_t h[8], const std::uint64_t m[16], std::uint64_t t0, std::uint64_t t1, bool last,
                      std::uint32_t rounds) {
    // The message in the order of each of the ten schedules, so that a round loads whole rows.
    alignas(32) std::uint64_t words[schedule_count][16];
    const std::size_t used = std::min<std::size_t>(rounds, schedule_count);
    for (std::size_t i = 0; i < used; ++i) {
        for (std::size_t j = 0; j < 16; ++j) words[i][j] = m[schedules[i][j]];
    }

    const Row h_low = load(h);
    const Row h_high = load(h + 4);
    Row a = h_low;
    Row b = h_high;
    Row c = load(initial);
    Row d = load(initial + 4) ^ Row{t0, t1, last ? ~std::uint64_t{0} : 0, 0};
    std::size_t schedule = 0;
    for (std::uint32_t i = 0; i < rounds; ++i) {
        const std::uint64_t* const row = words[schedule];
        schedule = schedule + 1 == schedule_count ? 0 : schedule + 1;
        mix(a, b, c, d, load(row), load(row + 4));
        // Turn the rows so that the diagonals stand in columns, and back. Row b is ready last, so it stays in place.
        a = __builtin_shufflevector(a, a, 3, 0, 1, 2);
        d = __builtin_shufflevector(d, d, 2, 3, 0, 1);
        c = __builtin_shufflevector(c, c, 1, 2, 3, 0);
        mix(a, b, c, d, load(row + 8), load(row + 12));
        a = __builtin_shufflevector(a, a, 1, 2, 3, 0);
        d = __builtin_shufflevector(d, d, 2, 3, 0, 1);
        c = __builtin_shufflevector(c, c, 3, 0, 1, 2);
    }
    const Row low = h_low ^ a ^ c;
    const Row high = h_high ^ b ^ d;
    std::memcpy(h, &low, sizeof low);
    std::memcpy(h + 4, &high, sizeof high);
}

}  // namespace weft::crypto
