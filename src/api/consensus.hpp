#pragma once
// consensus: decides which block comes next. On a development chain it takes orders about that too.

#include "api/types.hpp"

namespace weft::api::consensus {

struct StatusReply {
    std::string engine;
    std::uint64_t height = 0;
    bool development = false;
    bool automine = false;
    std::uint64_t interval_ms = 0;
    Address coinbase;
    std::uint64_t chain_id = 0;
    /// What the next block would have.
    std::uint64_t next_timestamp = 0;
    U256 next_base_fee;
    U256 next_blob_base_fee;
    std::uint64_t gas_limit = 0;
    /// Differs each time the chain is made anew.
    Hash instance_id;
    /// The genesis file's config object as JSON, for eth_config and hardhat_metadata.
    std::string fork;
    /// Whether it catches up with others: from which block, and to which as far as is known.
    bool is_syncing = false;
    std::uint64_t sync_from = 0;
    std::uint64_t sync_to = 0;
};
struct Status {
    using Reply = StatusReply;
    static constexpr std::string_view method = "weft.Consensus/Status";
    bool reserved = false;
};

struct SealReply {
    std::uint64_t number = 0;
    Hash hash;
};
/// Tells the sealer that transaction @p hash is in the pool. Replies when it is in a block if the chain seals at once
/// (automine), otherwise at once with number 0.
/// @errors failed_precondition  the block builder refused it: why.
struct Notify {
    using Reply = SealReply;
    static constexpr std::string_view method = "weft.Consensus/Notify";
    Hash hash;
};

// --- for the network service of the same node

enum class Verdict : std::uint8_t {
    accept,
    ignore,  // late or known already: nobody's fault
    reject,  // what no correct peer sends
};
struct DeliverReply {
    Verdict verdict = Verdict::accept;
    std::string reason;
    /// Whose signature it carries: validators that this one does not reach can make use of it. Nothing: it is worth
    /// nothing but from the one that it came from.
    std::optional<Address> signer;
};
/// A message of the engine that came from a validator's connection.
struct Deliver {
    using Reply = DeliverReply;
    static constexpr std::string_view method = "weft.Consensus/Deliver";
    Address from;
    Bytes payload;
    std::vector<Bytes> blocks;  // RLP, as network::Send has them
    bool is_relayed = false;    // @p from has only passed it on, and answers for its form alone
};

struct ProveIdentityReply {
    std::optional<Address> validator;  // nothing: this node has no validator key
    Bytes signature;                   // 65 bytes, r s v, by the validator's key
};
/// Signs a connection's channel binding, so that the peer knows which validator it talks to.
struct ProveIdentity {
    using Reply = ProveIdentityReply;
    static constexpr std::string_view method = "weft.Consensus/ProveIdentity";
    Hash binding;
};

struct ValidatorSetReply {
    std::uint64_t height = 0;  // for which they vote
    std::vector<Address> validators;
};
struct ValidatorSet {
    using Reply = ValidatorSetReply;
    static constexpr std::string_view method = "weft.Consensus/ValidatorSet";
    bool reserved = false;
};

// --- for operators

/// What is known of one validator in the height under way.
struct ValidatorProgress {
    Address validator;
    bool is_self = false;
    // The newest rounds it voted in; nothing: it has not been heard to.
    std::optional<std::uint64_t> prepared_round;
    std::optional<std::uint64_t> committed_round;
    std::optional<std::uint64_t> asked_round;
};
struct ProgressReply {
    std::uint64_t height = 0;  // under way
    std::uint64_t round = 0;
    Address proposer;  // of this round
    std::uint64_t quorum = 0;
    std::vector<ValidatorProgress> validators;
    std::uint64_t final_ms = 0;       // unix time at which the last block became final here
    std::uint64_t next_round_ms = 0;  // unix time at which this validator gives the round up; 0: nothing to wait for
    bool transactions_wait = false;
    /// It has not voted yet because its signing record was missing: it listens for what its key may have signed.
    bool is_listening = false;
    /// More validators lie than the chain bears: it votes no more.
    bool is_halted = false;
    /// What keeps this node itself from going on, e.g. how its execution of a block differs; empty: nothing.
    std::string trouble;
    std::uint64_t evidence_count = 0;
    std::uint64_t refused_signatures = 0;  // by the guard of the key
    /// What it does to catch up with others, e.g. "snapshot of block 2048, 37 %"; empty: it does not.
    std::string syncing;
};
/// Why the next block is not final yet, as far as this node knows.
struct Progress {
    using Reply = ProgressReply;
    static constexpr std::string_view method = "weft.Consensus/Progress";
    bool reserved = false;
};

struct ReadIndexReply {
    /// Every block that was acknowledged as final anywhere before the question is at or below this one, and this node
    /// has it.
    std::uint64_t height = 0;
};
/// For strong reads: asks a quorum of validators where they stand, and waits until this node is as far.
/// @errors unavailable  no quorum answered in time: nobody can say what the newest block is.
struct ReadIndex {
    using Reply = ReadIndexReply;
    static constexpr std::string_view method = "weft.Consensus/ReadIndex";
    bool reserved = false;
};

struct EvidenceItem {
    std::string rule;
    Address validator;
    std::uint64_t height = 0;
    std::uint64_t round = 0;
    Bytes first;  // the two messages, as validators exchange them
    Bytes second;
};
struct EvidenceReply {
    std::vector<EvidenceItem> items;  // the newest last, at most 64
};
/// Proofs that validators contradicted themselves; kept on disk.
struct Evidence {
    using Reply = EvidenceReply;
    static constexpr std::string_view method = "weft.Consensus/Evidence";
    bool reserved = false;
};

struct OpenVote {
    Address candidate;
    bool is_add = true;
    std::vector<Address> voters;
};
struct VotesReply {
    std::vector<Address> validators;  // of the next block
    std::vector<OpenVote> open;       // in the chain
    std::vector<OpenVote> own;        // what this node puts into the blocks it proposes; no voters
};
struct Votes {
    using Reply = VotesReply;
    static constexpr std::string_view method = "weft.Consensus/Votes";
    bool reserved = false;
};
/// What this node votes for from now on about a candidate; add empty: nothing any more. Forgotten when the vote has
/// come to an end, and when the process ends.
/// @errors failed_precondition  it can't change anything.
struct ProposeVote {
    using Reply = VotesReply;
    static constexpr std::string_view method = "weft.Consensus/ProposeVote";
    Address candidate;
    std::optional<bool> add;
};

// --- development chains alone. @errors permission_denied elsewhere.

/// Seals @p count blocks, @p interval_s apart.
struct Mine {
    using Reply = SealReply;
    static constexpr std::string_view method = "weft.Consensus/Mine";
    std::uint64_t count = 1;
    std::optional<std::uint64_t> interval_s;
    /// Timestamp of the first of them.
    std::optional<std::uint64_t> timestamp;
};

/// Settings of the sealer; what is there is changed.
struct Configure {
    using Reply = StatusReply;
    static constexpr std::string_view method = "weft.Consensus/Configure";
    std::optional<bool> automine;
    std::optional<std::uint64_t> interval_ms;  // 0: no interval
    std::optional<Address> coinbase;
    std::optional<std::uint64_t> gas_limit;
    std::optional<U256> next_base_fee;
    std::optional<Hash> next_prev_randao;
    std::optional<std::uint64_t> next_timestamp;
    std::optional<std::uint64_t> block_interval_s;  // between blocks' timestamps; 0: by the clock
    std::optional<std::int64_t> add_seconds;        // moves the clock
    std::optional<std::uint64_t> set_time;          // sets the clock, now
    std::optional<U256> min_gas_price;
};

struct ClockReply {
    /// Seconds by which the chain's clock is ahead of the machine's.
    std::int64_t offset_s = 0;
};
struct Clock {
    using Reply = ClockReply;
    static constexpr std::string_view method = "weft.Consensus/Clock";
    bool reserved = false;
};

struct SnapshotReply {
    std::uint64_t id = 0;
};
struct Snapshot {
    using Reply = SnapshotReply;
    static constexpr std::string_view method = "weft.Consensus/Snapshot";
    bool reserved = false;
};
struct RevertReply {
    bool reverted = false;
};
/// Back to a snapshot, which is used up by it, and later ones with it.
struct Revert {
    using Reply = RevertReply;
    static constexpr std::string_view method = "weft.Consensus/Revert";
    std::uint64_t id = 0;
};
/// Back to the genesis block.
struct Reset {
    using Reply = RevertReply;
    static constexpr std::string_view method = "weft.Consensus/Reset";
    bool reserved = false;
};

struct SlotChange {
    U256 key;
    U256 value;
};
/// Changes an account in the newest state.
struct SetAccount {
    using Reply = Empty;
    static constexpr std::string_view method = "weft.Consensus/SetAccount";
    Address address;
    std::optional<U256> balance;
    std::optional<std::uint64_t> nonce;
    std::optional<Bytes> code;
    std::vector<SlotChange> slots;
};

/// Lets transactions of this sender in without a signature, or no longer.
struct Impersonate {
    using Reply = RevertReply;
    static constexpr std::string_view method = "weft.Consensus/Impersonate";
    Address address;
    bool enabled = true;
    /// Everyone, instead of the one address.
    bool all = false;
};
struct MayImpersonate {
    using Reply = RevertReply;
    static constexpr std::string_view method = "weft.Consensus/MayImpersonate";
    Address address;
};

}  // namespace weft::api::consensus
