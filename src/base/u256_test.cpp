#include "base/u256.hpp"

#include <gtest/gtest.h>

#include <random>

#include "base/hex.hpp"

namespace weft {
namespace {

/// Numbers of every size, with runs of ones and zeros where carries and wrong estimates hide.
class Source {
  public:
    explicit Source(std::uint64_t seed) : engine_(seed) {}

    U256 next() {
        U256 out;
        const auto limbs = engine_() % 5;
        for (std::size_t i = 0; i < limbs; ++i) {
            switch (engine_() % 5) {
                case 0: out.limb[i] = 0; break;
                case 1: out.limb[i] = ~std::uint64_t{0}; break;
                case 2: out.limb[i] = std::uint64_t{1} << (engine_() % 64); break;
                case 3: out.limb[i] = ~std::uint64_t{0} << (engine_() % 64); break;
                default: out.limb[i] = engine_(); break;
            }
        }
        return out;
    }
    std::uint64_t bits() { return engine_(); }

  private:
    std::mt19937_64 engine_;
};

constexpr std::uint64_t seed = 20241;
constexpr int rounds = 200'000;

TEST(u256, division_undoes_multiplication) {
    Source source(seed);
    for (int i = 0; i < rounds; ++i) {
        const U256 a = source.next();
        const U256 b = source.next();
        if (b.is_zero()) continue;
        const auto [quotient, remainder] = divide(a, b);
        ASSERT_LT(remainder, b) << to_quantity(a) << " / " << to_quantity(b);
        ASSERT_EQ(quotient * b + remainder, a) << to_quantity(a) << " / " << to_quantity(b);
        // quotient * b did not wrap: it is no more than a.
        if (!quotient.is_zero()) ASSERT_LE(quotient.bit_length() + b.bit_length(), a.bit_length() + 1);
    }
}

/// By doubling and adding, one bit after the other: slow and plain.
U256 multiply_mod_plain(const U256& a, const U256& b, const U256& modulus) {
    const auto add = [&](const U256& x, const U256& y) {
        bool carry = false;
        const U256 sum = U256::add(x, y, carry);
        return carry || sum >= modulus ? sum - modulus : sum;
    };
    const U256 reduced = a % modulus;
    U256 out;
    for (unsigned i = b.bit_length(); i-- > 0;) {
        out = add(out, out);
        if (b.bit(i)) out = add(out, reduced);
    }
    return out % modulus;
}

TEST(u256, modular_arithmetic_agrees_with_the_plain_way) {
    Source source(seed);
    for (int i = 0; i < rounds / 20; ++i) {
        const U256 a = source.next();
        const U256 b = source.next();
        const U256 modulus = source.next();
        if (modulus.is_zero()) {
            ASSERT_TRUE(multiply_mod(a, b, modulus).is_zero());
            ASSERT_TRUE(add_mod(a, b, modulus).is_zero());
            continue;
        }
        const U256 want = multiply_mod_plain(a, b, modulus);
        ASSERT_EQ(multiply_mod(a, b, modulus), want);
        if (Reducer::suits(modulus)) ASSERT_EQ(Reducer(modulus).multiply(a, b), want);
        const U256 left = a % modulus;
        const U256 right = b % modulus;
        const U256 sum = left >= modulus - right && !right.is_zero() ? left - (modulus - right) : left + right;
        ASSERT_EQ(add_mod(a, b, modulus), sum)
            << to_quantity(a) << ' ' << to_quantity(b) << ' ' << to_quantity(modulus);
    }
}

TEST(u256, reducer_at_the_edges) {
    const U256 max = ~U256{};
    EXPECT_FALSE(Reducer::suits(U256(1, 0, 0, 0)));
    EXPECT_FALSE(Reducer::suits(U256(0, ~0ULL, ~0ULL, ~0ULL)));
    for (const auto& modulus : {max, max - 1, U256(1, 0, 0, 1), U256(2, 0, 0, 0), U256(1) << 255, (U256(1) << 255) + 1,
                                U256(1, ~0ULL, ~0ULL, ~0ULL)}) {
        ASSERT_TRUE(Reducer::suits(modulus));
        const Reducer reducer(modulus);
        for (const auto& a : {U256{}, U256(1), max, modulus, modulus - 1, modulus + 1, max - modulus}) {
            EXPECT_EQ(reducer.multiply(a, max), multiply_mod_plain(a, max, modulus));
            EXPECT_EQ(reducer.multiply(a, a), multiply_mod_plain(a, a, modulus));
        }
    }
}

TEST(u256, shifts_agree_with_doubling_and_halving) {
    Source source(seed);
    for (int i = 0; i < 2000; ++i) {
        const U256 a = source.next();
        const auto count = source.bits() % 260;
        U256 left = a;
        U256 right = a;
        for (std::uint64_t j = 0; j < count; ++j) {
            left = left + left;
            right = divide(right, 2).quotient;
        }
        ASSERT_EQ(a << count, left) << count;
        ASSERT_EQ(a >> count, right) << count;
    }
    EXPECT_TRUE((~U256{} << ~std::uint64_t{0}).is_zero());
    EXPECT_TRUE((~U256{} >> 256).is_zero());
}

TEST(u256, power) {
    EXPECT_EQ(power(0, 0), U256(1));
    EXPECT_EQ(power(3, 5), U256(243));
    EXPECT_EQ(power(2, 255), U256(1) << 255);
    EXPECT_EQ(power(2, 256), U256(0));
    EXPECT_EQ(power(2, U256(0, 0, 1, 0)), U256(0));
    EXPECT_EQ(power(~U256{}, 3), ~U256{});
}

TEST(u256, bytes_round_trip) {
    Source source(seed);
    for (int i = 0; i < 1000; ++i) {
        const U256 a = source.next();
        EXPECT_EQ(U256::from_big_endian(a.to_hash().data()), a);
        EXPECT_EQ(U256::from_bytes(a.to_hash()), a);
    }
    constexpr U256 known = U256::from_big_endian(U256(1, 2, 3, 4).to_hash().data());
    static_assert(known == U256(1, 2, 3, 4));
    EXPECT_EQ(U256(1, 2, 3, 4).to_hash(), known.to_hash());
}

TEST(u256, text) {
    const U256 max = ~U256{};
    EXPECT_EQ(to_decimal(0), "0");
    EXPECT_EQ(to_decimal(max), "115792089237316195423570985008687907853269984665640564039457584007913129639935");
    EXPECT_EQ(to_decimal(U256(10'000'000'000'000'000'000ULL)), "10000000000000000000");
    EXPECT_EQ(to_quantity(U256(0)), "0x0");
    EXPECT_EQ(to_quantity(U256(1) << 64), "0x10000000000000000");
    EXPECT_EQ(*u256_from_number(to_decimal(max)), max);
    EXPECT_EQ(*u256_from_number("0x0ff"), U256(255));
    EXPECT_EQ(*u256_from_quantity(to_quantity(max)), max);
    for (const auto* bad : {"", "x", "-1", "1e3", "0x1g",
                            "115792089237316195423570985008687907853269984665640564039457584007913129639936",
                            "0x10000000000000000000000000000000000000000000000000000000000000000"}) {
        EXPECT_FALSE(u256_from_number(bad).has_value()) << bad;
    }
    for (const auto* bad : {"", "0x", "1", "0x01", "0x1g"}) EXPECT_FALSE(u256_from_quantity(bad).has_value()) << bad;
}

}  // namespace
}  // namespace weft
