#pragma once
// What an instance that executes far from the state keeps of it: values of the newest version it has heard of, and
// code, which its hash names for good.
//
// Invariants:
//   1. An entry is the key's value at every version from `since` up to the newest: whoever tells of a newer version
//      tells what it changed, or the entries go.
//   2. All entries are of one line; another line begins empty.

#include <cstdint>
#include <mutex>
#include <optional>
#include <unordered_map>

#include "api/storage.hpp"
#include "chain/account.hpp"
#include "evm/code.hpp"

namespace weft::service::contract {

struct SlotIdHash {
    std::size_t operator()(const api::storage::SlotId& id) const noexcept {
        return std::hash<Address>{}(id.address) * 31 ^ std::hash<U256>{}(id.key);
    }
};

struct StateCacheLimits {
    std::size_t accounts_max = 100'000;
    std::size_t slots_max = 200'000;
    std::size_t code_size_max = std::size_t{64} << 20;
    std::size_t block_hashes_max = 10'000;
};

/// Thread-safe. Bounded: what is full drops entries, in no particular order.
class StateCache {
  public:
    using Limits = StateCacheLimits;
    explicit StateCache(Limits limits = {}) : limits_(limits) {}

    struct Position {
        std::uint64_t line = 0;  // 0: nothing is known yet
        std::uint64_t version = 0;
    };
    /// The newest version the entries are right for.
    [[nodiscard]] Position position() const;
    /// Takes up what an answer says.
    /// @param known  the position the question was asked with.
    void advance(const Position& known, const api::storage::OpenStateReply& reply);

    /// Nothing: not kept. An account that does not exist is kept as such.
    [[nodiscard]] std::optional<std::optional<chain::Account>> account(const Position& at,
                                                                       const Address& address) const;
    [[nodiscard]] std::optional<U256> slot(const Position& at, const Address& address, const U256& key) const;
    /// Null: not kept.
    [[nodiscard]] evm::CodePtr code(const Hash& code_hash) const;
    [[nodiscard]] std::optional<Hash> block_hash(const Position& at, std::uint64_t number) const;

    void keep_account(const Position& at, const Address& address, const std::optional<chain::Account>& account);
    void keep_slot(const Position& at, const Address& address, const U256& key, const U256& value);
    evm::CodePtr keep_code(const Hash& code_hash, BytesView code);
    void keep_block_hash(const Position& at, std::uint64_t number, const Hash& hash);

    /// Whether the code that an account had when it was last seen is kept: asking for it again would be for nothing.
    [[nodiscard]] bool has_code_of(const Address& address) const;

  private:
    struct KeptAccount {
        std::uint64_t since;
        std::optional<chain::Account> account;
    };
    struct KeptSlot {
        std::uint64_t since;
        U256 value;
    };
    [[nodiscard]] bool may_read(const Position& at, std::uint64_t since) const {
        return at.line == position_.line && since <= at.version && at.version <= position_.version;
    }
    [[nodiscard]] bool may_keep(const Position& at) const {
        return at.line == position_.line && at.version == position_.version;
    }
    void forget_state();

    const Limits limits_;
    mutable std::mutex mutex_;
    Position position_;
    std::unordered_map<Address, KeptAccount> accounts_;
    std::unordered_map<api::storage::SlotId, KeptSlot, SlotIdHash> slots_;
    std::unordered_map<std::uint64_t, Hash> block_hashes_;
    std::unordered_map<Address, Hash> code_hashes_;  // when last seen; outlives what is known of the account
    std::unordered_map<Hash, evm::CodePtr> codes_;
    std::size_t code_size_ = 0;
};

}  // namespace weft::service::contract
