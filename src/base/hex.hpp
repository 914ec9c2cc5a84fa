#pragma once
// Hexadecimal text, in the two forms Ethereum's JSON has: data ("0x" and two digits a byte) and quantity ("0x" and
// the shortest digits of a number, "0x0" for zero).

#include <cstdint>
#include <string>
#include <string_view>

#include "base/bytes.hpp"
#include "base/result.hpp"

namespace weft {

/// "0x" and two lower-case digits a byte.
[[nodiscard]] std::string to_hex(BytesView bytes);
/// The same without "0x".
[[nodiscard]] std::string to_hex_digits(BytesView bytes);
/// "0x" and the shortest lower-case digits of @p value.
[[nodiscard]] std::string to_quantity(std::uint64_t value);

/// Reads data.
/// @errors invalid_argument  without "0x", of odd length, or with a character that is no hexadecimal digit.
[[nodiscard]] Result<Bytes> from_hex(std::string_view text);

/// Reads data of exactly N bytes into an Address or Hash.
/// @errors as from_hex, and invalid_argument for another length.
template <class Fixed>
[[nodiscard]] Result<Fixed> fixed_from_hex(std::string_view text) {
    auto bytes = from_hex(text);
    if (!bytes) return std::unexpected(std::move(bytes).error());
    if (bytes->size() != Fixed::size) {
        return fail(ErrorCode::invalid_argument, "hex string has length " + std::to_string(bytes->size() * 2) +
                                                     ", want " + std::to_string(Fixed::size * 2));
    }
    return Fixed::from(*bytes);
}

/// Reads a quantity that fits 64 bits.
/// @errors invalid_argument  without "0x", empty, with leading zeros, not hexadecimal, or above 2^64 - 1.
[[nodiscard]] Result<std::uint64_t> quantity_from_hex(std::string_view text);

/// Value of one hexadecimal digit, or -1.
[[nodiscard]] int hex_digit(char character);

}  // namespace weft
