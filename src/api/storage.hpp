#pragma once
// storage: the chain's blocks, receipts, logs and states, and the only writer of them.

#include "api/types.hpp"
#include "chain/account.hpp"
#include "chain/snapshot.hpp"
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
    /// Of the first block above the genesis block that is here whole, and whose state is: below it, headers alone.
    std::uint64_t first_number = 0;
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

struct StoredBlock {
    Bytes block;  // RLP
    Bytes proof;  // why it is final, as the engine that committed it encodes that; empty: nothing was kept
};
struct ReadBlocksReply {
    std::vector<StoredBlock> blocks;  // of consecutive heights; fewer than asked for at the head, or above size_max
};
/// Blocks of the canonical chain as they are sent to peers. At least one if there is any.
struct ReadBlocks {
    using Reply = ReadBlocksReply;
    static constexpr std::string_view method = "weft.Storage/ReadBlocks";
    std::uint64_t first = 0;
    std::uint64_t count = 1;
    std::uint64_t size_max = 2 << 20;
    /// Instead of blocks: their headers, which go further back.
    bool header_only = false;
};

struct SnapshotHeadReply {
    std::uint64_t number = 0;  // 0: there is none
    Bytes block;               // RLP
    Bytes proof;               // as in StoredBlock
    std::vector<Bytes> receipts;  // consensus form
};
/// A block whose state is served in chunks: one of the chain::snapshots_kept newest whose numbers are multiples of
/// chain::snapshot_interval.
struct SnapshotHead {
    using Reply = SnapshotHeadReply;
    static constexpr std::string_view method = "weft.Storage/SnapshotHead";
    std::uint64_t number = 0;  // 0: the newest
};

/// A chunk of such a state.
/// @errors not_found  none of that number is served, or a key of it is known by its hash alone; invalid_argument  no
///         such range.
struct ReadSnapshot {
    using Reply = chain::SnapshotChunk;
    static constexpr std::string_view method = "weft.Storage/ReadSnapshot";
    std::uint64_t number = 0;
    chain::SnapshotRange range;
    std::uint64_t bytes_wanted = chain::chunk_bytes_wanted;
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

// The operations that follow are for whoever executes against this state from another process.

struct SlotId {
    Address address;
    U256 key;
    bool operator==(const SlotId&) const = default;
};
/// What to read of a state, in one round trip.
struct StateKeys {
    std::vector<Address> accounts;
    /// Accounts whose code is wanted too.
    std::vector<Address> codes_of;
    std::vector<SlotId> slots;
    /// By their hash.
    std::vector<Hash> codes;
    /// Of blocks by number; zero in the answer if there is none or it is above the state's block.
    std::vector<std::uint64_t> block_hashes;
};
struct AccountValue {
    bool exists = false;
    chain::Account account;
};
struct CodeBytes {
    Hash code_hash;
    Bytes code;
};
/// As many of each, and in the same order, as were asked for; codes are those of codes_of that have code, and then the
/// others that exist.
struct StateValues {
    std::vector<AccountValue> accounts;
    std::vector<U256> slots;
    std::vector<CodeBytes> codes;
    std::vector<Hash> block_hashes;
};
inline constexpr std::size_t state_keys_max = 10'000;

struct OpenStateReply {
    SealedBlockPtr block;  // without its transactions and receipts
    std::uint64_t version = 0;
    /// Changes when the chain is taken back, and with each process: a version means something within one line only.
    std::uint64_t line = 0;
    StateValues values;
    /// Whether the lists that follow are all that differs between versions known_version and version.
    bool changes_known = false;
    std::vector<Address> changed_accounts;
    std::vector<SlotId> changed_slots;
    /// Accounts that lost all the storage they had, without a mention of each slot.
    std::vector<Address> wiped_accounts;
};
/// The state after a block: where it is, and first values of it. What a version holds never changes.
/// @errors not_found  header not found; resource_exhausted  more than state_keys_max keys.
struct OpenState {
    using Reply = OpenStateReply;
    static constexpr std::string_view method = "weft.Storage/OpenState";
    BlockRef block;
    StateKeys keys;
    /// What the caller knows from before and wants the changes since; line 0: nothing.
    std::uint64_t known_line = 0;
    std::uint64_t known_version = 0;
};

/// More of a state that was opened.
/// @errors aborted  the line is not this one any more: open the state again; resource_exhausted  too many keys.
struct ReadState {
    using Reply = StateValues;
    static constexpr std::string_view method = "weft.Storage/ReadState";
    std::uint64_t line = 0;
    std::uint64_t version = 0;
    std::uint64_t number = 0;  // of the state's block
    StateKeys keys;
};

/// A block's changes of the state as they cross a process boundary.
struct StateDelta {
    std::vector<chain::AccountChange> accounts;
    std::vector<CodeBytes> codes;
};
[[nodiscard]] StateDelta to_delta(const chain::StateChanges& changes);
[[nodiscard]] chain::StateChanges to_changes(StateDelta delta);

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

struct UsageReply {
    std::uint64_t disk_size = 0;
};
/// What the database takes on disk, in bytes.
struct Usage {
    using Reply = UsageReply;
    static constexpr std::string_view method = "weft.Storage/Usage";
    bool reserved = false;
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

/// Root for callers in other processes.
struct RootOf {
    using Reply = RootReply;
    static constexpr std::string_view method = "weft.Storage/RootOf";
    StateDelta delta;
    BlockRef base;
    /// Instead of a base: the newest state, and the answer is remembered for the CommitDelta that follows.
    bool is_next = false;
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
    /// Why it is final, as the engine encodes that; kept with it.
    Bytes proof;
};

/// Commit for callers in other processes.
struct CommitDelta {
    using Reply = CommitReply;
    static constexpr std::string_view method = "weft.Storage/CommitDelta";
    SealedBlockPtr block;
    StateDelta delta;
    Bytes proof;
};

/// A change of the newest state outside any block (development chains): the next block's root contains it.
struct Amend {
    using Reply = CommitReply;
    static constexpr std::string_view method = "weft.Storage/Amend";
    StateDelta delta;
};

/// A database that is being made of a snapshot, beside the one that is served.
struct SnapshotProgressReply {
    std::vector<chain::SnapshotRange> missing;  // what chunks are wanted of
    std::uint64_t next_header = 0;
};
/// Begins to make one, or goes on where an earlier process ended. The caller vouches for the block before Finish.
/// @errors failed_precondition  the chain has blocks of its own already; invalid_argument  not a block and its
///         receipts.
struct BeginSnapshot {
    using Reply = SnapshotProgressReply;
    static constexpr std::string_view method = "weft.Storage/BeginSnapshot";
    SnapshotHeadReply head;
};
/// The headers below the snapshot's block, in order, with the proofs to be kept.
/// @errors failed_precondition  no snapshot of that block was begun, here and below; invalid_argument  not the next
///         ones.
struct PutHeaders {
    using Reply = SnapshotProgressReply;
    static constexpr std::string_view method = "weft.Storage/PutHeaders";
    Hash block;
    std::vector<StoredBlock> headers;
};
/// @errors invalid_argument  the chunk is not right: whoever sent it is to blame.
struct PutChunk {
    using Reply = SnapshotProgressReply;
    static constexpr std::string_view method = "weft.Storage/PutChunk";
    Hash block;
    chain::SnapshotRange range;
    chain::SnapshotChunk chunk;
};
/// Puts the database that was made in the place of the one that is served.
/// @errors unavailable  somebody still reads that one: to be asked again soon, for new readers are turned away
///         meanwhile; failed_precondition  something is missing.
struct FinishSnapshot {
    using Reply = HeadReply;
    static constexpr std::string_view method = "weft.Storage/FinishSnapshot";
    Hash block;
};

/// Takes the chain and its state back to an earlier version.
/// @errors not_found  no such version.
struct Rewind {
    using Reply = HeadReply;
    static constexpr std::string_view method = "weft.Storage/Rewind";
    std::uint64_t version = 0;
};

}  // namespace weft::api::storage
