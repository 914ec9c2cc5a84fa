#pragma once
// Unsigned 256-bit numbers modulo 2^256: four 64-bit limbs, least significant first, which is also how the EVM's
// stack keeps a word.

#include <array>
#include <bit>
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/bytes.hpp"
#include "base/result.hpp"

namespace weft {

struct U256 {
    std::array<std::uint64_t, 4> limb{};

    constexpr U256() = default;
    constexpr U256(std::uint64_t value) : limb{value, 0, 0, 0} {}  // NOLINT: a number is a number
    constexpr U256(std::uint64_t l3, std::uint64_t l2, std::uint64_t l1, std::uint64_t l0) : limb{l0, l1, l2, l3} {}

    [[nodiscard]] constexpr bool is_zero() const { return (limb[0] | limb[1] | limb[2] | limb[3]) == 0; }
    [[nodiscard]] constexpr bool fits_u64() const { return (limb[1] | limb[2] | limb[3]) == 0; }
    [[nodiscard]] constexpr std::uint64_t low() const { return limb[0]; }
    /// Number of bits up to the highest set one; 0 for zero.
    [[nodiscard]] constexpr unsigned bit_length() const {
        for (int i = 3; i >= 0; --i) {
            if (limb[i] != 0) return static_cast<unsigned>(64 * i + 64 - std::countl_zero(limb[i]));
        }
        return 0;
    }
    [[nodiscard]] constexpr unsigned byte_length() const { return (bit_length() + 7) / 8; }
    [[nodiscard]] constexpr bool bit(unsigned index) const { return (limb[index / 64] >> (index % 64) & 1) != 0; }

    constexpr bool operator==(const U256& other) const {
        return ((limb[0] ^ other.limb[0]) | (limb[1] ^ other.limb[1]) | (limb[2] ^ other.limb[2]) |
                (limb[3] ^ other.limb[3])) == 0;
    }
    constexpr std::strong_ordering operator<=>(const U256& other) const {
        for (int i = 3; i > 0; --i) {
            if (limb[i] != other.limb[i]) return limb[i] <=> other.limb[i];
        }
        return limb[0] <=> other.limb[0];
    }

    /// The sum's low 256 bits; @p carry_out tells whether it ran over.
    [[nodiscard]] static constexpr U256 add(const U256& a, const U256& b, bool& carry_out) {
        U256 out;
        unsigned long long carry = 0;
        for (int i = 0; i < 4; ++i) out.limb[i] = __builtin_addcll(a.limb[i], b.limb[i], carry, &carry);
        carry_out = carry != 0;
        return out;
    }
    [[nodiscard]] static constexpr U256 subtract(const U256& a, const U256& b, bool& borrow_out) {
        U256 out;
        unsigned long long borrow = 0;
        for (int i = 0; i < 4; ++i) out.limb[i] = __builtin_subcll(a.limb[i], b.limb[i], borrow, &borrow);
        borrow_out = borrow != 0;
        return out;
    }

    friend constexpr U256 operator+(const U256& a, const U256& b) {
        bool carry = false;
        return add(a, b, carry);
    }
    friend constexpr U256 operator-(const U256& a, const U256& b) {
        bool borrow = false;
        return subtract(a, b, borrow);
    }
    constexpr U256 operator-() const { return U256{} - *this; }
    friend constexpr U256 operator*(const U256& a, const U256& b) {
        U256 out;
        for (int i = 0; i < 4; ++i) {
            std::uint64_t carry = 0;
            for (int j = 0; i + j < 4; ++j) {
                const auto product = static_cast<unsigned __int128>(a.limb[i]) * b.limb[j] + out.limb[i + j] + carry;
                out.limb[i + j] = static_cast<std::uint64_t>(product);
                carry = static_cast<std::uint64_t>(product >> 64);
            }
        }
        return out;
    }
    friend constexpr U256 operator&(const U256& a, const U256& b) {
        return {a.limb[3] & b.limb[3], a.limb[2] & b.limb[2], a.limb[1] & b.limb[1], a.limb[0] & b.limb[0]};
    }
    friend constexpr U256 operator|(const U256& a, const U256& b) {
        return {a.limb[3] | b.limb[3], a.limb[2] | b.limb[2], a.limb[1] | b.limb[1], a.limb[0] | b.limb[0]};
    }
    friend constexpr U256 operator^(const U256& a, const U256& b) {
        return {a.limb[3] ^ b.limb[3], a.limb[2] ^ b.limb[2], a.limb[1] ^ b.limb[1], a.limb[0] ^ b.limb[0]};
    }
    constexpr U256 operator~() const { return {~limb[3], ~limb[2], ~limb[1], ~limb[0]}; }
    /// Shifts by 256 or more give zero.
    friend constexpr U256 operator<<(const U256& a, std::uint64_t count) {
        if (count >= 256) return {};
        const auto limbs = static_cast<int>(count / 64);
        const auto bits = count % 64;
        U256 out;
        for (int i = 3; i >= limbs; --i) {
            out.limb[i] = a.limb[i - limbs] << bits;
            if (bits != 0 && i > limbs) out.limb[i] |= a.limb[i - limbs - 1] >> (64 - bits);
        }
        return out;
    }
    friend constexpr U256 operator>>(const U256& a, std::uint64_t count) {
        if (count >= 256) return {};
        const auto limbs = static_cast<int>(count / 64);
        const auto bits = count % 64;
        U256 out;
        for (int i = 0; i + limbs < 4; ++i) {
            out.limb[i] = a.limb[i + limbs] >> bits;
            if (bits != 0 && i + limbs < 3) out.limb[i] |= a.limb[i + limbs + 1] << (64 - bits);
        }
        return out;
    }
    constexpr U256& operator+=(const U256& other) { return *this = *this + other; }
    constexpr U256& operator-=(const U256& other) { return *this = *this - other; }

    /// Big-endian bytes, as hashes, RLP and contracts see a number.
    constexpr void to_big_endian(std::uint8_t* out) const {
        for (int i = 0; i < 4; ++i) {
            if !consteval {
                const std::uint64_t word = __builtin_bswap64(limb[3 - i]);
                __builtin_memcpy(out + 8 * i, &word, 8);
                continue;
            }
            for (int j = 0; j < 8; ++j) out[8 * i + j] = static_cast<std::uint8_t>(limb[3 - i] >> (56 - 8 * j));
        }
    }
    [[nodiscard]] static constexpr U256 from_big_endian(const std::uint8_t* in) {
        U256 out;
        for (int i = 0; i < 4; ++i) {
            std::uint64_t word = 0;
            if consteval {
                for (int j = 0; j < 8; ++j) word = word << 8 | in[8 * i + j];
            } else {
                __builtin_memcpy(&word, in + 8 * i, 8);
                word = __builtin_bswap64(word);
            }
            out.limb[3 - i] = word;
        }
        return out;
    }
    /// From at most 32 big-endian bytes; of more, the last 32 count.
    [[nodiscard]] static constexpr U256 from_bytes(BytesView view) {
        return from_big_endian(FixedBytes<32, HashTag>::from(view).data());
    }
    [[nodiscard]] constexpr Hash to_hash() const {
        Hash out;
        to_big_endian(out.data());
        return out;
    }
};

struct DivisionResult {
    U256 quotient;
    U256 remainder;
};

/// Unsigned division. @param divisor  not zero (asserted): what division by zero means is the caller's rule.
[[nodiscard]] DivisionResult divide(const U256& dividend, const U256& divisor);
[[nodiscard]] inline U256 operator/(const U256& a, const U256& b) { return divide(a, b).quotient; }
[[nodiscard]] inline U256 operator%(const U256& a, const U256& b) { return divide(a, b).remainder; }
/// (a + b) mod m over the integers; 0 if m is 0.
[[nodiscard]] U256 add_mod(const U256& a, const U256& b, const U256& modulus);
/// (a * b) mod m over the integers; 0 if m is 0.
[[nodiscard]] U256 multiply_mod(const U256& a, const U256& b, const U256& modulus);
/// Multiplies modulo one modulus many times: what depends on the modulus alone is computed once.
///
/// @source  P. Barrett, Implementing the RSA public key encryption algorithm on a standard digital signal processor
/// (1986).
class Reducer {
  public:
    /// Whether it works for a modulus: it must be above 2^192.
    [[nodiscard]] static constexpr bool suits(const U256& modulus) {
        return modulus.limb[3] != 0 && modulus != U256(1, 0, 0, 0);
    }
    /// The modulus 2^256 - 1, to have a value.
    Reducer() : Reducer(~U256{}) {}
    /// @param modulus  one that suits.
    explicit Reducer(const U256& modulus);

    [[nodiscard]] const U256& modulus() const { return modulus_; }
    /// (a * b) mod modulus over the integers.
    [[nodiscard]] U256 multiply(const U256& a, const U256& b) const;

  private:
    U256 modulus_;
    std::array<std::uint64_t, 5> reciprocal_{};  // floor((2^512 - 1) / modulus)
};

/// base^exponent mod 2^256.
[[nodiscard]] U256 power(const U256& base, const U256& exponent);

/// "0x" and the shortest digits.
[[nodiscard]] std::string to_quantity(const U256& value);
/// Decimal digits.
[[nodiscard]] std::string to_decimal(const U256& value);
/// Reads a quantity ("0x..." without leading zeros).
/// @errors invalid_argument  as quantity_from_hex, with the limit 2^256 - 1.
[[nodiscard]] Result<U256> u256_from_quantity(std::string_view text);
/// Reads "0x..." (leading zeros allowed) or decimal digits, as genesis files mix them.
/// @errors invalid_argument  not a number, or above 2^256 - 1.
[[nodiscard]] Result<U256> u256_from_number(std::string_view text);

}  // namespace weft

template <>
struct std::hash<weft::U256> {
    std::size_t operator()(const weft::U256& key) const noexcept {
        std::uint64_t sum = 0;
        for (const auto limb : key.limb) sum = weft::mix64(sum ^ limb);
        return sum;
    }
};
