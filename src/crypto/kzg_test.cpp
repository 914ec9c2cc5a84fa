#include "crypto/kzg.hpp"

#include <gtest/gtest.h>

#include "base/fixtures.hpp"
#include "base/hex.hpp"
#include "base/u256.hpp"
#include "crypto/bls12_381_curve.hpp"
#include "crypto/vectors.hpp"

namespace weft::crypto {
namespace {

/// The example of EIP-4844's tests: versioned hash, z, y, commitment, proof.
const Bytes example = *from_hex(
    "0x01e798154708fe7789429634053cbf9f99b619f9f084048927333fce637f549b"
    "564c0a11a0f704f4fc3e8acfe0f8245f0ad1347b378fbf96e206da11a5d36306"
    "24d25032e67a7e6a4910df5834b8fe70e6bcfeeac0352434196bdf4b2485d5a1"
    "8f59a8d2a1a625a17f3fea0fe5eb8c896db3764f3185481bc22f91b4aaffcca25f26936857bc3a7c2539ea8ec3a952b7"
    "873033e038326e87ed3e1276fd140253fa08e9fc25fb2d9a98527fc22a2c9612fbeafdad446cbc7bcdbdcd780af2c16a");

TEST(kzg, precompile_vectors) {
    const auto archive = fixture("precompile-vectors");
    if (!archive) GTEST_SKIP() << no_fixtures;
    for (const auto& vector : read_precompile_vectors(*archive, "pointEvaluation.json")) {
        SCOPED_TRACE(vector.name);
        EXPECT_EQ(kzg_point_evaluation(vector.input), vector.expected);
    }
}

TEST(kzg, point_evaluation_gives_the_constants_of_the_blob) {
    const auto out = kzg_point_evaluation(example);
    ASSERT_TRUE(out);
    EXPECT_EQ(to_hex(*out),
              "0x0000000000000000000000000000000000000000000000000000000000001000"
              "73eda753299d7d483339d80809a1d80553bda402fffe5bfeffffffff00000001");
}

TEST(kzg, point_evaluation_refuses_every_change) {
    for (std::size_t i = 0; i < example.size(); ++i) {
        Bytes changed = example;
        changed[i] ^= 1;
        EXPECT_FALSE(kzg_point_evaluation(changed)) << "byte " << i;
    }
    for (const std::size_t size : {0, 191, 193, 384}) {
        Bytes other = example;
        other.resize(size);
        EXPECT_FALSE(kzg_point_evaluation(other)) << size << " bytes";
    }
    Bytes version = example;
    version[0] = 2;
    EXPECT_FALSE(kzg_point_evaluation(version));
}

TEST(kzg, numbers_must_be_below_the_order) {
    // Both changed by the order would still be a proof.
    for (const std::size_t at : {32, 64}) {
        Bytes changed = example;
        (U256::from_big_endian(changed.data() + at) + bls::order).to_big_endian(changed.data() + at);
        EXPECT_FALSE(kzg_point_evaluation(changed));
    }
}

Bytes compress(const bls::G1& point) {
    Bytes out(48);
    if (point.is_infinity()) {
        out[0] = 0xc0;
        return out;
    }
    point.x.to_bytes(out.data());
    out[0] |= 0x80;
    if (bls::decompress_g1(out.data()) != point) out[0] |= 0x20;
    return out;
}

TEST(kzg, a_constant_polynomial_has_its_value_everywhere) {
    const Bytes no_quotient = compress({});
    for (const std::uint64_t constant : {0, 1, 77}) {
        const Bytes commitment = compress(bls::multiply(bls::g1_generator(), constant).to_affine());
        for (const U256& z : {U256(0), U256(5), bls::order - 1}) {
            EXPECT_TRUE(kzg_verify_proof(commitment, z.to_hash(), U256(constant).to_hash(), no_quotient));
            EXPECT_FALSE(kzg_verify_proof(commitment, z.to_hash(), U256(constant + 1).to_hash(), no_quotient));
        }
        EXPECT_FALSE(
            kzg_verify_proof(commitment, U256(1).to_hash(), U256(constant).to_hash(), compress(bls::g1_generator())));
    }
}

TEST(kzg, refuses_wrong_lengths_and_points) {
    const BytesView all(example);
    const auto z = all.subspan(32, 32), y = all.subspan(64, 32), commitment = all.subspan(96, 48),
               proof = all.subspan(144);
    ASSERT_TRUE(kzg_verify_proof(commitment, z, y, proof));
    EXPECT_FALSE(kzg_verify_proof(commitment.first(47), z, y, proof));
    EXPECT_FALSE(kzg_verify_proof(commitment, z.first(31), y, proof));
    EXPECT_FALSE(kzg_verify_proof(commitment, z, {}, proof));
    EXPECT_FALSE(kzg_verify_proof(commitment, z, y, {}));
    EXPECT_FALSE(kzg_verify_proof(proof, z, y, commitment));
    EXPECT_FALSE(kzg_verify_proof(commitment, y, z, proof));
    Bytes outside(48);  // x = 0 is on the curve, not in the subgroup
    outside[0] = 0x80;
    EXPECT_FALSE(kzg_verify_proof(commitment, z, y, outside));
    EXPECT_FALSE(kzg_verify_proof(outside, z, y, proof));
}

TEST(kzg, versioned_hash_is_sha_256_with_the_version_first) {
    const BytesView all(example);
    EXPECT_EQ(kzg_to_versioned_hash(all.subspan(96, 48)), Hash::from(all.first(32)));
}

}  // namespace
}  // namespace weft::crypto
