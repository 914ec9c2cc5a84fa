#pragma once
// Integers modulo a prime in Montgomery form: x is kept as x * R with R = 2^(64 N), which makes the reduction of a
// product a sum of multiples of the prime instead of a division.
//
// Time depends on the values here and there: for public values only.
//
// Source: Montgomery, Modular multiplication without trial division (1985).

#include <cstddef>
#include <cstdint>
#include <optional>

#include "crypto/limbs.hpp"
#include "crypto/modular_inverse.hpp"

namespace weft::crypto {

/// @tparam Prime  Has `static constexpr Limbs<N> modulus`, odd, with at least two bits of its N limbs unused: then the
///                sum of two products still reduces to less than twice the prime.
template <class Prime>
class Field {
  public:
    static constexpr std::size_t limb_count = Prime::modulus.size();
    static constexpr std::size_t byte_size = 8 * limb_count;
    static constexpr Limbs<limb_count> modulus = Prime::modulus;
    using Number = Limbs<limb_count>;
    /// A product before its reduction.
    using Wide = Limbs<2 * limb_count>;

    constexpr Field() = default;
    static constexpr Field zero() { return {}; }
    static constexpr Field one() { return Field(r1); }
    /// @param number  Below the modulus.
    static constexpr Field from_number(const Number& number) { return Field(number) * Field(r2); }
    static constexpr Field from_u64(std::uint64_t value) { return from_number({value}); }
    /// @param digits  Hexadecimal, lower case; below the modulus.
    static constexpr Field from_digits(const char* digits) {
        return from_number(limbs_from_digits<limb_count>(digits));
    }
    /// From byte_size big-endian bytes; nullopt if the number is not below the modulus.
    static std::optional<Field> from_bytes(const std::uint8_t* bytes) {
        const auto number = limbs_from_big_endian<limb_count>(bytes);
        if (!is_less(number, modulus)) return std::nullopt;
        return from_number(number);
    }

    [[nodiscard]] constexpr Number to_number() const {
        Wide wide{};
        for (std::size_t i = 0; i < limb_count; ++i) wide[i] = value_[i];
        return reduce(wide);
    }
    constexpr void to_bytes(std::uint8_t* bytes) const { limbs_to_big_endian(to_number(), bytes); }

    constexpr bool operator==(const Field&) const = default;
    [[nodiscard]] constexpr bool is_zero() const { return crypto::is_zero(value_); }
    /// Whether the number, not its Montgomery form, is odd.
    [[nodiscard]] constexpr bool is_odd() const { return (to_number()[0] & 1) != 0; }

    [[gnu::always_inline]] friend constexpr Field operator+(const Field& a, const Field& b) {
        Number sum;
        add(sum, a.value_, b.value_);
        return Field(subtract_modulus_once(sum));
    }
    [[gnu::always_inline]] friend constexpr Field operator-(const Field& a, const Field& b) {
        Field out;
        const std::uint64_t borrow = subtract(out.value_, a.value_, b.value_);
        add(out.value_, out.value_, masked(modulus, 0 - borrow));
        return out;
    }
    constexpr Field operator-() const { return Field() - *this; }
    [[gnu::noinline]] friend constexpr Field operator*(const Field& a, const Field& b) {
        std::uint64_t t[2 * limb_count] = {};  // each turn clears one limb and reaches one further
#pragma unroll
        for (std::size_t i = 0; i < limb_count; ++i) {
            add_product(t + i, b.value_, a.value_[i]);
            add_product(t + i, modulus, t[i] * negated_inverse);
        }
        Number out;
#pragma unroll
        for (std::size_t i = 0; i < limb_count; ++i) out[i] = t[limb_count + i];
        return Field(subtract_modulus_once(out));
    }
    [[nodiscard, gnu::noinline]] constexpr Field square() const { return Field(reduce(square_wide(value_))); }
    [[nodiscard]] constexpr Field doubled() const { return *this + *this; }
    constexpr Field& operator+=(const Field& other) { return *this = *this + other; }
    constexpr Field& operator-=(const Field& other) { return *this = *this - other; }
    constexpr Field& operator*=(const Field& other) { return *this = *this * other; }

    /// 0 for 0.
    [[nodiscard]] Field inverse() const {
        static constexpr ModularInverse<limb_count> invert(modulus);
        return Field(invert(value_)) * Field(r3);
    }

    /// This to the power of @p exponent, four bits at a time.
    template <std::size_t M>
    [[nodiscard]] constexpr Field power(const Limbs<M>& exponent) const {
        Field powers[16];
        powers[0] = one();
        for (std::size_t i = 1; i < 16; ++i) powers[i] = powers[i - 1] * *this;
        Field out = one();
        for (std::size_t i = (bit_length(exponent) + 3) / 4; i-- > 0;) {
            for (int j = 0; j < 4; ++j) out = out.square();
            const std::size_t digit = exponent[i / 16] >> (4 * (i % 16)) & 15;
            if (digit != 0) out *= powers[digit];
        }
        return out;
    }

    /// A number whose square is this or minus this, whichever has a root. Needs a modulus that is 3 modulo 4: then -1
    /// is no square, so it is one of them.
    [[nodiscard]] constexpr Field root_up_to_sign() const {
        static_assert(modulus[0] % 4 == 3);
        return power(root_exponent);
    }
    /// Either root, or nullopt for a number that is no square.
    [[nodiscard]] std::optional<Field> square_root() const {
        const Field root = root_up_to_sign();
        if (root.square() != *this) return std::nullopt;
        return root;
    }

    // Products without their reduction, so that a sum of several is reduced once. Calls, because with everything
    // inlined the compiler runs out of registers and saves carries in them.

    /// Sum of the limbs without reduction, below twice the modulus: for product() alone.
    [[gnu::always_inline]] static constexpr Number add_loose(const Field& a, const Field& b) {
        Number out;
        add(out, a.value_, b.value_);
        return out;
    }
    [[gnu::always_inline]] [[nodiscard]] constexpr const Number& montgomery() const { return value_; }
    [[gnu::noinline]] static constexpr Wide product(const Number& a, const Number& b) { return multiply_wide(a, b); }
    /// @param wide  Below R times the modulus.
    [[gnu::noinline]] static constexpr Field from_product(const Wide& wide) { return Field(reduce(wide)); }
    /// a - b, plus R times the modulus if that is negative.
    [[gnu::always_inline]] static constexpr Wide subtract_products(const Wide& a, const Wide& b) {
        Wide out;
        const std::uint64_t mask = 0 - subtract(out, a, b);
        unsigned long long carry = 0;
#pragma unroll
        for (std::size_t i = 0; i < limb_count; ++i) {
            out[limb_count + i] = __builtin_addcll(out[limb_count + i], modulus[i] & mask, carry, &carry);
        }
        return out;
    }

  private:
    constexpr explicit Field(const Number& montgomery_form) : value_(montgomery_form) {}

    [[gnu::always_inline]] static constexpr Number subtract_modulus_once(const Number& value) {
        Number less;
        const std::uint64_t borrow = subtract(less, value, modulus);
        Number out;
#pragma unroll
        for (std::size_t i = 0; i < limb_count; ++i) out[i] = borrow != 0 ? value[i] : less[i];
        return out;
    }

    /// wide / R modulo the modulus. @param wide  Below R times the modulus.
    [[gnu::always_inline]] static constexpr Number reduce(const Wide& wide) {
        std::uint64_t t[2 * limb_count];
#pragma unroll
        for (std::size_t i = 0; i < limb_count; ++i) t[i] = wide[i];
        unsigned long long pending = 0;  // what the limb above the sum has to get
#pragma unroll
        for (std::size_t i = 0; i < limb_count; ++i) {
            t[limb_count + i] = 0;
            add_product(t + i, modulus, t[i] * negated_inverse);
            t[limb_count + i] = __builtin_addcll(t[limb_count + i], wide[limb_count + i], pending, &pending);
        }
        Number out;
#pragma unroll
        for (std::size_t i = 0; i < limb_count; ++i) out[i] = t[limb_count + i];
        return subtract_modulus_once(out);
    }

    static constexpr Number power_of_two(std::size_t exponent) {
        Number out{1};
        for (std::size_t i = 0; i < exponent; ++i) {
            add(out, out, out);
            out = subtract_modulus_once(out);
        }
        return out;
    }

    static_assert(modulus[limb_count - 1] >> 62 == 0);
    static constexpr std::uint64_t negated_inverse = [] {
        std::uint64_t inverse = modulus[0];
        for (int i = 0; i < 5; ++i) inverse *= 2 - modulus[0] * inverse;
        return 0 - inverse;
    }();
    static constexpr Number r1 = power_of_two(64 * limb_count);
    static constexpr Number r2 = power_of_two(128 * limb_count);
    static constexpr Number r3 = power_of_two(192 * limb_count);
    static constexpr Number root_exponent = [] {
        Number out = divide(modulus, 4);
        out[0] += 1;  // (p + 1) / 4, because p is 3 modulo 4
        return out;
    }();

    Number value_{};
};

}  // namespace weft::crypto
