#include "evm/opcode.hpp"

namespace weft::evm {

std::string opcode_name(std::uint8_t opcode) {
    const auto name = opcode_traits[opcode].name;
    if (!name.empty()) return std::string(name);
    constexpr std::string_view digits = "0123456789abcdef";
    std::string out = "opcode 0x";
    if (opcode >= 16) out += digits[opcode / 16];
    out += digits[opcode % 16];
    return out + " not defined";
}

}  // namespace weft::evm
