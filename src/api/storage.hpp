#pragma once
// storage: the chain's blocks, receipts, logs and states, and the only writer of them.

#include "api/types.hpp"
#include "chain/account.hpp"
#include "chain/state.hpp"

namespace weft::api::storage {

struct HeadReply {
    std::uint64_t number = 0;
    Hash hash;
    std::uint64_t timestamp = 0;
    /// Grows with each change of the chain or of its newest state, dev changes included.
    std::uint64_t version = 0;
    std::uint64_t safe_number = 0;
    std::uint64_t finalized_number = 0;
};
struct Head {
    using Reply = HeadReply;
    static constexpr std::string_view method = "weft.Storage/Head";
    bool reserved = false;
};

struct BlockReply {
    SealedBlockPtr block;  // null: no such block
    bool canonical = true;
};
/// A block by reference. Tag pending is not storage's: it answers with latest.
struct GetBlock {
    using Reply = BlockReply;
    static constexpr std::string_view method = "weft.Storage/GetBlock";
    BlockRef block;
    /// Leave out transactions and receipts, for callers that want the header.
    bool header_only = false;
};

struct TransactionReply {
    chain::TransactionPtr transaction;  // null: in no block of the canonical chain
    std::optional<chain::Receipt> receipt;
    Hash block_hash;
    std::uint64_t block_number = 0;
    std::uint64_t block_timestamp = 0;
    std::uint64_t index = 0;
    /// Index in the block of the receipt's first log.
    std::uint64_t first_log_index = 0;
    std::optional<U256> base_fee;
};
struct GetTransaction {
    using Reply = TransactionReply;
    static constexpr std::string_view method = "weft.Storage/GetTransaction";
    Hash hash;
};

/// @errors not_found  no such block, here and below, with geth's message "header not found".
struct GetAccount {
    using Reply = chain::Account;
    static constexpr std::string_view method = "weft.Storage/GetAccount";
    Address address;
    BlockRef block;
};

struct CodeReply {
    Bytes code;
};
struct GetCode {
    using Reply = CodeReply;
    static constexpr std::string_view method = "weft.Storage/GetCode";
    Address address;
    BlockRef block;
};

struct SlotReply {
    U256 value;
};
struct GetSlot {
    using Reply = SlotReply;
    static constexpr std::string_view method = "weft.Storage/GetSlot";
    Address address;
    U256 key;
    BlockRef block;
};

struct SlotProof {
    Hash key;
    U256 value;
    std::vector<Bytes> proof;
};
struct ProofReply {
    chain::Account account;
    std::vector<Bytes> account_proof;
    std::vector<SlotProof> storage;
};
struct GetProof {
    using Reply = ProofReply;
    static constexpr std::string_view method = "weft.Storage/GetProof";
    Address address;
    std::vector<Hash> keys;
    BlockRef block;
};

/// One position of a topic filter: any of these; empty: anything.
struct TopicChoice {
    std::vector<Hash> any_of;
};
struct LogFilter {
    std::vector<Address> addresses;  // any of these; empty: any
    std::vector<TopicChoice> topics;
};
struct LogsReply {
    std::vector<LogEntry> logs;
};
/// @errors invalid_argument  "invalid block range params"; resource_exhausted  more than log_count_max results.
struct GetLogs {
    using Reply = LogsReply;
    static constexpr std::string_view method = "weft.Storage/GetLogs";
    BlockRef from;
    BlockRef to;
    /// Instead of the range: this block alone.
    std::optional<Hash> block_hash;
    LogFilter filter;
};
inline constexpr std::size_t log_count_max = 100'000;

struct FeeHistoryReply {
    std::uint64_t oldest_block = 0;
    std::vector<U256> base_fees;            // one more than blocks: the last is the next block's
    std::vector<std::uint64_t> gas_used;    // a block
    std::vector<std::uint64_t> gas_limits;  // a block
    std::vector<U256> rewards;              // blocks x percentiles, row by row
    std::vector<U256> blob_base_fees;       // one more than blocks
    std::vector<std::uint64_t> blob_gas_used;
    std::vector<std::uint64_t> blob_gas_max;
};
struct FeeHistory {
    using Reply = FeeHistoryReply;
    static constexpr std::string_view method = "weft.Storage/FeeHistory";
    std::uint64_t block_count = 0;
    BlockRef newest;
    /// Each in 0 to 100,000,000: millionths of a percent.
    std::vector<std::uint64_t> percentiles;
};

enum class EventKind : std::uint8_t { block_added, block_removed };
struct ChainEvent {
    std::uint64_t position = 0;
    EventKind kind = EventKind::block_added;
    SealedBlockPtr block;
};
struct EventsReply {
    std::vector<ChainEvent> events;
    /// To ask with next time. Positions have no gaps; they start anew when the process does.
    std::uint64_t next = 0;
    /// Differs when the service has restarted: positions from before mean nothing.
    std::uint64_t epoch = 0;
};
/// What happened from position @p from on; waits up to wait_ms for something to happen.
struct Events {
    using Reply = EventsReply;
    static constexpr std::string_view method = "weft.Storage/Events";
    std::uint64_t from = 0;  // ~0: from now on
    std::uint64_t wait_ms = 0;
    std::uint64_t epoch = 0;  // 0: any
};

// The operations that follow change the chain. Only the consensus service calls them, one at a time.

struct RootReply {
    Hash root;
};
/// The state root that a state would have with these changes. For the newest one (no base) storage remembers the
/// answer, so that the Commit that follows need not work it out again.
struct Root {
    using Reply = RootReply;
    static constexpr std::string_view method = "weft.Storage/Root";
    std::shared_ptr<const chain::StateChanges> changes;
    std::optional<BlockRef> base;
};

struct CommitReply {
    std::uint64_t version = 0;
};
/// Makes a block the new head: block, receipts, state, trie and event in one write.
/// @errors failed_precondition  its parent is not the head, or its state root is not that of the changes.
struct Commit {
    using Reply = CommitReply;
    static constexpr std::string_view method = "weft.Storage/Commit";
    SealedBlockPtr block;
    std::shared_ptr<const chain::StateChanges> changes;
};

/// A change of the newest state outside any block (development chains): the next block's root contains it.
struct Amend {
    using Reply = CommitReply;
    static constexpr std::string_view method = "weft.Storage/Amend";
    std::shared_ptr<const chain::StateChanges> changes;
};

/// Takes the chain and its state back to an earlier version.
/// @errors not_found  no such version.
struct Rewind {
    using Reply = HeadReply;
    static constexpr std::string_view method = "weft.Storage/Rewind";
    std::uint64_t version = 0;
};

}  // namespace weft::api::storage
