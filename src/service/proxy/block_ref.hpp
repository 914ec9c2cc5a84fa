#pragma once
// Which block a call speaks of, and the call with that block's number in the place of a tag.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "service/proxy/heads.hpp"
#include "service/proxy/method.hpp"

namespace weft::service::proxy {

struct BlockRef {
    /// The block (of eth_getLogs the last one); nothing if it is not known by number.
    std::optional<std::uint64_t> number;
    /// Of eth_getLogs.
    std::optional<std::uint64_t> from;
    /// The call's answer may change while the block's number doesn't: "pending", or a tag that stands as it came.
    bool moving = false;
};

struct ResolvedCall {
    /// Without white space between tokens.
    std::string params;
    BlockRef block;
};

/// @param heads  null: tags stay as they came.
[[nodiscard]] ResolvedCall resolve(const Method& method, std::string_view params, const Heads* heads);

/// "0x1b4" as a JSON string's inside, or nothing.
[[nodiscard]] std::optional<std::uint64_t> quantity_of(std::string_view json);
/// A JSON string, with its quotes.
[[nodiscard]] std::string quantity_text(std::uint64_t number);

}  // namespace weft::service::proxy
