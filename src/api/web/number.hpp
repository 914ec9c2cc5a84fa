#pragma once
// Numbers as people write them in queries and addresses: decimal, or hexadecimal with or without leading zeros.

#include <string_view>

#include "base/u256.hpp"

namespace weft::api::web {

/// @errors invalid_argument  no number (unlike in genesis files, "0x" is none), or above 2^256 - 1.
[[nodiscard]] inline Result<U256> read_number(std::string_view text) {
    if (text == "0x" || text == "0X") return fail(ErrorCode::invalid_argument, "a number without digits");
    return u256_from_number(text);
}

}  // namespace weft::api::web
