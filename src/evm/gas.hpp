#pragma once
// What instructions cost. A fork's schedule reads as the difference to the fork before it.

#include <array>
#include <cstdint>

#include "evm/opcode.hpp"
#include "evm/revision.hpp"

namespace weft::evm {

inline constexpr std::int64_t word_copy_gas = 3;
inline constexpr std::int64_t memory_word_gas = 3;
inline constexpr std::int64_t memory_quadratic_divisor = 512;
inline constexpr std::int64_t keccak_word_gas = 6;
inline constexpr std::int64_t log_topic_gas = 375;
inline constexpr std::int64_t log_byte_gas = 8;
inline constexpr std::int64_t call_value_gas = 9000;
inline constexpr std::int64_t call_stipend = 2300;
inline constexpr std::int64_t call_new_account_gas = 25000;
inline constexpr std::int64_t code_deposit_byte_gas = 200;
inline constexpr std::int64_t init_code_word_gas = 2;       // EIP-3860
inline constexpr std::int64_t selfdestruct_refund = 24000;  // until London, EIP-3529
inline constexpr std::int64_t sstore_sentry_gas = 2300;     // EIP-2200: no SSTORE on a stipend
inline constexpr std::int64_t cold_account_gas = 2600;      // EIP-2929
inline constexpr std::int64_t cold_storage_gas = 2100;
inline constexpr std::int64_t warm_access_gas = 100;

inline constexpr int call_depth_max = 1024;
inline constexpr int stack_size_max = 1024;
inline constexpr std::size_t code_size_max = 24576;                   // EIP-170
inline constexpr std::size_t init_code_size_max = 2 * code_size_max;  // EIP-3860

/// How SSTORE is priced.
enum class StorageRule : std::uint8_t {
    by_zeroness,  // set from zero or reset, whatever came before in the transaction
    net,          // by the value before the transaction too: EIP-1283, EIP-2200, EIP-2929
};

struct GasSchedule {
    static constexpr std::int16_t undefined = -1;

    Revision revision = Revision::frontier;
    /// The constant part of each opcode's price; `undefined` where the fork lacks the opcode.
    std::array<std::int16_t, 256> base{};
    /// On top of the base for an account or slot that is touched first in the transaction; 0 before Berlin.
    std::int16_t cold_account_extra = 0;
    std::int16_t cold_storage_extra = 0;
    std::int16_t exp_byte = 10;
    StorageRule storage_rule = StorageRule::by_zeroness;
    std::int16_t sstore_unchanged = 5000;  // the slot has the value already, or was written in this transaction
    std::int16_t sstore_set = 20000;
    std::int16_t sstore_reset = 5000;
    std::int16_t sstore_clear_refund = 15000;
    std::int16_t selfdestruct_new_account = 0;

    [[nodiscard]] constexpr std::int16_t& operator[](Opcode opcode) { return base[to_byte(opcode)]; }
    [[nodiscard]] constexpr std::int16_t operator[](Opcode opcode) const { return base[to_byte(opcode)]; }
    [[nodiscard]] constexpr bool defines(std::uint8_t opcode) const { return base[opcode] != undefined; }
};

namespace detail {

constexpr void change(GasSchedule& schedule, std::int16_t gas, std::initializer_list<Opcode> opcodes) {
    for (const auto opcode : opcodes) schedule[opcode] = gas;
}

constexpr GasSchedule frontier() {
    using enum Opcode;
    GasSchedule out;
    for (auto& gas : out.base) gas = GasSchedule::undefined;
    change(out, 0, {stop, return_, selfdestruct, sstore});
    change(out, 1, {jumpdest});
    change(out, 2, {address, origin, caller, callvalue, calldatasize, codesize, gasprice, coinbase, timestamp, number,
                    prevrandao, gaslimit, pop, pc, msize, gas});
    change(out, 3, {add, sub, lt, gt, slt, sgt, eq, iszero, and_, or_, xor_, not_, byte, calldataload, calldatacopy,
                    codecopy, mload, mstore, mstore8});
    for (int i = to_byte(push1); i <= to_byte(swap16); ++i) out.base[static_cast<std::size_t>(i)] = 3;
    change(out, 5, {mul, div, sdiv, mod, smod, signextend});
    change(out, 8, {addmod, mulmod, jump});
    change(out, 10, {exp, jumpi});
    change(out, 20, {balance, extcodesize, extcodecopy, blockhash});
    change(out, 30, {keccak256});
    change(out, 40, {call, callcode});
    change(out, 50, {sload});
    change(out, 375, {log0, log1, log2, log3, log4});
    change(out, 32000, {create});
    return out;
}

constexpr GasSchedule homestead() {
    auto out = frontier();
    out[Opcode::delegatecall] = 40;  // EIP-7
    return out;
}

constexpr GasSchedule tangerine_whistle() {  // EIP-150
    using enum Opcode;
    auto out = homestead();
    change(out, 400, {balance});
    change(out, 700, {extcodesize, extcodecopy, call, callcode, delegatecall});
    change(out, 200, {sload});
    change(out, 5000, {selfdestruct});
    out.selfdestruct_new_account = call_new_account_gas;
    return out;
}

constexpr GasSchedule spurious_dragon() {
    auto out = tangerine_whistle();
    out.exp_byte = 50;  // EIP-160
    return out;
}

constexpr GasSchedule byzantium() {
    using enum Opcode;
    auto out = spurious_dragon();
    change(out, 0, {revert});                             // EIP-140
    change(out, 2, {returndatasize});                     // EIP-211
    change(out, 3, {returndatacopy});
    change(out, 700, {staticcall});                       // EIP-214
    return out;
}

constexpr GasSchedule petersburg() {
    using enum Opcode;
    auto out = byzantium();
    change(out, 3, {shl, shr, sar});   // EIP-145
    change(out, 400, {extcodehash});   // EIP-1052
    change(out, 32000, {create2});     // EIP-1014
    return out;
}

constexpr GasSchedule constantinople() {  // came into force together with Petersburg, which takes EIP-1283 back
    auto out = petersburg();
    out.storage_rule = StorageRule::net;  // EIP-1283
    out.sstore_unchanged = 200;
    return out;
}

constexpr GasSchedule istanbul() {
    using enum Opcode;
    auto out = petersburg();
    change(out, 2, {chainid});                       // EIP-1344
    change(out, 5, {selfbalance});                   // EIP-1884
    change(out, 700, {balance, extcodehash});
    change(out, 800, {sload});
    out.storage_rule = StorageRule::net;             // EIP-2200
    out.sstore_unchanged = 800;
    return out;
}

constexpr GasSchedule berlin() {  // EIP-2929: the base is the price of the second touch
    using enum Opcode;
    auto out = istanbul();
    change(out, warm_access_gas, {balance, extcodesize, extcodecopy, extcodehash, sload, call, callcode, delegatecall,
                                  staticcall});
    out.cold_account_extra = cold_account_gas - warm_access_gas;
    out.cold_storage_extra = cold_storage_gas - warm_access_gas;
    out.sstore_unchanged = warm_access_gas;
    out.sstore_reset = 5000 - cold_storage_gas;
    return out;
}

constexpr GasSchedule london() {
    auto out = berlin();
    out[Opcode::basefee] = 2;                                                    // EIP-3198
    out.sstore_clear_refund = static_cast<std::int16_t>(out.sstore_reset + 1900);  // EIP-3529, 1900: EIP-2930's slot
    return out;
}

constexpr GasSchedule shanghai() {
    auto out = london();
    out[Opcode::push0] = 2;  // EIP-3855
    return out;
}

constexpr GasSchedule cancun() {
    using enum Opcode;
    auto out = shanghai();
    change(out, 3, {blobhash});                           // EIP-4844
    change(out, 2, {blobbasefee});                        // EIP-7516
    change(out, warm_access_gas, {tload, tstore});        // EIP-1153
    change(out, 3, {mcopy});                              // EIP-5656
    return out;
}

constexpr GasSchedule osaka() {
    auto out = cancun();
    out[Opcode::clz] = 5;  // EIP-7939
    return out;
}

constexpr std::array<GasSchedule, revision_count> make_gas_schedules() {
    std::array<GasSchedule, revision_count> out = {
        frontier(), homestead(), tangerine_whistle(), spurious_dragon(), byzantium(), constantinople(), petersburg(),
        istanbul(), berlin(), london(), london(), shanghai(), cancun(), cancun(), osaka()};
    for (std::size_t i = 0; i < out.size(); ++i) out[i].revision = static_cast<Revision>(i);
    return out;
}

}  // namespace detail

inline constexpr std::array<GasSchedule, revision_count> gas_schedules = detail::make_gas_schedules();

[[nodiscard]] constexpr const GasSchedule& gas_schedule(Revision revision) {
    return gas_schedules[static_cast<std::size_t>(revision)];
}

/// 32-byte words that hold @p size bytes.
[[nodiscard]] constexpr std::int64_t word_count(std::uint64_t size) {
    return static_cast<std::int64_t>((size + 31) / 32);
}

/// Price of a memory of @p words 32-byte words from nothing.
/// @param words  at most 2^27 (offsets above 2^32 are refused before).
/// @source       Yellow Paper, appendix H, C_mem.
[[nodiscard]] constexpr std::int64_t memory_gas(std::int64_t words) {
    return memory_word_gas * words + words * words / memory_quadratic_divisor;
}

}  // namespace weft::evm
