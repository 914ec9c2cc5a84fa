#pragma once
// What an execution's end is called, in geth's words: clients match on these texts.

#include <optional>
#include <string>
#include <string_view>

#include "evm/host.hpp"

namespace weft::evm {

/// "out of gas", "execution reverted", ...; the empty text for success. Where geth adds what happened, without that.
[[nodiscard]] std::string_view to_string(Status status);

/// With what geth adds: the undefined opcode, the stack's height against the one needed.
/// @param opcode, stack_size  of the instruction that failed.
[[nodiscard]] std::string describe(Status status, std::uint8_t opcode, std::size_t stack_size);
[[nodiscard]] std::string describe(const CallResult& result);

/// The reason inside revert data that is Solidity's Error(string) or Panic(uint256).
/// @source Solidity's ABI, "Error handling: assert, require, revert and exceptions".
[[nodiscard]] std::optional<std::string> revert_reason(BytesView output);

}  // namespace weft::evm
