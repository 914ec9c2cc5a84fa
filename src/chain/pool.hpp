#pragma once
// Transactions that wait for a block.
//
// Per sender they stand in order of nonce. Those that could go into blocks one after the other from the account's nonce
// on, and that the account can pay, are pending; the others are queued.
//
// Invariants:
//   1. A sender's pending nonces are account nonce, +1, +2, ... without gaps; queued ones are above them.
//   2. No two transactions of one sender have the same nonce; a replacement pays at least the price bump more.
//   3. counts and bytes never exceed the limits after a call returns.
//   4. What the pool holds satisfied validate_transaction() for the head's rules.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "base/u256.hpp"
#include "chain/fork.hpp"
#include "chain/transaction.hpp"
#include "chain/validate.hpp"

namespace weft::chain {

/// Limits of a pool. The defaults are those clients are used to.
struct PoolLimits {
    std::size_t pending_per_account_max = 4096;
    std::size_t queued_per_account_max = 1024;
    std::size_t count_max = 65536;               // of all transactions
    std::size_t bytes_max = 256 << 20;           // of all, as memory_of() counts them
    std::size_t transaction_bytes_max = 128 << 10;
    std::size_t blob_transactions_per_account_max = 16;
    std::uint64_t price_bump_percent = 10;
    std::uint64_t blob_price_bump_percent = 100;
    U256 tip_min = 0;                            // wei
    std::int64_t queued_lifetime_ms = 3 * 3600 * 1000;
};

/// What the pool must know of the newest block.
struct PoolHead {
    Rules rules;             // of the next block
    std::uint64_t chain_id = 1;
    std::uint64_t gas_limit = 0;
    U256 base_fee;           // of the next block
    U256 blob_base_fee;
};

/// nonce and balance of an account at the head.
struct PoolAccount {
    std::uint64_t nonce = 0;
    U256 balance;
    bool has_code = false;   // code that is no delegation: may not send (EIP-3607)
    bool delegated = false;  // EIP-7702

    bool operator==(const PoolAccount&) const = default;
};
using PoolAccounts = std::function<PoolAccount(const Address&)>;

/// A transaction and when it came.
struct PoolItem {
    TransactionPtr transaction;
    std::int64_t since_ms = 0;
};

enum class PoolPlace : std::uint8_t { pending, queued };

struct PoolStatus {
    std::size_t pending = 0;
    std::size_t queued = 0;
    std::size_t bytes = 0;
};

/// Bytes that a waiting transaction takes: both its forms, its blobs, its places in the pool.
[[nodiscard]] std::size_t memory_of(const SignedTransaction& transaction);

struct PoolAdded {
    PoolPlace place = PoolPlace::pending;
    TransactionPtr replaced;              // null: nothing was
    std::vector<TransactionPtr> evicted;  // to make room, cheapest first
    std::vector<TransactionPtr> promoted; // became pending through this, the added one included
};

class Pool {
  public:
    explicit Pool(PoolLimits limits = {});
    ~Pool();
    Pool(Pool&&) noexcept;
    Pool& operator=(Pool&&) noexcept;

    /// Takes a transaction in. @param now_ms  any clock that doesn't go back.
    /// @errors  a rule of the transaction itself, of its sender's account, or of the pool.
    [[nodiscard]] Checked<PoolAdded> add(TransactionPtr transaction, const PoolAccounts& accounts, std::int64_t now_ms);
    /// All checks of add() and no effect.
    [[nodiscard]] Checked<void> check(const SignedTransaction& transaction, const PoolAccounts& accounts) const;

    /// A new head: drops what was mined or can't be any more, takes back what a reorganisation took out, and sorts
    /// anew.
    ///
    /// Only the accounts that the given transactions touch are read again: others' nonces and, but for rare contracts,
    /// balances can't have sunk. What slips through, block building removes.
    /// @param mined     of the blocks that joined the chain.
    /// @param reverted  of the blocks that left it.
    /// @return          what was dropped for other reasons than being mined.
    std::vector<TransactionPtr> reset(const PoolHead& head, std::span<const TransactionPtr> mined,
                                      std::span<const TransactionPtr> reverted, const PoolAccounts& accounts,
                                      std::int64_t now_ms);
    /// The accounts that reset() with the same head and blocks would read.
    [[nodiscard]] std::vector<Address> touched_by(const PoolHead& head, std::span<const TransactionPtr> mined,
                                                  std::span<const TransactionPtr> reverted) const;
    /// Drops queued transactions that have waited longer than the limit.
    std::vector<TransactionPtr> expire(std::int64_t now_ms);
    /// Takes one out, e.g. because it can't be executed; those after it become queued.
    bool remove(const Hash& hash);
    void clear();

    [[nodiscard]] const PoolHead& head() const { return head_; }
    [[nodiscard]] const PoolLimits& limits() const { return limits_; }
    void set_tip_min(const U256& tip) { limits_.tip_min = tip; }
    [[nodiscard]] TransactionPtr find(const Hash& hash) const;
    [[nodiscard]] bool contains(const Hash& hash) const { return find(hash) != nullptr; }
    [[nodiscard]] PoolStatus status() const;
    /// The nonce after the sender's last pending transaction; nothing if it has none.
    [[nodiscard]] std::optional<std::uint64_t> next_nonce(const Address& sender) const;

    struct Content {
        Address sender;
        std::vector<TransactionPtr> pending;  // by nonce
        std::vector<TransactionPtr> queued;
    };
    /// Everything, by sender.
    [[nodiscard]] std::vector<Content> content() const;
    [[nodiscard]] Content content_from(const Address& sender) const;
    /// Hashes or transactions of everything pending, in no particular order.
    [[nodiscard]] std::vector<TransactionPtr> pending() const;

    /// Pending transactions for a block, best tip first, each sender's in order of nonce. The pool must not change
    /// meanwhile.
    class Best {
      public:
        /// The next one, or null. One whose fee cap is below the base fee ends its sender's turn.
        [[nodiscard]] TransactionPtr next();
        /// The last one given was refused: none of its sender's follow.
        void skip_sender();

      private:
        friend class Pool;
        struct Candidate {
            U256 tip;
            std::span<const PoolItem> rest;  // the first is what it stands for
        };
        [[nodiscard]] static bool is_worse(const Candidate& a, const Candidate& b);
        /// Puts a sender in line, unless its next transaction can't pay this block's fees.
        void offer(std::span<const PoolItem> rest);

        U256 base_fee_;
        U256 blob_base_fee_;
        std::vector<Candidate> heap_;
        std::span<const PoolItem> given_;  // of the sender whose transaction was given last
    };
    [[nodiscard]] Best best() const;

  private:
    struct Implementation;
    PoolLimits limits_;
    PoolHead head_;
    std::unique_ptr<Implementation> state_;
};

}  // namespace weft::chain
