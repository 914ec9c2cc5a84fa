#pragma once
// The engine's definitions, apart so that its mutants are compiled where they are tried out and nowhere else.

#include <algorithm>

#include "base/result.hpp"
#include "consensus/pbft/engine_rounds_impl.hpp"

namespace weft::consensus::pbft {

template <Mutant mutant>
void Engine<mutant>::step(std::int64_t now_ms, const Event& event, Actions& actions) {
    now_ms_ = std::max(now_ms_, now_ms);
    out_ = &actions;
    std::visit([this](const auto& it) { this->on(it); }, event);
    out_ = nullptr;
    WEFT_ASSERT(ahead_.size() <= kept_ahead_max && blocks_.size() <= blocks_kept_max);
    WEFT_ASSERT(finals_.size() <= finals_kept_max && past_proposals_.size() <= votes_kept_max);
}

// --- heights

template <Mutant mutant>
void Engine<mutant>::on(const Start& event) {
    begin_height(event.head, event.validators);
    set_timer(status_timer, config_.status_ms);
    const auto* const record = static_cast<const PbftRecord*>(event.record.get());
    if (record == nullptr || record->height != height_) return;
    record_ = *record;
    round_ = record_.round;
    if (record_.prepared.block) keep_block(record_.prepared.block);
    if (round_ == 0) start_round_timer();
    // What it said it says again, word for word.
    if (record_.proposal && record_.proposal->round == round_) {
        if constexpr (mutant == Mutant::rebuilt_proposal) {
            propose();
        } else {
            has_proposed_ = true;
            out_->push_back(Cast{std::make_shared<PbftMessage>(*record_.proposal)});
        }
    }
    if (record_.round_change >= 0) {
        auto message = make(Kind::round_change, static_cast<Round>(record_.round_change), {});
        if (record_.prepared.round < record_.round_change && record_.prepared.block) {
            message.prepared_round = record_.prepared.round;
            message.digest = record_.prepared.block->digest;
            message.block = record_.prepared.block;
            message.votes = record_.prepared.votes;
        }
        // What was prepared in a later round than it asked for was not in that message, which has done its work.
        if (record_.prepared.round < record_.round_change) cast(std::move(message));
    }
    if (record_.prepare_round >= 0) {
        cast(make(Kind::prepare, static_cast<Round>(record_.prepare_round), record_.prepare_digest));
    }
    if (record_.commit_round >= 0) {
        cast(make(Kind::commit, static_cast<Round>(record_.commit_round), record_.commit_digest));
    }
}

template <Mutant mutant>
void Engine<mutant>::begin_height(BlockPtr head, ValidatorsPtr validators) {
    WEFT_ASSERT(head && validators && !validators->empty());
    head_ = std::move(head);
    validators_ = std::move(validators);
    self_ = index_of(config_.self);
    height_ = head_->height + 1;
    round_ = 0;
    is_started_ = is_decided_ = is_building_ = has_proposed_ = false;
    record_ = {};
    record_.height = height_;
    proposal_ = nullptr;
    past_proposals_.clear();
    verdicts_.clear();
    blocks_.clear();
    voters_.assign(validators_->size(), {});
    own_ = {};
    repetitions_ = 0;
    for (const auto timer : {round_timer, hold_timer, repeat_timer}) out_->push_back(CancelTimer{timer});
    schedule();

    auto ahead = std::exchange(ahead_, {});
    for (const auto& message : ahead) {
        if (message->height >= height_) on(Received{message->signer, message});
    }
}

template <Mutant mutant>
void Engine<mutant>::on(const Committed& event) {
    if (event.block->height >= height_) begin_height(event.block, event.validators);
}

template <Mutant mutant>
void Engine<mutant>::on(const Waiting& event) {
    const bool changed = event.transactions != transactions_wait_;
    transactions_wait_ = event.transactions;
    if (changed && head_ && !is_started_ && !is_decided_) schedule();
}

/// Round 0 begins when a block is due: its period is over and there is something for it, or the heartbeat.
template <Mutant mutant>
void Engine<mutant>::schedule() {
    const std::uint64_t wait_s =
        transactions_wait_ ? config_.period_s : std::max(config_.heartbeat_s, config_.period_s);
    const auto due_ms = static_cast<std::int64_t>((head_->timestamp_s + wait_s) * 1000);
    set_timer(period_timer, std::max<std::int64_t>(due_ms - now_ms_, 0));
}

template <Mutant mutant>
void Engine<mutant>::on(const TimerFired& event) {
    switch (event.timer) {
        case period_timer:
            if (is_started_ || is_decided_ || round_ != 0) return;
            start_round_timer();
            propose();
            return;
        case round_timer:
            if (!is_decided_) ask_for_round(round_ + 1);
            return;
        case hold_timer:
            if (proposal_ && !is_decided_) look_at_proposal();
            return;
        case repeat_timer:
            if (!is_decided_) repeat();
            return;
        default: {
            auto status = make(Kind::status, round_, head_->digest);
            status.height = head_->height;
            out_->push_back(Broadcast{std::make_shared<const PbftMessage>(std::move(status))});
            set_timer(status_timer, config_.status_ms);
            return;
        }
    }
}

// --- messages

template <Mutant mutant>
void Engine<mutant>::on(const Received& event) {
    const auto message = std::static_pointer_cast<const PbftMessage>(event.message);
    if (message->kind == Kind::status) return on_status(event.from, *message);
    if (message->kind == Kind::decided) return on_decided(event.from, *message);
    if (!is_validator(message->signer)) return;
    if (message->height != height_) return on_other_height(event.from, message);
    if (!config_.verifier->is_signed(*message)) {
        out_->push_back(Penalize{event.from, "a wrong signature"});
        return;
    }
    if (message->signer == config_.self) {
        auto& own = own_[static_cast<std::size_t>(message->kind)];
        if (!own || own->round <= message->round) own = message;
    }
    if (is_decided_) return;
    switch (message->kind) {
        case Kind::proposal: on_proposal(message); break;
        case Kind::prepare: on_prepare(message); break;
        case Kind::commit: on_commit(message); break;
        default: on_round_change(message); break;
    }
    if (is_decided_ || message->height != height_) return;
    Voter& voter = voters_[index_of(message->signer)];
    voter.newest_round = voter.has_spoken ? std::max(voter.newest_round, message->round) : message->round;
    voter.has_spoken = true;
    join_round();
}

template <Mutant mutant>
void Engine<mutant>::on_other_height(const Address& from, const Ptr& message) {
    if (message->height < height_) return help(from, message->height);
    if (message->height > height_ + heights_ahead_max) return;
    Voter& voter = voters_[index_of(message->signer)];
    const std::size_t size = size_of(*message);
    const bool is_full = voter.kept_ahead >= kept_ahead_max / voters_.size() ||
                         voter.kept_ahead_size + size > kept_ahead_size_max / voters_.size();
    if (is_full) return;
    // What somebody else signed, or nobody, must not take a validator's share.
    if (!config_.verifier->is_signed(*message)) {
        out_->push_back(Penalize{from, "a wrong signature"});
        return;
    }
    ++voter.kept_ahead;
    voter.kept_ahead_size += size;
    ahead_.push_back(message);
    // Whoever is a height ahead has the block that is missing here; repeat() asks for it if it doesn't come.
    if (!is_decided_ && ahead_.size() == 1) set_timer(repeat_timer, 500);
}

/// A final block for a peer that is still at its height.
template <Mutant mutant>
void Engine<mutant>::help(const Address& peer, Height height) {
    if constexpr (mutant == Mutant::no_help) return;
    if (peer == config_.self) return;
    const auto found = std::ranges::find_if(finals_, [&](const Final& it) { return it.block->height == height; });
    if (found == finals_.end()) return;
    if (const auto index = index_of(peer); index < voters_.size()) {
        Voter& voter = voters_[index];
        if (voter.helped_height == height && now_ms_ - voter.helped_ms < 400) return;
        voter.helped_height = height;
        voter.helped_ms = now_ms_;
    }
    auto message = make(Kind::decided, found->proof.front()->round, found->block->digest);
    message.height = height;
    message.block = found->block;
    message.votes = found->proof;
    out_->push_back(Send{peer, std::make_shared<const PbftMessage>(std::move(message))});
}

template <Mutant mutant>
void Engine<mutant>::on_status(const Address& from, const PbftMessage& message) {
    if (from == config_.self || mutant == Mutant::no_help) return;
    if (message.height >= height_) {
        out_->push_back(Fetch{from, height_});
    } else if (message.height < head_->height) {
        help(from, message.height + 1);
    }
}

template <Mutant mutant>
void Engine<mutant>::on_decided(const Address& from, const PbftMessage& message) {
    if (is_decided_ || message.height < height_ || from == config_.self) return;
    if (message.height > height_) {
        out_->push_back(Fetch{from, height_});
        return;
    }
    const bool fits = message.block && message.block->digest == message.digest && follows_head(*message.block);
    const bool is_final =
        mutant == Mutant::unproved_final || is_proof(message.votes, Kind::commit, message.round, message.digest);
    if (!fits || !is_final) {
        out_->push_back(Penalize{from, "a final block without its proof"});
        return;
    }
    finish(message.block, message.votes);
}

template <Mutant mutant>
void Engine<mutant>::on_proposal(const Ptr& message) {
    if (message->round < round_) return;
    const auto refuse = [&](std::string_view reason) { out_->push_back(Penalize{message->signer, reason}); };
    if (message->signer != (*validators_)[proposer_index(*validators_, *head_, message->round)]) {
        return refuse("a proposal out of turn");
    }
    if (!message->block || message->block->digest != message->digest || !follows_head(*message->block)) {
        return refuse("a proposal that does not follow the head");
    }
    if (message->round == round_ && proposal_) {
        if (proposal_->digest == message->digest) return;
        out_->push_back(Evidence{"two proposals of a round", message->signer, proposal_, message});
        if constexpr (mutant != Mutant::double_prepare) return;
    }
    bool is_new = true;
    if (message->round > 0) {
        const auto justification = justification_of(*message);
        if (is_halted_) return;
        if (justification == Justification::none) return refuse("a proposal that nothing justifies");
        is_new = justification == Justification::any_block;
    }
    if (is_new && message->block->proposer != message->signer) return refuse("a new block of somebody else");
    if (message->round > round_) enter_round(message->round);
    proposal_ = message;
    proposal_is_new_ = is_new;
    keep_block(message->block);
    past_proposals_.push_back(message);
    if (past_proposals_.size() > votes_kept_max) past_proposals_.erase(past_proposals_.begin());
    if (!is_started_) start_round_timer();
    look_at_proposal();
}

/// A new block is held until its time and must not be far in the future. A block that a claim stands behind was held
/// before: judging its time again would let a skewed clock stop the height.
template <Mutant mutant>
void Engine<mutant>::look_at_proposal() {
    const auto& block = proposal_->block;
    if (proposal_is_new_) {
        const auto early_ms = static_cast<std::int64_t>(block->timestamp_s * 1000) - now_ms_;
        if (early_ms > config_.future_ms) return;
        if (early_ms > 0) return set_timer(hold_timer, early_ms);
    }
    if constexpr (mutant == Mutant::unexecuted_prepare) return vote_prepare();
    const auto verdict = std::ranges::find(verdicts_, block->digest, &std::pair<Hash, bool>::first);
    if (verdict == verdicts_.end()) {
        out_->push_back(Execute{block});
    } else if (verdict->second) {
        vote_prepare();
    }
}

template <Mutant mutant>
void Engine<mutant>::on(const Executed& event) {
    if (is_decided_) return;
    if (verdicts_.size() >= blocks_kept_max) verdicts_.erase(verdicts_.begin());
    verdicts_.emplace_back(event.digest, event.is_valid);
    if (!proposal_ || proposal_->digest != event.digest) return;
    if (event.is_valid) {
        vote_prepare();
    } else {
        out_->push_back(Penalize{proposal_->signer, "a block that does not execute to what it says"});
    }
}

template <Mutant mutant>
void Engine<mutant>::vote_prepare() {
    if (record_.prepare_round >= static_cast<std::int64_t>(round_) && mutant != Mutant::double_prepare) return;
    record_.round = round_;
    record_.prepare_round = round_;
    record_.prepare_digest = proposal_->digest;
    if constexpr (mutant == Mutant::late_record) {
        cast(make(Kind::prepare, round_, proposal_->digest));
        return persist();
    }
    persist();
    cast(make(Kind::prepare, round_, proposal_->digest));
}

template <Mutant mutant>
void Engine<mutant>::on_prepare(const Ptr& message) {
    if (!keep_vote(voters_[index_of(message->signer)].prepares, message, "two prepares of a round")) return;
    if (message->round == round_ || mutant == Mutant::late_commit) try_commit(message->round);
}

template <Mutant mutant>
void Engine<mutant>::try_commit(Round round) {
    const auto found = std::ranges::find_if(past_proposals_, [&](const Ptr& it) { return it->round == round; });
    if (found == past_proposals_.end()) return;
    const Ptr proposal = *found;
    if (record_.commit_round >= static_cast<std::int64_t>(round)) return;
    // Its own vote says that it executed the block. After a crash it may hold another proposal than it voted for.
    const bool has_voted =
        record_.prepare_round == static_cast<std::int64_t>(round) && record_.prepare_digest == proposal->digest;
    if (mutant != Mutant::late_commit && !has_voted) return;
    auto votes = votes_for(false, round, proposal->digest);
    if (votes.size() < quorum_size()) return;
    if (round == round_) record_.prepared = {round, proposal->block, std::move(votes)};
    record_.commit_round = round;
    record_.commit_digest = proposal->digest;
    if constexpr (mutant == Mutant::late_record) {
        cast(make(Kind::commit, round, proposal->digest));
        return persist();
    }
    persist();
    cast(make(Kind::commit, round, proposal->digest));
}

template <Mutant mutant>
void Engine<mutant>::on_commit(const Ptr& message) {
    Voter& voter = voters_[index_of(message->signer)];
    if (!keep_vote(voter.commits, message, "two commits of a round")) return;
    check_amnesia(voter);
    decide(message->round, message->digest);
}

template <Mutant mutant>
void Engine<mutant>::decide(Round round, const Hash& digest) {
    auto proof = votes_for(true, round, digest);
    if (proof.size() < quorum_size()) return;
    if (auto block = find_block(digest)) {
        finish(std::move(block), std::move(proof));
    } else {
        out_->push_back(Fetch{proof.front()->signer == config_.self ? proof.back()->signer : proof.front()->signer,
                              height_});
    }
}

template <Mutant mutant>
void Engine<mutant>::finish(BlockPtr block, std::vector<Ptr> proof) {
    is_decided_ = true;
    for (const auto timer : {period_timer, round_timer, hold_timer, repeat_timer}) {
        out_->push_back(CancelTimer{timer});
    }
    finals_.push_back({block, proof});
    if (finals_.size() > finals_kept_max) finals_.erase(finals_.begin());
    out_->push_back(Commit{std::move(block), {proof.begin(), proof.end()}});
}

// --- votes

template <Mutant mutant>
bool Engine<mutant>::keep_vote(std::vector<Ptr>& votes, const Ptr& message, std::string_view rule) {
    for (const auto& it : votes) {
        if (it->round != message->round) continue;
        if (it->digest == message->digest) return mutant == Mutant::double_votes && (votes.push_back(message), true);
        out_->push_back(Evidence{rule, message->signer, it, message});
        return false;
    }
    if (votes.size() >= votes_kept_max) {
        const auto oldest = std::ranges::min_element(votes, {}, &PbftMessage::round);
        if ((*oldest)->round > message->round) return false;
        votes.erase(oldest);
    }
    votes.push_back(message);
    return true;
}

/// Who commits in a round has prepared there, and says so when it asks for a later one.
template <Mutant mutant>
void Engine<mutant>::check_amnesia(const Voter& voter) {
    const auto& asked = voter.round_change;
    if (!asked) return;
    for (const auto& commit : voter.commits) {
        if (commit->round < asked->round && asked->prepared_round < static_cast<std::int64_t>(commit->round)) {
            out_->push_back(Evidence{"a commit forgotten", commit->signer, commit, asked});
        }
    }
}

template <Mutant mutant>
std::vector<Ptr> Engine<mutant>::votes_for(bool commits, Round round, const Hash& digest) const {
    std::vector<Ptr> out;
    for (const auto& voter : voters_) {
        for (const auto& it : commits ? voter.commits : voter.prepares) {
            if (it->digest != digest) continue;
            if (it->round != round && !(commits && mutant == Mutant::mixed_commits)) continue;
            out.push_back(it);
            if (mutant != Mutant::double_votes) break;
        }
    }
    return out;
}

// --- small parts

template <Mutant mutant>
PbftMessage Engine<mutant>::make(Kind kind, Round round, const Hash& digest) const {
    PbftMessage out;
    out.kind = kind;
    out.height = height_;
    out.round = round;
    out.digest = digest;
    out.signer = config_.self;
    return out;
}

template <Mutant mutant>
void Engine<mutant>::cast(PbftMessage message) {
    if (self_ >= validators_->size() || is_halted_) return;
    out_->push_back(Cast{std::make_shared<PbftMessage>(std::move(message))});
    repetitions_ = 0;
    set_timer(repeat_timer, 500);
}

template <Mutant mutant>
void Engine<mutant>::persist() {
    if (self_ >= validators_->size()) return;
    if constexpr (mutant != Mutant::no_record) out_->push_back(Persist{std::make_shared<const PbftRecord>(record_)});
}

/// Says the newest of everything again: half a second after it was said first, then later and later.
template <Mutant mutant>
void Engine<mutant>::repeat() {
    static constexpr std::int64_t delays_ms[] = {1000, 2000, 5000};
    set_timer(repeat_timer, delays_ms[std::min<unsigned>(repetitions_, 2)]);
    ++repetitions_;
    if constexpr (mutant == Mutant::no_repetition) return;
    for (const auto& message : own_) {
        if (message) out_->push_back(Broadcast{message});
    }
    if (!ahead_.empty() && mutant != Mutant::no_help) out_->push_back(Fetch{ahead_.back()->signer, height_});
}

template <Mutant mutant>
void Engine<mutant>::keep_block(const BlockPtr& block) {
    if (find_block(block->digest)) return;
    if (blocks_.size() >= blocks_kept_max) blocks_.erase(blocks_.begin());
    blocks_.push_back(block);
}

template <Mutant mutant>
BlockPtr Engine<mutant>::find_block(const Hash& digest) const {
    const auto found = std::ranges::find_if(blocks_, [&](const BlockPtr& it) { return it->digest == digest; });
    return found == blocks_.end() ? nullptr : *found;
}

template <Mutant mutant>
std::size_t Engine<mutant>::quorum_size() const {
    const std::size_t n = validators_->size();
    return mutant == Mutant::small_quorum ? 2 * faults(n) + 1 : quorum(n);
}

template <Mutant mutant>
std::size_t Engine<mutant>::index_of(const Address& address) const {
    const std::size_t at = position_of(*validators_, address);
    return at < validators_->size() && (*validators_)[at] == address ? at : validators_->size();
}

template <Mutant mutant>
std::vector<typename Engine<mutant>::Progress> Engine<mutant>::progress() const {
    std::vector<Progress> out;
    for (std::size_t i = 0; i < voters_.size(); ++i) {
        Progress it{(*validators_)[i], -1, -1, -1};
        for (const auto& vote : voters_[i].prepares)
            it.prepared_round = std::max<std::int64_t>(it.prepared_round, vote->round);
        for (const auto& vote : voters_[i].commits)
            it.committed_round = std::max<std::int64_t>(it.committed_round, vote->round);
        if (voters_[i].round_change) it.asked_round = voters_[i].round_change->round;
        out.push_back(it);
    }
    return out;
}

template <Mutant mutant>
std::uint64_t Engine<mutant>::fingerprint() const {
    std::uint64_t sum = 0;
    const auto add = [&sum](std::uint64_t value) { sum = mix64(sum ^ value) + 0x9e3779b97f4a7c15; };
    const auto add_hash = [&](const Hash& hash) { add(std::hash<Hash>{}(hash)); };
    const auto add_message = [&](const Ptr& it) {
        if (!it) return add(0);
        add(static_cast<std::uint64_t>(it->kind) << 32 | it->round);
        add_hash(it->digest);
        add(static_cast<std::uint64_t>(it->prepared_round));
    };
    add(height_);
    add(round_);
    add((is_started_ ? 1 : 0) | (is_decided_ ? 2 : 0) | (is_building_ ? 4 : 0) | (has_proposed_ ? 8 : 0) |
        (is_halted_ ? 16 : 0));
    if (head_) add_hash(head_->digest);
    add(static_cast<std::uint64_t>(record_.prepare_round));
    add(static_cast<std::uint64_t>(record_.commit_round));
    add(static_cast<std::uint64_t>(record_.round_change));
    add(static_cast<std::uint64_t>(record_.prepared.round));
    add_hash(record_.prepare_digest);
    add_hash(record_.commit_digest);
    add_message(proposal_);
    for (const auto& voter : voters_) {
        add(voter.prepares.size() << 8 | voter.commits.size());
        for (const auto& it : voter.prepares) add_message(it);
        for (const auto& it : voter.commits) add_message(it);
        add_message(voter.round_change);
    }
    for (const auto& [digest, is_valid] : verdicts_) add_hash(digest), add(is_valid ? 1 : 0);
    add(ahead_.size());
    return sum;
}

}  // namespace weft::consensus::pbft
