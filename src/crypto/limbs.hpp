#pragma once
// Numbers of N 64-bit limbs, least significant first: what the prime fields are made of.
//
// Products are summed as two separate carry chains, one of the low and one of the high halves. The compiler turns each
// into a run of adc, which takes 25 ns for a product modulo a 381-bit prime where sums of 128-bit integers take 29.
// Both chains at once in assembly (adcx, adox) take 23, which was not found worth it.
//
// The loops index arrays by constants once unrolled, so that these live in registers. A loop that moves limbs down by
// one becomes a memmove before it is unrolled, and the array goes to memory: that costs a factor of two.

#include <array>
#include <cstddef>
#include <cstdint>

namespace weft::crypto {

template <std::size_t N>
using Limbs = std::array<std::uint64_t, N>;

/// out = a + b. @return the carry.
template <std::size_t N>
[[gnu::always_inline]] constexpr std::uint64_t add(Limbs<N>& out, const Limbs<N>& a, const Limbs<N>& b) {
    unsigned long long carry = 0;
#pragma unroll
    for (std::size_t i = 0; i < N; ++i) out[i] = __builtin_addcll(a[i], b[i], carry, &carry);
    return carry;
}

/// out = a - b. @return the borrow.
template <std::size_t N>
[[gnu::always_inline]] constexpr std::uint64_t subtract(Limbs<N>& out, const Limbs<N>& a, const Limbs<N>& b) {
    unsigned long long borrow = 0;
#pragma unroll
    for (std::size_t i = 0; i < N; ++i) out[i] = __builtin_subcll(a[i], b[i], borrow, &borrow);
    return borrow;
}

template <std::size_t N>
[[gnu::always_inline]] constexpr Limbs<N> masked(const Limbs<N>& value, std::uint64_t mask) {
    Limbs<N> out;
#pragma unroll
    for (std::size_t i = 0; i < N; ++i) out[i] = value[i] & mask;
    return out;
}

template <std::size_t N>
[[nodiscard]] constexpr bool is_less(const Limbs<N>& a, const Limbs<N>& b) {
    Limbs<N> difference;
    return subtract(difference, a, b) != 0;
}

template <std::size_t N>
[[nodiscard]] constexpr bool is_zero(const Limbs<N>& value) {
    std::uint64_t bits = 0;
    for (const auto limb : value) bits |= limb;
    return bits == 0;
}

template <std::size_t N>
[[nodiscard]] constexpr bool bit_of(const Limbs<N>& value, std::size_t index) {
    return (value[index / 64] >> (index % 64) & 1) != 0;
}

/// Number of bits up to the highest set one; 0 for zero.
template <std::size_t N>
[[nodiscard]] constexpr std::size_t bit_length(const Limbs<N>& value) {
    for (std::size_t i = N; i-- > 0;) {
        if (value[i] != 0) return 64 * (i + 1) - static_cast<std::size_t>(__builtin_clzll(value[i]));
    }
    return 0;
}

/// The quotient by a small number, rounded down.
template <std::size_t N>
[[nodiscard]] constexpr Limbs<N> divide(const Limbs<N>& value, std::uint64_t divisor) {
    Limbs<N> out;
    unsigned __int128 rest = 0;
    for (std::size_t i = N; i-- > 0;) {
        rest = rest << 64 | value[i];
        out[i] = static_cast<std::uint64_t>(rest / divisor);
        rest %= divisor;
    }
    return out;
}

/// t[0 .. N] += a * b, where t has one limb more than a. The sum must fit.
template <std::size_t N>
[[gnu::always_inline]] constexpr void add_product(std::uint64_t* t, const Limbs<N>& a, std::uint64_t b) {
    std::uint64_t low[N];
    std::uint64_t high[N];
#pragma unroll
    for (std::size_t i = 0; i < N; ++i) {
        const auto product = static_cast<unsigned __int128>(a[i]) * b;
        low[i] = static_cast<std::uint64_t>(product);
        high[i] = static_cast<std::uint64_t>(product >> 64);
    }
    unsigned long long carry = 0;
#pragma unroll
    for (std::size_t i = 0; i < N; ++i) t[i] = __builtin_addcll(t[i], low[i], carry, &carry);
    t[N] += carry;
    carry = 0;
#pragma unroll
    for (std::size_t i = 0; i < N; ++i) t[i + 1] = __builtin_addcll(t[i + 1], high[i], carry, &carry);
}

template <std::size_t N>
[[gnu::always_inline]] constexpr Limbs<2 * N> multiply_wide(const Limbs<N>& a, const Limbs<N>& b) {
    std::uint64_t t[2 * N] = {};
#pragma unroll
    for (std::size_t i = 0; i < N; ++i) add_product(t + i, b, a[i]);
    Limbs<2 * N> out;
#pragma unroll
    for (std::size_t i = 0; i < 2 * N; ++i) out[i] = t[i];
    return out;
}

/// The products of different limbs once, doubled, and the squares: (N^2 + N) / 2 multiplications instead of N^2.
template <std::size_t N>
[[gnu::always_inline]] constexpr Limbs<2 * N> square_wide(const Limbs<N>& a) {
    std::uint64_t t[2 * N] = {};
#pragma unroll
    for (std::size_t i = 0; i + 1 < N; ++i) {
        std::uint64_t carry = 0;
#pragma unroll
        for (std::size_t j = i + 1; j < N; ++j) {
            const auto product = static_cast<unsigned __int128>(a[i]) * a[j] + t[i + j] + carry;
            t[i + j] = static_cast<std::uint64_t>(product);
            carry = static_cast<std::uint64_t>(product >> 64);
        }
        t[i + N] = carry;
    }
    Limbs<2 * N> squares;
#pragma unroll
    for (std::size_t i = 0; i < N; ++i) {
        const auto product = static_cast<unsigned __int128>(a[i]) * a[i];
        squares[2 * i] = static_cast<std::uint64_t>(product);
        squares[2 * i + 1] = static_cast<std::uint64_t>(product >> 64);
    }
    Limbs<2 * N> doubled;
    doubled[0] = 0;
#pragma unroll
    for (std::size_t i = 1; i < 2 * N; ++i) doubled[i] = t[i] << 1 | t[i - 1] >> 63;
    Limbs<2 * N> out;
    add(out, doubled, squares);
    return out;
}

template <std::size_t N>
[[nodiscard]] constexpr Limbs<N> limbs_from_big_endian(const std::uint8_t* bytes) {
    Limbs<N> out;
    for (std::size_t i = 0; i < N; ++i) {
        std::uint64_t word = 0;
        for (std::size_t j = 0; j < 8; ++j) word = word << 8 | bytes[8 * i + j];
        out[N - 1 - i] = word;
    }
    return out;
}

template <std::size_t N>
constexpr void limbs_to_big_endian(const Limbs<N>& value, std::uint8_t* bytes) {
    for (std::size_t i = 0; i < N; ++i) {
        for (std::size_t j = 0; j < 8; ++j)
            bytes[8 * i + j] = static_cast<std::uint8_t>(value[N - 1 - i] >> (56 - 8 * j));
    }
}

/// From hexadecimal digits, most significant first, for constants.
template <std::size_t N>
[[nodiscard]] constexpr Limbs<N> limbs_from_digits(const char* digits) {
    Limbs<N> out{};
    for (; *digits != '\0'; ++digits) {
        for (std::size_t i = N - 1; i > 0; --i) out[i] = out[i] << 4 | out[i - 1] >> 60;
        const auto digit = static_cast<std::uint64_t>(*digits <= '9' ? *digits - '0' : *digits - 'a' + 10);
        out[0] = out[0] << 4 | digit;
    }
    return out;
}

}  // namespace weft::crypto
