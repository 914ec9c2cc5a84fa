#pragma once
// PBFT as QBFT words it: one block a height, three message delays, views ("rounds") that change when they must.
//
// Invariants, on which agreement rests (the reference model-checked them; model/ checks this code):
//   1. A validator prepares at most one block a round, and in no round below one it has asked to change to.
//   2. It commits only what a quorum prepared in its current round, and remembers that, durably, first.
//   3. After round 0 a proposal is the block of the newest prepared claim among a quorum of round changes, each claim
//      proved by a quorum of prepares; any block only if none claims one.
//   4. A block is final with a quorum of commits of one round, whichever round that is.
// A prepared block binds nobody but through 3, so nothing is ever locked or unlocked.
//
// @source  M. Castro, B. Liskov, Practical Byzantine Fault Tolerance (1999); H. Moniz, The Istanbul BFT Consensus
//          Algorithm (2020).

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "consensus/engine.hpp"
#include "consensus/pbft/message.hpp"
#include "consensus/pbft/rules.hpp"

namespace weft::consensus::pbft {

struct Config {
    Address self;
    const Verifier* verifier = nullptr;  // outlives the engine
    std::uint64_t period_s = 1;          // between timestamps, at least
    std::uint64_t heartbeat_s = 60;      // between blocks when nothing waits to go into one; at least period_s
    std::int64_t timeout_ms = 1000;      // of round 0; each round doubles it
    std::int64_t status_ms = 5000;
    /// A new block from further in the future is not voted for; a nearer one is held until its time.
    std::int64_t future_ms = 2000;
};

inline constexpr unsigned timeout_doublings_max = 6;
inline constexpr Height heights_ahead_max = 10;
inline constexpr std::size_t kept_ahead_max = 1000;  // messages of later heights
/// Bytes of them. Of this and the number each validator has its share: 16 MiB with four, more than any one message is.
inline constexpr std::size_t kept_ahead_size_max = 64 << 20;
inline constexpr std::size_t votes_kept_max = 8;     // of one validator and kind, the newest rounds
inline constexpr std::size_t blocks_kept_max = 16;   // of one height
inline constexpr std::size_t finals_kept_max = 16;   // heights, for those who lag

/// What a quorum prepared.
struct Prepared {
    std::int64_t round = nothing_prepared;
    BlockPtr block;
    std::vector<Ptr> votes;
};

/// What must not be forgotten about the height that is under way.
struct PbftRecord final : Record {
    Height height = 0;
    Round round = 0;
    Prepared prepared;
    // The newest of each kind it voted; -1: none.
    std::int64_t prepare_round = -1;
    Hash prepare_digest;
    std::int64_t commit_round = -1;
    Hash commit_digest;
    std::int64_t round_change = -1;
    /// What it proposed in this round, whole: after a crash the same is proposed again, not a new block.
    std::shared_ptr<const PbftMessage> proposal;
};

enum Timer { period_timer, round_timer, hold_timer, repeat_timer, status_timer, timer_count };

/// Wrong variants of the rules, to show that the tests would notice each.
enum class Mutant {
    none,
    small_quorum,          // 2f + 1
    any_claim,             // a proposal may take any proved claim, not only the newest
    unproved_claim,        // a prepared claim is believed
    no_justification,      // a proposal of a later round is believed
    late_commit,           // commits in a round it has left
    mixed_commits,         // commits of different rounds count together
    double_votes,          // one validator's votes count each
    double_prepare,        // prepares every proposal of a round
    forgets_prepared,      // a round change claims nothing
    no_record,             // nothing is made durable
    late_record,           // the vote goes out before its record
    rebuilt_proposal,      // after a crash a new block is proposed
    unchecked_signatures,  // of votes inside proposals and round changes
    unproved_final,        // a final block is believed
    unexecuted_prepare,    // votes before the block was executed
    no_early_change,       // no jump when f + 1 others are ahead
    lonely_rounds,         // its rounds go on when nobody else's do
    endless_backoff,       // round timeouts grow without end
    no_repetition,         // what is lost stays lost
    no_help,               // who lags is left alone
};

template <Mutant mutant = Mutant::none>
class Engine {
  public:
    explicit Engine(const Config& config) : config_(config) {}

    /// @param now_ms   unix time by this machine's clock, not before that of the step before.
    /// @param actions  appended to, in the order in which they are to take effect.
    void step(std::int64_t now_ms, const Event& event, Actions& actions);

    [[nodiscard]] Height height() const { return height_; }
    [[nodiscard]] Round round() const { return round_; }
    [[nodiscard]] const BlockPtr& head() const { return head_; }
    /// Two different prepared blocks of one round were proved: more than f validators are faulty, and it votes no more.
    [[nodiscard]] bool is_halted() const { return is_halted_; }
    [[nodiscard]] const PbftRecord& record() const { return record_; }
    /// What it votes for in this round, with all that justifies it; null: nothing yet. The driver keeps it when it
    /// prepares after round 0: it is what convicts the liars should two blocks be final (accountability.hpp).
    [[nodiscard]] const Ptr& proposal() const { return proposal_; }
    /// A hash of the whole state, the same on every run and machine.
    [[nodiscard]] std::uint64_t fingerprint() const;

    /// Why is it not final yet: what is known of each validator in this height.
    struct Progress {
        Address validator;
        std::int64_t prepared_round = -1;   // the newest round it prepared in
        std::int64_t committed_round = -1;
        std::int64_t asked_round = -1;      // the newest it asked to change to
    };
    [[nodiscard]] std::vector<Progress> progress() const;
    [[nodiscard]] const Address& proposer() const {
        return (*validators_)[proposer_index(*validators_, *head_, round_)];
    }

  private:
    /// What one validator said about this height.
    struct Voter {
        std::vector<Ptr> prepares;
        std::vector<Ptr> commits;
        Ptr round_change;  // the newest
        bool has_spoken = false;   // anything about this height
        Round newest_round = 0;    // of what it said
        Height helped_height = 0;
        std::int64_t helped_ms = 0;
        std::size_t kept_ahead = 0;
        std::size_t kept_ahead_size = 0;
    };
    struct Final {
        BlockPtr block;
        std::vector<Ptr> proof;
    };

    void on(const Start& event);
    void on(const TimerFired& event);
    void on(const Received& event);
    void on(const Built& event);
    void on(const Executed& event);
    void on(const Committed& event);
    void on(const Waiting& event);

    void on_proposal(const Ptr& message);
    void on_prepare(const Ptr& message);
    void on_commit(const Ptr& message);
    void on_round_change(const Ptr& message);
    void on_status(const Address& from, const PbftMessage& message);
    void on_decided(const Address& from, const PbftMessage& message);
    void on_other_height(const Address& from, const Ptr& message);

    void begin_height(BlockPtr head, ValidatorsPtr validators);
    void schedule();
    void start_round_timer();
    void ask_for_round(Round round);
    void enter_round(Round round);
    void join_round();
    void propose();
    void offer(BlockPtr block, std::vector<Ptr> round_changes, std::vector<Ptr> votes);
    void look_at_proposal();
    void vote_prepare();
    void try_commit(Round round);
    void decide(Round round, const Hash& digest);
    void finish(BlockPtr block, std::vector<Ptr> proof);
    void repeat();
    void help(const Address& peer, Height height);

    void cast(PbftMessage message);
    void persist();
    void set_timer(Timer timer, std::int64_t delay_ms) { out_->push_back(SetTimer{timer, delay_ms}); }
    void keep_block(const BlockPtr& block);
    [[nodiscard]] BlockPtr find_block(const Hash& digest) const;
    /// Keeps a vote. @return whether it is new.
    bool keep_vote(std::vector<Ptr>& votes, const Ptr& message, std::string_view rule);
    void check_amnesia(const Voter& voter);

    [[nodiscard]] PbftMessage make(Kind kind, Round round, const Hash& digest) const;
    [[nodiscard]] std::size_t quorum_size() const;
    [[nodiscard]] std::size_t index_of(const Address& address) const;
    [[nodiscard]] bool is_validator(const Address& address) const { return index_of(address) < validators_->size(); }
    [[nodiscard]] std::vector<Ptr> votes_for(bool commits, Round round, const Hash& digest) const;
    /// Whether votes are a quorum of one kind for one block in one round, of this height.
    [[nodiscard]] bool is_proof(const std::vector<Ptr>& votes, Kind kind, Round round, const Hash& digest) const;
    [[nodiscard]] bool is_proved(const PbftMessage& round_change) const;
    /// The newest claim among round changes; null if none claims anything.
    [[nodiscard]] static Ptr newest_claim(const std::vector<Ptr>& round_changes);
    enum class Justification { none, any_block, claimed_block };
    [[nodiscard]] Justification justification_of(const PbftMessage& proposal);
    [[nodiscard]] bool follows_head(const Block& block) const;

    Config config_;
    BlockPtr head_;
    ValidatorsPtr validators_;
    std::size_t self_ = 0;  // index; validators_->size() if it only watches

    // Of the height under way.
    Height height_ = 0;
    Round round_ = 0;
    bool is_started_ = false;  // the round's timer runs
    bool is_decided_ = false;
    bool is_building_ = false;
    bool has_proposed_ = false;  // in this round
    std::vector<Ptr> asked_;     // the round changes that let it build
    bool is_halted_ = false;
    PbftRecord record_;
    Ptr proposal_;  // of this round, justified
    bool proposal_is_new_ = false;  // no claim stands behind it
    std::vector<Ptr> past_proposals_;
    std::vector<std::pair<Hash, bool>> verdicts_;
    std::vector<BlockPtr> blocks_;
    std::vector<Voter> voters_;
    std::array<Ptr, 4> own_;  // the newest it signed, by Kind
    unsigned repetitions_ = 0;

    std::vector<Ptr> ahead_;  // of later heights
    std::vector<Final> finals_;  // the newest is last
    bool transactions_wait_ = false;

    std::int64_t now_ms_ = 0;
    Actions* out_ = nullptr;
};

extern template class Engine<Mutant::none>;

}  // namespace weft::consensus::pbft
