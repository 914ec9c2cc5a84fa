#pragma once
// What may happen next: part of pbft_search_impl.hpp.

#include "model/pbft_search_impl.hpp"

namespace weft::model {

template <search::pbft::Mutant mutant>
PbftSearch<mutant>::PbftSearch(const PbftSearchOptions& options) : options_(options) {
    WEFT_ASSERT(options.n >= 4 && options.n <= search_validators_max);
    WEFT_ASSERT(options.rounds >= 1 && options.rounds <= search_rounds_max);
    liars_ = static_cast<unsigned>(search::pbft::faults(options.n));
    correct_ = options.n - liars_;
    quorum_ = mutant == search::pbft::Mutant::small_quorum ? 2 * liars_ + 1
                                                           : static_cast<unsigned>(search::pbft::quorum(options.n));
    auto validators = std::make_shared<search::cs::Validators>();
    for (unsigned i = 0; i < options.n; ++i) validators->push_back(Address::from(U256(100 + i).to_hash()));
    validators_ = validators;
    auto head = std::make_shared<search::cs::Block>();
    head->digest = U256(1).to_hash();
    head->timestamp_s = search::now_ms / 1000 - 10;
    head->proposer = validators->back();
    head_ = head;
    // The third value is what a correct leader builds in the good round. Who proposes a value as new has built it: the
    // digest is what consensus compares.
    for (unsigned round = 0; round < search_rounds_max + search_validators_max; ++round) {
        for (unsigned value = 0; value < 3; ++value) {
            auto block = std::make_shared<search::cs::Block>();
            block->digest = U256(1000 + value).to_hash();
            block->parent = head->digest;
            block->height = 1;
            block->timestamp_s = head->timestamp_s + 1;
            block->proposer = address(leader(round));
            blocks_.push_back(block);
        }
    }
}

template <search::pbft::Mutant mutant>
search::pbft::Ptr PbftSearch<mutant>::vote(Kind kind, std::size_t from, unsigned round, unsigned value) const {
    auto out = std::make_shared<Message>();
    out->kind = kind;
    out->height = 1;
    out->round = round;
    out->digest = blocks_[value]->digest;
    out->signer = address(from);
    return out;
}

/// A liar's. @param senders  correct validators whose prepares it has for its claim.
template <search::pbft::Mutant mutant>
search::pbft::Ptr PbftSearch<mutant>::round_change(std::size_t from, unsigned round, unsigned claim,
                                                   std::uint8_t senders) const {
    auto out = std::make_shared<Message>();
    out->kind = Kind::round_change;
    out->height = 1;
    out->round = round;
    out->signer = address(from);
    if (claim == 0) return out;
    const unsigned prepared = (claim - 1) / 2;
    const unsigned value = (claim - 1) % 2;
    out->prepared_round = prepared;
    out->block = block(value, prepared);
    out->digest = out->block->digest;
    for (unsigned i = 0; i < options_.n; ++i) {
        const bool has_said = i < liars_ || (senders >> (i - liars_) & 1) != 0;
        if (has_said) out->votes.push_back(vote(Kind::prepare, i, prepared, value));
    }
    return out;
}

template <search::pbft::Mutant mutant>
search::pbft::Engine<mutant> PbftSearch<mutant>::make_engine(const Address& self) const {
    search::pbft::Config config;
    config.self = self;
    config.verifier = &verifier_;
    return EngineType(config);
}

// --- one validator

template <search::pbft::Mutant mutant>
void PbftSearch<mutant>::start(Local& local, search::cs::RecordPtr record) {
    local.engine = make_engine(address(liars_ + local.index));
    local.held = {};
    feed(local, search::cs::Start{std::move(record), head_, validators_});
}

/// A step and what the validator does about it, its own votes coming back to it. Proposals are the adversary's to make.
template <search::pbft::Mutant mutant>
void PbftSearch<mutant>::feed(Local& local, const search::cs::Event& event) {
    search::cs::Actions actions;
    local.engine.step(search::now_ms, event, actions);
    for (auto& action : actions) {
        if (auto* persist = std::get_if<search::cs::Persist>(&action)) {
            local.record = persist->record;
        } else if (auto* execute = std::get_if<search::cs::Execute>(&action)) {
            feed(local, search::cs::Executed{execute->block->digest, true});
        } else if (auto* cast = std::get_if<search::cs::Cast>(&action)) {
            const auto message = std::static_pointer_cast<const Message>(cast->message);
            if (message->kind != Kind::proposal) take(local, message);
        }
    }
}

/// A validator's own word: it is said, and it hears it.
template <search::pbft::Mutant mutant>
void PbftSearch<mutant>::take(Local& local, const Ptr& message) {
    const auto round = message->round;
    if (round < options_.rounds) {
        const auto bit = static_cast<std::uint8_t>(1U << value_of(message->digest));
        if (message->kind == Kind::prepare) local.said.prepares[round] |= bit;
        if (message->kind == Kind::commit) local.said.commits[round] |= bit;
        if (message->kind == Kind::round_change) {
            const unsigned claim =
                message->prepared_round < 0
                    ? 0
                    : 1 + 2 * static_cast<unsigned>(message->prepared_round) + value_of(message->digest);
            local.said.round_changes[round] |= static_cast<std::uint8_t>(1U << claim);
            local.round_changes[{round, claim}] = message;
        }
    }
    feed(local, search::cs::Received{message->signer, message});
}

template <search::pbft::Mutant mutant>
std::uint8_t PbftSearch<mutant>::named_claims(std::uint8_t claims, bool exchanged) {
    if (!exchanged) return claims;
    // Bits 1 and 2, 3 and 4, 5 and 6 change places.
    return static_cast<std::uint8_t>((claims & 1) | (claims & 0x2a) << 1 | (claims & 0x54) >> 1);
}

template <search::pbft::Mutant mutant>
void PbftSearch<mutant>::add_record(SearchKey& key, const Record& record, bool exchanged, unsigned votes_from) const {
    const auto add_vote = [&](std::int64_t round, const Hash& digest) {
        const bool matters = round >= static_cast<std::int64_t>(votes_from);
        key.add(matters ? static_cast<std::uint64_t>(round) << 1 | (value_of(digest) ^ (exchanged ? 1U : 0U)) : ~0ULL);
    };
    key.add(record.round);
    add_vote(record.prepare_round, record.prepare_digest);
    add_vote(record.commit_round, record.commit_digest);
    key.add(static_cast<std::uint64_t>(record.prepared.round));
    if (record.prepared.block) key.add(value_of(record.prepared.block->digest) ^ (exchanged ? 1U : 0U));
    key.add(static_cast<std::uint64_t>(record.round_change));
}

/// Votes and proposals of rounds that it has left bind it to nothing but through what it has prepared.
template <search::pbft::Mutant mutant>
void PbftSearch<mutant>::set_keys(Local& local) const {
    const unsigned from = reduces_ ? local.engine.round() : 0;
    for (const bool exchanged : {false, true}) {
        SearchKey key;
        key.add(local.engine.round() << 1 | (local.engine.is_halted() ? 1U : 0U));
        add_record(key, local.engine.record(), exchanged, from);
        key.add(local.record ? 1 : 0);
        if (local.record && options_.crashes > 0) {
            add_record(key, static_cast<const Record&>(*local.record), exchanged, from);
        }
        std::uint64_t bits = 0;
        for (unsigned r = 0; r < options_.rounds; ++r) {
            bits |= std::uint64_t{named(local.said.prepares[r], exchanged)} << 2 * r |
                    std::uint64_t{named(local.said.commits[r], exchanged)} << (8 + 2 * r) |
                    std::uint64_t{named_claims(local.said.round_changes[r], exchanged)} << (16 + 8 * r);
            if (r >= from) key.add(named(local.held[r], exchanged));
        }
        local.keys[exchanged ? 1 : 0] = key;
        local.said_bits[exchanged ? 1 : 0] = bits;
    }
}

/// By which validators' states are told apart: all that can matter in any state of the others.
template <search::pbft::Mutant mutant>
SearchKey PbftSearch<mutant>::full_key(const Local& local) const {
    SearchKey key = local.keys[0];
    key.add(local.said_bits[0]);
    key.add(local.index);
    add_record(key, local.engine.record(), false, 0);
    if (local.record) add_record(key, static_cast<const Record&>(*local.record), false, 0);
    for (const auto held : local.held) key.add(held);
    return key;
}

template <search::pbft::Mutant mutant>
typename PbftSearch<mutant>::Id PbftSearch<mutant>::intern(Local local) {
    set_keys(local);
    const auto [found, is_new] = ids_.try_emplace(full_key(local), static_cast<Id>(locals_.size()));
    if (is_new) locals_.push_back(std::move(local));
    return found->second;
}

template <search::pbft::Mutant mutant>
typename PbftSearch<mutant>::Id PbftSearch<mutant>::apply(Id id, const SearchInput& input, const State& state) {
    const auto [found, is_new] = applied_.try_emplace(std::uint64_t{id} << 32 | input.code(), id);
    if (!is_new) return found->second;
    Local local = locals_[id];
    deliver(local, input, state);
    const Id out = intern(std::move(local));
    return applied_[std::uint64_t{id} << 32 | input.code()] = out;
}

template <search::pbft::Mutant mutant>
void PbftSearch<mutant>::deliver(Local& local, const SearchInput& input, const State& state) {
    const auto receive = [&](const Ptr& message) { feed(local, search::cs::Received{message->signer, message}); };
    switch (input.kind) {
        case SearchInput::timeout: feed(local, search::cs::TimerFired{search::pbft::round_timer}); break;
        case SearchInput::follow:
            // A correct validator's that has come as far, then the liars': the lowest of them is where it goes.
            for (std::size_t i = 0; i < correct_; ++i) {
                const auto& asked = locals_[state.locals[i]].round_changes;
                const auto later = asked.lower_bound({input.round, 0});
                if (i != local.index && later != asked.end()) {
                    receive(later->second);
                    break;
                }
            }
            for (unsigned i = 0; i < liars_; ++i) receive(round_change(i, input.round, 0, 0));
            break;
        case SearchInput::propose: {
            const bool fits = input.round >= local.engine.round();
            receive(proposals_[input.round][input.value]);
            if (fits) local.held[input.round] |= static_cast<std::uint8_t>(1U << input.value);
            break;
        }
        case SearchInput::prepares:
            for (unsigned i = 0; i < options_.n; ++i) {
                if (i >= liars_ && (input.senders >> (i - liars_) & 1) == 0) continue;
                const auto message = vote(Kind::prepare, i, input.round, input.value);
                receive(message);
                receive(message);
            }
            break;
        default: start(local, local.record);
    }
}

// --- what the adversary may do

template <search::pbft::Mutant mutant>
std::uint8_t PbftSearch<mutant>::senders_of_prepares(const State& state, unsigned round, unsigned value) const {
    std::uint8_t out = 0;
    for (std::size_t i = 0; i < correct_; ++i) {
        const auto said = locals_[state.locals[i]].said.prepares[round];
        if ((said >> value & 1) != 0) out |= static_cast<std::uint8_t>(1U << i);
    }
    return out;
}

/// Whether with the liars' enough others ask for a round, or later ones, to go there from two or more rounds before.
template <search::pbft::Mutant mutant>
bool PbftSearch<mutant>::can_follow(const State& state, std::size_t who, unsigned round) const {
    for (std::size_t i = 0; i < correct_; ++i) {
        const auto& asked = locals_[state.locals[i]].round_changes;
        if (i != who && asked.lower_bound({round, 0}) != asked.end()) return true;
    }
    return false;
}

template <search::pbft::Mutant mutant>
void PbftSearch<mutant>::find_proposals(const State& state) {
    for (auto& of_round : proposals_) of_round = {};
    for (unsigned value = 0; value < 2; ++value) proposals_[0][value] = justified(value, 0, value, {});
    std::vector<Ptr> chosen;
    for (unsigned round = 1; round < options_.rounds; ++round) {
        try_round_changes(state, round, 0, quorum_ - liars_, chosen, round);
    }
}

/// Chooses as many correct validators' round changes as are missing. @param code  of what was chosen before.
template <search::pbft::Mutant mutant>
void PbftSearch<mutant>::try_round_changes(const State& state, unsigned round, std::size_t next, unsigned missing,
                                           std::vector<Ptr>& chosen, std::uint64_t code) {
    if (proposals_[round][0] && proposals_[round][1]) return;
    if (missing == 0) return try_proposals(state, round, chosen, code << 4 * (correct_ - next));
    if (next == correct_) return;
    const auto& local = locals_[state.locals[next]];
    for (unsigned claim = 0; local.said.round_changes[round] >> claim != 0; ++claim) {
        if ((local.said.round_changes[round] >> claim & 1) == 0) continue;
        chosen.push_back(local.round_changes.at({round, claim}));
        try_round_changes(state, round, next + 1, missing - 1, chosen, code << 4 | (claim + 1));
        chosen.pop_back();
    }
    try_round_changes(state, round, next + 1, missing, chosen, code << 4);
}

/// With the correct ones' that were chosen, each claim that one liar may make; the other liars claim nothing.
template <search::pbft::Mutant mutant>
void PbftSearch<mutant>::try_proposals(const State& state, unsigned round, std::vector<Ptr>& chosen,
                                       std::uint64_t code) {
    for (unsigned claim = 0; claim <= 2 * round; ++claim) {
        const std::uint8_t senders = claim == 0 ? 0 : senders_of_prepares(state, (claim - 1) / 2, (claim - 1) % 2);
        for (unsigned i = 0; i < liars_; ++i) {
            const bool claims = i == 0;
            chosen.push_back(round_change(i, round, claims ? claim : 0, claims ? senders : 0));
        }
        for (unsigned value = 0; value < 2; ++value) {
            const auto full = code << 12 | claim << 8 | senders;
            if (auto proposal = justified(full << 1 | value, round, value, chosen)) {
                proposals_[round][value] = std::move(proposal);
            }
        }
        chosen.resize(chosen.size() - liars_);
    }
}

/// The proposal, if a validator that has heard nothing yet takes it.
template <search::pbft::Mutant mutant>
search::pbft::Ptr PbftSearch<mutant>::justified(std::uint64_t code, unsigned round, unsigned value,
                                                const std::vector<Ptr>& round_changes) {
    const auto [found, is_new] = justified_.try_emplace(code << 1 | (round == 0 ? 1 : 0));
    if (!is_new) return found->second;
    auto proposal = std::make_shared<Message>(*vote(Kind::proposal, leader(round), round, value));
    proposal->block = block(value, round);
    proposal->round_changes = round_changes;
    EngineType engine = make_engine(address(liars_));
    search::cs::Actions actions;
    engine.step(search::now_ms, search::cs::Start{nullptr, head_, validators_}, actions);
    actions.clear();
    engine.step(search::now_ms, search::cs::Received{proposal->signer, proposal}, actions);
    const bool is_taken =
        std::ranges::any_of(actions, [](const auto& it) { return std::holds_alternative<search::cs::Execute>(it); });
    if (is_taken) found->second = std::move(proposal);
    return found->second;
}

template <search::pbft::Mutant mutant>
template <class Callback>
void PbftSearch<mutant>::each_next(const State& state, Callback&& callback) {
    find_proposals(state);
    const auto try_input = [&](std::size_t who, const SearchInput& input) {
        ++result_.transitions;
        State next = state;
        next.locals[who] = apply(state.locals[who], input, state);
        if (input.kind == SearchInput::crash) ++next.crashes;
        return next.locals[who] == state.locals[who] || callback(next, who, input);
    };
    for (std::size_t who = 0; who < correct_; ++who) {
        const auto at = locals_[state.locals[who]].engine.round();
        if (at + 1 < options_.rounds &&
            !try_input(who, {SearchInput::timeout, static_cast<std::uint8_t>(at + 1), 0, 0})) {
            return;
        }
        for (unsigned round = 0; round < options_.rounds; ++round) {
            const auto r = static_cast<std::uint8_t>(round);
            const bool follows = round >= at + 2 && can_follow(state, who, round);
            if (follows && !try_input(who, {SearchInput::follow, r, 0, 0})) return;
            for (std::uint8_t value = 0; value < 2; ++value) {
                const bool proposes = round >= at && proposals_[round][value];
                if (proposes && !try_input(who, {SearchInput::propose, r, value, 0})) return;
                if ((locals_[state.locals[who]].held[round] >> value & 1) == 0) continue;
                const auto senders = senders_of_prepares(state, round, value);
                if (!try_input(who, {SearchInput::prepares, r, value, senders})) return;
            }
        }
        if (state.crashes < options_.crashes && !try_input(who, {SearchInput::crash, 0, 0, 0})) return;
    }
}

}  // namespace weft::model
