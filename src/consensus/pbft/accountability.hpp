#pragma once
// Who is to blame for two final blocks: more validators than can be borne, by their own signatures.
//
// Final in one round: whoever committed both. Final in rounds r1 < r2: in the first round after r1 in which a quorum
// prepared another block, the proposal was justified by a quorum of round changes. More than f of their senders had
// committed in r1, and each of them either forgot that, or claimed another block of r1; then a quorum prepared that one
// too, of whom more than f had committed the first. A correct validator that prepares after round 0 keeps what
// justified the proposal (Engine::proposal), so that between them the correct ones have every message this needs.
//
// @source  P. Sheng et al., BFT Protocol Forensics (2021).

#include <string_view>
#include <vector>

#include "consensus/pbft/message.hpp"

namespace weft::consensus::pbft {

/// A validator and two messages it signed that no correct one signs both of.
struct Culprit {
    Address validator;
    std::string_view rule;
    Ptr first;
    Ptr second;
};

/// The rule that two messages of one signer break, in either order; empty: a correct validator may sign both.
/// Signatures are not checked.
[[nodiscard]] std::string_view broken_rule(const PbftMessage& one, const PbftMessage& other);

/// @param first, second  the commits that prove two different final blocks of one height.
/// @param kept           proposals of that height after round 0, with their justification, from anybody: what is forged
///                       in them is left aside.
/// @return               each once, by address; more than faults(n) if all correct validators' proposals are there.
[[nodiscard]] std::vector<Culprit> find_culprits(const Validators& validators, const Verifier& verifier,
                                                 const std::vector<Ptr>& first, const std::vector<Ptr>& second,
                                                 const std::vector<Ptr>& kept);

}  // namespace weft::consensus::pbft
