#pragma once
// What a validator's signature covers, and what a key must never sign.
//
//   preimage = "weft-pbft-1" chain id (8, big-endian) genesis hash (32) kind (1) height (8) round (4) digest (32)
//              prepared round + 1 (8; 0 but for round changes)
//
// Of fixed size, so that no two messages have the same one; the first parts keep a key's signatures on one chain from
// meaning anything on another.

#include <array>
#include <cstdint>
#include <deque>
#include <string>
#include <unordered_set>

#include "base/bytes.hpp"
#include "consensus/pbft/message.hpp"

namespace weft::consensus::pbft {

struct Domain {
    std::uint64_t chain_id = 0;
    Hash genesis;
};
[[nodiscard]] Hash signing_hash(const Domain& domain, const PbftMessage& message);

/// What a validator signs to prove who it is on a connection. It begins with a name of its own: whoever chooses the
/// binding can't make a vote of it.
[[nodiscard]] Hash identity_hash(const Hash& binding);

/// Checks signatures by secp256k1, each once: certificates hold votes that came by themselves before. Of one thread.
class EcdsaVerifier final : public Verifier {
  public:
    explicit EcdsaVerifier(const Domain& domain) : domain_(domain) {}
    [[nodiscard]] bool is_signed(const PbftMessage& message) const override;

  private:
    static constexpr std::size_t known_max = 8192;
    Domain domain_;
    mutable std::unordered_set<Hash> known_;
    mutable std::deque<Hash> order_;
};

/// The newest of each kind that a key signed.
struct SigningRecord {
    struct Mark {
        bool is_set = false;
        Height height = 0;
        Round round = 0;
        Hash digest;
        std::int64_t prepared_round = nothing_prepared;  // of a round change
        bool operator==(const Mark&) const = default;
    };
    std::array<Mark, 4> marks;  // by Kind: proposal, prepare, commit, round_change
    bool operator==(const SigningRecord&) const = default;
};

/// Why a key that has signed this must not sign that; empty: it may. It knows nothing of the engine's state, so it
/// holds though the engine be wrong: a kind goes forward only, the same place is signed for one content only, no vote
/// is given in a round before one that was asked for, and no round is asked for that forgets a commit.
[[nodiscard]] std::string conflict_of(const SigningRecord& record, const PbftMessage& message);
/// @pre  there is no conflict, or the message is known to carry this key's signature.
void note_signed(SigningRecord& record, const PbftMessage& message);

}  // namespace weft::consensus::pbft
