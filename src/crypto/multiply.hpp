#pragma once
// Sums of multiples of points: k1 P1 + k2 P2 + ...
//
// Few points share the doublings (Straus), each with a table of its odd multiples and its number written with few
// non-zero digits. For many points it is cheaper to throw them into buckets by digit (Pippenger).
//
// Sources: Straus, Addition chains of vectors (1964); Bernstein, Doumen, Lange, Oosterwijk, Faster batch forgery
// identification (2012), section 4.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "crypto/curve.hpp"
#include "crypto/limbs.hpp"

namespace weft::crypto {

/// One term of the sum; a curve's endomorphism makes several of these with short numbers from one with a long number.
template <class F>
struct Term {
    AffinePoint<F> point;
    Limbs<2> number{};
};

/// Width of the signed digits in Straus' method: odd, up to 15 in size, on average one in six bits.
inline constexpr int straus_width = 5;
inline constexpr std::size_t straus_table_size = std::size_t{1} << (straus_width - 2);
/// Digits of a 128-bit number, whose last one may carry.
inline constexpr std::size_t straus_digits_max = 129;

/// Digits d[i], zero or odd, at most 15 in size, no two non-zero ones within five: number = sum of d[i] 2^i.
/// @return how many.
inline std::size_t signed_digits(Limbs<2> number, std::array<std::int8_t, straus_digits_max>& digits) {
    auto value = static_cast<unsigned __int128>(number[1]) << 64 | number[0];
    bool carried = false;  // out of the 128 bits, into the digit after the last
    std::size_t size = 0;
    digits.fill(0);
    for (std::size_t i = 0; value != 0 || carried; ++i) {
        if ((value & 1) != 0) {
            int digit = static_cast<int>(value & ((1U << straus_width) - 1));
            if (digit > 1 << (straus_width - 1)) digit -= 1 << straus_width;
            digits[i] = static_cast<std::int8_t>(digit);
            const auto before = value;
            value -= static_cast<unsigned __int128>(static_cast<__int128>(digit));
            if (digit < 0 && value < before) carried = true;
            size = i + 1;
        }
        value >>= 1;
        if (carried) {
            value |= static_cast<unsigned __int128>(1) << 127;
            carried = false;
        }
    }
    return size;
}

/// @tparam count  Number of terms; the memory for their tables is on the stack.
template <class F, std::size_t count>
[[nodiscard]] JacobianPoint<F> multiply_few(const std::array<Term<F>, count>& terms) {
    std::array<JacobianPoint<F>, count * straus_table_size> multiples;
    std::array<std::array<std::int8_t, straus_digits_max>, count> digits;
    std::size_t length = 0;
    for (std::size_t i = 0; i < count; ++i) {
        const auto base = JacobianPoint<F>::from(terms[i].point);
        const auto twice = base.doubled();
        multiples[i * straus_table_size] = base;
        for (std::size_t j = 1; j < straus_table_size; ++j) {
            multiples[i * straus_table_size + j] = multiples[i * straus_table_size + j - 1] + twice;
        }
        length = std::max(length, signed_digits(terms[i].number, digits[i]));
    }
    std::array<AffinePoint<F>, count * straus_table_size> table;
    to_affine_all<F>(multiples, table);

    auto out = JacobianPoint<F>::infinity();
    for (std::size_t bit = length; bit-- > 0;) {
        out = out.doubled();
        for (std::size_t i = 0; i < count; ++i) {
            const int digit = digits[i][bit];
            if (digit > 0) out += table[i * straus_table_size + static_cast<std::size_t>(digit / 2)];
            if (digit < 0) out += -table[i * straus_table_size + static_cast<std::size_t>(-digit / 2)];
        }
    }
    return out;
}

/// Bits a window, about the logarithm of the number of terms: buckets cost two additions each, terms one a window.
[[nodiscard]] inline unsigned pippenger_width(std::size_t terms) {
    unsigned width = 3;
    while (width < 12 && (terms >> (width + 1)) != 0) ++width;
    return width;
}

/// Bits [at, at + width) of a number, zeros beyond its end.
[[nodiscard]] inline unsigned window_of(const Limbs<2>& number, unsigned at, unsigned width) {
    const auto value = static_cast<unsigned __int128>(number[1]) << 64 | number[0];
    return at >= 128 ? 0 : static_cast<unsigned>(value >> at) & ((1U << width) - 1);
}

/// @param bits  Length of the longest number, at most 128.
template <class F>
[[nodiscard]] JacobianPoint<F> multiply_many(std::span<const Term<F>> terms, unsigned bits) {
    const unsigned width = pippenger_width(terms.size());
    const unsigned half = 1U << (width - 1);
    // Digits from -half to half, so that half the buckets do; the carry goes into the next window, one more at the end.
    const unsigned windows = bits / width + 1;
    std::vector<std::int16_t> digits(terms.size() * windows);
    for (std::size_t i = 0; i < terms.size(); ++i) {
        unsigned carry = 0;
        for (unsigned window = 0; window < windows; ++window) {
            const unsigned digit = window_of(terms[i].number, window * width, width) + carry;
            carry = digit > half ? 1 : 0;
            digits[i * windows + window] =
                static_cast<std::int16_t>(static_cast<int>(digit) - static_cast<int>(carry << width));
        }
    }
    std::vector<JacobianPoint<F>> buckets(half);
    auto out = JacobianPoint<F>::infinity();
    for (unsigned window = windows; window-- > 0;) {
        for (unsigned i = 0; i < width; ++i) out = out.doubled();
        std::fill(buckets.begin(), buckets.end(), JacobianPoint<F>::infinity());
        for (std::size_t i = 0; i < terms.size(); ++i) {
            const int digit = digits[i * windows + window];
            if (digit > 0) buckets[static_cast<std::size_t>(digit - 1)] += terms[i].point;
            if (digit < 0) buckets[static_cast<std::size_t>(-digit - 1)] += -terms[i].point;
        }
        // sum of (i + 1) * bucket[i], by adding up the partial sums from the end.
        auto running = JacobianPoint<F>::infinity();
        for (std::size_t i = half; i-- > 0;) {
            running += buckets[i];
            out += running;
        }
    }
    return out;
}

}  // namespace weft::crypto
