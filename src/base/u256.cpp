#include "base/u256.hpp"

#include <algorithm>

#include "base/divide_wide.hpp"
#include "base/hex.hpp"

namespace weft {

namespace {

using Wide = unsigned __int128;

/// One digit of a quotient: u[0..n] / v[0..n), which is below 2^64; u becomes the remainder.
/// @param v  normalised: its highest bit is set. @source Knuth, volume 2, 4.3.1, algorithm D, steps D3 to D6.
template <int n>
std::uint64_t divide_digit(std::uint64_t* u, const std::uint64_t* v) {
    std::uint64_t digit = ~std::uint64_t{0};
    if (u[n] < v[n - 1]) [[likely]] {
        std::uint64_t rest = 0;
        digit = divide_wide(u[n], u[n - 1], v[n - 1], rest);
        // Two limbs of the divisor make the estimate right or, rarely, one too high.
        Wide second = Wide{digit} * v[n - 2];
        while (second > (Wide{rest} << 64 | u[n - 2])) {
            --digit;
            second -= v[n - 2];
            rest += v[n - 1];
            if (rest < v[n - 1]) break;
        }
    }
    std::uint64_t borrow = 0;
    for (int i = 0; i < n; ++i) {
        const Wide product = Wide{digit} * v[i] + borrow;
        const auto low = static_cast<std::uint64_t>(product);
        borrow = static_cast<std::uint64_t>(product >> 64) + (u[i] < low ? 1 : 0);
        u[i] -= low;
    }
    const bool too_high = u[n] < borrow;
    u[n] -= borrow;
    if (too_high) [[unlikely]] {
        --digit;
        unsigned long long carry = 0;
        for (int i = 0; i < n; ++i) u[i] = __builtin_addcll(u[i], v[i], carry, &carry);
        u[n] += carry;
    }
    return digit;
}

/// numerator (m limbs) / divisor (n limbs, the highest not 0), m >= n >= 2.
/// @param quotient  m - n + 1 limbs. @return the remainder.
template <int n>
U256 divide_long(const std::uint64_t* numerator, int m, const U256& divisor, std::uint64_t* quotient) {
    const int shift = std::countl_zero(divisor.limb[n - 1]);
    // A shift by 64 is no shift at all: the bits that cross a limb go in two steps.
    const auto high_bits = [shift](std::uint64_t limb) { return limb >> 1 >> (63 - shift); };
    std::uint64_t v[n];
    for (int i = n - 1; i > 0; --i) v[i] = divisor.limb[i] << shift | high_bits(divisor.limb[i - 1]);
    v[0] = divisor.limb[0] << shift;
    std::uint64_t u[9];
    u[m] = high_bits(numerator[m - 1]);
    for (int i = m - 1; i > 0; --i) u[i] = numerator[i] << shift | high_bits(numerator[i - 1]);
    u[0] = numerator[0] << shift;
    for (int i = m - n; i >= 0; --i) quotient[i] = divide_digit<n>(u + i, v);
    U256 remainder;
    for (int i = 0; i < n; ++i) {
        remainder.limb[i] = u[i] >> shift;
        if (i + 1 < n) remainder.limb[i] |= u[i + 1] << 1 << (63 - shift);
    }
    return remainder;
}

std::uint64_t divide_short(const std::uint64_t* numerator, int m, std::uint64_t divisor, std::uint64_t* quotient) {
    std::uint64_t rest = 0;
    for (int i = m - 1; i >= 0; --i) quotient[i] = divide_wide(rest, numerator[i], divisor, rest);
    return rest;
}

int limb_count(const std::uint64_t* limbs, int count) {
    while (count > 0 && limbs[count - 1] == 0) --count;
    return count;
}

/// numerator (count limbs, at most 8) / divisor -> quotient (count limbs), returns the remainder.
U256 divide_limbs(const std::uint64_t* numerator, int count, const U256& divisor, std::uint64_t* quotient) {
    const int n = limb_count(divisor.limb.data(), 4);
    WEFT_ASSERT(n > 0);
    std::fill(quotient, quotient + count, 0);
    const int m = limb_count(numerator, count);
    if (m < n) {
        U256 remainder;
        std::copy(numerator, numerator + m, remainder.limb.begin());
        return remainder;
    }
    switch (n) {
        case 1: return divide_short(numerator, m, divisor.limb[0], quotient);
        case 2: return divide_long<2>(numerator, m, divisor, quotient);
        case 3: return divide_long<3>(numerator, m, divisor, quotient);
        default: return divide_long<4>(numerator, m, divisor, quotient);
    }
}

/// sum[0..n] += a[0..n) * b, where sum[n] is 0 before. The products' low and high halves go in by two chains of
/// carries.
template <int n>
[[gnu::always_inline]] inline void multiply_add(std::uint64_t* sum, const std::uint64_t* a, std::uint64_t b) {
    std::uint64_t low[n];
    std::uint64_t high[n];
    for (int i = 0; i < n; ++i) {
        const Wide product = Wide{a[i]} * b;
        low[i] = static_cast<std::uint64_t>(product);
        high[i] = static_cast<std::uint64_t>(product >> 64);
    }
    unsigned long long carry = 0;
    for (int i = 0; i < n; ++i) sum[i] = __builtin_addcll(sum[i], low[i], carry, &carry);
    sum[n] = carry;
    carry = 0;
    for (int i = 0; i < n; ++i) sum[i + 1] = __builtin_addcll(sum[i + 1], high[i], carry, &carry);
}

/// The 512-bit product of two numbers.
[[gnu::always_inline]] inline void multiply_full(const U256& a, const U256& b, std::uint64_t product[8]) {
    for (int i = 0; i < 8; ++i) product[i] = 0;
    multiply_add<4>(product, a.limb.data(), b.limb[0]);
    multiply_add<4>(product + 1, a.limb.data(), b.limb[1]);
    multiply_add<4>(product + 2, a.limb.data(), b.limb[2]);
    multiply_add<4>(product + 3, a.limb.data(), b.limb[3]);
}

}  // namespace

DivisionResult divide(const U256& dividend, const U256& divisor) {
    if (divisor.fits_u64()) {
        const std::uint64_t small = divisor.limb[0];
        WEFT_ASSERT(small != 0);
        if (dividend.fits_u64()) return {dividend.limb[0] / small, dividend.limb[0] % small};
        if ((small & (small - 1)) == 0) {  // contracts older than SHR shift by dividing
            return {dividend >> static_cast<std::uint64_t>(std::countr_zero(small)), dividend.limb[0] & (small - 1)};
        }
        DivisionResult out;
        out.remainder = divide_short(dividend.limb.data(), limb_count(dividend.limb.data(), 4), small,
                                     out.quotient.limb.data());
        return out;
    }
    if (dividend < divisor) return {{}, dividend};
    if (const U256 below = divisor - 1; (divisor & below).is_zero()) {
        return {dividend >> (divisor.bit_length() - 1), dividend & below};
    }
    DivisionResult out;
    out.remainder = divide_limbs(dividend.limb.data(), 4, divisor, out.quotient.limb.data());
    return out;
}

U256 add_mod(const U256& a, const U256& b, const U256& modulus) {
    if (modulus.is_zero()) return {};
    bool carry = false;
    const U256 sum = U256::add(a, b, carry);
    if (a < modulus && b < modulus) {  // then the sum is below twice the modulus
        return carry || sum >= modulus ? sum - modulus : sum;
    }
    const std::uint64_t limbs[5] = {sum.limb[0], sum.limb[1], sum.limb[2], sum.limb[3], carry ? 1ULL : 0ULL};
    std::uint64_t quotient[5];
    return divide_limbs(limbs, 5, modulus, quotient);
}

U256 multiply_mod(const U256& a, const U256& b, const U256& modulus) {
    if (modulus.is_zero()) return {};
    std::uint64_t product[8];
    multiply_full(a, b, product);
    std::uint64_t quotient[8];
    return divide_limbs(product, 8, modulus, quotient);
}

Reducer::Reducer(const U256& modulus) : modulus_(modulus) {
    WEFT_ASSERT(suits(modulus));
    const std::uint64_t numerator[8] = {~0ULL, ~0ULL, ~0ULL, ~0ULL, ~0ULL, ~0ULL, ~0ULL, ~0ULL};
    // Of 2^512 - 1 instead of 2^512: the same unless the modulus divides 2^512, and then one less, which the
    // estimate's slack covers.
    std::uint64_t quotient[8];
    static_cast<void>(divide_limbs(numerator, 8, modulus, quotient));
    std::copy(quotient, quotient + 5, reciprocal_.begin());
}

U256 Reducer::multiply(const U256& a, const U256& b) const {
    std::uint64_t product[8];
    multiply_full(a, b, product);
    // estimate = (product / 2^192) * reciprocal / 2^320, without the partial products below 2^192, which can't make
    // more than 1 of difference. It is at most 2 below the quotient, so 4 with that and with the truncated reciprocal.
    std::uint64_t wide[10] = {};
    const auto* const r = reciprocal_.data();
    multiply_add<2>(wide + 3, r + 3, product[3]);
    multiply_add<3>(wide + 3, r + 2, product[4]);
    multiply_add<4>(wide + 3, r + 1, product[5]);
    multiply_add<5>(wide + 3, r, product[6]);
    multiply_add<5>(wide + 4, r, product[7]);
    // What is left is below 5 * modulus < 2^320: five limbs of both sides are enough.
    std::uint64_t taken[9] = {};
    const auto* const m = modulus_.limb.data();
    multiply_add<4>(taken, m, wide[5]);
    multiply_add<4>(taken + 1, m, wide[6]);
    multiply_add<3>(taken + 2, m, wide[7]);
    multiply_add<2>(taken + 3, m, wide[8]);
    taken[4] += m[0] * wide[9];
    unsigned long long borrow = 0;
    std::uint64_t rest[5];
    for (int i = 0; i < 5; ++i) rest[i] = __builtin_subcll(product[i], taken[i], borrow, &borrow);
    U256 out(rest[3], rest[2], rest[1], rest[0]);
    std::uint64_t top = rest[4];
    while (top != 0 || out >= modulus_) {
        bool under = false;
        out = U256::subtract(out, modulus_, under);
        top -= under ? 1 : 0;
    }
    return out;
}

U256 power(const U256& base, const U256& exponent) {
    if (base == U256(2)) return exponent.fits_u64() ? U256(1) << exponent.limb[0] : U256{};
    U256 out = 1;
    for (unsigned i = exponent.bit_length(); i-- > 0;) {
        out = out * out;
        if (exponent.bit(i)) out = out * base;
    }
    return out;
}

std::string to_quantity(const U256& value) {
    if (value.fits_u64()) return to_quantity(value.limb[0]);
    const auto digits = to_hex_digits(value.to_hash());
    return "0x" + digits.substr(digits.find_first_not_of('0'));
}

std::string to_decimal(const U256& value) {
    if (value.is_zero()) return "0";
    std::string out;
    U256 rest = value;
    while (!rest.is_zero()) {
        const auto [quotient, digits] = divide(rest, 10'000'000'000'000'000'000ULL);
        std::uint64_t part = digits.limb[0];
        for (int i = 0; i < 19 && (part != 0 || !quotient.is_zero()); ++i) {
            out.push_back(static_cast<char>('0' + part % 10));
            part /= 10;
        }
        rest = quotient;
    }
    std::reverse(out.begin(), out.end());
    return out;
}

namespace {

Result<U256> from_hex_digits(std::string_view digits) {
    if (digits.empty()) return fail(ErrorCode::invalid_argument, "hex string \"0x\"");
    U256 value;
    for (const char character : digits) {
        const int digit = hex_digit(character);
        if (digit < 0) return fail(ErrorCode::invalid_argument, "invalid hex string");
        if ((value.limb[3] >> 60) != 0) return fail(ErrorCode::invalid_argument, "hex number > 256 bits");
        value = (value << 4) | U256(static_cast<std::uint64_t>(digit));
    }
    return value;
}

bool has_prefix(std::string_view text) { return text.starts_with("0x") || text.starts_with("0X"); }

}  // namespace

Result<U256> u256_from_quantity(std::string_view text) {
    if (!has_prefix(text)) return fail(ErrorCode::invalid_argument, "hex string without 0x prefix");
    text.remove_prefix(2);
    if (text.size() > 1 && text[0] == '0')
        return fail(ErrorCode::invalid_argument, "hex number with leading zero digits");
    return from_hex_digits(text);
}

Result<U256> u256_from_number(std::string_view text) {
    if (has_prefix(text)) return text.size() == 2 ? Result<U256>(U256{}) : from_hex_digits(text.substr(2));
    if (text.empty()) return fail(ErrorCode::invalid_argument, "empty number");
    U256 value;
    for (const char character : text) {
        if (character < '0' || character > '9') {
            return fail(ErrorCode::invalid_argument, "invalid number " + std::string(text.substr(0, 80)));
        }
        const auto next = divide(U256{} - 1, 10);
        if (value > next.quotient) return fail(ErrorCode::invalid_argument, "number > 256 bits");
        bool carry = false;
        value = U256::add(value * 10, static_cast<std::uint64_t>(character - '0'), carry);
        if (carry) return fail(ErrorCode::invalid_argument, "number > 256 bits");
    }
    return value;
}

}  // namespace weft
