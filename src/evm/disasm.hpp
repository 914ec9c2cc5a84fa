#pragma once

#include <string>

#include "base/bytes.hpp"

namespace weft::evm {

/// One line an instruction: "0004 PUSH2 0x0100". An operand that runs over the end shows what there is of it.
[[nodiscard]] std::string disassemble(BytesView code);

}  // namespace weft::evm
