#pragma once
// What must hold in a simulated cluster: part of pbft_cluster_impl.hpp.

#include <set>

#include "model/pbft_cluster_impl.hpp"

namespace weft::model {

/// Agreement; only blocks that execute; a proof that anybody can check.
template <pbft::Mutant mutant>
void PbftCluster<mutant>::check_final(std::size_t i, const cs::Commit& it) {
    const auto [known, is_first] = finals_.emplace(it.block->height, it);
    if (!is_first && known->second.block->digest != it.block->digest) {
        if (options_.liars > pbft::faults(options_.n)) return find_culprits(it);
        return fail("two final blocks at height " + std::to_string(it.block->height));
    }
    if (it.block->bytes.at(0) != 1) return fail("a final block that does not execute");
    std::set<Address> signers;
    std::optional<cs::Round> round;
    for (const auto& vote : it.proof) {
        const auto& message = static_cast<const pbft::PbftMessage&>(*vote);
        const bool fits = message.kind == pbft::Kind::commit && message.height == it.block->height &&
                          message.digest == it.block->digest && verifier_.is_signed(message) &&
                          (!round || *round == message.round);
        if (!fits) return fail("a final block with a wrong proof, at " + std::to_string(i));
        round = message.round;
        if (std::ranges::binary_search(*set_of(it.block->height), message.signer)) signers.insert(message.signer);
    }
    const auto quorum = pbft::quorum(set_of(it.block->height)->size());
    if (signers.size() < quorum) return fail("a final block with too small a proof");
    if (*round > 0) note("final after round 0");
    if (it.block->height % phase_heights == 1 && it.block->height > 1 && options_.changes > 0) note("new validators");
}

/// What a key's guard lets through. Of a validator that has all it had, an engine that needs the guard is wrong.
template <pbft::Mutant mutant>
bool PbftCluster<mutant>::may_sign(std::size_t i, const pbft::PbftMessage& m) {
    Node& node = nodes_[i];
    if (!node.is_honest) return true;
    if (node.is_listening || m.height <= node.silent_to) return note("not voted after a loss"), false;
    const auto key = std::pair((m.height << 20) + m.round, static_cast<int>(m.kind));
    const auto content = std::pair(m.digest, m.prepared_round);
    const auto known = node.signed_.find(key);
    const bool is_repeated = known != node.signed_.end() && known->second == content;
    if (options_.guarded && !is_repeated) {
        if (const auto conflict = pbft::conflict_of(node.guard, m); !conflict.empty()) {
            if (!node.is_damaged) fail("the guard of " + std::to_string(i) + " had to refuse " + describe(m));
            return note("refused by the guard"), false;
        }
        if (known != node.signed_.end()) fail("two signatures of " + std::to_string(i) + ": " + describe(m));
    }
    pbft::note_signed(node.guard, m);
    node.signed_.insert_or_assign(key, content);
    while (node.signed_.size() > 512) node.signed_.erase(node.signed_.begin());
    return true;
}

template <pbft::Mutant mutant>
void PbftCluster<mutant>::heal_and_wait() {
    is_healed_ = true;
    cut_.assign(cut_.size(), 0);
    transactions_wait_ = true;
    for (auto& node : nodes_) node.full_until = 0;
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
        if (!nodes_[i].is_honest) {
            nodes_[i].is_silent = true;
            nodes_[i].deaf_to.clear();
            for (std::size_t j = 0; j < nodes_.size(); ++j) nodes_[i].deaf_to.insert(j);
            nodes_[i].unsent.clear();
        } else if (!nodes_[i].is_up) {
            start(i);
        } else {
            feed(i, cs::Waiting{true});
        }
    }
    const std::uint64_t first = (finals_.empty() ? 0 : finals_.rbegin()->first) + 1;
    // Everybody hears everything again within 5 s. The longest timeout may be under way; silent proposers cost
    // one each, once, and after that the short ones of the rounds of new heights.
    const std::int64_t cap_ms = 1000LL << pbft::timeout_doublings_max;
    const auto silent = static_cast<std::int64_t>(options_.liars + (options_.far_clock || options_.bad_executor) +
                                                  (options_.old_backup || options_.rotten || options_.wiped));
    const std::int64_t work_ms = 10'000 + 10 * options_.execute_ms;
    wait_for(first, cap_ms * (1 + silent) + work_ms);
    wait_for(first + options_.heights, options_.heights * (work_ms + (2000LL << silent)));
}

template <pbft::Mutant mutant>
void PbftCluster<mutant>::wait_for(std::uint64_t height, std::int64_t within_ms) {
    const std::int64_t bound_ms = schedule_.now() + within_ms;
    const auto is_there = [&] {
        return std::ranges::all_of(nodes_, [&](const Node& node) {
            return !node.is_honest || node.skew_ms > 3'600'000 || node.chain.size() > height;
        });
    };
    for (std::int64_t until = schedule_.now(); run_.failure.empty() && !is_there(); until += 500) {
        if (until > bound_ms) return fail(why_stuck(height));
        advance(until);
    }
}

template <pbft::Mutant mutant>
std::string PbftCluster<mutant>::why_stuck(std::uint64_t wanted) const {
    std::string out = "no progress to height " + std::to_string(wanted) + ":";
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
        if (!nodes_[i].is_honest) continue;
        out += " " + std::to_string(i) + " at " + std::to_string(nodes_[i].chain.size());
        if (nodes_[i].engine) out += "/" + std::to_string(nodes_[i].engine->round());
    }
    return out;
}

/// Two final blocks, and more liars than can be borne: their own words must convict that many, and nobody else.
template <pbft::Mutant mutant>
void PbftCluster<mutant>::find_culprits(const cs::Commit& it) {
    const auto proof_of = [](const cs::Commit& commit) {
        std::vector<Ptr> out;
        for (const auto& vote : commit.proof) out.push_back(std::static_pointer_cast<const pbft::PbftMessage>(vote));
        return out;
    };
    const auto& other = finals_.at(it.block->height);
    const auto first = proof_of(other), second = proof_of(it);
    std::vector<Ptr> kept;
    for (const auto& node : nodes_) {
        if (node.is_honest) kept.insert(kept.end(), node.justified.begin(), node.justified.end());
    }
    const auto& validators = *set_of(it.block->height);
    const auto culprits = pbft::find_culprits(validators, verifier_, first, second, kept);
    note(first[0]->round == second[0]->round ? "two blocks final in a round" : "two blocks final in two rounds");
    run_.culprits = culprits.size();
    if (culprits.size() <= pbft::faults(validators.size())) fail("too few culprits of two final blocks");
    for (const auto& culprit : culprits) {
        if (of_validator(pbft::position_of(*validators_, culprit.validator)).is_honest) {
            fail("a correct validator is found guilty: " + std::string(culprit.rule));
        }
    }
}

}  // namespace weft::model
