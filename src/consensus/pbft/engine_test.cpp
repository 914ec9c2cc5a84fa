// The rules one by one, each from the view of one validator. What a cluster does with them is model/'s.

#include "consensus/pbft/engine_impl.hpp"

#include <gtest/gtest.h>

#include "base/u256.hpp"
#include "consensus/gate.hpp"
#include "consensus/pbft/signing.hpp"

namespace weft::consensus::pbft {
namespace {

constexpr std::int64_t start_ms = 1'700'000'000'000;

Address validator(unsigned i) { return Address::from(U256(100 + i).to_hash()); }

/// A signature is the signer's address; a forged one is anything else.
class NameVerifier final : public Verifier {
  public:
    [[nodiscard]] bool is_signed(const PbftMessage& message) const override {
        ++count;
        return message.signature.r == Hash::from(message.signer);
    }
    mutable std::size_t count = 0;
};

/// Validator 3 of four, at height 1; the first proposer is validator 0.
template <Mutant mutant = Mutant::none>
class Bench {
  public:
    explicit Bench(unsigned n = 4, RecordPtr record = nullptr) {
        auto validators = std::make_shared<Validators>();
        for (unsigned i = 0; i < n; ++i) validators->push_back(validator(i));
        validators_ = validators;
        auto head = std::make_shared<Block>();
        head->digest = U256(1).to_hash();
        head->timestamp_s = start_ms / 1000 - 1;
        head->proposer = validator(n - 1);
        head_ = head;
        Config config;
        config.self = validator(n - 1);
        config.verifier = &verifier_;
        engine.emplace(config);
        step(Start{std::move(record), head_, validators_});
    }

    void step(const Event& event) {
        Actions actions;
        engine->step(now_ms, event, actions);
        for (auto& action : actions) {
            if (auto* cast = std::get_if<Cast>(&action)) {
                const auto message = std::static_pointer_cast<PbftMessage>(cast->message);
                message->signature.r = Hash::from(message->signer);
                said.push_back(message);
                done.push_back(action);
                step(Received{message->signer, message});
            } else {
                done.push_back(action);
            }
        }
    }
    void hear(PbftMessage message) {
        message.signature.r = Hash::from(message.signer);
        const auto from = message.signer;
        step(Received{from, std::make_shared<const PbftMessage>(std::move(message))});
    }
    void hear_unsigned(PbftMessage message) {
        const auto from = message.signer;
        step(Received{from, std::make_shared<const PbftMessage>(std::move(message))});
    }

    [[nodiscard]] PbftMessage message(Kind kind, unsigned from, Round round, const Hash& digest = {}) const {
        PbftMessage out;
        out.kind = kind;
        out.height = 1;
        out.round = round;
        out.digest = digest;
        out.signer = validator(from);
        out.signature.r = Hash::from(out.signer);
        return out;
    }
    [[nodiscard]] BlockPtr block(unsigned number, unsigned proposer, std::int64_t ahead_s = 0) const {
        auto out = std::make_shared<Block>();
        out->digest = U256(1000 + number).to_hash();
        out->parent = head_->digest;
        out->height = 1;
        out->timestamp_s = static_cast<std::uint64_t>(start_ms / 1000 + ahead_s);
        out->proposer = validator(proposer);
        return out;
    }
    [[nodiscard]] PbftMessage proposal(unsigned from, Round round, const BlockPtr& block) const {
        auto out = message(Kind::proposal, from, round, block->digest);
        out.block = block;
        return out;
    }
    [[nodiscard]] Ptr share(PbftMessage message) const {
        return std::make_shared<const PbftMessage>(std::move(message));
    }
    /// A round change that claims a block prepared, with the votes that prove it.
    [[nodiscard]] PbftMessage claim(unsigned from, Round round, Round prepared, const BlockPtr& block) const {
        auto out = message(Kind::round_change, from, round, block->digest);
        out.prepared_round = prepared;
        out.block = block;
        for (unsigned i = 0; i < 3; ++i) out.votes.push_back(share(message(Kind::prepare, i, prepared, block->digest)));
        return out;
    }

    [[nodiscard]] std::size_t said_of(Kind kind) const {
        return static_cast<std::size_t>(std::ranges::count(said, kind, [](const auto& it) { return it->kind; }));
    }
    template <class T>
    [[nodiscard]] std::vector<T> all() const {
        std::vector<T> out;
        for (const auto& action : done) {
            if (const auto* it = std::get_if<T>(&action)) out.push_back(*it);
        }
        return out;
    }

    [[nodiscard]] const ValidatorsPtr& validators() const { return validators_; }
    [[nodiscard]] std::size_t signatures_checked() const { return verifier_.count; }

    std::int64_t now_ms = start_ms;
    std::optional<Engine<mutant>> engine;
    Actions done;
    std::vector<std::shared_ptr<PbftMessage>> said;

  private:
    NameVerifier verifier_;
    ValidatorsPtr validators_;
    BlockPtr head_;
};

TEST(pbft, quorums_share_a_correct_validator_and_can_be_had_without_the_faulty) {
    for (std::size_t n = 1; n <= 100; ++n) {
        EXPECT_GE(2 * quorum(n), n + faults(n) + 1) << n;
        EXPECT_GE(n - faults(n), quorum(n)) << n;
        EXPECT_LT(2 * (quorum(n) - 1), n + faults(n) + 1) << n << ": one less would do";
    }
}

TEST(pbft, the_turn_goes_round_also_from_a_proposer_who_has_left) {
    const Validators validators = {validator(0), validator(2), validator(4)};
    Block parent;
    parent.proposer = validator(2);
    EXPECT_EQ(proposer_index(validators, parent, 0), 2U);
    EXPECT_EQ(proposer_index(validators, parent, 1), 0U);
    parent.proposer = validator(3);
    EXPECT_EQ(proposer_index(validators, parent, 0), 2U);
    parent.proposer = validator(9);
    EXPECT_EQ(proposer_index(validators, parent, 0), 0U);
}

TEST(pbft, prepares_what_executes_commits_what_is_prepared_decides_what_is_committed) {
    Bench bench;
    const auto block = bench.block(1, 0);
    bench.hear(bench.proposal(0, 0, block));
    ASSERT_EQ(bench.all<Execute>().size(), 1U);
    EXPECT_EQ(bench.said_of(Kind::prepare), 0U);
    bench.step(Executed{block->digest, true});
    EXPECT_EQ(bench.said_of(Kind::prepare), 1U);
    bench.hear(bench.message(Kind::prepare, 0, 0, block->digest));
    EXPECT_EQ(bench.said_of(Kind::commit), 0U);
    bench.hear(bench.message(Kind::prepare, 1, 0, block->digest));
    EXPECT_EQ(bench.said_of(Kind::commit), 1U);
    bench.hear(bench.message(Kind::commit, 0, 0, block->digest));
    EXPECT_TRUE(bench.all<Commit>().empty());
    bench.hear(bench.message(Kind::commit, 2, 0, block->digest));
    const auto commits = bench.all<Commit>();
    ASSERT_EQ(commits.size(), 1U);
    EXPECT_EQ(commits[0].block, block);
    EXPECT_EQ(commits[0].proof.size(), 3U);
}

TEST(pbft, votes_are_durable_before_they_are_said) {
    Bench bench;
    const auto block = bench.block(1, 0);
    bench.hear(bench.proposal(0, 0, block));
    bench.step(Executed{block->digest, true});
    for (unsigned i : {0U, 1U}) bench.hear(bench.message(Kind::prepare, i, 0, block->digest));
    const PbftRecord* newest = nullptr;
    std::size_t votes = 0;
    for (const auto& action : bench.done) {
        if (const auto* persist = std::get_if<Persist>(&action)) {
            newest = static_cast<const PbftRecord*>(persist->record.get());
        }
        const auto* cast = std::get_if<Cast>(&action);
        if (cast == nullptr) continue;
        const auto& message = static_cast<const PbftMessage&>(*cast->message);
        ASSERT_NE(newest, nullptr);
        if (message.kind == Kind::prepare) EXPECT_EQ(newest->prepare_digest, message.digest);
        if (message.kind == Kind::commit) {
            EXPECT_EQ(newest->commit_round, 0);
            EXPECT_EQ(newest->prepared.votes.size(), 3U);
        }
        ++votes;
    }
    EXPECT_EQ(votes, 2U);
}

TEST(pbft, a_block_that_does_not_execute_gets_no_vote) {
    Bench bench;
    const auto block = bench.block(1, 0);
    bench.hear(bench.proposal(0, 0, block));
    bench.step(Executed{block->digest, false});
    EXPECT_EQ(bench.said_of(Kind::prepare), 0U);
    EXPECT_EQ(bench.all<Penalize>().size(), 1U);
}

TEST(pbft, two_proposals_of_a_round_are_evidence_and_get_one_vote) {
    Bench bench;
    const auto first = bench.block(1, 0);
    const auto second = bench.block(2, 0);
    bench.hear(bench.proposal(0, 0, first));
    bench.step(Executed{first->digest, true});
    bench.hear(bench.proposal(0, 0, second));
    bench.step(Executed{second->digest, true});
    EXPECT_EQ(bench.said_of(Kind::prepare), 1U);
    ASSERT_EQ(bench.all<Evidence>().size(), 1U);
    EXPECT_EQ(bench.all<Evidence>()[0].culprit, validator(0));
}

TEST(pbft, commits_of_a_round_that_is_over_still_decide) {
    Bench bench;
    const auto block = bench.block(1, 0);
    bench.hear(bench.proposal(0, 0, block));
    bench.step(TimerFired{round_timer});
    EXPECT_EQ(bench.engine->round(), 1U);
    for (unsigned i = 0; i < 3; ++i) bench.hear(bench.message(Kind::commit, i, 0, block->digest));
    EXPECT_EQ(bench.all<Commit>().size(), 1U);
    EXPECT_EQ(bench.said_of(Kind::commit), 0U) << "it has left that round";
}

TEST(pbft, follows_when_more_than_the_faulty_are_ahead) {
    Bench bench;
    bench.hear(bench.message(Kind::round_change, 0, 5));
    EXPECT_EQ(bench.engine->round(), 0U);
    bench.hear(bench.message(Kind::round_change, 1, 3));
    EXPECT_EQ(bench.engine->round(), 3U);
    EXPECT_EQ(bench.said_of(Kind::round_change), 1U);
}

TEST(pbft, a_later_round_runs_its_time_only_with_a_quorum) {
    Bench bench;
    bench.step(TimerFired{round_timer});
    ASSERT_EQ(bench.engine->round(), 1U);
    const auto round_timers = [&] {
        std::size_t count = 0;
        for (const auto& it : bench.all<SetTimer>()) count += it.timer == round_timer ? 1 : 0;
        return count;
    };
    const auto before = round_timers();
    bench.hear(bench.message(Kind::round_change, 0, 1));
    EXPECT_EQ(round_timers(), before);
    bench.hear(bench.message(Kind::round_change, 1, 1));
    EXPECT_EQ(round_timers(), before + 1);
}

/// Whether a proposal for round 2 gets a vote, with these round changes behind it.
template <Mutant mutant>
bool is_accepted(Bench<mutant>& bench, const BlockPtr& block, std::vector<PbftMessage> round_changes) {
    auto proposal = bench.proposal(2, 2, block);  // round 2 is validator 2's
    for (auto& it : round_changes) proposal.round_changes.push_back(bench.share(std::move(it)));
    bench.hear(std::move(proposal));
    bench.step(Executed{block->digest, true});
    return bench.said_of(Kind::prepare) == 1;
}

TEST(pbft, a_later_proposal_takes_the_newest_claim_and_no_other) {
    const auto run = []<Mutant mutant>(Bench<mutant> bench, unsigned chosen) {
        const auto older = bench.block(1, 0);
        const auto newer = bench.block(2, 1);
        return is_accepted(bench, chosen == 0 ? older : newer,
                           {bench.claim(0, 2, 0, older), bench.claim(1, 2, 1, newer),
                            bench.message(Kind::round_change, 2, 2)});
    };
    EXPECT_FALSE(run(Bench<>(), 0));
    EXPECT_TRUE(run(Bench<>(), 1));
    EXPECT_TRUE(run(Bench<Mutant::any_claim>(), 0)) << "the mutant is not noticed";
}

TEST(pbft, a_later_proposal_may_be_new_only_if_nobody_claims_anything) {
    {
        Bench bench;
        EXPECT_TRUE(is_accepted(bench, bench.block(3, 2),
                                {bench.message(Kind::round_change, 0, 2), bench.message(Kind::round_change, 1, 2),
                                 bench.message(Kind::round_change, 2, 2)}));
    }
    {
        Bench bench;
        EXPECT_FALSE(is_accepted(bench, bench.block(3, 2),
                                 {bench.claim(0, 2, 1, bench.block(1, 0)), bench.message(Kind::round_change, 1, 2),
                                  bench.message(Kind::round_change, 2, 2)}));
    }
    {
        Bench bench;  // one validator's round change three times
        EXPECT_FALSE(is_accepted(bench, bench.block(3, 2),
                                 {bench.message(Kind::round_change, 2, 2), bench.message(Kind::round_change, 2, 2),
                                  bench.message(Kind::round_change, 2, 2)}));
    }
    {
        Bench bench;  // of another round
        EXPECT_FALSE(is_accepted(bench, bench.block(3, 2),
                                 {bench.message(Kind::round_change, 0, 1), bench.message(Kind::round_change, 1, 2),
                                  bench.message(Kind::round_change, 2, 2)}));
    }
}

TEST(pbft, a_claim_needs_its_votes) {
    Bench bench;
    const auto block = bench.block(1, 0);
    auto few = bench.claim(0, 1, 0, block);
    few.votes.pop_back();
    bench.hear(few);
    auto doubled = bench.claim(1, 1, 0, block);
    doubled.votes[2] = doubled.votes[0];
    bench.hear(doubled);
    auto forged = bench.claim(2, 1, 0, block);
    auto vote = *forged.votes[2];
    vote.signature.r = {};
    forged.votes[2] = bench.share(vote);
    bench.hear(forged);
    EXPECT_EQ(bench.all<Penalize>().size(), 3U);
    EXPECT_EQ(bench.engine->round(), 0U);
}

/// They fit a frame and a list, and each would cost a signature check.
TEST(pbft, more_votes_than_validators_are_refused_unseen_and_their_signer_is_blamed) {
    Bench bench;
    const auto block = bench.block(1, 0);
    auto swollen = bench.claim(0, 1, 0, block);
    while (swollen.votes.size() < 100) swollen.votes.push_back(swollen.votes[swollen.votes.size() % 3]);
    const auto before = bench.signatures_checked();
    bench.hear(swollen);
    EXPECT_EQ(bench.signatures_checked(), before + 1) << "but its own";
    ASSERT_EQ(bench.all<Penalize>().size(), 1U);
    EXPECT_EQ(bench.all<Penalize>()[0].peer, validator(0));
    auto proposal = bench.proposal(1, 1, bench.block(2, 1));
    for (unsigned i = 0; i < 100; ++i) {
        proposal.round_changes.push_back(bench.share(bench.message(Kind::round_change, i % 3, 1)));
    }
    bench.hear(proposal);
    EXPECT_EQ(bench.signatures_checked(), before + 2);
    ASSERT_EQ(bench.all<Penalize>().size(), 2U);
    EXPECT_EQ(bench.all<Penalize>()[1].peer, validator(1));
    EXPECT_EQ(bench.said_of(Kind::prepare), 0U);
}

TEST(pbft, two_prepared_blocks_of_one_round_stop_it) {
    Bench bench;
    EXPECT_FALSE(is_accepted(bench, bench.block(1, 0),
                             {bench.claim(0, 2, 1, bench.block(1, 0)), bench.claim(1, 2, 1, bench.block(2, 1)),
                              bench.message(Kind::round_change, 2, 2)}));
    EXPECT_TRUE(bench.engine->is_halted());
    // Not who claims them is to blame but whoever prepared both.
    ASSERT_EQ(bench.all<Evidence>().size(), 3U);
    for (const auto& it : bench.all<Evidence>()) {
        const auto& first = static_cast<const PbftMessage&>(*it.first);
        const auto& second = static_cast<const PbftMessage&>(*it.second);
        EXPECT_EQ(first.kind, Kind::prepare);
        EXPECT_EQ(first.signer, it.culprit);
        EXPECT_EQ(second.signer, it.culprit);
        EXPECT_NE(first.digest, second.digest);
    }
}

TEST(pbft, after_a_crash_it_commits_nothing_that_it_did_not_prepare) {
    Bench first;
    const auto block = first.block(1, 0);
    first.hear(first.proposal(0, 0, block));
    first.step(Executed{block->digest, true});
    ASSERT_EQ(first.said_of(Kind::prepare), 1U);
    Bench second(4, std::make_shared<const PbftRecord>(first.engine->record()));
    const auto other = second.block(2, 0);
    second.hear(second.proposal(0, 0, other));
    for (unsigned i = 0; i < 3; ++i) second.hear(second.message(Kind::prepare, i, 0, other->digest));
    EXPECT_EQ(second.said_of(Kind::commit), 0U) << "its signatures would convict it";
}

TEST(pbft, a_forgotten_commit_is_evidence_whichever_comes_first) {
    for (const bool commit_first : {true, false}) {
        Bench bench;
        const auto commit = bench.message(Kind::commit, 1, 0, bench.block(1, 0)->digest);
        const auto asks = bench.message(Kind::round_change, 1, 1);
        bench.hear(commit_first ? commit : asks);
        EXPECT_TRUE(bench.all<Evidence>().empty());
        bench.hear(commit_first ? asks : commit);
        ASSERT_EQ(bench.all<Evidence>().size(), 1U);
        EXPECT_EQ(bench.all<Evidence>()[0].culprit, validator(1));
    }
}

TEST(pbft, new_blocks_wait_for_their_time_and_claimed_ones_do_not) {
    Bench bench;
    const auto early = bench.block(1, 0, 1);
    bench.hear(bench.proposal(0, 0, early));
    EXPECT_TRUE(bench.all<Execute>().empty());
    bench.now_ms += 1000;
    bench.step(TimerFired{hold_timer});
    EXPECT_EQ(bench.all<Execute>().size(), 1U);

    Bench far;
    far.hear(far.proposal(0, 0, far.block(1, 0, 60)));
    far.now_ms += 1000;
    far.step(TimerFired{hold_timer});
    EXPECT_TRUE(far.all<Execute>().empty());

    Bench claimed;
    const auto block = claimed.block(1, 0, 60);
    EXPECT_TRUE(is_accepted(claimed, block,
                            {claimed.claim(0, 2, 0, block), claimed.message(Kind::round_change, 1, 2),
                             claimed.message(Kind::round_change, 2, 2)}));
}

TEST(pbft, after_a_crash_it_says_the_same_again) {
    Bench first;
    const auto block = first.block(1, 0);
    first.hear(first.proposal(0, 0, block));
    first.step(Executed{block->digest, true});
    for (unsigned i : {0U, 1U}) first.hear(first.message(Kind::prepare, i, 0, block->digest));
    const auto record = std::make_shared<const PbftRecord>(first.engine->record());

    Bench second(4, record);
    ASSERT_EQ(second.said_of(Kind::prepare), 1U);
    ASSERT_EQ(second.said_of(Kind::commit), 1U);
    EXPECT_EQ(second.said[0]->digest, block->digest);
    const auto other = second.block(2, 0);
    second.hear(second.proposal(0, 0, other));
    second.step(Executed{other->digest, true});
    EXPECT_EQ(second.said_of(Kind::prepare), 1U) << "voted twice in a round";
    second.step(TimerFired{round_timer});
    EXPECT_EQ(second.said.back()->prepared_round, 0) << "forgot what it had committed";
}

TEST(pbft, a_proposer_proposes_again_what_it_had_built) {
    Bench bench(1);  // alone, so that every turn is its own
    bench.step(Waiting{true});
    bench.step(TimerFired{period_timer});
    ASSERT_EQ(bench.all<Build>().size(), 1U);
    const auto block = bench.block(1, 0);
    bench.step(Built{0, block});
    const auto record = std::make_shared<const PbftRecord>(bench.engine->record());
    Bench again(1, record);
    ASSERT_EQ(again.said_of(Kind::proposal), 1U);
    EXPECT_EQ(again.said[0]->block, block);
    EXPECT_TRUE(again.all<Build>().empty());
}

TEST(pbft, builds_when_something_waits_and_at_the_heartbeat) {
    Bench bench(1);
    const auto delay = [&] {
        std::int64_t out = -1;
        for (const auto& it : bench.all<SetTimer>()) {
            if (it.timer == period_timer) out = it.delay_ms;
        }
        return out;
    };
    EXPECT_EQ(delay(), 59'000);
    bench.step(Waiting{true});
    EXPECT_EQ(delay(), 0);
}

TEST(pbft, floods_are_bounded) {
    Bench bench;
    for (unsigned i = 0; i < 5000; ++i) {
        auto ahead = bench.message(Kind::prepare, i % 3, i, U256(i).to_hash());
        ahead.height = 2 + i % 20;
        bench.hear(ahead);
        bench.hear(bench.message(Kind::prepare, 1, i, U256(i).to_hash()));
        bench.hear(bench.message(Kind::commit, 1, i, U256(i).to_hash()));
    }
    // step() asserts the bounds; the validator still works.
    const auto block = bench.block(1, 0);
    bench.hear(bench.proposal(0, 0, block));
    bench.step(Executed{block->digest, true});
    EXPECT_EQ(bench.said_of(Kind::prepare), 1U);
}

/// Of large messages each validator has its share, whoever else floods.
TEST(pbft, what_is_kept_of_later_heights_is_bounded_in_bytes) {
    Bench bench;
    const auto large = [&](unsigned number, unsigned from) {
        auto block = std::make_shared<Block>(*bench.block(number, from));
        block->height = 2;
        block->bytes = Bytes(std::size_t{4} << 20);
        auto out = bench.claim(from, number, 0, block);
        out.height = 2;
        return std::pair(std::weak_ptr<const Block>(block), std::move(out));
    };
    std::vector<std::weak_ptr<const Block>> blocks;
    for (unsigned i = 0; i < 100; ++i) {
        auto [block, message] = large(1000 + i, 1);
        blocks.push_back(block);
        bench.hear(std::move(message));
    }
    const auto kept = [&] { return std::ranges::count_if(blocks, [](const auto& it) { return !it.expired(); }); };
    EXPECT_EQ(kept(), 3) << "a fourth of 64 MiB";
    auto [block, message] = large(1, 2);
    blocks.push_back(block);
    bench.hear(std::move(message));
    EXPECT_EQ(kept(), 4) << "another validator's share is its own";
}

/// Else it would be held against who is said to have signed it, and take that one's share.
TEST(pbft, a_forged_message_of_a_later_height_costs_who_sent_it) {
    Bench bench;
    auto forged = bench.message(Kind::prepare, 1, 0);
    forged.height = 2;
    forged.signature = {};
    bench.step(Received{validator(2), bench.share(forged)});
    ASSERT_EQ(bench.all<Penalize>().size(), 1U);
    EXPECT_EQ(bench.all<Penalize>()[0].peer, validator(2));
    const auto block = bench.block(1, 0);
    bench.step(Committed{block, bench.validators()});
    EXPECT_EQ(bench.engine->height(), 2U);
    EXPECT_EQ(bench.all<Penalize>().size(), 1U);
}

TEST(pbft, wrong_signatures_and_strangers_count_for_nothing) {
    Bench bench;
    const auto block = bench.block(1, 0);
    auto forged = bench.proposal(0, 0, block);
    forged.signature.r = {};
    bench.hear_unsigned(forged);
    EXPECT_EQ(bench.all<Penalize>().size(), 1U);
    bench.hear(bench.proposal(0, 0, block));
    for (unsigned i : {7U, 8U, 9U}) bench.hear(bench.message(Kind::commit, i, 0, block->digest));
    EXPECT_TRUE(bench.all<Commit>().empty());
}

TEST(pbft, a_final_block_is_taken_with_its_proof_alone) {
    Bench bench;
    const auto block = bench.block(1, 0);
    auto decided = bench.message(Kind::decided, 1, 0, block->digest);
    decided.block = block;
    for (unsigned i = 0; i < 2; ++i) {
        decided.votes.push_back(bench.share(bench.message(Kind::commit, i, 0, block->digest)));
    }
    bench.hear(decided);
    EXPECT_TRUE(bench.all<Commit>().empty());
    decided.votes.push_back(bench.share(bench.message(Kind::commit, 2, 0, block->digest)));
    bench.hear(decided);
    EXPECT_EQ(bench.all<Commit>().size(), 1U);
}

/// A validator restored from an old backup asked for the round it had committed in, claiming nothing: its earlier
/// commits would have convicted it (seed 218426).
TEST(signing_guard, refuses_round_changes_that_forget_a_commit) {
    Bench bench;
    const auto block = bench.block(1, 0);
    SigningRecord record;
    note_signed(record, bench.message(Kind::commit, 3, 0, block->digest));
    EXPECT_NE(conflict_of(record, bench.message(Kind::round_change, 3, 1)), "");
    EXPECT_NE(conflict_of(record, bench.claim(3, 1, 0, bench.block(2, 0))), "");
    EXPECT_EQ(conflict_of(record, bench.claim(3, 1, 0, block)), "");
    note_signed(record, bench.message(Kind::commit, 3, 3, block->digest));
    EXPECT_NE(conflict_of(record, bench.message(Kind::round_change, 3, 3)), "");
    EXPECT_NE(conflict_of(record, bench.message(Kind::round_change, 3, 4)), "");
    EXPECT_EQ(conflict_of(record, bench.claim(3, 4, 3, block)), "");
    // What it asked for before it committed there it may say again.
    SigningRecord asked;
    note_signed(asked, bench.claim(3, 3, 0, block));
    note_signed(asked, bench.message(Kind::commit, 3, 3, block->digest));
    EXPECT_EQ(conflict_of(asked, bench.claim(3, 3, 0, block)), "");
}

TEST(gate, holds_what_comes_after_a_record_until_it_is_durable) {
    Gate gate;
    std::vector<std::size_t> released;
    const auto release = [&](Action&& action) { released.push_back(action.index()); };
    Actions batch = {SetTimer{}, Persist{}, Cast{}, Persist{}, Commit{}};
    gate.put(batch, release);
    const std::size_t timer = Action(SetTimer{}).index(), persist = Action(Persist{}).index();
    const std::size_t cast = Action(Cast{}).index(), commit = Action(Commit{}).index();
    EXPECT_EQ(released, (std::vector{timer, persist}));
    batch = {CancelTimer{}};
    gate.put(batch, release);
    EXPECT_EQ(released.size(), 2U) << "a later batch overtakes";
    gate.persisted(release);
    EXPECT_EQ(released, (std::vector{timer, persist, cast, persist}));
    EXPECT_TRUE(gate.waits());
    gate.persisted(release);
    EXPECT_EQ(released, (std::vector{timer, persist, cast, persist, commit, Action(CancelTimer{}).index()}));
    EXPECT_FALSE(gate.waits());
    EXPECT_EQ(gate.size(), 0U);
}

}  // namespace
}  // namespace weft::consensus::pbft
