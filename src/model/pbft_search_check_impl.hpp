#pragma once
// What must hold in every state, and how states are visited: part of pbft_search_impl.hpp.

#include "model/pbft_search_impl.hpp"

namespace weft::model {

template <search::pbft::Mutant mutant>
SearchKey PbftSearch<mutant>::key_of(const State& state) const {
    std::array<SearchKey, 2> out;
    for (std::size_t naming = 0; naming < 2; ++naming) {
        const auto [bits, facts] = live(state, naming == 1);
        std::array<SearchKey, search::correct_max> keys{};
        for (std::size_t i = 0; i < correct_; ++i) {
            const auto& local = locals_[state.locals[i]];
            keys[i] = local.keys[naming];
            keys[i].add(local.said_bits[naming] & bits);
        }
        std::sort(keys.begin(), keys.begin() + correct_);
        out[naming].add(facts << 8 | state.crashes);
        for (std::size_t i = 0; i < correct_; ++i) {
            out[naming].add(keys[i].high);
            out[naming].add(keys[i].low);
        }
    }
    return std::min(out[0], out[1]);
}

/// Votes that have their quorum need no names; votes that can't get it any more are as good as not said.
template <search::pbft::Mutant mutant>
typename PbftSearch<mutant>::Live PbftSearch<mutant>::live(const State& state, bool exchanged) const {
    if constexpr (!reduces_) return {~0ULL, 0};
    const std::size_t naming = exchanged ? 1 : 0;
    Live out;
    for (unsigned r = 0; r < options_.rounds; ++r) {
        std::uint64_t prepares_to_come = 0, commits_to_come = 0;
        for (std::size_t i = 0; i < correct_; ++i) {
            const auto& local = locals_[state.locals[i]];
            if (local.engine.round() > r) continue;
            prepares_to_come += local.said.prepares[r] == 0 ? 1 : 0;
            commits_to_come += local.said.commits[r] == 0 ? 1 : 0;
        }
        for (unsigned value = 0; value < 2; ++value) {
            const unsigned prepare = 2 * r + value, commit = 8 + 2 * r + value;
            std::uint64_t prepares = liars_, commits = liars_;
            for (std::size_t i = 0; i < correct_; ++i) {
                prepares += locals_[state.locals[i]].said_bits[naming] >> prepare & 1;
                commits += locals_[state.locals[i]].said_bits[naming] >> commit & 1;
            }
            if (prepares >= quorum_) {
                out.facts |= 1ULL << prepare;
            } else if (prepares + prepares_to_come >= quorum_) {
                out.bits |= 1ULL << prepare;
            }
            if (commits >= quorum_) {
                out.facts |= 1ULL << (8 + value);
            } else if (commits + commits_to_come >= quorum_) {
                out.bits |= 1ULL << commit;
            }
        }
        out.bits |= live_round_changes(state, r) << (16 + 8 * r);
    }
    // A block that is final in one round gains nothing by another.
    for (unsigned value = 0; value < 2; ++value) {
        if ((out.facts >> (8 + value) & 1) != 0) out.bits &= ~(0x5500ULL << value);
    }
    return out;
}

/// Round changes matter as long as some validator may take a proposal of the round that they can justify, or follow
/// them there.
template <search::pbft::Mutant mutant>
std::uint64_t PbftSearch<mutant>::live_round_changes(const State& state, unsigned round) const {
    std::size_t askers = liars_;
    bool is_open = false, is_ahead = false;
    for (std::size_t i = 0; i < correct_; ++i) {
        const auto& local = locals_[state.locals[i]];
        const auto at = local.engine.round();
        askers += local.said.round_changes[round] != 0 || at < round ? 1 : 0;
        is_open = is_open || at < round || (at == round && local.held[round] == 0);
        is_ahead = is_ahead || at + 2 <= round;
    }
    return (is_open && askers >= quorum_) || is_ahead ? 0xff : 0;
}

template <search::pbft::Mutant mutant>
unsigned PbftSearch<mutant>::decided(const State& state) {
    unsigned out = 0;
    for (unsigned value = 0; value < 2; ++value) {
        std::uint64_t senders = 0;  // 8 bits a round
        for (std::size_t i = 0; i < correct_; ++i) {
            const auto& said = locals_[state.locals[i]].said;
            for (unsigned r = 0; r < options_.rounds; ++r) {
                senders |= std::uint64_t{said.commits[r] >> value & 1U} << (8 * r + i);
            }
        }
        if (senders == 0) continue;
        const auto [found, is_new] = decided_.try_emplace({senders, value});
        if (is_new) {
            EngineType watcher = make_engine(Address::from(U256(7).to_hash()));
            search::cs::Actions actions;
            const auto receive = [&](const Ptr& message) {
                watcher.step(search::now_ms, search::cs::Received{message->signer, message}, actions);
            };
            watcher.step(search::now_ms, search::cs::Start{nullptr, head_, validators_}, actions);
            receive(justified(value, 0, value, {}));
            for (unsigned r = 0; r < options_.rounds; ++r) {
                for (unsigned i = 0; i < options_.n; ++i) {
                    if (i >= liars_ && (senders >> (8 * r + i - liars_) & 1) == 0) continue;
                    const auto message = vote(Kind::commit, i, r, value);
                    receive(message);
                    receive(message);
                }
            }
            found->second = std::ranges::any_of(
                actions, [](const auto& it) { return std::holds_alternative<search::cs::Commit>(it); });
        }
        if (found->second) out |= 1U << value;
    }
    return out;
}

template <search::pbft::Mutant mutant>
std::string PbftSearch<mutant>::check(const State& state) {
    const unsigned values = decided(state);
    if (values == 3) return "two final blocks";
    if (values != 0) ++result_.final_states;
    SearchKey key;
    key.add(values);
    for (std::size_t i = 0; i < correct_; ++i) {
        const auto& local = locals_[state.locals[i]];
        key.add(local.engine.round() << 1 | (local.engine.is_halted() ? 1U : 0U));
        add_record(key, local.engine.record(), false, 0);
    }
    const auto [found, is_new] = good_.try_emplace(key);
    return is_new ? run_good_round(state, values) : std::string();
}

/// The first round after those searched whose leader is correct: all correct validators come to it, hear one another in
/// time, and the liars are silent.
template <search::pbft::Mutant mutant>
std::string PbftSearch<mutant>::run_good_round(const State& state, unsigned final_values) {
    unsigned good = options_.rounds;
    while (leader(good) < liars_) ++good;
    std::vector<EngineType> engines;
    std::vector<Hash> finals(correct_);
    std::deque<Ptr> said;
    const auto step = [&](std::size_t i, const search::cs::Event& first) {
        std::deque<search::cs::Event> events = {first};
        for (; !events.empty(); events.pop_front()) {
            search::cs::Actions actions;
            engines[i].step(search::now_ms, events.front(), actions);
            for (auto& action : actions) {
                if (auto* cast = std::get_if<search::cs::Cast>(&action)) {
                    const auto message = std::static_pointer_cast<const Message>(cast->message);
                    events.emplace_back(search::cs::Received{message->signer, message});
                    if (message->round == good) said.push_back(message);
                } else if (auto* execute = std::get_if<search::cs::Execute>(&action)) {
                    events.emplace_back(search::cs::Executed{execute->block->digest, true});
                } else if (auto* build = std::get_if<search::cs::Build>(&action)) {
                    events.emplace_back(search::cs::Built{build->round, block(2, build->round)});
                } else if (auto* commit = std::get_if<search::cs::Commit>(&action)) {
                    finals[i] = commit->block->digest;
                }
            }
        }
    };
    for (std::size_t i = 0; i < correct_; ++i) engines.push_back(locals_[state.locals[i]].engine);
    for (std::size_t i = 0; i < correct_; ++i) {
        while (engines[i].round() < good) step(i, search::cs::TimerFired{search::pbft::round_timer});
    }
    for (; !said.empty(); said.pop_front()) {
        const Ptr message = said.front();
        for (std::size_t i = 0; i < correct_; ++i) {
            if (address(liars_ + i) != message->signer) step(i, search::cs::Received{message->signer, message});
        }
    }
    for (std::size_t i = 0; i < correct_; ++i) {
        if (finals[i].is_zero()) return "a good round does not decide";
        if (finals[i] != finals[0]) return "a good round decides two blocks";
    }
    for (unsigned value = 0; value < 2; ++value) {
        if ((final_values >> value & 1) != 0 && finals[0] != blocks_[value]->digest) return "two final blocks";
    }
    return {};
}

template <search::pbft::Mutant mutant>
typename PbftSearch<mutant>::State PbftSearch<mutant>::first_state() {
    State out;
    for (unsigned i = 0; i < correct_; ++i) {
        Local local{i, make_engine(address(liars_ + i)), {}, {}, {}, {}, {}};
        start(local, nullptr);
        out.locals[i] = intern(std::move(local));
    }
    return out;
}

template <search::pbft::Mutant mutant>
std::vector<std::string> PbftSearch<mutant>::path_to(std::uint32_t step, const std::vector<Step>& steps) const {
    std::vector<std::string> out;
    for (; step != 0; step = steps[step].parent) out.push_back(steps[step].input.to_string(liars_ + steps[step].who));
    std::ranges::reverse(out);
    return out;
}

template <search::pbft::Mutant mutant>
void PbftSearch<mutant>::breadth_first() {
    std::vector<Step> steps;
    SearchSeen seen;
    steps.push_back({first_state(), 0, {}, 0});
    seen.insert(key_of(steps[0].state));
    std::size_t level_end = 1;
    std::size_t at = 0;
    for (; at < steps.size() && result_.failure.empty() && steps.size() < options_.states_max; ++at) {
        if (at == level_end) ++result_.depth, level_end = steps.size();
        const State state = steps[at].state;
        each_next(state, [&](const State& next, std::size_t who, const SearchInput& input) {
            if (!seen.insert(key_of(next))) return true;
            steps.push_back({next, static_cast<std::uint32_t>(at), input, static_cast<std::uint8_t>(who)});
            result_.failure = check(next);
            if (!result_.failure.empty()) {
                result_.path = path_to(static_cast<std::uint32_t>(steps.size() - 1), steps);
                result_.path.push_back(result_.failure);
            }
            return result_.failure.empty();
        });
    }
    result_.is_exhausted = at == steps.size() && result_.failure.empty();
    result_.states = steps.size();
}

template <search::pbft::Mutant mutant>
void PbftSearch<mutant>::walk() {
    verify::Random random(options_.seed);
    const State first = first_state();
    while (result_.states < options_.states_max) {
        State state = first;
        std::vector<std::string> path;
        ++result_.depth;
        for (bool moves = true; moves && path.size() < search_walk_max;) {
            struct Choice {
                State state;
                std::size_t who;
                SearchInput input;
            };
            std::vector<Choice> choices;
            each_next(state, [&](const State& next, std::size_t who, const SearchInput& input) {
                choices.push_back({next, who, input});
                return true;
            });
            moves = !choices.empty();
            if (!moves) break;
            const auto& chosen = choices[random.below(choices.size())];
            state = chosen.state;
            path.push_back(chosen.input.to_string(liars_ + static_cast<unsigned>(chosen.who)));
            ++result_.states;
            result_.failure = check(state);
            if (result_.failure.empty()) continue;
            path.push_back(result_.failure);
            result_.path = std::move(path);
            return;
        }
    }
}

}  // namespace weft::model
