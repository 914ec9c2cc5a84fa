#pragma once
// The instructions that need nothing but the stack and what the frame knows, as functions on stack slots in place:
// top[0] is the top, top[-1] the word under it, and a result goes where the stack's new top will be.
//
// One access width for stack slots, 64 bits: a word written as four limbs and read back as one vector would wait for
// the stores to reach the cache (no store forwarding). So words are copied limb by limb.

#include <cstring>

#include "base/u256.hpp"
#include "evm/machine.hpp"
#include "evm/opcode.hpp"

namespace weft::evm {

template <Opcode opcode>
struct Tag {};

[[gnu::always_inline]] inline void copy_word(U256& to, const U256& from) {
    const std::uint64_t l0 = from.limb[0], l1 = from.limb[1], l2 = from.limb[2], l3 = from.limb[3];
    to.limb[0] = l0;
    to.limb[1] = l1;
    to.limb[2] = l2;
    to.limb[3] = l3;
}

[[gnu::always_inline]] inline void set_word(U256& to, std::uint64_t value) {
    to.limb[0] = value;
    to.limb[1] = 0;
    to.limb[2] = 0;
    to.limb[3] = 0;
}

[[gnu::always_inline]] inline std::uint64_t load_big_endian(const std::uint8_t* from) {
    std::uint64_t word;
    std::memcpy(&word, from, 8);
    return __builtin_bswap64(word);
}

[[gnu::always_inline]] inline void store_big_endian(std::uint8_t* to, std::uint64_t word) {
    word = __builtin_bswap64(word);
    std::memcpy(to, &word, 8);
}

[[gnu::always_inline]] inline void load_word(U256& to, const std::uint8_t* from) {
    to.limb[3] = load_big_endian(from);
    to.limb[2] = load_big_endian(from + 8);
    to.limb[1] = load_big_endian(from + 16);
    to.limb[0] = load_big_endian(from + 24);
}

[[gnu::always_inline]] inline void store_word(std::uint8_t* to, const U256& from) {
    store_big_endian(to, from.limb[3]);
    store_big_endian(to + 8, from.limb[2]);
    store_big_endian(to + 16, from.limb[1]);
    store_big_endian(to + 24, from.limb[0]);
}

[[gnu::always_inline]] inline void set_address(U256& to, const Address& from) {
    std::uint32_t high;
    std::memcpy(&high, from.data(), 4);
    to.limb[3] = 0;
    to.limb[2] = __builtin_bswap32(high);
    to.limb[1] = load_big_endian(from.data() + 4);
    to.limb[0] = load_big_endian(from.data() + 12);
}

[[nodiscard]] inline Address to_address(const U256& word) {
    Address out;
    const auto high = __builtin_bswap32(static_cast<std::uint32_t>(word.limb[2]));
    std::memcpy(out.data(), &high, 4);
    store_big_endian(out.data() + 4, word.limb[1]);
    store_big_endian(out.data() + 12, word.limb[0]);
    return out;
}

[[nodiscard]] inline bool is_negative(const U256& word) { return (word.limb[3] >> 63) != 0; }

// --- arithmetic

inline void run(Tag<Opcode::add>, U256* top) {
    unsigned long long carry = 0;
    for (int i = 0; i < 4; ++i) top[-1].limb[i] = __builtin_addcll(top[0].limb[i], top[-1].limb[i], carry, &carry);
}
inline void run(Tag<Opcode::sub>, U256* top) {
    unsigned long long borrow = 0;
    for (int i = 0; i < 4; ++i) top[-1].limb[i] = __builtin_subcll(top[0].limb[i], top[-1].limb[i], borrow, &borrow);
}
inline void run(Tag<Opcode::mul>, U256* top) { copy_word(top[-1], top[0] * top[-1]); }

[[gnu::noinline]] void slow_divide(U256* top);
[[gnu::noinline]] void slow_modulo(U256* top);
[[gnu::noinline]] void signed_divide(U256* top);
[[gnu::noinline]] void signed_modulo(U256* top);
[[gnu::noinline]] void slow_add_mod(U256* top);
[[gnu::noinline]] void slow_multiply_mod(Machine& machine, U256* top);

inline void run(Tag<Opcode::div>, U256* top) { slow_divide(top); }
inline void run(Tag<Opcode::mod>, U256* top) { slow_modulo(top); }
inline void run(Tag<Opcode::sdiv>, U256* top) { signed_divide(top); }
inline void run(Tag<Opcode::smod>, U256* top) { signed_modulo(top); }
inline void run(Tag<Opcode::addmod>, U256* top) { slow_add_mod(top); }
inline void run(Tag<Opcode::mulmod>, const Frame& frame, U256* top) { slow_multiply_mod(*frame.machine, top); }

inline void run(Tag<Opcode::signextend>, U256* top) {
    const U256& size = top[0];
    U256& word = top[-1];
    if (!size.fits_u64() || size.limb[0] >= 31) return;
    const auto sign_bit = static_cast<unsigned>(size.limb[0] * 8 + 7);
    const unsigned limb = sign_bit / 64;
    const unsigned shift = 63 - sign_bit % 64;
    const auto extended = static_cast<std::uint64_t>(static_cast<std::int64_t>(word.limb[limb] << shift) >> shift);
    const auto fill = static_cast<std::uint64_t>(static_cast<std::int64_t>(extended) >> 63);
    word.limb[limb] = extended;
    for (unsigned i = limb + 1; i < 4; ++i) word.limb[i] = fill;
}

// --- comparison and bits

/// a < b, by the borrow of a - b, without a branch.
[[gnu::always_inline]] inline std::uint64_t is_below(const U256& a, const U256& b) {
    unsigned long long borrow = 0;
    for (int i = 0; i < 4; ++i) static_cast<void>(__builtin_subcll(a.limb[i], b.limb[i], borrow, &borrow));
    return borrow;
}
/// The same for two's complement numbers: both top limbs shifted by half the range.
[[gnu::always_inline]] inline std::uint64_t is_below_signed(const U256& a, const U256& b) {
    unsigned long long borrow = 0;
    for (int i = 0; i < 3; ++i) static_cast<void>(__builtin_subcll(a.limb[i], b.limb[i], borrow, &borrow));
    constexpr std::uint64_t half = std::uint64_t{1} << 63;
    static_cast<void>(__builtin_subcll(a.limb[3] ^ half, b.limb[3] ^ half, borrow, &borrow));
    return borrow;
}

inline void run(Tag<Opcode::lt>, U256* top) { set_word(top[-1], is_below(top[0], top[-1])); }
inline void run(Tag<Opcode::gt>, U256* top) { set_word(top[-1], is_below(top[-1], top[0])); }
inline void run(Tag<Opcode::slt>, U256* top) { set_word(top[-1], is_below_signed(top[0], top[-1])); }
inline void run(Tag<Opcode::sgt>, U256* top) { set_word(top[-1], is_below_signed(top[-1], top[0])); }
inline void run(Tag<Opcode::eq>, U256* top) { set_word(top[-1], top[0] == top[-1] ? 1 : 0); }
inline void run(Tag<Opcode::iszero>, U256* top) { set_word(top[0], top[0].is_zero() ? 1 : 0); }
inline void run(Tag<Opcode::and_>, U256* top) {
    for (int i = 0; i < 4; ++i) top[-1].limb[i] &= top[0].limb[i];
}
inline void run(Tag<Opcode::or_>, U256* top) {
    for (int i = 0; i < 4; ++i) top[-1].limb[i] |= top[0].limb[i];
}
inline void run(Tag<Opcode::xor_>, U256* top) {
    for (int i = 0; i < 4; ++i) top[-1].limb[i] ^= top[0].limb[i];
}
inline void run(Tag<Opcode::not_>, U256* top) {
    for (int i = 0; i < 4; ++i) top[0].limb[i] = ~top[0].limb[i];
}
inline void run(Tag<Opcode::byte>, U256* top) {
    const U256& index = top[0];
    std::uint64_t value = 0;
    if (index.fits_u64() && index.limb[0] < 32) {
        const auto shift = 8 * (31 - index.limb[0]);
        value = top[-1].limb[shift / 64] >> (shift % 64) & 0xff;
    }
    set_word(top[-1], value);
}
inline void run(Tag<Opcode::shl>, U256* top) {
    const std::uint64_t count = top[0].fits_u64() ? top[0].limb[0] : 256;
    copy_word(top[-1], top[-1] << count);
}
inline void run(Tag<Opcode::shr>, U256* top) {
    const std::uint64_t count = top[0].fits_u64() ? top[0].limb[0] : 256;
    copy_word(top[-1], top[-1] >> count);
}
inline void run(Tag<Opcode::sar>, U256* top) {
    const std::uint64_t count = top[0].fits_u64() ? top[0].limb[0] : 256;
    const bool negative = is_negative(top[-1]);
    const U256 shifted = (negative ? ~top[-1] : top[-1]) >> count;
    copy_word(top[-1], negative ? ~shifted : shifted);
}
inline void run(Tag<Opcode::clz>, U256* top) { set_word(top[0], 256 - top[0].bit_length()); }

// --- what the frame knows

inline void run(Tag<Opcode::address>, const Frame& frame, U256* top) { set_address(top[1], frame.message->recipient); }
inline void run(Tag<Opcode::origin>, const Frame& frame, U256* top) {
    set_address(top[1], frame.environment->transaction.origin);
}
inline void run(Tag<Opcode::caller>, const Frame& frame, U256* top) { set_address(top[1], frame.message->sender); }
inline void run(Tag<Opcode::callvalue>, const Frame& frame, U256* top) { copy_word(top[1], frame.message->value); }
inline void run(Tag<Opcode::calldatasize>, const Frame& frame, U256* top) {
    set_word(top[1], frame.message->input.size());
}
inline void run(Tag<Opcode::codesize>, const Frame& frame, U256* top) { set_word(top[1], frame.code->size()); }
inline void run(Tag<Opcode::gasprice>, const Frame& frame, U256* top) {
    copy_word(top[1], frame.environment->transaction.gas_price);
}
inline void run(Tag<Opcode::returndatasize>, const Frame& frame, U256* top) {
    set_word(top[1], frame.return_data.size());
}
inline void run(Tag<Opcode::msize>, const Frame& frame, U256* top) { set_word(top[1], frame.memory_size); }
inline void run(Tag<Opcode::coinbase>, const Frame& frame, U256* top) {
    set_address(top[1], frame.environment->block.coinbase);
}
inline void run(Tag<Opcode::timestamp>, const Frame& frame, U256* top) {
    set_word(top[1], frame.environment->block.timestamp);
}
inline void run(Tag<Opcode::number>, const Frame& frame, U256* top) {
    set_word(top[1], frame.environment->block.number);
}
inline void run(Tag<Opcode::prevrandao>, const Frame& frame, U256* top) {
    const auto& block = frame.environment->block;
    if (frame.schedule->revision >= Revision::paris) {
        load_word(top[1], block.prev_randao.data());
    } else {
        copy_word(top[1], block.difficulty);
    }
}
inline void run(Tag<Opcode::gaslimit>, const Frame& frame, U256* top) {
    set_word(top[1], frame.environment->block.gas_limit);
}
inline void run(Tag<Opcode::chainid>, const Frame& frame, U256* top) {
    set_word(top[1], frame.environment->block.chain_id);
}
inline void run(Tag<Opcode::basefee>, const Frame& frame, U256* top) {
    copy_word(top[1], frame.environment->block.base_fee);
}
inline void run(Tag<Opcode::blobbasefee>, const Frame& frame, U256* top) {
    copy_word(top[1], frame.environment->block.blob_base_fee);
}
inline void run(Tag<Opcode::blobhash>, const Frame& frame, U256* top) {
    const auto& hashes = frame.environment->transaction.blob_hashes;
    if (top[0].fits_u64() && top[0].limb[0] < hashes.size()) {
        load_word(top[0], hashes[top[0].limb[0]].data());
    } else {
        set_word(top[0], 0);
    }
}

[[gnu::noinline]] void load_partial_input(const Frame& frame, U256* top);

inline void run(Tag<Opcode::calldataload>, const Frame& frame, U256* top) {
    const auto input = frame.message->input;
    const std::uint64_t offset = top[0].limb[0];
    if (top[0].fits_u64() && offset < input.size() && input.size() - offset >= 32) [[likely]] {
        load_word(top[0], input.data() + offset);
    } else {
        load_partial_input(frame, top);
    }
}

// --- memory. These return the gas left; less than 0 is a failure, of which frame.status tells the kind.

/// Charges for memory up to @p end bytes and grows it. @param end  below 2^33.
[[gnu::noinline]] std::int64_t grow_memory(Frame& frame, std::uint64_t end, std::int64_t gas);

/// No block could pay for memory that far out; offsets are refused before any arithmetic on them.
inline constexpr std::uint64_t memory_offset_max = 0xffffffff;

[[gnu::always_inline]] inline bool is_far(const U256& offset) {
    return (offset.limb[0] >> 32 | offset.limb[1] | offset.limb[2] | offset.limb[3]) != 0;
}

/// @return the failing gas for an access that no gas could pay.
[[gnu::noinline]] std::int64_t out_of_gas(Frame& frame, std::int64_t gas);
/// @param gas  what is left, for the tracer to know the price.
/// @return     the failing gas of an exceptional halt.
[[gnu::noinline]] std::int64_t fail_operation(Frame& frame, Status status, std::int64_t gas);
/// Makes bytes [offset, offset + size) exist; a size of 0 touches nothing, wherever the offset is.
[[nodiscard]] std::int64_t touch_range(Frame& frame, const U256& offset, const U256& size, std::int64_t gas);
/// A range that touch_range() accepted; it stays good until this frame's memory grows.
[[nodiscard]] BytesView memory_view(const Frame& frame, const U256& offset, const U256& size);
/// Whether an account is touched first in this transaction; makes it warm (EIP-2929). Never before Berlin.
[[nodiscard]] bool is_cold(Frame& frame, const Address& address);
/// Makes an account warm, for the extra price of a cold one.
[[nodiscard]] std::int64_t charge_account(Frame& frame, const Address& address, std::int64_t gas);

/// Makes bytes [offset, offset + size) exist, for a size known when compiling.
template <std::uint64_t size>
[[gnu::always_inline]] inline std::int64_t touch_memory(Frame& frame, const U256& offset, std::int64_t gas) {
    if (is_far(offset)) [[unlikely]] return out_of_gas(frame, gas);
    const std::uint64_t end = offset.limb[0] + size;
    if (end > frame.memory_size) [[unlikely]] return grow_memory(frame, end, gas);
    return gas;
}

inline std::int64_t run(Tag<Opcode::mload>, Frame& frame, U256* top, std::int64_t gas) {
    gas = touch_memory<32>(frame, top[0], gas);
    if (gas >= 0) [[likely]] load_word(top[0], frame.memory + top[0].limb[0]);
    return gas;
}
inline std::int64_t run(Tag<Opcode::mstore>, Frame& frame, U256* top, std::int64_t gas) {
    gas = touch_memory<32>(frame, top[0], gas);
    if (gas >= 0) [[likely]] store_word(frame.memory + top[0].limb[0], top[-1]);
    return gas;
}
inline std::int64_t run(Tag<Opcode::mstore8>, Frame& frame, U256* top, std::int64_t gas) {
    gas = touch_memory<1>(frame, top[0], gas);
    if (gas >= 0) [[likely]] frame.memory[top[0].limb[0]] = static_cast<std::uint8_t>(top[-1].limb[0]);
    return gas;
}

// --- what asks the host or moves many bytes: operations.cpp

#define WEFT_EVM_OPERATION(opcode) \
    [[gnu::noinline]] std::int64_t run(Tag<Opcode::opcode>, Frame& frame, U256* top, std::int64_t gas)

WEFT_EVM_OPERATION(exp);
WEFT_EVM_OPERATION(keccak256);
WEFT_EVM_OPERATION(balance);
WEFT_EVM_OPERATION(calldatacopy);
WEFT_EVM_OPERATION(codecopy);
WEFT_EVM_OPERATION(extcodesize);
WEFT_EVM_OPERATION(extcodecopy);
WEFT_EVM_OPERATION(returndatacopy);
WEFT_EVM_OPERATION(extcodehash);
WEFT_EVM_OPERATION(blockhash);
WEFT_EVM_OPERATION(selfbalance);
WEFT_EVM_OPERATION(sload);
WEFT_EVM_OPERATION(sstore);
WEFT_EVM_OPERATION(tload);
WEFT_EVM_OPERATION(tstore);
WEFT_EVM_OPERATION(mcopy);
WEFT_EVM_OPERATION(log0);
WEFT_EVM_OPERATION(log1);
WEFT_EVM_OPERATION(log2);
WEFT_EVM_OPERATION(log3);
WEFT_EVM_OPERATION(log4);
WEFT_EVM_OPERATION(create);
WEFT_EVM_OPERATION(create2);
WEFT_EVM_OPERATION(call);
WEFT_EVM_OPERATION(callcode);
WEFT_EVM_OPERATION(delegatecall);
WEFT_EVM_OPERATION(staticcall);
WEFT_EVM_OPERATION(return_);
WEFT_EVM_OPERATION(revert);
WEFT_EVM_OPERATION(selfdestruct);

#undef WEFT_EVM_OPERATION

}  // namespace weft::evm
