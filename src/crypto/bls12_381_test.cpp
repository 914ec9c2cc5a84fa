#include "crypto/bls12_381.hpp"

#include <gtest/gtest.h>

#include "base/fixtures.hpp"
#include "base/u256.hpp"
#include "crypto/bls12_381_curve.hpp"
#include "crypto/vectors.hpp"

namespace weft::crypto {
namespace {

using Operation = std::optional<Bytes> (*)(BytesView);

TEST(bls12_381, precompile_vectors) {
    const auto archive = fixture("precompile-vectors");
    if (!archive) GTEST_SKIP() << no_fixtures;
    const struct {
        const char* name;
        Operation run;
    } table[] = {
        {"blsG1Add", bls_g1_add},    {"blsG1Mul", bls_g1_msm},       {"blsG1MultiExp", bls_g1_msm},
        {"blsG2Add", bls_g2_add},    {"blsG2Mul", bls_g2_msm},       {"blsG2MultiExp", bls_g2_msm},
        {"blsPairing", bls_pairing}, {"blsMapG1", bls_map_fp_to_g1}, {"blsMapG2", bls_map_fp2_to_g2},
    };
    for (const auto& [name, run] : table) {
        for (const auto* prefix : {"", "fail-"}) {
            for (const auto& vector : read_precompile_vectors(*archive, prefix + std::string(name) + ".json")) {
                SCOPED_TRACE(prefix + std::string(name) + " " + vector.name);
                const auto got = run(vector.input);
                EXPECT_EQ(got.has_value(), !vector.must_fail);
                if (got) EXPECT_EQ(*got, vector.expected);
            }
        }
    }
}

Bytes encode(const bls::Fp& value) {
    Bytes out(64);
    value.to_bytes(out.data() + 16);
    return out;
}

Bytes encode(const bls::G1& point) {
    Bytes out = encode(point.x);
    append(out, encode(point.y));
    return out;
}

Bytes encode(const bls::G2& point) {
    Bytes out;
    for (const auto& coordinate : {point.x.c0, point.x.c1, point.y.c0, point.y.c1}) append(out, encode(coordinate));
    return out;
}

Bytes concatenated(const std::vector<Bytes>& parts) {
    Bytes out;
    for (const auto& part : parts) append(out, part);
    return out;
}

Bytes word(const U256& value) { return to_bytes(value.to_hash()); }

const Bytes g1 = encode(bls::g1_generator());
const Bytes g2 = encode(bls::g2_generator());
const Bytes g1_zero(128);
const Bytes g2_zero(256);

TEST(bls12_381, refuses_every_other_length) {
    const struct {
        const char* name;
        Operation run;
        Bytes unit;      // valid
        bool repeatable;  // any number of units but 0
    } table[] = {
        {"g1 add", bls_g1_add, concatenated({g1, g1}), false},
        {"g2 add", bls_g2_add, concatenated({g2, g2}), false},
        {"g1 msm", bls_g1_msm, concatenated({g1, word(3)}), true},
        {"g2 msm", bls_g2_msm, concatenated({g2, word(3)}), true},
        {"pairing", bls_pairing, concatenated({g1, g2}), true},
        {"map to g1", bls_map_fp_to_g1, encode(bls::Fp::one()), false},
        {"map to g2", bls_map_fp2_to_g2, concatenated({encode(bls::Fp::one()), encode(bls::Fp::one())}), false},
    };
    for (const auto& [name, run, unit, repeatable] : table) {
        SCOPED_TRACE(name);
        EXPECT_TRUE(run(unit));
        EXPECT_FALSE(run({}));
        EXPECT_FALSE(run(BytesView(unit).first(unit.size() - 1)));
        EXPECT_FALSE(run(concatenated({unit, {0}})));
        EXPECT_EQ(run(concatenated({unit, unit})).has_value(), repeatable);
    }
}

TEST(bls12_381, refuses_every_malformed_coordinate) {
    const auto sum = [](const Bytes& first) { return bls_g1_add(concatenated({first, g1})); };
    ASSERT_TRUE(sum(g1));
    for (std::size_t i = 0; i < 16; ++i) {
        Bytes bad = g1;
        bad[i] = 1;
        EXPECT_FALSE(sum(bad)) << "byte " << i << " of the padding of x";
        bad = g1;
        bad[64 + i] = 1;
        EXPECT_FALSE(sum(bad)) << "byte " << i << " of the padding of y";
    }
    Bytes prime(64);
    limbs_to_big_endian(bls::Fp::modulus, prime.data() + 16);
    EXPECT_FALSE(bls_map_fp_to_g1(prime));
    EXPECT_FALSE(bls_map_fp2_to_g2(concatenated({prime, Bytes(64)})));
    EXPECT_FALSE(bls_map_fp2_to_g2(concatenated({Bytes(64), prime})));
    EXPECT_FALSE(sum(concatenated({prime, Bytes(64)}))) << "the prime is not zero";
    EXPECT_FALSE(sum(concatenated({Bytes(64), prime})));
    EXPECT_FALSE(sum(encode(bls::G1{bls::Fp::one(), bls::Fp::one()}))) << "not on the curve";
    EXPECT_FALSE(sum(encode(bls::G1{bls::Fp::zero(), bls::Fp::one()})));
}

TEST(bls12_381, addition_takes_points_outside_the_subgroup_and_the_rest_does_not) {
    const bls::G1 other{bls::Fp::zero(), bls::Fp::from_u64(2)};  // of order 3
    const Bytes outside = encode(other);
    EXPECT_EQ(bls_g1_add(concatenated({outside, outside})), encode(-other));
    EXPECT_EQ(bls_g1_add(concatenated({outside, encode(-other)})), g1_zero);
    EXPECT_FALSE(bls_g1_msm(concatenated({outside, word(3)})));
    EXPECT_FALSE(bls_g1_msm(concatenated({outside, word(0)}))) << "checked even if multiplied by zero";
    EXPECT_FALSE(bls_g1_msm(concatenated({g1, word(1), outside, word(0)})));
    EXPECT_FALSE(bls_pairing(concatenated({outside, g2})));
    EXPECT_FALSE(bls_pairing(concatenated({outside, g2_zero}))) << "checked even next to infinity";
}

TEST(bls12_381, infinity_is_all_zeros) {
    EXPECT_EQ(bls_g1_add(concatenated({g1, g1_zero})), g1);
    EXPECT_EQ(bls_g1_add(concatenated({g1_zero, g1})), g1);
    EXPECT_EQ(bls_g1_add(concatenated({g1_zero, g1_zero})), g1_zero);
    EXPECT_EQ(bls_g2_add(concatenated({g2_zero, g2})), g2);
    EXPECT_EQ(bls_g1_msm(concatenated({g1, word(bls::order)})), g1_zero);
    EXPECT_EQ(bls_g2_msm(concatenated({g2, word(0)})), g2_zero);
    EXPECT_EQ(bls_g2_msm(concatenated({g2_zero, word(5)})), g2_zero);
    EXPECT_EQ(bls_g1_msm(concatenated({g1, word(1), g1_zero, word(7)})), g1);
    EXPECT_EQ(bls_pairing(concatenated({g1_zero, g2})), word(1));
    EXPECT_EQ(bls_pairing(concatenated({g1, g2_zero})), word(1));
    EXPECT_EQ(bls_pairing(concatenated({g1, g2})), word(0));
}

TEST(bls12_381, scalars_are_taken_modulo_the_order) {
    EXPECT_EQ(bls_g1_msm(concatenated({g1, word(bls::order + 5)})), bls_g1_msm(concatenated({g1, word(5)})));
    EXPECT_EQ(bls_g2_msm(concatenated({g2, word(bls::order + 5)})), bls_g2_msm(concatenated({g2, word(5)})));
    EXPECT_EQ(bls_g2_msm(concatenated({g2, word(~U256(0))})),
              bls_g2_msm(concatenated({g2, word(~U256(0) % bls::order)})));
}

TEST(bls12_381, a_sum_of_many_is_the_sum_of_its_parts) {
    for (const std::uint64_t count : {2, 3, 5, 20, 130}) {
        Bytes many_g1;
        Bytes many_g2;
        U256 total = 0;
        for (std::uint64_t i = 0; i < count; ++i) {
            const U256 number{mix64(i), mix64(i + 1000), mix64(i + 2000), mix64(i + 3000)};
            const U256 own = mix64(i + 4000);
            append(many_g1, concatenated({encode(bls::multiply(bls::g1_generator(), own).to_affine()), word(number)}));
            append(many_g2, concatenated({encode(bls::multiply(bls::g2_generator(), own).to_affine()), word(number)}));
            total = add_mod(total, multiply_mod(number, own, bls::order), bls::order);
        }
        EXPECT_EQ(bls_g1_msm(many_g1), bls_g1_msm(concatenated({g1, word(total)}))) << count;
        EXPECT_EQ(bls_g2_msm(many_g2), bls_g2_msm(concatenated({g2, word(total)}))) << count;
    }
}

}  // namespace
}  // namespace weft::crypto
