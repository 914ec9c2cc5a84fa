#include "evm/disasm.hpp"

#include <gtest/gtest.h>

#include "base/hex.hpp"

namespace weft::evm {
namespace {

TEST(disasm, lists_instructions) {
    EXPECT_EQ(disassemble(*from_hex("0x6001610203010c5b7f01")),
              "0000 PUSH1 0x01\n0002 PUSH2 0x0203\n0005 ADD\n0006 opcode 0xc not defined\n0007 JUMPDEST\n"
              "0008 PUSH32 0x01\n");
    EXPECT_EQ(disassemble({}), "");
}

}  // namespace
}  // namespace weft::evm
