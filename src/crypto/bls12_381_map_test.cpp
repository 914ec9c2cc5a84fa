#include "crypto/bls12_381_map.hpp"

#include <gtest/gtest.h>

// The values themselves are tested with the precompile's vectors, in bls12_381_test.cpp.

namespace weft::crypto::bls {
namespace {

TEST(bls12_381_map, points_are_of_the_groups) {
    for (std::uint64_t i = 0; i < 30; ++i) {
        const Fp u = Fp::from_u64(i).power(Limbs<1>{0x123456789});
        const G1 p = map_to_g1(u);
        EXPECT_TRUE(is_on_curve(p) && is_in_subgroup(p));
        EXPECT_EQ(map_to_g1(-u), u.is_zero() ? p : -p) << "the sign of y is that of u";
        for (const F2& u2 : {F2{u, {}}, F2{{}, u}, F2{u, u.square()}}) {
            const G2 q = map_to_g2(u2);
            EXPECT_TRUE(is_on_curve(q) && is_in_subgroup(q));
            EXPECT_EQ(map_to_g2(-u2), u2.is_zero() ? q : -q);
        }
    }
}

TEST(bls12_381_map, the_exceptional_inputs_of_the_method_have_a_point_too) {
    // z u^2 = -1 makes the method's denominator zero, as u = 0 does. -1/11 is a square; -1/z in Fp2 is one or is not.
    const auto u = (-Fp::from_u64(11).inverse()).square_root();
    ASSERT_TRUE(u);
    for (const auto& exceptional : {*u, -*u, Fp::zero()}) {
        const G1 p = map_to_g1(exceptional);
        EXPECT_TRUE(is_on_curve(p) && is_in_subgroup(p) && !p.is_infinity());
    }
    const F2 z{-Fp::from_u64(2), -Fp::one()};
    EXPECT_FALSE(square_root(-z.inverse())) << "then u = 0 is the only one";
    const G2 q = map_to_g2({});
    EXPECT_TRUE(is_on_curve(q) && is_in_subgroup(q) && !q.is_infinity());
}

}  // namespace
}  // namespace weft::crypto::bls
