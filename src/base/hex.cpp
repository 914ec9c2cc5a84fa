#include "base/hex.hpp"

namespace weft {

namespace {

constexpr char digits[] = "0123456789abcdef";

struct DigitTable {
    std::int8_t value[256];
    constexpr DigitTable() : value{} {
        for (auto& entry : value) entry = -1;
        for (int i = 0; i < 10; ++i) value['0' + i] = static_cast<std::int8_t>(i);
        for (int i = 0; i < 6; ++i) {
            value['a' + i] = static_cast<std::int8_t>(10 + i);
            value['A' + i] = static_cast<std::int8_t>(10 + i);
        }
    }
};
constexpr DigitTable digit_table;

bool has_prefix(std::string_view text) {
    return text.size() >= 2 && text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
}

}  // namespace

int hex_digit(char character) { return digit_table.value[static_cast<unsigned char>(character)]; }

std::string to_hex_digits(BytesView bytes) {
    std::string out(bytes.size() * 2, '0');
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        out[2 * i] = digits[bytes[i] >> 4];
        out[2 * i + 1] = digits[bytes[i] & 15];
    }
    return out;
}

std::string to_hex(BytesView bytes) { return "0x" + to_hex_digits(bytes); }

std::string to_quantity(std::uint64_t value) {
    char text[18];
    std::size_t at = sizeof text;
    do {
        text[--at] = digits[value & 15];
        value >>= 4;
    } while (value != 0);
    text[--at] = 'x';
    text[--at] = '0';
    return {text + at, sizeof text - at};
}

Result<Bytes> from_hex(std::string_view text) {
    if (!has_prefix(text)) return fail(ErrorCode::invalid_argument, "hex string without 0x prefix");
    text.remove_prefix(2);
    if (text.size() % 2 != 0) return fail(ErrorCode::invalid_argument, "hex string of odd length");
    Bytes out(text.size() / 2);
    for (std::size_t i = 0; i < out.size(); ++i) {
        const int high = hex_digit(text[2 * i]);
        const int low = hex_digit(text[2 * i + 1]);
        if (high < 0 || low < 0) return fail(ErrorCode::invalid_argument, "invalid hex string");
        out[i] = static_cast<std::uint8_t>(high << 4 | low);
    }
    return out;
}

Result<std::uint64_t> quantity_from_hex(std::string_view text) {
    if (!has_prefix(text)) return fail(ErrorCode::invalid_argument, "hex string without 0x prefix");
    text.remove_prefix(2);
    if (text.empty()) return fail(ErrorCode::invalid_argument, "hex string \"0x\"");
    if (text.size() > 1 && text[0] == '0') {
        return fail(ErrorCode::invalid_argument, "hex number with leading zero digits");
    }
    if (text.size() > 16) return fail(ErrorCode::invalid_argument, "hex number > 64 bits");
    std::uint64_t value = 0;
    for (const char character : text) {
        const int digit = hex_digit(character);
        if (digit < 0) return fail(ErrorCode::invalid_argument, "invalid hex string");
        value = value << 4 | static_cast<std::uint64_t>(digit);
    }
    return value;
}

}  // namespace weft
