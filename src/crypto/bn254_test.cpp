#include "crypto/bn254.hpp"

#include <gtest/gtest.h>

#include "base/fixtures.hpp"
#include "base/hex.hpp"
#include "base/u256.hpp"
#include "crypto/vectors.hpp"

namespace weft::crypto {
namespace {

constexpr U256 prime{0x30644e72e131a029, 0xb85045b68181585d, 0x97816a916871ca8d, 0x3c208c16d87cfd47};
constexpr U256 order{0x30644e72e131a029, 0xb85045b68181585d, 0x2833e84879b97091, 0x43e1f593f0000001};

TEST(bn254, precompile_vectors) {
    const auto archive = fixture("precompile-vectors");
    if (!archive) GTEST_SKIP() << no_fixtures;
    const struct {
        const char* file;
        std::optional<Bytes> (*run)(BytesView);
    } table[] = {
        {"bn256Add.json", bn254_add},
        {"bn256ScalarMul.json", bn254_multiply},
        {"bn256Pairing.json", bn254_pairing},
    };
    for (const auto& [file, run] : table) {
        for (const auto& vector : read_precompile_vectors(*archive, file)) {
            SCOPED_TRACE(std::string(file) + " " + vector.name);
            EXPECT_EQ(run(vector.input), vector.expected);
        }
    }
}

Bytes words(std::initializer_list<U256> values) {
    Bytes out;
    for (const auto& value : values) append(out, value.to_hash());
    return out;
}

Bytes concatenated(const std::vector<Bytes>& parts) {
    Bytes out;
    for (const auto& part : parts) append(out, part);
    return out;
}

const Bytes g1 = words({1, 2});
const Bytes g1_negated = words({1, prime - 2});
const Bytes g1_zero(64);
const Bytes g2_zero(128);
/// The generator that EIP-197 names.
const Bytes g2 = *from_hex(
    "0x198e9393920d483a7260bfb731fb5d25f1aa493335a9e71297e485b7aef312c2"
    "1800deef121f1e76426a00665e5c4479674322d4f75edadd46debd5cd992f6ed"
    "090689d0585ff075ec9e99ad690c3395bc4b313370b38ef355acdadcd122975b"
    "12c85ea5db8c6deb4aab71808dcb408fe3d1e7690c43d37b4ce6cc0166fa7daa");
const Bytes one = words({1});
const Bytes zero = words({0});

Bytes times(const Bytes& point, const U256& number) { return *bn254_multiply(concatenated({point, words({number})})); }

U256 random_number(std::uint64_t seed) { return {mix64(seed), mix64(seed + 1), mix64(seed + 2), mix64(seed + 3)}; }

TEST(bn254, addition_and_multiplication_agree) {
    Bytes sum = g1_zero;
    for (std::uint64_t i = 0; i < 70; ++i) {
        EXPECT_EQ(times(g1, i), sum);
        sum = *bn254_add(concatenated({sum, g1}));
    }
    for (std::uint64_t seed = 1; seed < 2000; seed += 10) {
        const U256 a = random_number(seed);
        const U256 b = random_number(seed + 5);
        EXPECT_EQ(*bn254_add(concatenated({times(g1, a), times(g1, b)})), times(g1, add_mod(a, b, order)));
        EXPECT_EQ(times(times(g1, a), b), times(g1, multiply_mod(a, b, order)));
    }
}

TEST(bn254, multiplication_at_the_ends_of_the_range) {
    EXPECT_EQ(times(g1, order), g1_zero);
    EXPECT_EQ(times(g1, order + 1), g1);
    EXPECT_EQ(times(g1, order - 1), g1_negated);
    EXPECT_EQ(times(g1, ~U256(0)), times(g1, ~U256(0) % order));
    EXPECT_EQ(times(g1_zero, 5), g1_zero);
    // Multiples of the endomorphism's eigenvalue and of the lattice's vectors, where one part of the split is zero.
    const U256 lambda{0, 0xb3c4d79d41a91758, 0x5bfc41088d8daaa7, 0x8b17ea66b99c90dd};
    const U256 eigen{0x30644e72e131a029, 0x048b6e193fd84104, 0xcc37a73fec2bc5e9, 0xb8ca0b2d36636f23};
    for (const auto& value :
         {lambda, eigen, U256(0x89d3256894d213e3), U256{0, 0, 0x6f4d8248eeb859fc, 0x8211bbeb7d4f1128}}) {
        for (const auto& number : {value - 1, value, value + 1, order - value}) {
            const Bytes rest = times(g1, order - number);
            EXPECT_EQ(*bn254_add(concatenated({times(g1, number), rest})), g1_zero);
            EXPECT_EQ(*bn254_add(concatenated({times(g1, number), g1})), times(g1, number + 1));
        }
    }
}

TEST(bn254, short_input_ends_in_zeros_and_long_input_is_cut) {
    EXPECT_EQ(bn254_add({}), g1_zero);
    EXPECT_EQ(bn254_add(g1), g1);
    EXPECT_EQ(bn254_add(concatenated({g1, g1_negated, {1, 2, 3}})), g1_zero);
    EXPECT_FALSE(bn254_add(BytesView(g1).first(63))) << "(1, 0) is not on the curve";
    EXPECT_EQ(bn254_multiply({}), g1_zero);
    EXPECT_EQ(bn254_multiply(g1), g1_zero);
    EXPECT_EQ(bn254_multiply(concatenated({g1, {0x80}})), times(g1, U256(1) << 255));
    EXPECT_EQ(bn254_multiply(concatenated({g1, words({3}), Bytes(100, 0xff)})), times(g1, 3));
}

TEST(bn254, refuses_points_off_the_curve_and_coordinates_not_below_the_prime) {
    for (const auto& bad : {words({1, 1}), words({0, 1}), words({1, 0}), words({prime, 0}), words({0, prime}),
                            words({prime + 1, 2}), words({1, prime + 2}), words({~U256(0), ~U256(0)})}) {
        EXPECT_FALSE(bn254_add(concatenated({bad, g1})));
        EXPECT_FALSE(bn254_add(concatenated({g1, bad})));
        EXPECT_FALSE(bn254_multiply(concatenated({bad, words({0})})));
        EXPECT_FALSE(bn254_pairing(concatenated({bad, g2})));
        EXPECT_FALSE(bn254_pairing(concatenated({bad, g2_zero}))) << "checked even next to infinity";
    }
    for (std::size_t i = 0; i < 4; ++i) {
        Bytes bad = g2;
        const U256 value = U256::from_big_endian(bad.data() + 32 * i);
        (value + prime).to_big_endian(bad.data() + 32 * i);
        EXPECT_FALSE(bn254_pairing(concatenated({g1, bad}))) << "coordinate " << i << " plus the prime";
        (value + 1).to_big_endian(bad.data() + 32 * i);
        EXPECT_FALSE(bn254_pairing(concatenated({g1_zero, bad}))) << "coordinate " << i << " plus one";
    }
}

TEST(bn254, refuses_points_of_the_twist_outside_the_subgroup) {
    // x = 2 + i, on the twist.
    const Bytes outside = *from_hex(
        "0x0000000000000000000000000000000000000000000000000000000000000001"
        "0000000000000000000000000000000000000000000000000000000000000002"
        "2b76c179599bb92a963dac85546a005a777f7c13f6a7b75d5918b6b5808f5fde"
        "101f7278419308b95099eca02dcee0c5381f4d26d1d62313f057167f064101ce");
    EXPECT_FALSE(bn254_pairing(concatenated({g1, outside})));
    EXPECT_FALSE(bn254_pairing(concatenated({g1_zero, outside})));
    EXPECT_FALSE(bn254_pairing(concatenated({g1, g2, g1, outside})));
}

TEST(bn254, pairing_is_bilinear_and_not_degenerate) {
    EXPECT_EQ(bn254_pairing({}), one);
    EXPECT_EQ(bn254_pairing(concatenated({g1, g2})), zero);
    EXPECT_EQ(bn254_pairing(concatenated({g1, g2, g1_negated, g2})), one);
    EXPECT_EQ(bn254_pairing(concatenated({g1_zero, g2})), one);
    EXPECT_EQ(bn254_pairing(concatenated({g1, g2_zero})), one);
    EXPECT_EQ(bn254_pairing(concatenated({g1, g2_zero, g1, g2, g1_zero, g2, g1_negated, g2})), one);
    // e(a P, Q) e(b P, Q) e(-(a + b) P, Q) = 1
    const U256 a = random_number(1);
    const U256 b = random_number(2);
    const U256 c = order - add_mod(a, b, order);
    EXPECT_EQ(bn254_pairing(concatenated({times(g1, a), g2, times(g1, b), g2, times(g1, c), g2})), one);
    EXPECT_EQ(bn254_pairing(concatenated({times(g1, a), g2, times(g1, b), g2, times(g1, c + 1), g2})), zero);
}

TEST(bn254, pairing_of_more_pairs_than_a_batch_has) {
    for (const std::uint64_t n : {7, 8, 9, 16, 17}) {
        Bytes input;
        for (std::uint64_t i = 1; i <= n; ++i) append(input, concatenated({times(g1, i), g2}));
        EXPECT_EQ(bn254_pairing(input), zero);
        append(input, concatenated({times(g1, order - n * (n + 1) / 2), g2}));
        EXPECT_EQ(bn254_pairing(input), one) << n;
    }
}

TEST(bn254, pairing_input_must_be_whole_pairs) {
    const Bytes pair = concatenated({g1, g2});
    for (const std::size_t size : {1, 64, 128, 191}) EXPECT_FALSE(bn254_pairing(BytesView(pair).first(size)));
    EXPECT_FALSE(bn254_pairing(concatenated({pair, {0}})));
}

}  // namespace
}  // namespace weft::crypto
