#include "crypto/tower.hpp"

#include <gtest/gtest.h>

#include "crypto/bls12_381_curve.hpp"
#include "crypto/pairing.hpp"

namespace weft::crypto {
namespace {

struct Prime254 {
    static constexpr auto modulus =
        limbs_from_digits<4>("30644e72e131a029b85045b68181585d97816a916871ca8d3c208c16d87cfd47");
};

template <class F2>
struct TowerTest : testing::Test {
    using Fp = typename F2::BaseField;

    std::uint64_t next = 1;

    Fp random_fp() { return Fp::from_u64(++next).power(Limbs<1>{0xdeadbeefcafe1234}); }
    F2 random_f2() { return {random_fp(), random_fp()}; }
    Fp6<F2> random_f6() { return {random_f2(), random_f2(), random_f2()}; }
    Fp12<F2> random_f12() { return {random_f6(), random_f6()}; }
};
using Towers = testing::Types<Fp2<Field<Prime254>, 9>, bls::F2>;
TYPED_TEST_SUITE(TowerTest, Towers);

TYPED_TEST(TowerTest, generators_have_their_defining_squares_and_cubes) {
    using F2 = TypeParam;
    using F12 = Fp12<F2>;
    const F2 i{{}, F2::BaseField::one()};
    EXPECT_EQ(i.square(), -F2::one());
    EXPECT_EQ(F2::one().times_xi(), F2::xi());
    const F12 w{{}, {F2::one(), {}, {}}};
    const F12 v{{{}, F2::one(), {}}, {}};
    EXPECT_EQ(w.square(), v);
    EXPECT_EQ(v * v * v, (F12{{F2::xi(), {}, {}}, {}}));
}

TYPED_TEST(TowerTest, laws_of_a_field_hold) {
    for (int round = 0; round < 10; ++round) {
        const auto a2 = this->random_f2(), b2 = this->random_f2();
        EXPECT_EQ(a2.square(), a2 * a2);
        EXPECT_EQ(a2.times_xi(), a2 * TypeParam::xi());
        EXPECT_EQ(a2 * a2.inverse(), TypeParam::one());
        EXPECT_EQ((a2 + b2) * (a2 - b2), a2.square() - b2.square());

        const auto a6 = this->random_f6(), b6 = this->random_f6(), c6 = this->random_f6();
        EXPECT_EQ(a6 * b6, b6 * a6);
        EXPECT_EQ((a6 * b6) * c6, a6 * (b6 * c6));
        EXPECT_EQ((a6 + b6) * c6, a6 * c6 + b6 * c6);
        EXPECT_EQ(a6 * a6.inverse(), Fp6<TypeParam>::one());

        const auto a = this->random_f12(), b = this->random_f12(), c = this->random_f12();
        EXPECT_EQ((a * b) * c, a * (b * c));
        EXPECT_EQ(a.square(), a * a);
        EXPECT_EQ(a * a.inverse(), Fp12<TypeParam>::one());
    }
}

TYPED_TEST(TowerTest, sparse_products_are_products) {
    using F6 = Fp6<TypeParam>;
    using F12 = Fp12<TypeParam>;
    const auto f6 = this->random_f6();
    const auto f = this->random_f12();
    const auto a = this->random_f2(), b = this->random_f2(), c = this->random_f2();
    EXPECT_EQ(f6.times_01(a, b), f6 * (F6{a, b, {}}));
    EXPECT_EQ(f6.times_1(a), f6 * (F6{{}, a, {}}));
    EXPECT_EQ(f6.times_v(), f6 * (F6{{}, TypeParam::one(), {}}));
    EXPECT_EQ(f.times_013(a, b, c), f * (F12{{a, {}, {}}, {b, c, {}}}));
    EXPECT_EQ(f.times_023(a, b, c), f * (F12{{a, b, {}}, {{}, c, {}}}));
}

TYPED_TEST(TowerTest, frobenius_is_the_power_of_the_prime) {
    using F12 = Fp12<TypeParam>;
    const auto f = this->random_f12();
    F12 power = F12::one();
    const auto& p = TypeParam::BaseField::modulus;
    for (std::size_t i = bit_length(p); i-- > 0;) {
        power = power.square();
        if (bit_of(p, i)) power *= f;
    }
    EXPECT_EQ(f.frobenius(), power);
    auto image = f;
    for (int i = 0; i < 6; ++i) image = image.frobenius();
    EXPECT_EQ(image, f.conjugate());
}

TYPED_TEST(TowerTest, after_the_easy_part_squares_are_cheap_and_inverses_conjugates) {
    using F12 = Fp12<TypeParam>;
    const auto f = easy_final_exponentiation(this->random_f12());
    EXPECT_EQ(f * f.conjugate(), F12::one());
    EXPECT_EQ(f.cyclotomic_square(), f.square());
    F12 power = F12::one();
    for (int i = 0; i < 21; ++i) power *= f;
    EXPECT_EQ(f.cyclotomic_power(21), power);
    EXPECT_EQ(f.cyclotomic_power(1), f);
    const auto g = this->random_f12();
    EXPECT_NE(g.cyclotomic_square(), g.square()) << "holds in the subgroup only";
}

}  // namespace
}  // namespace weft::crypto
