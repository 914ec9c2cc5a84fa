#pragma once
// How the engine changes rounds and what justifies a proposal after the first: part of engine_impl.hpp.

#include <algorithm>
#include <utility>

#include "consensus/pbft/engine.hpp"

namespace weft::consensus::pbft {

// --- rounds

template <Mutant mutant>
void Engine<mutant>::start_round_timer() {
    is_started_ = true;
    const unsigned doublings =
        mutant == Mutant::endless_backoff ? std::min(round_, 40U) : std::min(round_, timeout_doublings_max);
    set_timer(round_timer, config_.timeout_ms << doublings);
}

template <Mutant mutant>
void Engine<mutant>::enter_round(Round round) {
    round_ = round;
    proposal_ = nullptr;
    has_proposed_ = is_building_ = is_started_ = false;
    out_->push_back(CancelTimer{round_timer});
}

/// A later round's time runs once a quorum has come as far: who runs on alone would never meet the others again, all
/// timeouts being the same at their cap.
template <Mutant mutant>
void Engine<mutant>::join_round() {
    if (is_started_) return;
    const auto count =
        std::ranges::count_if(voters_, [&](const Voter& it) { return it.has_spoken && it.newest_round >= round_; });
    const bool joined = round_ == 0 ? count > 0 : static_cast<std::size_t>(count) >= quorum_size();
    if (joined || mutant == Mutant::lonely_rounds) start_round_timer();
}

template <Mutant mutant>
void Engine<mutant>::ask_for_round(Round round) {
    enter_round(round);
    record_.round = round;
    record_.round_change = round;
    auto message = make(Kind::round_change, round, {});
    if (record_.prepared.block && mutant != Mutant::forgets_prepared) {
        message.prepared_round = record_.prepared.round;
        message.digest = record_.prepared.block->digest;
        message.block = record_.prepared.block;
        message.votes = record_.prepared.votes;
    }
    persist();
    cast(std::move(message));
    propose();
}

template <Mutant mutant>
void Engine<mutant>::on_round_change(const Ptr& message) {
    if (message->round == 0 || !is_proved(*message)) {
        out_->push_back(Penalize{message->signer, "a round change that nothing proves"});
        return;
    }
    Voter& voter = voters_[index_of(message->signer)];
    if (voter.round_change && voter.round_change->round >= message->round) {
        const auto& known = *voter.round_change;
        if (known.round == message->round &&
            (known.prepared_round != message->prepared_round || known.digest != message->digest)) {
            out_->push_back(Evidence{"two round changes of a round", message->signer, voter.round_change, message});
        }
        return;
    }
    voter.round_change = message;
    if (message->block) keep_block(message->block);
    check_amnesia(voter);
    if (mutant != Mutant::no_early_change) {
        std::vector<Round> later;
        for (const auto& it : voters_) {
            if (it.round_change && it.round_change->round > round_) later.push_back(it.round_change->round);
        }
        if (later.size() >= weak_quorum(voters_.size())) return ask_for_round(*std::ranges::min_element(later));
    }
    if (message->round == round_) propose();
}

/// In round 0 a new block; later what the round changes allow.
template <Mutant mutant>
void Engine<mutant>::propose() {
    if (is_decided_ || has_proposed_ || is_building_ || self_ != proposer_index(*validators_, *head_, round_)) return;
    std::vector<Ptr> asked;
    if (round_ > 0) {
        for (const auto& voter : voters_) {
            if (voter.round_change && voter.round_change->round == round_) asked.push_back(voter.round_change);
        }
        if (asked.size() < quorum_size()) return;
        if (const auto claim = newest_claim(asked)) return offer(claim->block, std::move(asked), claim->votes);
    }
    // By the time the block is built some of them may be on their way to a later round.
    asked_ = std::move(asked);
    is_building_ = true;
    const auto now_s = static_cast<std::uint64_t>(now_ms_ / 1000);
    out_->push_back(Build{head_, round_, std::max(head_->timestamp_s + config_.period_s, now_s)});
}

template <Mutant mutant>
void Engine<mutant>::on(const Built& event) {
    if (!is_building_ || event.round != round_ || is_decided_ || event.block->height != height_) return;
    is_building_ = false;
    offer(event.block, std::exchange(asked_, {}), {});
}

template <Mutant mutant>
void Engine<mutant>::offer(BlockPtr block, std::vector<Ptr> round_changes, std::vector<Ptr> votes) {
    has_proposed_ = true;
    auto message = make(Kind::proposal, round_, block->digest);
    message.block = std::move(block);
    message.round_changes = std::move(round_changes);
    message.votes = std::move(votes);
    record_.round = round_;
    record_.proposal = std::make_shared<const PbftMessage>(message);
    persist();
    cast(std::move(message));
}

// --- what justifies

template <Mutant mutant>
bool Engine<mutant>::is_proof(const std::vector<Ptr>& votes, Kind kind, Round round, const Hash& digest) const {
    // A correct validator names each vote once: no more than these are looked at.
    if (votes.size() > voters_.size()) return false;
    std::vector<bool> seen(voters_.size());
    std::size_t count = 0;
    for (const auto& vote : votes) {
        if (!vote || vote->kind != kind || vote->height != height_ || vote->round != round || vote->digest != digest) {
            return false;
        }
        const auto index = index_of(vote->signer);
        if (index >= voters_.size()) return false;
        if (mutant != Mutant::unchecked_signatures && !config_.verifier->is_signed(*vote)) return false;
        if (seen[index] && mutant != Mutant::double_votes) continue;
        seen[index] = true;
        ++count;
    }
    return count >= quorum_size();
}

template <Mutant mutant>
bool Engine<mutant>::is_proved(const PbftMessage& round_change) const {
    if (round_change.prepared_round == nothing_prepared) return round_change.votes.empty() && !round_change.block;
    if (round_change.prepared_round < 0 ||
        round_change.prepared_round >= static_cast<std::int64_t>(round_change.round)) {
        return false;
    }
    if (!round_change.block || round_change.block->digest != round_change.digest ||
        !follows_head(*round_change.block)) {
        return false;
    }
    if constexpr (mutant == Mutant::unproved_claim) return true;
    return is_proof(round_change.votes, Kind::prepare, static_cast<Round>(round_change.prepared_round),
                    round_change.digest);
}

template <Mutant mutant>
Ptr Engine<mutant>::newest_claim(const std::vector<Ptr>& round_changes) {
    Ptr newest;
    for (const auto& it : round_changes) {
        if (it->prepared_round == nothing_prepared) continue;
        if (!newest || it->prepared_round > newest->prepared_round) newest = it;
    }
    return newest;
}

template <Mutant mutant>
typename Engine<mutant>::Justification Engine<mutant>::justification_of(const PbftMessage& proposal) {
    if constexpr (mutant == Mutant::no_justification) {
        return proposal.block->proposer == proposal.signer ? Justification::any_block : Justification::claimed_block;
    }
    if (proposal.round_changes.size() > voters_.size()) return Justification::none;
    std::vector<bool> seen(voters_.size());
    std::size_t count = 0;
    for (const auto& it : proposal.round_changes) {
        if (!it || it->kind != Kind::round_change || it->height != height_ || it->round != proposal.round) {
            return Justification::none;
        }
        const auto index = index_of(it->signer);
        if (index >= voters_.size()) return Justification::none;
        if (mutant != Mutant::unchecked_signatures && !config_.verifier->is_signed(*it)) return Justification::none;
        if (!is_proved(*it)) return Justification::none;
        if (seen[index] && mutant != Mutant::double_votes) continue;
        seen[index] = true;
        ++count;
    }
    if (count < quorum_size()) return Justification::none;
    const auto claim = newest_claim(proposal.round_changes);
    if (!claim) return Justification::any_block;
    for (const auto& it : proposal.round_changes) {
        if (it->prepared_round == claim->prepared_round && it->digest != claim->digest) {
            // Two quorums prepared different blocks in one round: more than f validators are faulty.
            is_halted_ = true;
            // Who claims them may be correct; who prepared both is not.
            for (const auto& vote : claim->votes) {
                const auto other = std::ranges::find(it->votes, vote->signer, &PbftMessage::signer);
                if (other == it->votes.end()) continue;
                out_->push_back(Evidence{"two prepares of a round", vote->signer, vote, *other});
            }
            return Justification::none;
        }
        if (mutant == Mutant::any_claim && it->prepared_round >= 0 && it->digest == proposal.digest) {
            return Justification::claimed_block;
        }
    }
    return claim->digest == proposal.digest ? Justification::claimed_block : Justification::none;
}

template <Mutant mutant>
bool Engine<mutant>::follows_head(const Block& block) const {
    return block.height == height_ && block.parent == head_->digest &&
           block.timestamp_s >= head_->timestamp_s + config_.period_s;
}

}  // namespace weft::consensus::pbft
