#include "crypto/bls12_381_curve.hpp"

#include <gtest/gtest.h>

#include "base/hex.hpp"
#include "crypto/keccak.hpp"

namespace weft::crypto::bls {
namespace {

U256 random_number(std::uint8_t seed) { return U256::from_bytes(keccak256(BytesView(&seed, 1))); }

/// On the curve, not in the subgroup: the points with the smallest x.
const G1 other_g1{
    Fp::from_u64(4),
    Fp::from_digits(
        "0a989badd40d6212b33cffc3f3763e9bc760f988c9926b26da9dd85e928483446346b8ed00e1de5d5ea93e354abe706c")};
const G2 other_g2{
    {Fp::one(), Fp::one()},
    {Fp::from_digits(
         "17faa6201231304f270b858dad9462089f2a5b83388e4b10773abc1eef6d193b9fce4e8ea2d9d28e3c3a315aa7de14ca"),
     Fp::from_digits(
         "0cc12449be6ac4e7f367e7242250427c4fb4c39325d3164ad397c1837a90f0ea1a534757df374dd6569345eb41ed76e")}};

/// Double and add, for comparison.
template <class F>
JacobianPoint<F> times(const AffinePoint<F>& point, const U256& number) {
    auto out = JacobianPoint<F>::infinity();
    for (unsigned i = number.bit_length(); i-- > 0;) {
        out = out.doubled();
        if (number.bit(i)) out += point;
    }
    return out;
}

template <class Point>
void expect_subgroup_test_is_right(const Point& generator, const Point& other) {
    EXPECT_TRUE(is_on_curve(generator));
    EXPECT_TRUE(is_on_curve(other));
    EXPECT_TRUE(is_in_subgroup(generator));
    EXPECT_TRUE(is_in_subgroup(Point{}));
    EXPECT_TRUE(times(generator, order).is_infinity());
    EXPECT_FALSE(is_in_subgroup(other));
    EXPECT_FALSE(times(other, order).is_infinity());
    EXPECT_FALSE(is_in_subgroup((times(generator, 5) + other).to_affine()));
    // Times the order only the part outside the subgroup is left, which has the cofactor's order.
    EXPECT_FALSE(is_in_subgroup(times(other, order).to_affine()));
    EXPECT_TRUE(is_in_subgroup(clear_cofactor(decltype(times(other, 1))::from(other)).to_affine()));
    EXPECT_FALSE(clear_cofactor(decltype(times(other, 1))::from(other)).is_infinity());
}

TEST(bls12_381_curve, subgroup_of_g1) { expect_subgroup_test_is_right(g1_generator(), other_g1); }
TEST(bls12_381_curve, subgroup_of_g2) { expect_subgroup_test_is_right(g2_generator(), other_g2); }

template <class Point>
void expect_multiplication_is_right(const Point& generator) {
    std::vector<U256> numbers{0,         1,     2,         parameter, U256(parameter) * U256(parameter),
                              order - 1, order, order + 1, ~U256(0)};
    for (std::uint8_t seed = 0; seed < 20; ++seed) numbers.push_back(random_number(seed));
    for (const auto& number : numbers) {
        SCOPED_TRACE(to_quantity(number));
        EXPECT_EQ(multiply(generator, number).to_affine(), times(generator, number).to_affine());
    }
    EXPECT_TRUE(multiply(Point{}, 5).is_infinity());
}

TEST(bls12_381_curve, multiplication_in_g1) { expect_multiplication_is_right(g1_generator()); }
TEST(bls12_381_curve, multiplication_in_g2) { expect_multiplication_is_right(g2_generator()); }

bool product_is_one(std::vector<Pair> pairs) {
    PairingProduct product;
    for (const auto& pair : pairs) product.multiply(pair);
    return product.is_one();
}

TEST(bls12_381_curve, pairing_is_bilinear_and_not_degenerate) {
    const G1& p = g1_generator();
    const G2& q = g2_generator();
    EXPECT_TRUE(product_is_one({}));
    EXPECT_FALSE(product_is_one({{p, q}}));
    EXPECT_TRUE(product_is_one({{p, q}, {-p, q}}));
    EXPECT_TRUE(product_is_one({{p, q}, {p, -q}}));
    EXPECT_TRUE(product_is_one({{p, {}}, {{}, q}}));
    for (std::uint8_t seed = 0; seed < 5; ++seed) {
        const U256 a = random_number(seed) % order;
        const U256 b = random_number(seed + 100) % order;
        const G1 ap = multiply(p, a).to_affine();
        const G2 bq = multiply(q, b).to_affine();
        const G1 abp = multiply(p, multiply_mod(a, b, order)).to_affine();
        EXPECT_TRUE(product_is_one({{ap, bq}, {-abp, q}}));
        EXPECT_TRUE(product_is_one({{ap, bq}, {p, -multiply(q, multiply_mod(a, b, order)).to_affine()}}));
        EXPECT_FALSE(product_is_one({{ap, bq}, {-ap, q}}));
    }
}

TEST(bls12_381_curve, pairing_product_of_more_pairs_than_a_batch_has) {
    // e(P, Q)^(1 + 2 + ... + n) times e(-n (n + 1) / 2 P, Q)
    for (const std::uint64_t n : {7, 8, 9, 16, 17}) {
        std::vector<Pair> pairs;
        for (std::uint64_t i = 1; i <= n; ++i)
            pairs.push_back({multiply(g1_generator(), i).to_affine(), g2_generator()});
        EXPECT_FALSE(product_is_one(pairs));
        pairs.push_back({-multiply(g1_generator(), n * (n + 1) / 2).to_affine(), g2_generator()});
        EXPECT_TRUE(product_is_one(pairs)) << n;
    }
}

TEST(bls12_381_curve, prepared_points_pair_as_points_do) {
    const G2 q = multiply(g2_generator(), 12345).to_affine();
    const PreparedG2 prepared(q);
    for (const std::uint64_t count : {1, 3, 8, 9}) {
        PairingProduct product;
        for (std::uint64_t i = 1; i <= count; ++i) product.multiply(multiply(g1_generator(), i).to_affine(), prepared);
        product.multiply(G1{}, prepared);
        product.multiply({-multiply(g1_generator(), count * (count + 1) / 2).to_affine(), q});
        EXPECT_TRUE(product.is_one());
    }
}

Bytes compressed(const Fp& x, std::uint8_t flags) {
    Bytes out(Fp::byte_size);
    x.to_bytes(out.data());
    out[0] |= flags;
    return out;
}

TEST(bls12_381_curve, compressed_points) {
    const Fp& x = g1_generator().x;  // y of the generator is the smaller root
    EXPECT_EQ(decompress_g1(compressed(x, 0x80).data()), g1_generator());
    EXPECT_EQ(decompress_g1(compressed(x, 0xa0).data()), -g1_generator());
    EXPECT_EQ(decompress_g1(compressed({}, 0xc0).data()), G1{});

    Bytes g2 = compressed(g2_generator().x.c1, 0x80);
    g2.resize(96);
    g2_generator().x.c0.to_bytes(g2.data() + 48);
    EXPECT_EQ(decompress_g2(g2.data()), g2_generator());
    g2[0] |= 0x20;
    EXPECT_EQ(decompress_g2(g2.data()), -g2_generator());
    Bytes infinity(96);
    infinity[0] = 0xc0;
    EXPECT_EQ(decompress_g2(infinity.data()), G2{});
    infinity[95] = 1;
    EXPECT_FALSE(decompress_g2(infinity.data()));
}

TEST(bls12_381_curve, refuses_malformed_compressed_points) {
    const Fp& x = g1_generator().x;
    Bytes too_large(48);
    limbs_to_big_endian(Fp::modulus, too_large.data());
    too_large[0] |= 0x80;
    Bytes low_bit_at_infinity = compressed({}, 0xc0);
    low_bit_at_infinity[47] = 1;
    const struct {
        const char* name;
        Bytes bytes;
    } table[] = {
        {"not marked as compressed", compressed(x, 0)},
        {"larger, not compressed", compressed(x, 0x20)},
        {"infinity with x", compressed(x, 0xc0)},
        {"infinity and larger", compressed({}, 0xe0)},
        {"infinity, not compressed", compressed({}, 0x40)},
        {"infinity with one bit", low_bit_at_infinity},
        {"all zero", Bytes(48)},
        {"x is the prime", too_large},
        {"all ones", Bytes(48, 0xff)},
        {"no point has x = 1", compressed(Fp::one(), 0x80)},
        {"x = 4 is outside the subgroup", compressed(Fp::from_u64(4), 0x80)},
        {"x = 0 is outside the subgroup", compressed({}, 0x80)},
    };
    for (const auto& [name, bytes] : table) {
        SCOPED_TRACE(name);
        EXPECT_FALSE(decompress_g1(bytes.data()));
    }
}

TEST(bls12_381_curve, square_roots_in_fp2) {
    int squares = 0;
    for (std::uint64_t i = 0; i < 40; ++i) {
        const F2 a{Fp::from_u64(i % 7), Fp::from_u64(i % 4).power(Limbs<1>{i})};
        const auto root = square_root(a.square());
        ASSERT_TRUE(root);
        EXPECT_EQ(root->square(), a.square());
        if (const auto own = square_root(a)) {
            EXPECT_EQ(own->square(), a);
            ++squares;
        }
        if (a.is_zero()) continue;
        EXPECT_NE(square_root(a).has_value(), square_root(a * F2::xi()).has_value()) << "xi is no square";
    }
    EXPECT_GT(squares, 0);
    EXPECT_EQ(square_root(-F2::one())->square(), -F2::one());
}

}  // namespace
}  // namespace weft::crypto::bls
