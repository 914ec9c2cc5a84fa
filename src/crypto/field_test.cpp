#include "crypto/field.hpp"

#include <gtest/gtest.h>

#include "crypto/modexp.hpp"

namespace weft::crypto {
namespace {

struct Prime254 {
    static constexpr auto modulus =
        limbs_from_digits<4>("30644e72e131a029b85045b68181585d97816a916871ca8d3c208c16d87cfd47");
};
struct Prime381 {
    static constexpr auto modulus = limbs_from_digits<6>(
        "1a0111ea397fe69a4b1ba7b6434bacd764774b84f38512bf6730d2a0f6b0f6241eabfffeb153ffffb9feffffffffaaab");
};

template <class F>
struct FieldTest : testing::Test {
    static Bytes bytes_of(const F& value) {
        Bytes out(F::byte_size);
        value.to_bytes(out.data());
        return out;
    }
    static F from_seed(std::uint64_t seed) { return F::from_u64(mix64(seed)).power(Limbs<1>{mix64(seed + 1)}); }
    /// The ends of the range, where carries and the last subtraction happen, and numbers from its middle.
    static std::vector<F> samples() {
        std::vector<F> out{F::zero(), F::one(), F::from_u64(2), -F::one(), -F::from_u64(2), F::one() - F::from_u64(1)};
        for (std::uint64_t seed = 1; seed <= 20; ++seed) out.push_back(from_seed(seed));
        auto top = F::one();
        for (std::size_t i = 0; i < 64 * F::limb_count; i += 31) {
            out.push_back(top);
            out.push_back(-top);
            for (int j = 0; j < 31; ++j) top = top.doubled();
        }
        return out;
    }
    static Bytes modulus_bytes() {
        Bytes out(F::byte_size);
        limbs_to_big_endian(F::modulus, out.data());
        return out;
    }
};
using Fields = testing::Types<Field<Prime254>, Field<Prime381>>;
TYPED_TEST_SUITE(FieldTest, Fields);

TYPED_TEST(FieldTest, laws_of_a_field_hold) {
    const auto values = TestFixture::samples();
    const auto c = TestFixture::from_seed(99);
    for (const auto& a : values) {
        EXPECT_EQ(a - a, TypeParam::zero());
        EXPECT_EQ(a + (-a), TypeParam::zero());
        EXPECT_EQ(a.doubled(), a + a);
        EXPECT_EQ(a.square(), a * a);
        EXPECT_EQ(a * TypeParam::one(), a);
        EXPECT_EQ(a * a.inverse(), a.is_zero() ? TypeParam::zero() : TypeParam::one());
        for (const auto& b : values) {
            EXPECT_EQ(a + b, b + a);
            EXPECT_EQ(a * b, b * a);
            EXPECT_EQ((a - b) + b, a);
            EXPECT_EQ((a + b) * c, a * c + b * c);
            EXPECT_EQ((a * b) * c, a * (b * c));
            EXPECT_EQ((a + b) * (a - b), a.square() - b.square());
        }
    }
}

TYPED_TEST(FieldTest, powers_agree_with_those_of_another_library) {
    using F = TypeParam;
    const auto modulus = TestFixture::modulus_bytes();
    for (const auto& a : TestFixture::samples()) {
        for (const std::uint64_t exponent : {0ULL, 1ULL, 2ULL, 15ULL, 16ULL, 0x123456789abcdef0ULL}) {
            std::uint8_t exponent_bytes[8];
            limbs_to_big_endian(Limbs<1>{exponent}, exponent_bytes);
            EXPECT_EQ(TestFixture::bytes_of(a.power(Limbs<1>{exponent})),
                      modexp(TestFixture::bytes_of(a), exponent_bytes, modulus));
        }
        auto less_one = F::modulus;
        less_one[0] -= 1;
        EXPECT_EQ(a.power(less_one), a.is_zero() ? F::zero() : F::one());
    }
}

TYPED_TEST(FieldTest, bytes_come_back_and_must_be_below_the_modulus) {
    using F = TypeParam;
    for (const auto& a : TestFixture::samples()) {
        const auto bytes = TestFixture::bytes_of(a);
        const auto back = F::from_bytes(bytes.data());
        ASSERT_TRUE(back);
        EXPECT_EQ(*back, a);
        EXPECT_EQ(a.is_odd(), (bytes.back() & 1) != 0);
    }
    auto bytes = TestFixture::modulus_bytes();
    EXPECT_FALSE(F::from_bytes(bytes.data()));
    --bytes.back();
    EXPECT_EQ(F::from_bytes(bytes.data()), -F::one());
    bytes.back() += 2;
    EXPECT_FALSE(F::from_bytes(bytes.data()));
    EXPECT_FALSE(F::from_bytes(Bytes(F::byte_size, 0xff).data()));
}

TYPED_TEST(FieldTest, every_square_and_nothing_else_has_a_root) {
    for (const auto& a : TestFixture::samples()) {
        const auto root = a.square().square_root();
        ASSERT_TRUE(root);
        EXPECT_TRUE(*root == a || *root == -a);
        if (!a.is_zero()) EXPECT_FALSE((-a.square()).square_root());
        EXPECT_EQ((-a.square()).root_up_to_sign().square(), a.square());
    }
}

TYPED_TEST(FieldTest, a_sum_of_products_is_reduced_once) {
    using F = TypeParam;
    const auto values = TestFixture::samples();
    for (const auto& a : values) {
        for (const auto& b : values) {
            const auto ab = F::product(a.montgomery(), b.montgomery());
            const auto aa = square_wide(a.montgomery());
            EXPECT_EQ(aa, multiply_wide(a.montgomery(), a.montgomery()));
            EXPECT_EQ(F::from_product(ab), a * b);
            EXPECT_EQ(F::from_product(F::subtract_products(ab, aa)), a * b - a * a);
            EXPECT_EQ(F::from_product(F::product(F::add_loose(a, b), F::add_loose(a, b))), (a + b).square());
        }
    }
}

TEST(limbs, small_helpers) {
    EXPECT_EQ((limbs_from_digits<2>("1000000000000000f")), (Limbs<2>{0xf, 1}));
    EXPECT_EQ(divide(Limbs<2>{0, 1}, 3), (Limbs<2>{0x5555555555555555, 0}));
    EXPECT_EQ(bit_length(Limbs<2>{}), 0U);
    EXPECT_EQ(bit_length(Limbs<2>{1, 0}), 1U);
    EXPECT_EQ(bit_length(Limbs<2>{0, 1}), 65U);
    EXPECT_TRUE(bit_of(Limbs<2>{0, 2}, 65));
    EXPECT_TRUE(is_less(Limbs<2>{5, 1}, Limbs<2>{0, 2}));
    EXPECT_FALSE(is_less(Limbs<2>{0, 2}, Limbs<2>{0, 2}));
}

}  // namespace
}  // namespace weft::crypto
