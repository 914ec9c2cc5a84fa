#include "crypto/modexp.hpp"

#include <gtest/gtest.h>

#include "base/fixtures.hpp"
#include "base/hex.hpp"
#include "base/u256.hpp"
#include "crypto/vectors.hpp"

namespace weft::crypto {
namespace {

/// Input as in EIP-198: three 32-byte lengths, then base, exponent, modulus; zeros follow a short input.
Bytes run_precompile_layout(Bytes input) {
    const std::size_t given = input.size();
    input.resize(std::max<std::size_t>(given, 96));
    const auto size_at = [&](std::size_t i) { return U256::from_bytes(BytesView(input).subspan(32 * i, 32)).low(); };
    const std::size_t base_size = size_at(0);
    const std::size_t exponent_size = size_at(1);
    const std::size_t modulus_size = size_at(2);
    if (modulus_size == 0) return {};
    input.resize(std::max(input.size(), 96 + base_size + exponent_size + modulus_size));
    const BytesView numbers = BytesView(input).subspan(96);
    return modexp(numbers.first(base_size), numbers.subspan(base_size, exponent_size),
                  numbers.subspan(base_size + exponent_size, modulus_size));
}

TEST(modexp, precompile_vectors) {
    const auto archive = fixture("precompile-vectors");
    if (!archive) GTEST_SKIP() << no_fixtures;
    for (const auto* file : {"modexp.json", "modexp_eip2565.json", "modexp_eip7883.json"}) {
        for (const auto& vector : read_precompile_vectors(*archive, file)) {
            SCOPED_TRACE(std::string(file) + " " + vector.name);
            EXPECT_EQ(run_precompile_layout(vector.input), vector.expected);
        }
    }
}

TEST(modexp, edges) {
    const struct {
        const char* name;
        const char* base;
        const char* exponent;
        const char* modulus;
        const char* want;
    } table[] = {
        {"modulus 0", "0x02", "0x03", "0x0000", "0x0000"},
        {"modulus 1", "0x02", "0x00", "0x01", "0x00"},
        {"empty modulus", "0x02", "0x03", "0x", "0x"},
        {"0^0", "0x", "0x", "0x05", "0x01"},
        {"0^0 with digits", "0x0000", "0x00", "0x0005", "0x0001"},
        {"0^1", "0x00", "0x01", "0x05", "0x00"},
        {"x^0", "0x07", "0x", "0x05", "0x01"},
        {"even modulus", "0x03", "0x05", "0x10", "0x03"},
        {"power of two", "0x02", "0x09", "0x0100", "0x0000"},
        {"base above modulus", "0xffff", "0x02", "0x0a", "0x05"},
        {"leading zeros", "0x00000003", "0x000004", "0x00000064", "0x00000051"},
    };
    for (const auto& [name, base, exponent, modulus, want] : table) {
        SCOPED_TRACE(name);
        EXPECT_EQ(to_hex(modexp(*from_hex(base), *from_hex(exponent), *from_hex(modulus))), want);
    }
}

TEST(modexp, agrees_with_256_bit_multiplication) {
    const U256 modulus{0x1234567890abcdef, 0x0fedcba987654321, 0x1111111111111111, 0x123456789abcdef0};
    U256 want = 1;
    const U256 base{0xdeadbeef, 0x5555555555555555, 0x7777777777777777, 0x3333333333333333};
    for (std::uint8_t exponent = 0; exponent < 200; ++exponent) {
        EXPECT_EQ(Hash::from(modexp(base.to_hash(), BytesView(&exponent, 1), modulus.to_hash())), want.to_hash());
        want = multiply_mod(want, base, modulus);
    }
}

}  // namespace
}  // namespace weft::crypto
