#include "crypto/p256.hpp"

#include <gtest/gtest.h>

#include "base/fixtures.hpp"
#include "base/hex.hpp"
#include "base/u256.hpp"
#include "crypto/vectors.hpp"

namespace weft::crypto {
namespace {

const U256 order{0xffffffff00000000, 0xffffffffffffffff, 0xbce6faada7179e84, 0xf3b9cac2fc632551};
const U256 prime{0xffffffff00000001, 0x0000000000000000, 0x00000000ffffffff, 0xffffffffffffffff};

/// RFC 6979, A.2.5: SHA-256 of "sample", its signature and key.
const Bytes sample = *from_hex(
    "0xaf2bdbe1aa9b6ec1e2ade1d694f41fc71a831d0268e9891562113d8a62add1bf"
    "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716"
    "f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8"
    "60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6"
    "7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299");

Bytes with_word(std::size_t index, const U256& value) {
    Bytes out = sample;
    value.to_big_endian(out.data() + 32 * index);
    return out;
}

U256 word(std::size_t index) { return U256::from_big_endian(sample.data() + 32 * index); }

TEST(p256, known_answer_of_rfc_6979) {
    EXPECT_TRUE(p256_verify(sample));
    EXPECT_TRUE(p256_verify(with_word(2, order - word(2)))) << "the other s is as good";
}

TEST(p256, refuses) {
    const struct {
        const char* name;
        Bytes input;
    } table[] = {
        {"another message", with_word(0, word(0) + 1)},
        {"another r", with_word(1, word(1) + 1)},
        {"another s", with_word(2, word(2) + 1)},
        {"another key", with_word(4, prime - word(4))},
        {"r = 0", with_word(1, 0)},
        {"s = 0", with_word(2, 0)},
        {"r = n", with_word(1, order)},
        {"s = n", with_word(2, order)},
        {"r + n", with_word(1, word(1) + order)},
        {"x not below the prime", with_word(3, prime)},
        {"y not below the prime", with_word(4, prime)},
        {"point not on the curve", with_word(3, word(3) + 1)},
    };
    for (const auto& [name, input] : table) {
        SCOPED_TRACE(name);
        EXPECT_FALSE(p256_verify(input));
    }
    Bytes infinity = with_word(3, 0);
    U256(0).to_big_endian(infinity.data() + 128);
    EXPECT_FALSE(p256_verify(infinity));
    for (const std::size_t size : {0, 32, 128, 159, 161, 320}) {
        Bytes input = sample;
        input.resize(size);
        EXPECT_FALSE(p256_verify(input)) << size;
    }
}

TEST(p256, precompile_vectors) {
    const auto archive = fixture("precompile-vectors");
    if (!archive) GTEST_SKIP() << no_fixtures;
    for (const auto& vector : read_precompile_vectors(*archive, "p256Verify.json")) {
        SCOPED_TRACE(vector.name);
        const Bytes want_true = to_bytes(U256(1).to_hash());
        EXPECT_TRUE(vector.expected.empty() || vector.expected == want_true);
        EXPECT_EQ(p256_verify(vector.input), vector.expected == want_true);
    }
}

}  // namespace
}  // namespace weft::crypto
