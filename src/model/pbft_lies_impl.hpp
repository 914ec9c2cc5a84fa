#pragma once
// What liars make up: part of pbft_cluster_impl.hpp. Everything they sign they sign with their own key.

#include <map>

#include "model/pbft_cluster_impl.hpp"

namespace weft::model {

template <pbft::Mutant mutant>
void PbftCluster<mutant>::happen(Lie& it) {
    if (is_healed_ || !nodes_[it.node].is_up) return;
    schedule_.at(schedule_.now() + lie_.between(20, 400), tie(), Lie{it.node});
    auto message = make_lie(it.node);
    if (!message) return;
    note("lie");
    if (keeps_trace_) say(it.node, "lies " + describe(*message));
    for (std::size_t to = 0; to < nodes_.size(); ++to) {
        if (nodes_[to].validator != nodes_[it.node].validator && lie_.chance(600'000)) send(it.node, to, message);
    }
}

template <pbft::Mutant mutant>
pbft::Ptr PbftCluster<mutant>::heard_of(const Node& node, pbft::Kind kind) {
    std::vector<Ptr> found;
    for (const auto& it : node.heard) {
        if (it->kind == kind && it->height == node.engine->height()) found.push_back(it);
    }
    return found.empty() ? nullptr : found[lie_.below(found.size())];
}

template <pbft::Mutant mutant>
cs::BlockPtr PbftCluster<mutant>::make_block(std::size_t i) {
    const Node& node = nodes_[i];
    auto block = std::make_shared<cs::Block>();
    block->parent = node.engine->head()->digest;
    block->height = node.engine->height();
    block->timestamp_s = std::max<std::uint64_t>(node.engine->head()->timestamp_s + 1,
                                                 static_cast<std::uint64_t>(clock(node) / 1000));
    block->proposer = address(i);
    block->digest = U256(block->height, i, ++block_number_, 666).to_hash();
    block->bytes = {static_cast<std::uint8_t>(lie_.chance(200'000) ? 0 : 1)};
    return block;
}

/// Votes for a block that look like a quorum: real ones of any round, its own many times, others' with no
/// signature.
template <pbft::Mutant mutant>
std::vector<pbft::Ptr> PbftCluster<mutant>::make_proof(std::size_t i, pbft::Kind kind, cs::Round round,
                                                       const Hash& digest) {
    std::vector<Ptr> out;
    const bool doubles = lie_.chance(500'000);
    for (unsigned v = 0; v < pbft::quorum(options_.n); ++v) {
        pbft::PbftMessage vote;
        vote.kind = kind;
        vote.height = nodes_[i].engine->height();
        vote.round = round;
        vote.digest = digest;
        vote.signer = doubles ? address(i) : (*validators_)[(nodes_[i].validator + v) % options_.n];
        if (vote.signer == address(i)) TagVerifier::sign(vote);
        out.push_back(std::make_shared<const pbft::PbftMessage>(vote));
    }
    return out;
}

template <pbft::Mutant mutant>
cs::BlockPtr PbftCluster<mutant>::some_block(std::size_t i) {
    if (lie_.chance(600'000)) {
        if (const auto proposal = heard_of(nodes_[i], pbft::Kind::proposal)) return proposal->block;
    }
    return make_block(i);
}

template <pbft::Mutant mutant>
pbft::Ptr PbftCluster<mutant>::make_lie(std::size_t i) {
    Node& node = nodes_[i];
    pbft::PbftMessage out;
    out.height = node.engine->height();
    out.signer = address(i);
    const auto heard = node.heard.empty() ? nullptr : node.heard[lie_.below(node.heard.size())];
    const cs::Round around = heard ? heard->round : node.engine->round();
    out.round = around + static_cast<cs::Round>(lie_.below(2));
    switch (lie_.below(5)) {
        case 0:
        case 1: {  // a vote for anything
            out.kind = lie_.chance(500'000) ? pbft::Kind::prepare : pbft::Kind::commit;
            out.digest = some_block(i)->digest;
            break;
        }
        case 2: add_claim(i, out); break;
        case 3: add_proposal(i, around, out); break;
        default: {  // a final block
            out.kind = pbft::Kind::decided;
            out.block = some_block(i);
            out.digest = out.block->digest;
            out.votes = make_proof(i, pbft::Kind::commit, out.round, out.digest);
            break;
        }
    }
    if (out.kind != pbft::Kind::decided) TagVerifier::sign(out);
    return std::make_shared<const pbft::PbftMessage>(std::move(out));
}

/// Round changes for a proposal: those it heard, some with claims left out, filled up with its own and with forged
/// ones.
template <pbft::Mutant mutant>
void PbftCluster<mutant>::add_round_changes(std::size_t i, pbft::PbftMessage& proposal) {
    std::map<Address, Ptr> found;
    for (const auto& it : nodes_[i].heard) {
        if (it->kind != pbft::Kind::round_change || it->height != proposal.height || it->round != proposal.round) {
            continue;
        }
        if (it->prepared_round >= 0 && lie_.chance(500'000)) continue;
        found[it->signer] = it;
    }
    for (const auto& [signer, it] : found) {
        proposal.round_changes.push_back(it);
        if (it->prepared_round >= 0 && lie_.chance(700'000)) {
            proposal.block = it->block;
            proposal.digest = it->digest;
            proposal.votes = it->votes;
        }
    }
    pbft::PbftMessage own;
    own.kind = pbft::Kind::round_change;
    own.height = proposal.height;
    own.round = proposal.round;
    own.signer = address(i);
    TagVerifier::sign(own);
    const auto own_ptr = std::make_shared<const pbft::PbftMessage>(own);
    proposal.round_changes.push_back(own_ptr);
    const bool doubles = lie_.chance(500'000);
    for (unsigned v = 1; proposal.round_changes.size() < pbft::quorum(options_.n); ++v) {
        if (doubles) {
            proposal.round_changes.push_back(own_ptr);
            continue;
        }
        auto forged = own;
        forged.signer = (*validators_)[(nodes_[i].validator + v) % options_.n];
        if (!found.contains(forged.signer)) {
            proposal.round_changes.push_back(std::make_shared<const pbft::PbftMessage>(forged));
        }
    }
}

/// A round change that says something was prepared.
template <pbft::Mutant mutant>
void PbftCluster<mutant>::add_claim(std::size_t i, pbft::PbftMessage& out) {
    out.kind = pbft::Kind::round_change;
    if (out.round == 0) out.round = 1;
    if (!lie_.chance(700'000)) return;
    out.block = some_block(i);
    out.digest = out.block->digest;
    out.prepared_round = static_cast<std::int64_t>(lie_.below(out.round));
    out.votes = make_proof(i, pbft::Kind::prepare, static_cast<cs::Round>(out.prepared_round), out.digest);
}

/// A proposal for the next round that is its turn.
template <pbft::Mutant mutant>
void PbftCluster<mutant>::add_proposal(std::size_t i, cs::Round around, pbft::PbftMessage& out) {
    out.kind = pbft::Kind::proposal;
    const auto& head = *nodes_[i].engine->head();
    const auto& set = *set_of(head.height + 1);
    for (out.round = around; out.round < around + options_.n; ++out.round) {
        if (set[pbft::proposer_index(set, head, out.round)] == address(i)) break;
    }
    out.block = lie_.chance(500'000) ? make_block(i) : some_block(i);
    out.digest = out.block->digest;
    if (out.round > 0) add_round_changes(i, out);
}

}  // namespace weft::model
