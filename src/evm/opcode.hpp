#pragma once
// The EVM's instructions: numbers, names as geth spells them, and what each takes from and leaves on the stack. Which
// fork has which, and at what price, is gas.hpp's.

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace weft::evm {

enum class Opcode : std::uint8_t {
    stop = 0x00, add, mul, sub, div, sdiv, mod, smod, addmod, mulmod, exp, signextend,
    lt = 0x10, gt, slt, sgt, eq, iszero, and_, or_, xor_, not_, byte, shl, shr, sar, clz,
    keccak256 = 0x20,
    address = 0x30, balance, origin, caller, callvalue, calldataload, calldatasize, calldatacopy, codesize, codecopy,
    gasprice, extcodesize, extcodecopy, returndatasize, returndatacopy, extcodehash,
    blockhash = 0x40, coinbase, timestamp, number, prevrandao, gaslimit, chainid, selfbalance, basefee, blobhash,
    blobbasefee,
    pop = 0x50, mload, mstore, mstore8, sload, sstore, jump, jumpi, pc, msize, gas, jumpdest, tload, tstore, mcopy,
    push0, push1,
    push2, push3, push4, push32 = 0x7f,
    dup1 = 0x80, dup16 = 0x8f,
    swap1 = 0x90, swap16 = 0x9f,
    log0 = 0xa0, log1, log2, log3, log4,
    create = 0xf0, call, callcode, return_, delegatecall, create2,
    staticcall = 0xfa, revert = 0xfd, invalid = 0xfe, selfdestruct = 0xff,
};

struct OpcodeTraits {
    std::string_view name;  // empty: no fork defines it
    std::uint8_t pops = 0;
    std::uint8_t pushes = 0;
    std::uint8_t immediate = 0;  // bytes of code that follow it
};

[[nodiscard]] constexpr std::uint8_t to_byte(Opcode opcode) { return static_cast<std::uint8_t>(opcode); }

/// The name as geth prints it; "opcode 0xc not defined" for a byte without one.
[[nodiscard]] std::string opcode_name(std::uint8_t opcode);

namespace detail {

using OpcodeTable = std::array<OpcodeTraits, 256>;

constexpr OpcodeTraits& at(OpcodeTable& table, Opcode opcode) { return table[to_byte(opcode)]; }

constexpr void name_families(OpcodeTable& out) {
    constexpr std::string_view pushes[33] = {
        "PUSH0", "PUSH1", "PUSH2", "PUSH3", "PUSH4", "PUSH5", "PUSH6", "PUSH7", "PUSH8", "PUSH9", "PUSH10",
        "PUSH11", "PUSH12", "PUSH13", "PUSH14", "PUSH15", "PUSH16", "PUSH17", "PUSH18", "PUSH19", "PUSH20", "PUSH21",
        "PUSH22", "PUSH23", "PUSH24", "PUSH25", "PUSH26", "PUSH27", "PUSH28", "PUSH29", "PUSH30", "PUSH31", "PUSH32"};
    constexpr std::string_view dups[16] = {"DUP1", "DUP2", "DUP3", "DUP4", "DUP5", "DUP6", "DUP7", "DUP8",
                                           "DUP9", "DUP10", "DUP11", "DUP12", "DUP13", "DUP14", "DUP15", "DUP16"};
    constexpr std::string_view swaps[16] = {
        "SWAP1", "SWAP2", "SWAP3", "SWAP4", "SWAP5", "SWAP6", "SWAP7", "SWAP8",
        "SWAP9", "SWAP10", "SWAP11", "SWAP12", "SWAP13", "SWAP14", "SWAP15", "SWAP16"};
    constexpr std::string_view logs[5] = {"LOG0", "LOG1", "LOG2", "LOG3", "LOG4"};
    for (std::uint8_t i = 0; i < 33; ++i) out[0x5f + i] = {pushes[i], 0, 1, i};
    for (std::uint8_t i = 0; i < 16; ++i) {
        out[0x80 + i] = {dups[i], static_cast<std::uint8_t>(i + 1), static_cast<std::uint8_t>(i + 2), 0};
        out[0x90 + i] = {swaps[i], static_cast<std::uint8_t>(i + 2), static_cast<std::uint8_t>(i + 2), 0};
    }
    for (std::uint8_t i = 0; i < 5; ++i) out[0xa0 + i] = {logs[i], static_cast<std::uint8_t>(i + 2), 0, 0};
}

constexpr void name_arithmetic(OpcodeTable& out) {
    constexpr std::string_view arithmetic[12] = {"STOP", "ADD", "MUL", "SUB", "DIV", "SDIV",
                                                 "MOD", "SMOD", "ADDMOD", "MULMOD", "EXP", "SIGNEXTEND"};
    constexpr std::string_view logic[15] = {"LT", "GT", "SLT", "SGT", "EQ", "ISZERO", "AND", "OR",
                                            "XOR", "NOT", "BYTE", "SHL", "SHR", "SAR", "CLZ"};
    for (std::uint8_t i = 0; i < 12; ++i) out[i] = {arithmetic[i], 2, 1, 0};
    at(out, Opcode::stop) = {"STOP", 0, 0, 0};
    at(out, Opcode::addmod).pops = 3;
    at(out, Opcode::mulmod).pops = 3;
    for (std::uint8_t i = 0; i < 15; ++i) out[0x10 + i] = {logic[i], 2, 1, 0};
    for (const auto unary : {Opcode::iszero, Opcode::not_, Opcode::clz}) at(out, unary).pops = 1;
    at(out, Opcode::keccak256) = {"KECCAK256", 2, 1, 0};
}

constexpr void name_surroundings(OpcodeTable& out) {
    constexpr std::string_view surroundings[16] = {
        "ADDRESS", "BALANCE", "ORIGIN", "CALLER", "CALLVALUE", "CALLDATALOAD", "CALLDATASIZE", "CALLDATACOPY",
        "CODESIZE", "CODECOPY", "GASPRICE", "EXTCODESIZE", "EXTCODECOPY", "RETURNDATASIZE", "RETURNDATACOPY",
        "EXTCODEHASH"};
    // geth has kept the old name of what is PREVRANDAO since Paris.
    constexpr std::string_view block[11] = {"BLOCKHASH", "COINBASE", "TIMESTAMP", "NUMBER", "DIFFICULTY", "GASLIMIT",
                                            "CHAINID", "SELFBALANCE", "BASEFEE", "BLOBHASH", "BLOBBASEFEE"};
    for (std::uint8_t i = 0; i < 16; ++i) out[0x30 + i] = {surroundings[i], 0, 1, 0};
    for (std::uint8_t i = 0; i < 11; ++i) out[0x40 + i] = {block[i], 0, 1, 0};
    for (const auto unary : {Opcode::balance, Opcode::calldataload, Opcode::extcodesize, Opcode::extcodehash,
                             Opcode::blockhash, Opcode::blobhash}) {
        at(out, unary).pops = 1;
    }
    at(out, Opcode::calldatacopy) = {"CALLDATACOPY", 3, 0, 0};
    at(out, Opcode::codecopy) = {"CODECOPY", 3, 0, 0};
    at(out, Opcode::extcodecopy) = {"EXTCODECOPY", 4, 0, 0};
    at(out, Opcode::returndatacopy) = {"RETURNDATACOPY", 3, 0, 0};
}

constexpr OpcodeTable make_opcode_traits() {
    OpcodeTable out{};
    name_arithmetic(out);
    name_surroundings(out);
    name_families(out);
    at(out, Opcode::pop) = {"POP", 1, 0, 0};
    at(out, Opcode::mload) = {"MLOAD", 1, 1, 0};
    at(out, Opcode::mstore) = {"MSTORE", 2, 0, 0};
    at(out, Opcode::mstore8) = {"MSTORE8", 2, 0, 0};
    at(out, Opcode::sload) = {"SLOAD", 1, 1, 0};
    at(out, Opcode::sstore) = {"SSTORE", 2, 0, 0};
    at(out, Opcode::jump) = {"JUMP", 1, 0, 0};
    at(out, Opcode::jumpi) = {"JUMPI", 2, 0, 0};
    at(out, Opcode::pc) = {"PC", 0, 1, 0};
    at(out, Opcode::msize) = {"MSIZE", 0, 1, 0};
    at(out, Opcode::gas) = {"GAS", 0, 1, 0};
    at(out, Opcode::jumpdest) = {"JUMPDEST", 0, 0, 0};
    at(out, Opcode::tload) = {"TLOAD", 1, 1, 0};
    at(out, Opcode::tstore) = {"TSTORE", 2, 0, 0};
    at(out, Opcode::mcopy) = {"MCOPY", 3, 0, 0};
    at(out, Opcode::create) = {"CREATE", 3, 1, 0};
    at(out, Opcode::call) = {"CALL", 7, 1, 0};
    at(out, Opcode::callcode) = {"CALLCODE", 7, 1, 0};
    at(out, Opcode::return_) = {"RETURN", 2, 0, 0};
    at(out, Opcode::delegatecall) = {"DELEGATECALL", 6, 1, 0};
    at(out, Opcode::create2) = {"CREATE2", 4, 1, 0};
    at(out, Opcode::staticcall) = {"STATICCALL", 6, 1, 0};
    at(out, Opcode::revert) = {"REVERT", 2, 0, 0};
    at(out, Opcode::invalid) = {"INVALID", 0, 0, 0};
    at(out, Opcode::selfdestruct) = {"SELFDESTRUCT", 1, 0, 0};
    return out;
}

}  // namespace detail

/// Indexed by the opcode's byte. INVALID (0xfe) has a name but no fork runs it.
inline constexpr std::array<OpcodeTraits, 256> opcode_traits = detail::make_opcode_traits();

}  // namespace weft::evm
