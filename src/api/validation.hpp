#pragma once
// validation: decides which transactions may wait for a block, and keeps them while they wait.

#include "api/types.hpp"

namespace weft::api::validation {

struct SubmitReply {
    Hash hash;
};
/// Admits a signed transaction in the form eth_sendRawTransaction takes.
///
/// @errors failed_precondition or invalid_argument  the rule that was broken, in geth's words.
struct Submit {
    using Reply = SubmitReply;
    static constexpr std::string_view method = "weft.Validation/Submit";
    Bytes encoded;
    /// Development chains: the sender to act as, whose signature is not asked for.
    std::optional<Address> impersonate;
    /// With automine: reply when the transaction is in a block. Without: reply when it is admitted.
    bool wait_for_block = true;
};

enum class Admission : std::uint8_t {
    added,
    known,
    refused,    // the state, the pool's limits: not the fault of who sent it
    malformed,  // what no correct peer passes on
};
struct ImportReply {
    std::vector<Admission> admissions;  // one a transaction
};
/// Transactions that a peer sent, in network form. What is new goes to the other peers.
/// @errors resource_exhausted  more than import_count_max, or too much work is waiting.
struct Import {
    using Reply = ImportReply;
    static constexpr std::string_view method = "weft.Validation/Import";
    std::vector<Bytes> transactions;
    std::string peer;  // id of who sent them
};
inline constexpr std::size_t import_count_max = 4096;

struct MatchReply {
    /// Positions in the request's ids, ascending, of those that one transaction of the pool has, and it.
    std::vector<std::uint64_t> indices;
    std::vector<chain::TransactionPtr> transactions;
};
/// The waiting transactions that a compact block names. An id is the low 48 bits of SipHash-2-4 of a transaction's
/// hash under the block's key. What two transactions of the pool have, or two positions name, counts as not there.
struct Match {
    using Reply = MatchReply;
    static constexpr std::string_view method = "weft.Validation/Match";
    std::uint64_t key_low = 0;
    std::uint64_t key_high = 0;
    std::vector<std::uint64_t> ids;
};

struct NonceReply {
    std::uint64_t nonce = 0;
};
/// The nonce after the sender's waiting transactions.
struct PendingNonce {
    using Reply = NonceReply;
    static constexpr std::string_view method = "weft.Validation/PendingNonce";
    Address address;
};

struct PooledReply {
    chain::TransactionPtr transaction;  // null: not waiting
};
struct GetPooled {
    using Reply = PooledReply;
    static constexpr std::string_view method = "weft.Validation/GetPooled";
    Hash hash;
};

struct PoolStatusReply {
    std::uint64_t pending = 0;
    std::uint64_t queued = 0;
};
struct PoolStatus {
    using Reply = PoolStatusReply;
    static constexpr std::string_view method = "weft.Validation/PoolStatus";
    bool reserved = false;
};

struct PoolContentReply {
    std::vector<chain::TransactionPtr> pending;  // by sender, then nonce
    std::vector<chain::TransactionPtr> queued;
};
struct PoolContent {
    using Reply = PoolContentReply;
    static constexpr std::string_view method = "weft.Validation/PoolContent";
    std::optional<Address> sender;
};

struct FindPooledReply {
    std::vector<chain::TransactionPtr> transactions;  // one a hash; null: not waiting
};
/// Many at once, for who got a block and wants the senders that were recovered already.
struct FindPooled {
    using Reply = FindPooledReply;
    static constexpr std::string_view method = "weft.Validation/FindPooled";
    std::vector<Hash> hashes;
};

/// The transactions the next block should hold, best first, each sender's in order of nonce.
struct BestReply {
    std::vector<chain::TransactionPtr> transactions;
};
struct Best {
    using Reply = BestReply;
    static constexpr std::string_view method = "weft.Validation/Best";
    U256 base_fee;
    U256 blob_base_fee;
    std::uint64_t gas_limit = 0;
};

/// The chain has a new head: what was mined leaves the pool, what can't be any more too. From the consensus service,
/// after each commit and before anybody is told of the block.
struct HeadChanged {
    using Reply = Empty;
    static constexpr std::string_view method = "weft.Validation/HeadChanged";
    SealedBlockPtr head;
    /// The blocks that joined the chain, oldest first; the head is the last, if it joined.
    std::vector<SealedBlockPtr> added;
    /// Forget everything that waits (development chains, after going back).
    bool clear = false;
};

struct Drop {
    using Reply = PooledReply;
    static constexpr std::string_view method = "weft.Validation/Drop";
    /// Zero: every transaction that waits.
    Hash hash;
};

struct PendingEventsReply {
    std::vector<chain::TransactionPtr> transactions;
    std::uint64_t next = 0;
    std::uint64_t epoch = 0;
};
/// Transactions admitted from position @p from on; waits up to wait_ms.
struct PendingEvents {
    using Reply = PendingEventsReply;
    static constexpr std::string_view method = "weft.Validation/PendingEvents";
    std::uint64_t from = 0;  // ~0: from now on
    std::uint64_t wait_ms = 0;
    std::uint64_t epoch = 0;
};

}  // namespace weft::api::validation
