#include "base/u256.hpp"

#include <algorithm>

#include "base/hex.hpp"

namespace weft {

namespace {

using Wide = unsigned __int128;

/// Divides u (n + 1 or more limbs) by v (n limbs, top limb with its highest bit set): Knuth, volume 2, 4.3.1, D.
/// @param u         length `u_count + 1`, normalised; the remainder stays in its low n limbs.
/// @param quotient  length `u_count - n + 1`.
void divide_knuth(std::uint64_t* u, int u_count, const std::uint64_t* v, int n, std::uint64_t* quotient) {
    for (int j = u_count - n; j >= 0; --j) {
        const Wide top = (Wide{u[j + n]} << 64) | u[j + n - 1];
        Wide estimate = 0;
        Wide rest = 0;
        if (u[j + n] >= v[n - 1]) {
            estimate = ~std::uint64_t{0};
            rest = top - estimate * v[n - 1];
        } else {
            estimate = top / v[n - 1];
            rest = top % v[n - 1];
        }
        while ((rest >> 64) == 0 && estimate * v[n - 2] > ((rest << 64) | u[j + n - 2])) {
            --estimate;
            rest += v[n - 1];
        }
        std::uint64_t borrow = 0;
        std::uint64_t carry = 0;
        for (int i = 0; i < n; ++i) {
            const Wide product = estimate * v[i] + carry;
            carry = static_cast<std::uint64_t>(product >> 64);
            const Wide difference = Wide{u[i + j]} - static_cast<std::uint64_t>(product) - borrow;
            u[i + j] = static_cast<std::uint64_t>(difference);
            borrow = static_cast<std::uint64_t>(difference >> 64) & 1;
        }
        const Wide last = Wide{u[j + n]} - carry - borrow;
        u[j + n] = static_cast<std::uint64_t>(last);
        if ((last >> 64) != 0) {  // the estimate was one too many
            --estimate;
            std::uint64_t add_carry = 0;
            for (int i = 0; i < n; ++i) {
                const Wide sum = Wide{u[i + j]} + v[i] + add_carry;
                u[i + j] = static_cast<std::uint64_t>(sum);
                add_carry = static_cast<std::uint64_t>(sum >> 64);
            }
            u[j + n] += add_carry;
        }
        quotient[j] = static_cast<std::uint64_t>(estimate);
    }
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
    U256 remainder;
    if (m < n) {
        std::copy(numerator, numerator + m, remainder.limb.begin());
        return remainder;
    }
    if (n == 1) {
        const std::uint64_t d = divisor.limb[0];
        std::uint64_t rest = 0;
        for (int i = m - 1; i >= 0; --i) {
            const Wide part = (Wide{rest} << 64) | numerator[i];
            quotient[i] = static_cast<std::uint64_t>(part / d);
            rest = static_cast<std::uint64_t>(part % d);
        }
        remainder.limb[0] = rest;
        return remainder;
    }
    const int shift = std::countl_zero(divisor.limb[n - 1]);
    const U256 v = divisor << static_cast<std::uint64_t>(shift);
    std::uint64_t u[9] = {};
    for (int i = 0; i < m; ++i) {
        u[i] |= numerator[i] << shift;
        if (shift != 0) u[i + 1] = numerator[i] >> (64 - shift);
    }
    divide_knuth(u, m, v.limb.data(), n, quotient);
    for (int i = 0; i < n; ++i) {
        remainder.limb[i] = u[i] >> shift;
        if (shift != 0 && i + 1 < n) remainder.limb[i] |= u[i + 1] << (64 - shift);
    }
    return remainder;
}

}  // namespace

DivisionResult divide(const U256& dividend, const U256& divisor) {
    if (dividend.fits_u64() && divisor.fits_u64()) {
        WEFT_ASSERT(divisor.limb[0] != 0);
        return {dividend.limb[0] / divisor.limb[0], dividend.limb[0] % divisor.limb[0]};
    }
    DivisionResult out;
    out.remainder = divide_limbs(dividend.limb.data(), 4, divisor, out.quotient.limb.data());
    return out;
}

U256 add_mod(const U256& a, const U256& b, const U256& modulus) {
    if (modulus.is_zero()) return {};
    bool carry = false;
    const U256 sum = U256::add(a, b, carry);
    const std::uint64_t limbs[5] = {sum.limb[0], sum.limb[1], sum.limb[2], sum.limb[3], carry ? 1ULL : 0ULL};
    std::uint64_t quotient[5];
    return divide_limbs(limbs, 5, modulus, quotient);
}

U256 multiply_mod(const U256& a, const U256& b, const U256& modulus) {
    if (modulus.is_zero()) return {};
    std::uint64_t product[8] = {};
    for (int i = 0; i < 4; ++i) {
        std::uint64_t carry = 0;
        for (int j = 0; j < 4; ++j) {
            const Wide part = Wide{a.limb[i]} * b.limb[j] + product[i + j] + carry;
            product[i + j] = static_cast<std::uint64_t>(part);
            carry = static_cast<std::uint64_t>(part >> 64);
        }
        product[i + 4] = carry;
    }
    std::uint64_t quotient[8];
    return divide_limbs(product, 8, modulus, quotient);
}

U256 power(const U256& base, const U256& exponent) {
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
    if (text.size() > 1 && text[0] == '0') return fail(ErrorCode::invalid_argument, "hex number with leading zero digits");
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
