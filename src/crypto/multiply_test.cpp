#include "crypto/multiply.hpp"

#include <gtest/gtest.h>

#include "crypto/bls12_381_curve.hpp"

namespace weft::crypto {
namespace {

using bls::Fp;
using Point = JacobianPoint<Fp>;
using Affine = AffinePoint<Fp>;

Point times(const Point& point, unsigned __int128 number) {
    auto out = Point::infinity();
    for (int i = 127; i >= 0; --i) {
        out = out.doubled();
        if ((number >> i & 1) != 0) out += point;
    }
    return out;
}

Affine generator_times(std::uint64_t number) { return times(Point::from(bls::g1_generator()), number).to_affine(); }

bool same(const Point& a, const Point& b) { return (a + -b).is_infinity(); }

TEST(curve, group_laws_hold_with_infinity_and_equal_points) {
    const auto p = Point::from(generator_times(5));
    const auto q = Point::from(generator_times(8));
    const auto o = Point::infinity();
    for (const auto& a : {p, q, o, -p, p.doubled()}) {
        EXPECT_TRUE(same(a + o, a));
        EXPECT_TRUE(same(o + a, a));
        EXPECT_TRUE((a + -a).is_infinity());
        EXPECT_TRUE(same(a + a, a.doubled()));
        EXPECT_TRUE(a.equals(a.to_affine()));
        for (const auto& b : {p, q, o, -p, p.doubled()}) {
            EXPECT_TRUE(same(a + b, b + a));
            EXPECT_TRUE(same(a + b, a + b.to_affine()));
            EXPECT_EQ((a + b).to_affine(), add_affine(a.to_affine(), b.to_affine()));
            EXPECT_TRUE(same((a + b) + q, a + (b + q)));
            EXPECT_EQ(a.equals(b.to_affine()), same(a, b));
        }
    }
    EXPECT_EQ((p + q).to_affine(), generator_times(13));
    EXPECT_TRUE(p.to_affine().is_on_curve(Fp::from_u64(4)));
    EXPECT_TRUE(same(p.times_sparse(1), p));
    EXPECT_TRUE(p.times_sparse(0).is_infinity());
    EXPECT_EQ(p.times_sparse(0x8000000000000001).to_affine(), times(p, 0x8000000000000001).to_affine());
}

TEST(curve, affine_form_of_many_with_some_at_infinity) {
    std::vector<Point> points;
    for (std::uint64_t i = 0; i < 10; ++i) {
        points.push_back(i % 3 == 0 ? Point::infinity() : Point::from(generator_times(i)).doubled());
    }
    std::vector<Affine> out(points.size());
    to_affine_all<Fp>(points, out);
    for (std::size_t i = 0; i < points.size(); ++i) EXPECT_EQ(out[i], points[i].to_affine());
    to_affine_all<Fp>(std::span<const Point>{}, {});
}

TEST(multiply, signed_digits_add_up_to_the_number) {
    const std::uint64_t max = ~std::uint64_t{0};
    for (const Limbs<2> number : {Limbs<2>{0, 0},
                                  {1, 0},
                                  {15, 0},
                                  {16, 0},
                                  {17, 0},
                                  {31, 0},
                                  {max, 0},
                                  {0, 1},
                                  {max, max},
                                  {max - 15, max},
                                  {0, std::uint64_t{1} << 63},
                                  {0x123456789abcdef, 0xfedcba9876543210}}) {
        std::array<std::int8_t, straus_digits_max> digits;
        const std::size_t size = signed_digits(number, digits);
        unsigned __int128 sum = 0;
        std::size_t last = 0;
        for (std::size_t i = size; i-- > 0;) {
            sum = sum * 2 + static_cast<unsigned __int128>(static_cast<__int128>(digits[i]));
            if (digits[i] == 0) continue;
            EXPECT_NE(digits[i] % 2, 0);
            EXPECT_LE(std::abs(digits[i]), 15);
            if (last != 0) EXPECT_GE(last - i, 5U);
            last = i;
        }
        EXPECT_EQ(static_cast<std::uint64_t>(sum), number[0]);
        EXPECT_EQ(static_cast<std::uint64_t>(sum >> 64), number[1]);
    }
}

std::vector<Term<Fp>> make_terms(std::size_t count) {
    std::vector<Term<Fp>> terms;
    for (std::size_t i = 0; i < count; ++i) {
        const std::uint64_t a = mix64(i + 1);
        terms.push_back({generator_times(i % 5 == 4 ? 7 : i), {a, mix64(a)}});
        if (i % 7 == 3) terms.back().number = {~std::uint64_t{0}, ~std::uint64_t{0}};
        if (i % 7 == 5) terms.back().number = {0, 0};
    }
    return terms;
}

Point sum_one_by_one(const std::vector<Term<Fp>>& terms) {
    auto sum = Point::infinity();
    for (const auto& [point, number] : terms) {
        sum += times(Point::from(point), static_cast<unsigned __int128>(number[1]) << 64 | number[0]);
    }
    return sum;
}

TEST(multiply, few_and_many_agree_with_one_by_one) {
    for (const std::size_t count : {1, 2, 4, 5, 31, 64, 300}) {
        SCOPED_TRACE(count);
        const auto terms = make_terms(count);
        const auto want = sum_one_by_one(terms);
        EXPECT_TRUE(same(multiply_many<Fp>(terms, 128), want));
        if (count < 4) continue;
        std::array<Term<Fp>, 4> first;
        std::copy_n(terms.begin(), 4, first.begin());
        EXPECT_TRUE(same(multiply_few(first), sum_one_by_one({first.begin(), first.end()})));
    }
    EXPECT_TRUE(multiply_many<Fp>({}, 128).is_infinity());
}

TEST(multiply, the_same_point_many_times_and_sums_that_cancel) {
    std::vector<Term<Fp>> terms(40, Term<Fp>{generator_times(3), {12345, 0}});
    EXPECT_EQ(multiply_many<Fp>(terms, 128).to_affine(), generator_times(3 * 12345 * 40));
    for (std::size_t i = 0; i < terms.size(); i += 2) terms[i].point = -terms[i].point;
    EXPECT_TRUE(multiply_many<Fp>(terms, 128).is_infinity());
    EXPECT_TRUE(multiply_few(std::array<Term<Fp>, 2>{terms[0], terms[1]}).is_infinity());
}

}  // namespace
}  // namespace weft::crypto
