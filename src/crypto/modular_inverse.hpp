#pragma once
// The inverse modulo an odd number by division steps.
//
// A step looks only at the lowest bits of f and g, so 62 of them can be found from one word each and applied to the
// long numbers as one 2 by 2 matrix of words. Takes a time that depends on the value: for public values only.
//
// Source: Bernstein, Yang, Fast constant-time gcd computation and modular inversion (2019), section 11.

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "crypto/limbs.hpp"

namespace weft::crypto {

template <std::size_t N>
class ModularInverse {
  public:
    /// @param modulus  Odd and above 1, with at least two bits of its N limbs unused.
    constexpr explicit ModularInverse(const Limbs<N>& modulus) : modulus_(split(modulus)) {
        std::uint64_t inverse = modulus[0];  // right in the lowest 3 bits; each round doubles them
        for (int i = 0; i < 5; ++i) inverse *= 2 - modulus[0] * inverse;
        negated_inverse_ = (0 - inverse) & mask;
    }

    /// @param value  Below the modulus and prime to it, or 0, which gives 0.
    [[nodiscard]] Limbs<N> operator()(const Limbs<N>& value) const {
        Signed d{};
        Signed e{};
        e[0] = 1;
        Signed f = modulus_;
        Signed g = split(value);
        std::int64_t eta = -1;
        std::size_t used = count;
        // Always: f is value * d and g is value * e, modulo the modulus. At the end g is 0 and f is 1 or -1.
        while (true) {
            const Matrix matrix = steps(eta, static_cast<std::uint64_t>(f[0]), static_cast<std::uint64_t>(g[0]));
            apply_modular(matrix, d, e);
            apply_exact(matrix, f, g, used);
            if (is_all_zero(g, used)) break;
            shorten(f, g, used);
        }
        return normalised(d, f[used - 1] < 0);
    }

  private:
    static constexpr int step_count = 62;
    static constexpr std::uint64_t mask = (std::uint64_t{1} << step_count) - 1;
    static constexpr std::size_t count = (64 * N + step_count - 1) / step_count;

    /// 62 bits in each word, least significant first; the last one has the sign.
    using Signed = std::array<std::int64_t, count>;
    using Wide = __int128;

    /// 2^62 times the steps' effect: (f, g) becomes (u f + v g, q f + r g) / 2^62. |u| + |v| and |q| + |r| are at most
    /// 2^62.
    struct Matrix {
        std::int64_t u, v, q, r;
    };

    static constexpr Signed split(const Limbs<N>& value) {
        Signed out{};
        for (std::size_t i = 0; i < count; ++i) {
            const std::size_t at = i * step_count;
            std::uint64_t word = value[at / 64] >> (at % 64);
            if (at % 64 > 2 && at / 64 + 1 < N) word |= value[at / 64 + 1] << (64 - at % 64);
            out[i] = static_cast<std::int64_t>(word & mask);
        }
        return out;
    }

    static Matrix steps(std::int64_t& eta, std::uint64_t f, std::uint64_t g) {
        std::uint64_t u = 1, v = 0, q = 0, r = 1;
        int left = step_count;
        while (true) {
            // Steps with an even g just halve it. The high bits stop the count at the last step.
            const int zeros = std::countr_zero(g | ~std::uint64_t{0} << left);
            g >>= zeros;
            u <<= zeros;
            v <<= zeros;
            eta -= zeros;
            left -= zeros;
            if (left == 0) break;
            if (eta < 0) {
                eta = -eta;
                const std::uint64_t old_f = f, old_u = u, old_v = v;
                f = g;
                g = 0 - old_f;
                u = q;
                q = 0 - old_u;
                v = r;
                r = 0 - old_v;
            }
            // Adding w times f to g clears up to six of its low bits at once; f (f^2 - 2) is -1/f modulo 64.
            const auto limit = static_cast<int>(eta + 1 > left ? left : eta + 1);
            const std::uint64_t bits = (limit >= 6 ? 63 : (std::uint64_t{1} << limit) - 1);
            const std::uint64_t w = f * g * (f * f - 2) & bits;
            g += f * w;
            q += u * w;
            r += v * w;
        }
        return {static_cast<std::int64_t>(u), static_cast<std::int64_t>(v), static_cast<std::int64_t>(q),
                static_cast<std::int64_t>(r)};
    }

    /// Applies the matrix to d and e, which stay between -2 and 1 times the modulus: a multiple of the modulus is added
    /// that makes the division by 2^62 exact, and another one where an input is negative.
    void apply_modular(const Matrix& m, Signed& d, Signed& e) const {
        const std::int64_t d_sign = d[count - 1] >> 63;
        const std::int64_t e_sign = e[count - 1] >> 63;
        std::int64_t d_times = (m.u & d_sign) + (m.v & e_sign);
        std::int64_t e_times = (m.q & d_sign) + (m.r & e_sign);
        Wide d_sum = Wide{m.u} * d[0] + Wide{m.v} * e[0];
        Wide e_sum = Wide{m.q} * d[0] + Wide{m.r} * e[0];
        d_times += missing(static_cast<std::uint64_t>(d_sum), d_times);
        e_times += missing(static_cast<std::uint64_t>(e_sum), e_times);
        d_sum = (d_sum + Wide{modulus_[0]} * d_times) >> step_count;
        e_sum = (e_sum + Wide{modulus_[0]} * e_times) >> step_count;
        for (std::size_t i = 1; i < count; ++i) {
            d_sum += Wide{m.u} * d[i] + Wide{m.v} * e[i] + Wide{modulus_[i]} * d_times;
            e_sum += Wide{m.q} * d[i] + Wide{m.r} * e[i] + Wide{modulus_[i]} * e_times;
            d[i - 1] = static_cast<std::int64_t>(static_cast<std::uint64_t>(d_sum) & mask);
            e[i - 1] = static_cast<std::int64_t>(static_cast<std::uint64_t>(e_sum) & mask);
            d_sum >>= step_count;
            e_sum >>= step_count;
        }
        d[count - 1] = static_cast<std::int64_t>(d_sum);
        e[count - 1] = static_cast<std::int64_t>(e_sum);
    }

    /// A number t in (-2^62, 0] such that sum + (times + t) * modulus is a multiple of 2^62.
    [[nodiscard]] std::int64_t missing(std::uint64_t sum, std::int64_t times) const {
        return -static_cast<std::int64_t>((static_cast<std::uint64_t>(times) - negated_inverse_ * sum) & mask);
    }

    static void apply_exact(const Matrix& m, Signed& f, Signed& g, std::size_t used) {
        Wide f_sum = (Wide{m.u} * f[0] + Wide{m.v} * g[0]) >> step_count;
        Wide g_sum = (Wide{m.q} * f[0] + Wide{m.r} * g[0]) >> step_count;
        for (std::size_t i = 1; i < used; ++i) {
            f_sum += Wide{m.u} * f[i] + Wide{m.v} * g[i];
            g_sum += Wide{m.q} * f[i] + Wide{m.r} * g[i];
            f[i - 1] = static_cast<std::int64_t>(static_cast<std::uint64_t>(f_sum) & mask);
            g[i - 1] = static_cast<std::int64_t>(static_cast<std::uint64_t>(g_sum) & mask);
            f_sum >>= step_count;
            g_sum >>= step_count;
        }
        f[used - 1] = static_cast<std::int64_t>(f_sum);
        g[used - 1] = static_cast<std::int64_t>(g_sum);
    }

    static bool is_all_zero(const Signed& value, std::size_t used) {
        std::int64_t bits = 0;
        for (std::size_t i = 0; i < used; ++i) bits |= value[i];
        return bits == 0;
    }

    /// Drops the last word where it is nothing but the sign of both, by giving that sign to the word before.
    static void shorten(Signed& f, Signed& g, std::size_t& used) {
        const std::int64_t f_top = f[used - 1];
        const std::int64_t g_top = g[used - 1];
        if (used == 1 || (f_top ^ f_top >> 63) != 0 || (g_top ^ g_top >> 63) != 0) return;
        --used;
        f[used - 1] |= static_cast<std::int64_t>(static_cast<std::uint64_t>(f_top) << step_count);
        g[used - 1] |= static_cast<std::int64_t>(static_cast<std::uint64_t>(g_top) << step_count);
    }

    /// d, or -d, brought into [0, modulus).
    [[nodiscard]] Limbs<N> normalised(Signed d, bool negate) const {
        add_if_negative(d);
        if (negate) {
            for (auto& word : d) word = -word;
            carry_through(d);
        }
        add_if_negative(d);
        Limbs<N> out{};
        for (std::size_t i = 0; i < count; ++i) {
            const std::size_t at = i * step_count;
            const auto word = static_cast<std::uint64_t>(d[i]);
            out[at / 64] |= word << (at % 64);
            if (at % 64 > 2 && at / 64 + 1 < N) out[at / 64 + 1] |= word >> (64 - at % 64);
        }
        return out;
    }

    void add_if_negative(Signed& d) const {
        if (d[count - 1] >= 0) return;
        for (std::size_t i = 0; i < count; ++i) d[i] += modulus_[i];
        carry_through(d);
    }

    static void carry_through(Signed& d) {
        for (std::size_t i = 0; i + 1 < count; ++i) {
            d[i + 1] += d[i] >> step_count;
            d[i] = static_cast<std::int64_t>(static_cast<std::uint64_t>(d[i]) & mask);
        }
    }

    Signed modulus_;
    std::uint64_t negated_inverse_ = 0;  // -1 / modulus mod 2^62
};

}  // namespace weft::crypto
