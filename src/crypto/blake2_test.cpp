#include "crypto/blake2.hpp"

#include <cstring>

#include <gtest/gtest.h>

#include "base/fixtures.hpp"
#include "base/hex.hpp"
#include "crypto/vectors.hpp"

namespace weft::crypto {
namespace {

/// Input and output as in EIP-152: rounds (big-endian), h, m, t (little-endian words), last.
Bytes run_precompile_layout(const Bytes& input) {
    std::uint32_t rounds = 0;
    for (int i = 0; i < 4; ++i) rounds = rounds << 8 | input[static_cast<std::size_t>(i)];
    std::uint64_t h[8];
    std::uint64_t m[16];
    std::uint64_t t[2];
    std::memcpy(h, input.data() + 4, sizeof h);
    std::memcpy(m, input.data() + 68, sizeof m);
    std::memcpy(t, input.data() + 196, sizeof t);
    blake2b_compress(h, m, t[0], t[1], input[212] != 0, rounds);
    Bytes out(sizeof h);
    std::memcpy(out.data(), h, sizeof h);
    return out;
}

TEST(blake2, rfc_7693_appendix_a_hash_of_abc) {
    std::uint64_t h[8] = {0x6a09e667f3bcc908, 0xbb67ae8584caa73b, 0x3c6ef372fe94f82b, 0xa54ff53a5f1d36f1,
                          0x510e527fade682d1, 0x9b05688c2b3e6c1f, 0x1f83d9abfb41bd6b, 0x5be0cd19137e2179};
    h[0] ^= 0x01010040;  // 64 bytes of output, no key
    const std::uint64_t m[16] = {0x636261};
    blake2b_compress(h, m, 3, 0, true, 12);
    Bytes out(sizeof h);
    std::memcpy(out.data(), h, sizeof h);
    EXPECT_EQ(to_hex_digits(out),
              "ba80a53f981c4d0d6a2797b69f12f6e94c212f14685ac4b74b12bb6fdbffa2d1"
              "7d87c5392aab792dc252d5de4533cc9518d38aa8dbf1925ab92386edd4009923");
}

TEST(blake2, precompile_vectors) {
    const auto archive = fixture("precompile-vectors");
    if (!archive) GTEST_SKIP() << no_fixtures;
    for (const auto& vector : read_precompile_vectors(*archive, "blake2F.json")) {
        SCOPED_TRACE(vector.name);
        EXPECT_EQ(run_precompile_layout(vector.input), vector.expected);
    }
}

TEST(blake2, every_argument_counts) {
    const auto first_word = [](std::uint64_t t0, std::uint64_t t1, bool last, std::uint32_t rounds) {
        std::uint64_t h[8] = {1, 2, 3, 4, 5, 6, 7, 8};
        const std::uint64_t m[16] = {9, 10, 11};
        blake2b_compress(h, m, t0, t1, last, rounds);
        return h[0];
    };
    const auto base = first_word(5, 0, false, 12);
    EXPECT_NE(first_word(6, 0, false, 12), base);
    EXPECT_NE(first_word(5, 1, false, 12), base);
    EXPECT_NE(first_word(5, 0, true, 12), base);
    EXPECT_NE(first_word(5, 0, false, 13), base);
}

}  // namespace
}  // namespace weft::crypto
