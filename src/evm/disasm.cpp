#include "evm/disasm.hpp"

#include <algorithm>

#include "base/hex.hpp"
#include "evm/opcode.hpp"

namespace weft::evm {

std::string disassemble(BytesView code) {
    std::string out;
    for (std::size_t i = 0; i < code.size(); ++i) {
        const std::uint8_t offset[2] = {static_cast<std::uint8_t>(i >> 8), static_cast<std::uint8_t>(i)};
        if (i > 0xffff) out += to_hex_digits(Bytes{static_cast<std::uint8_t>(i >> 16)});
        out += to_hex_digits(offset) + ' ' + opcode_name(code[i]);
        if (const std::size_t immediate = opcode_traits[code[i]].immediate; immediate != 0) {
            const std::size_t there = std::min(immediate, code.size() - i - 1);
            out += ' ' + to_hex(code.subspan(i + 1, there));
            i += there;
        }
        out += '\n';
    }
    return out;
}

}  // namespace weft::evm
