#pragma once
// What validators tell one another. Every message but status is signed; what its signature covers is named below, and
// carries the chain's domain besides (driver).

#include <cstdint>
#include <memory>
#include <vector>

#include "consensus/engine.hpp"
#include "crypto/secp256k1.hpp"

namespace weft::consensus::pbft {

enum class Kind : std::uint8_t {
    /// A block for a round. Signed: height, round, digest. From round 1 on it is justified by a quorum of round changes
    /// and, if one of them claims a prepared block, by the prepares of the newest such claim.
    proposal,
    /// "This block is valid and I vote for no other in this round." Signed: height, round, digest.
    prepare,
    /// "A quorum prepared it." Signed: height, round, digest; a quorum of these is the proof that the block is final.
    commit,
    /// "I vote in no round before this one." Signed: height, round, the prepared round and digest. The prepares that
    /// prove the claim, and the block, travel along outside the signature and are checked by themselves.
    round_change,
    /// Where the sender stands: its newest final height and its digest; the round it is in. Unsigned.
    status,
    /// A final block with the commits that prove it. Unsigned: the proof speaks for itself.
    decided,
};

inline constexpr std::int64_t nothing_prepared = -1;

struct PbftMessage final : Message {
    Kind kind = Kind::status;
    Height height = 0;
    Round round = 0;
    Hash digest;  // of a round change: what it prepared
    std::int64_t prepared_round = nothing_prepared;  // of a round change
    Address signer;
    crypto::Signature signature;

    BlockPtr block;  // of a proposal, a round change that prepared something, a final block
    std::vector<std::shared_ptr<const PbftMessage>> round_changes;  // a proposal's
    std::vector<std::shared_ptr<const PbftMessage>> votes;  // prepares of a proposal's or a round change's claim;
                                                            // commits of a final block
};
using Ptr = std::shared_ptr<const PbftMessage>;

/// What a message holds, about. Its parts mostly name the block that it carries itself: @p shared, which counts once.
inline std::size_t size_of(const PbftMessage& message, const BlockPtr& shared = nullptr) {
    std::size_t out = sizeof message;
    if (message.block && message.block != shared) out += message.block->bytes.size();
    for (const auto* const parts : {&message.round_changes, &message.votes}) {
        for (const auto& part : *parts) out += size_of(*part, shared ? shared : message.block);
    }
    return out;
}

/// Checks signatures: in a node by secp256k1, in the simulator by tags that cannot be forged there either.
class Verifier {
  public:
    virtual ~Verifier() = default;
    /// Whether message.signer signed it.
    [[nodiscard]] virtual bool is_signed(const PbftMessage& message) const = 0;
};

}  // namespace weft::consensus::pbft
