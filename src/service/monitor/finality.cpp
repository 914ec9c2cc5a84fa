#include "service/monitor/finality.hpp"

#include <algorithm>
#include <cstdlib>

#include <fmt/format.h>

#include "base/hex.hpp"

namespace weft::service::monitor {

namespace {

/// Clocks further apart than this keep validators from voting for one another's blocks.
constexpr std::int64_t skew_max_ms = 2000;

std::string list_of(const std::vector<Address>& addresses) {
    std::string out;
    for (const auto& address : addresses) out += (out.empty() ? "" : ", ") + to_hex(address);
    return out;
}

using Validators = std::vector<api::monitor::ValidatorState>;

template <class Predicate>
std::vector<Address> those(const Validators& validators, Predicate&& predicate) {
    std::vector<Address> out;
    for (const auto& it : validators) {
        if (predicate(it)) out.push_back(it.validator);
    }
    return out;
}

void explain_votes(const api::consensus::ProgressReply& progress, const Validators& validators,
                   std::vector<std::string>& reasons) {
    const auto in_round = [&](const auto& member) {
        return those(validators, [&](const auto& it) { return (it.*member) == progress.round; });
    };
    using api::monitor::ValidatorState;
    const auto prepared = in_round(&ValidatorState::prepared_round);
    const auto committed = in_round(&ValidatorState::committed_round);
    if (prepared.empty() && committed.empty()) {
        reasons.push_back(fmt::format("no block was proposed in round {}: it is the turn of {}", progress.round,
                                      to_hex(progress.proposer)));
        return;
    }
    const auto& votes = prepared.size() < progress.quorum ? prepared : committed;
    if (votes.size() >= progress.quorum) return;
    reasons.push_back(fmt::format("{} of {} needed votes to {} in round {}; missing: {}", votes.size(), progress.quorum,
                                  &votes == &prepared ? "prepare" : "commit", progress.round,
                                  list_of(those(validators, [&](const auto& it) {
                                      return std::ranges::find(votes, it.validator) == votes.end();
                                  }))));
}

}  // namespace

api::monitor::FinalityReply explain(const api::consensus::ProgressReply& progress,
                                    const api::network::StatusReply& network, std::uint64_t now_ms) {
    api::monitor::FinalityReply out;
    out.height = progress.height;
    out.round = progress.round;
    out.proposer = progress.proposer;
    out.quorum = progress.quorum;
    out.since_final_ms = now_ms - std::min(now_ms, progress.final_ms);
    out.next_round_in_ms = progress.next_round_ms - std::min(progress.next_round_ms, now_ms);
    out.transactions_wait = progress.transactions_wait;
    out.evidence_count = progress.evidence_count;
    for (const auto& it : progress.validators) {
        api::monitor::ValidatorState state{it.validator, it.is_self, it.is_self, it.prepared_round, it.committed_round,
                                           it.asked_round};
        const auto peer =
            std::ranges::find(network.peers, std::optional(it.validator), &api::network::PeerInfo::validator);
        if (peer != network.peers.end()) {
            state.is_connected = true;
            state.height = peer->height;
            state.skew_ms = peer->skew_ms;
            state.latency_us = peer->latency_us;
            state.heard_ago_ms = now_ms - std::min(now_ms, peer->heard_ms);
        }
        out.validators.push_back(state);
    }
    auto& reasons = out.reasons;
    if (!progress.syncing.empty()) reasons.push_back("this node is syncing: " + progress.syncing);
    if (!progress.trouble.empty()) reasons.push_back("this node: " + progress.trouble);
    if (progress.is_halted)
        reasons.push_back(
            "this node has stopped voting: more validators contradict themselves than "
            "the chain bears (weft validator evidence)");
    if (progress.is_listening)
        reasons.push_back("this node does not know what its key has signed and does not vote yet");
    const auto away = those(out.validators, [](const auto& it) { return !it.is_connected; });
    if (!away.empty()) {
        const std::size_t left = out.validators.size() - away.size();
        reasons.push_back(fmt::format("not connected to {}{}", list_of(away),
                                      left < progress.quorum ? fmt::format(": {} of {} validators are not enough, {} "
                                                                           "must vote",
                                                                           left, out.validators.size(), progress.quorum)
                                                             : ""));
    }
    for (const auto& it : out.validators) {
        if (std::abs(it.skew_ms) <= skew_max_ms) continue;
        reasons.push_back(fmt::format("the clock of {} is {} ms {} this node's", to_hex(it.validator),
                                      std::abs(it.skew_ms), it.skew_ms > 0 ? "ahead of" : "behind"));
    }
    // A round runs, or has been given up.
    if (progress.next_round_ms != 0 || progress.round > 0) {
        explain_votes(progress, out.validators, reasons);
    } else if (!progress.transactions_wait && reasons.empty()) {
        reasons.emplace_back("nothing waits for a block: the next is made when there is something for it");
    }
    if (progress.refused_signatures > 0) {
        reasons.push_back(fmt::format("the key's guard has refused {} signatures", progress.refused_signatures));
    }
    return out;
}

}  // namespace weft::service::monitor
