#pragma once
// The extension fields of a pairing-friendly curve, as a tower:
//
//     Fp2 = Fp[i] / (i^2 + 1),   Fp6 = Fp2[v] / (v^3 - xi),   Fp12 = Fp6[w] / (w^2 - v),   xi = xi_real + i
//
// so w^6 = xi, and an element of Fp12 is also a polynomial of degree 5 in w over Fp2.
//
// Sources: Devegili, O hEigeartaigh, Scott, Dahab, Multiplication and squaring on pairing-friendly fields (2006);
// Aranha, Karabina, Longa, Gebotys, Lopez, Faster explicit formulas for computing pairings over ordinary curves (2011).

#include <array>
#include <cstddef>
#include <cstdint>

#include "crypto/limbs.hpp"

namespace weft::crypto {

/// @tparam Base     A Field whose modulus is 3 modulo 4, so that -1 is no square.
/// @tparam xi_real  Chosen so that xi is neither a square nor a cube.
template <class Base, unsigned xi_real>
struct Fp2 {
    Base c0;
    Base c1;

    using BaseField = Base;

    static constexpr Fp2 zero() { return {}; }
    static constexpr Fp2 one() { return {Base::one(), {}}; }
    static constexpr Fp2 xi() { return {Base::from_u64(xi_real), Base::one()}; }

    constexpr bool operator==(const Fp2&) const = default;
    [[nodiscard]] constexpr bool is_zero() const { return c0.is_zero() && c1.is_zero(); }

    [[gnu::always_inline]] friend constexpr Fp2 operator+(const Fp2& a, const Fp2& b) {
        return {a.c0 + b.c0, a.c1 + b.c1};
    }
    [[gnu::always_inline]] friend constexpr Fp2 operator-(const Fp2& a, const Fp2& b) {
        return {a.c0 - b.c0, a.c1 - b.c1};
    }
    constexpr Fp2 operator-() const { return {-c0, -c1}; }
    /// Three products, and two reductions because sums are reduced and not products.
    [[gnu::noinline]] friend constexpr Fp2 operator*(const Fp2& a, const Fp2& b) {
        const auto real = Base::product(a.c0.montgomery(), b.c0.montgomery());
        const auto imaginary = Base::product(a.c1.montgomery(), b.c1.montgomery());
        auto mixed = Base::product(Base::add_loose(a.c0, a.c1), Base::add_loose(b.c0, b.c1));
        subtract(mixed, mixed, real);
        subtract(mixed, mixed, imaginary);
        return {Base::from_product(Base::subtract_products(real, imaginary)), Base::from_product(mixed)};
    }
    friend constexpr Fp2 operator*(const Fp2& a, const Base& b) { return {a.c0 * b, a.c1 * b}; }
    [[nodiscard]] constexpr Fp2 square() const {
        const Base mixed = c0 * c1;
        return {(c0 + c1) * (c0 - c1), mixed + mixed};
    }
    [[nodiscard]] constexpr Fp2 doubled() const { return *this + *this; }
    constexpr Fp2& operator+=(const Fp2& other) { return *this = *this + other; }
    constexpr Fp2& operator-=(const Fp2& other) { return *this = *this - other; }
    constexpr Fp2& operator*=(const Fp2& other) { return *this = *this * other; }

    [[nodiscard]] constexpr Fp2 conjugate() const { return {c0, -c1}; }
    [[nodiscard]] constexpr Base norm() const { return c0.square() + c1.square(); }
    /// 0 for 0.
    [[nodiscard]] Fp2 inverse() const {
        const Base scale = norm().inverse();
        return {c0 * scale, -(c1 * scale)};
    }
    [[nodiscard]] constexpr Fp2 times_xi() const {
        if constexpr (xi_real == 1) {
            return {c0 - c1, c0 + c1};
        } else {
            static_assert(xi_real == 9);
            const Fp2 eightfold = doubled().doubled().doubled();
            return {eightfold.c0 + c0 - c1, eightfold.c1 + c1 + c0};
        }
    }
    template <std::size_t N>
    [[nodiscard]] constexpr Fp2 power(const Limbs<N>& exponent) const {
        Fp2 out = one();
        for (std::size_t i = bit_length(exponent); i-- > 0;) {
            out = out.square();
            if (bit_of(exponent, i)) out *= *this;
        }
        return out;
    }
};

template <class F2>
struct Fp6 {
    F2 c0, c1, c2;

    static constexpr Fp6 one() { return {F2::one(), {}, {}}; }
    constexpr bool operator==(const Fp6&) const = default;

    friend constexpr Fp6 operator+(const Fp6& a, const Fp6& b) { return {a.c0 + b.c0, a.c1 + b.c1, a.c2 + b.c2}; }
    friend constexpr Fp6 operator-(const Fp6& a, const Fp6& b) { return {a.c0 - b.c0, a.c1 - b.c1, a.c2 - b.c2}; }
    constexpr Fp6 operator-() const { return {-c0, -c1, -c2}; }
    friend constexpr Fp6 operator*(const Fp6& a, const Fp6& b) {
        const F2 t0 = a.c0 * b.c0;
        const F2 t1 = a.c1 * b.c1;
        const F2 t2 = a.c2 * b.c2;
        return {((a.c1 + a.c2) * (b.c1 + b.c2) - t1 - t2).times_xi() + t0,
                (a.c0 + a.c1) * (b.c0 + b.c1) - t0 - t1 + t2.times_xi(),
                (a.c0 + a.c2) * (b.c0 + b.c2) - t0 - t2 + t1};
    }
    /// Times b0 + b1 v.
    [[nodiscard]] constexpr Fp6 times_01(const F2& b0, const F2& b1) const {
        const F2 t0 = c0 * b0;
        const F2 t1 = c1 * b1;
        return {((c1 + c2) * b1 - t1).times_xi() + t0, (c0 + c1) * (b0 + b1) - t0 - t1, (c0 + c2) * b0 - t0 + t1};
    }
    /// Times b1 v.
    [[nodiscard]] constexpr Fp6 times_1(const F2& b1) const { return {(c2 * b1).times_xi(), c0 * b1, c1 * b1}; }
    [[nodiscard]] constexpr Fp6 times_v() const { return {c2.times_xi(), c0, c1}; }
    [[nodiscard]] constexpr Fp6 scaled(const F2& factor) const { return {c0 * factor, c1 * factor, c2 * factor}; }
    [[nodiscard]] Fp6 inverse() const {
        const F2 t0 = c0.square() - (c1 * c2).times_xi();
        const F2 t1 = c2.square().times_xi() - c0 * c1;
        const F2 t2 = c1.square() - c0 * c2;
        const F2 scale = (c0 * t0 + (c2 * t1 + c1 * t2).times_xi()).inverse();
        return {t0 * scale, t1 * scale, t2 * scale};
    }
};

template <class F2>
struct Fp12 {
    Fp6<F2> c0, c1;

    static constexpr Fp12 one() { return {Fp6<F2>::one(), {}}; }
    constexpr bool operator==(const Fp12&) const = default;

    friend constexpr Fp12 operator*(const Fp12& a, const Fp12& b) {
        const Fp6<F2> t0 = a.c0 * b.c0;
        const Fp6<F2> t1 = a.c1 * b.c1;
        return {t0 + t1.times_v(), (a.c0 + a.c1) * (b.c0 + b.c1) - t0 - t1};
    }
    constexpr Fp12& operator*=(const Fp12& other) { return *this = *this * other; }
    [[nodiscard]] constexpr Fp12 square() const {
        const Fp6<F2> t = c0 * c1;
        return {(c0 + c1) * (c0 + c1.times_v()) - t - t.times_v(), t + t};
    }
    [[nodiscard]] constexpr Fp12 conjugate() const { return {c0, -c1}; }
    [[nodiscard]] Fp12 inverse() const {
        const Fp6<F2> scale = (c0 * c0 - (c1 * c1).times_v()).inverse();
        return {c0 * scale, -(c1 * scale)};
    }

    /// Times b0 + b1 w + b3 w^3, what a line on a D-twist is.
    [[nodiscard]] constexpr Fp12 times_013(const F2& b0, const F2& b1, const F2& b3) const {
        const Fp6<F2> t0 = c0.scaled(b0);
        const Fp6<F2> t1 = c1.times_01(b1, b3);
        return {t0 + t1.times_v(), (c0 + c1).times_01(b0 + b1, b3) - t0 - t1};
    }
    /// Times b0 + b2 w^2 + b3 w^3, what a line on an M-twist is.
    [[nodiscard]] constexpr Fp12 times_023(const F2& b0, const F2& b2, const F2& b3) const {
        const Fp6<F2> t0 = c0.times_01(b0, b2);
        const Fp6<F2> t1 = c1.times_1(b3);
        return {t0 + t1.times_v(), (c0 + c1).times_01(b0, b2 + b3) - t0 - t1};
    }

    /// The square of an element whose order divides p^4 - p^2 + 1, as all have after the easy part of the final
    /// exponentiation: three squarings in Fp4 instead of a multiplication in Fp12.
    /// @source Granger, Scott, Faster squaring in the cyclotomic subgroup of sixth degree extensions (2010).
    [[nodiscard]] constexpr Fp12 cyclotomic_square() const {
        const auto [a0, a1] = square_fp4(c0.c0, c1.c1);
        const auto [b0, b1] = square_fp4(c1.c0, c0.c2);
        const auto [d0, d1] = square_fp4(c0.c1, c1.c2);
        const auto thrice_less_twice = [](const F2& square, const F2& old) {
            return (square - old).doubled() + square;
        };
        const auto thrice_more_twice = [](const F2& square, const F2& old) {
            return (square + old).doubled() + square;
        };
        Fp12 out;
        out.c0.c0 = thrice_less_twice(a0, c0.c0);
        out.c0.c1 = thrice_less_twice(b0, c0.c1);
        out.c0.c2 = thrice_less_twice(d0, c0.c2);
        out.c1.c0 = thrice_more_twice(d1.times_xi(), c1.c0);
        out.c1.c1 = thrice_more_twice(a1, c1.c1);
        out.c1.c2 = thrice_more_twice(b1, c1.c2);
        return out;
    }

    /// This to the power of @p exponent. Only for elements that cyclotomic_square is for.
    [[nodiscard]] constexpr Fp12 cyclotomic_power(std::uint64_t exponent) const {
        Fp12 out = *this;
        for (int i = 62 - __builtin_clzll(exponent); i >= 0; --i) {
            out = out.cyclotomic_square();
            if ((exponent >> i & 1) != 0) out *= *this;
        }
        return out;
    }

    /// This to the power of p.
    [[nodiscard]] Fp12 frobenius() const {
        const auto& factor = frobenius_factors();
        return {{c0.c0.conjugate(), c0.c1.conjugate() * factor[2], c0.c2.conjugate() * factor[4]},
                {c1.c0.conjugate() * factor[1], c1.c1.conjugate() * factor[3], c1.c2.conjugate() * factor[5]}};
    }

    /// w^(k (p - 1)) = xi^(k (p - 1) / 6) for k from 0 to 5.
    static const std::array<F2, 6>& frobenius_factors() {
        static const std::array<F2, 6> factors = [] {
            auto exponent = F2::BaseField::modulus;
            exponent[0] -= 1;
            const F2 first = F2::xi().power(divide(exponent, 6));
            std::array<F2, 6> out;
            out[0] = F2::one();
            for (std::size_t k = 1; k < 6; ++k) out[k] = out[k - 1] * first;
            return out;
        }();
        return factors;
    }

  private:
    struct Fp4Square {
        F2 c0, c1;
    };
    /// (a + b s)^2 in Fp2[s] / (s^2 - xi).
    static constexpr Fp4Square square_fp4(const F2& a, const F2& b) {
        const F2 a2 = a.square();
        const F2 b2 = b.square();
        return {b2.times_xi() + a2, (a + b).square() - a2 - b2};
    }
};

}  // namespace weft::crypto
