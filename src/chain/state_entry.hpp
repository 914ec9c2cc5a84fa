#pragma once
// What a State keeps of an account, for the files that implement it.

#include "chain/state.hpp"

namespace weft::chain {

struct State::Slot {
    U256 current;
    U256 original;                  // at the start of the transaction `seen`
    U256 base;                      // in the reader, or at the last take_changes()
    std::uint32_t seen = 0;         // a transaction
    std::uint32_t warm = 0;         // a transaction
    bool read = false;              // its value was needed
};

/// Marks are numbers of transactions: one of an earlier transaction doesn't count.
struct State::Entry {
    Address address;
    std::uint32_t index = 0;
    bool exists = false;
    bool base_exists = false;
    bool is_changed = false;      // in changed_
    bool hides_storage = false;   // what the reader says of its storage is no longer true
    bool wiped = false;           // since base
    std::uint32_t warm = 0;
    std::uint32_t touched = 0;
    std::uint32_t created = 0;
    std::uint32_t scheduled = 0;
    std::uint8_t read = 0;        // what of `base` was needed: bits of the following
    static constexpr std::uint8_t existence = 1;  // whether it exists, and whether it is empty
    static constexpr std::uint8_t balance = 2;
    static constexpr std::uint8_t nonce = 4;
    static constexpr std::uint8_t code_hash = 8;
    static constexpr std::uint8_t everything = 15;
    static constexpr std::uint8_t has_storage = 16;
    bool base_has_storage = false;  // if that was needed
    Account account;
    Account base;
    evm::CodePtr code;            // null: not needed yet
    FlatMap<U256, Slot> slots;
};

}  // namespace weft::chain
