#pragma once
// contract: runs code against a state that storage has, and keeps nothing.

#include "api/storage.hpp"
#include "api/types.hpp"
#include "chain/state.hpp"

namespace weft::api::contract {

/// A transaction as eth_call and its relatives describe one: anything may be missing.
struct CallRequest {
    std::optional<Address> from;
    std::optional<Address> to;
    std::optional<std::uint64_t> gas;
    std::optional<U256> gas_price;
    std::optional<U256> max_fee_per_gas;
    std::optional<U256> max_priority_fee_per_gas;
    std::optional<U256> value;
    std::optional<std::uint64_t> nonce;
    Bytes data;
    std::optional<chain::AccessList> access_list;
    std::optional<U256> max_fee_per_blob_gas;
    std::vector<Hash> blob_hashes;
    std::vector<chain::Authorization> authorizations;
    std::optional<std::uint64_t> chain_id;
};

struct SlotOverride {
    Hash key;
    Hash value;
};
struct AccountOverride {
    Address address;
    std::optional<U256> balance;
    std::optional<std::uint64_t> nonce;
    std::optional<Bytes> code;
    /// state: these slots and no others. state_diff: these slots, the others as they are.
    bool replace_storage = false;
    std::vector<SlotOverride> slots;
    std::optional<Address> move_precompile_to;
};
struct BlockOverrides {
    std::optional<std::uint64_t> number;
    std::optional<U256> difficulty;
    std::optional<std::uint64_t> time;
    std::optional<std::uint64_t> gas_limit;
    std::optional<Address> coinbase;
    std::optional<Hash> prev_randao;
    std::optional<U256> base_fee;
    std::optional<U256> blob_base_fee;
};

struct CallReply {
    Bytes output;
    std::uint64_t gas_used = 0;
};
/// @errors not_found  header not found; failed_precondition with detail 3 and the output as data  reverted;
///         otherwise geth's words for why it can't run.
struct Call {
    using Reply = CallReply;
    static constexpr std::string_view method = "weft.Contract/Call";
    CallRequest call;
    BlockRef block;
    std::vector<AccountOverride> overrides;
    BlockOverrides block_overrides;
};

struct EstimateReply {
    std::uint64_t gas = 0;
};
struct Estimate {
    using Reply = EstimateReply;
    static constexpr std::string_view method = "weft.Contract/Estimate";
    CallRequest call;
    BlockRef block;
    std::vector<AccountOverride> overrides;
    BlockOverrides block_overrides;
};

struct AccessListReply {
    chain::AccessList access_list;
    std::uint64_t gas_used = 0;
    std::string error;  // empty: it succeeded
};
struct CreateAccessList {
    using Reply = AccessListReply;
    static constexpr std::string_view method = "weft.Contract/CreateAccessList";
    CallRequest call;
    BlockRef block;
};

/// A tracer and its settings, as geth's debug_trace* take them.
struct TraceOptions {
    std::string tracer;         // empty: struct logs
    std::string tracer_config;  // JSON object, or empty
    bool enable_memory = false;
    bool disable_stack = false;
    bool disable_storage = false;
    bool enable_return_data = false;
    std::uint64_t limit = 0;
    std::uint64_t timeout_ms = 5000;
};
struct TraceTransaction {
    using Reply = JsonReply;
    static constexpr std::string_view method = "weft.Contract/TraceTransaction";
    Hash hash;
    TraceOptions options;
};
/// An array: one {txHash, result} a transaction.
struct TraceBlock {
    using Reply = JsonReply;
    static constexpr std::string_view method = "weft.Contract/TraceBlock";
    BlockRef block;
    TraceOptions options;
};
struct TraceCall {
    using Reply = JsonReply;
    static constexpr std::string_view method = "weft.Contract/TraceCall";
    CallRequest call;
    BlockRef block;
    TraceOptions options;
    std::vector<AccountOverride> overrides;
    BlockOverrides block_overrides;
};

struct SimulatedBlock {
    BlockOverrides block_overrides;
    std::vector<AccountOverride> overrides;
    std::vector<CallRequest> calls;
};
/// What one simulated call did.
struct SimulatedCall {
    bool success = false;
    Bytes output;
    std::uint64_t gas_used = 0;
    std::uint64_t gas_used_max = 0;
    std::vector<evm::Log> logs;
    std::int64_t error_code = 0;
    std::string error;
    /// Of each log within its block, where those that a revert took back have counted too.
    std::vector<std::uint64_t> log_indexes;
};
struct SimulatedResult {
    SealedBlockPtr block;
    std::vector<SimulatedCall> calls;
};
struct SimulateReply {
    std::vector<SimulatedResult> blocks;
};
/// eth_simulateV1.
struct Simulate {
    using Reply = SimulateReply;
    static constexpr std::string_view method = "weft.Contract/Simulate";
    std::vector<SimulatedBlock> blocks;
    BlockRef base;
    bool trace_transfers = false;
    bool validation = false;
};

struct ExecuteReply {
    std::vector<chain::Receipt> receipts;
    std::uint64_t gas_used = 0;
    std::uint64_t blob_gas_used = 0;
    /// EIP-7685 requests of the block, type byte first.
    std::vector<Bytes> requests;
    storage::StateDelta delta;
    Hash state_root;
    /// The first field in which the block's header differs from what the execution gave, and how; empty: none does.
    std::string difference;
};
/// Runs a block on the state of its parent, which storage has. Nothing is kept.
/// @errors not_found  header not found: of its parent; invalid_argument  a transaction that can't be in it: the rule.
struct Execute {
    using Reply = ExecuteReply;
    static constexpr std::string_view method = "weft.Contract/Execute";
    SealedBlockPtr block;  // its receipts, size and total difficulty don't matter
};

struct NamedCount {
    std::string name;
    std::uint64_t count = 0;
    std::uint64_t gas = 0;  // with what was called further in
};
struct SlotCount {
    U256 key;
    std::uint64_t count = 0;
};
/// What one contract did in a block, or since the monitor watches.
struct ContractActivity {
    Address address;
    std::uint64_t transactions = 0;  // to it, or that made it
    std::uint64_t calls = 0;         // those, and calls by other contracts
    std::uint64_t gas = 0;           // spent by its own code
    std::uint64_t slots_created = 0;
    std::uint64_t slots_cleared = 0;
    std::uint64_t slots_updated = 0;
    std::vector<NamedCount> failures;   // of calls of it, by reason
    std::vector<NamedCount> selectors;  // "0xa9059cbb"; "receive" without one; "create"
    std::vector<SlotCount> slots;       // how many transactions read or wrote each
};
struct ActivityReply {
    std::vector<ContractActivity> contracts;
};
/// What each contract did in a block: runs it once more, as Execute does.
struct Activity {
    using Reply = ActivityReply;
    static constexpr std::string_view method = "weft.Contract/Activity";
    SealedBlockPtr block;
};

struct PendingBlockReply {
    SealedBlockPtr block;  // hash and state root are those of a block sealed now
};
/// The block that would be sealed now.
struct PendingBlock {
    using Reply = PendingBlockReply;
    static constexpr std::string_view method = "weft.Contract/PendingBlock";
    bool reserved = false;
};

struct MakeChangeReply {
    storage::StateDelta delta;
};
/// What setting parts of an account would change in the newest state.
struct MakeChange {
    using Reply = MakeChangeReply;
    static constexpr std::string_view method = "weft.Contract/MakeChange";
    AccountOverride account;
};

struct PreviewReply {
    SealedBlockPtr block;
    /// Why each transaction that is left out can never be in it.
    std::vector<std::string> reasons;
    /// EIP-7685 requests of the block, type byte first.
    std::vector<Bytes> requests;
};
/// Makes a block after any block of the chain, for nobody to keep.
/// @errors not_found  no such parent; failed_precondition  of rules before Byzantium.
struct Preview {
    using Reply = PreviewReply;
    static constexpr std::string_view method = "weft.Contract/Preview";
    chain::Header header;  // as Build's
    std::vector<chain::TransactionPtr> transactions;
    std::optional<std::vector<chain::Withdrawal>> withdrawals;
};

struct BuildReply {
    SealedBlockPtr block;
    /// Transactions that could not be included and never can, each with why; the pool drops them.
    std::vector<Hash> refused;
    std::vector<std::string> reasons;
    /// EIP-7685 requests of the block, type byte first.
    std::vector<Bytes> requests;
};
/// Makes the block after the head of the given transactions, skipping those that can't run. What it changes is kept
/// until a block is adopted.
struct Build {
    using Reply = BuildReply;
    static constexpr std::string_view method = "weft.Contract/Build";
    /// parent_hash, number, timestamp, coinbase, gas_limit, base_fee, mix_hash, extra_data ... are given; roots are
    /// not.
    chain::Header header;
    std::vector<chain::TransactionPtr> transactions;
    std::optional<std::vector<chain::Withdrawal>> withdrawals;
};

struct CheckReply {
    Hash hash;
    /// Why it can't be the next block: the rule, or the field that says other than execution gave. Empty: it can.
    std::string difference;
};
/// Executes a block on the head by all rules but the engine's; what it changes is kept until a block is adopted.
/// @errors failed_precondition  its parent is not the head.
struct Check {
    using Reply = CheckReply;
    static constexpr std::string_view method = "weft.Contract/Check";
    Bytes block;  // RLP
};

struct AdoptReply {
    SealedBlockPtr block;
};
/// Makes a block the head. It is executed first unless Build or Check did that.
/// @errors failed_precondition  its parent is not the head; invalid_argument  the block is wrong: how; and those of
///         storage's Commit.
struct Adopt {
    using Reply = AdoptReply;
    static constexpr std::string_view method = "weft.Contract/Adopt";
    Hash hash;
    Bytes block;  // RLP; may be empty if it was built or checked here
    Bytes proof;  // storage::Commit has it
};

}  // namespace weft::api::contract
