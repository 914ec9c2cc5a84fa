#pragma once
// Messages, proofs and records as bytes.
//
//   message = [kind, height, round, digest, prepared round + 1, signer, signature, has block,
//              [message, ...], [message, ...]]
//             the two lists are round changes (of a proposal; they hold none themselves) and votes (which hold neither)
//   proof   = [round, digest, [[signer, signature], ...]]                  commits, all of one round
//   record  = [height, round, prepare round + 1, digest, commit round + 1, digest, round change + 1,
//              prepared round + 1, prepared digest, [message, ...], [message] | [], [block RLP, ...]]
//
// A message names its block by digest alone. Blocks travel beside it, each once: a round change and the proposal that
// it justifies mostly carry the same one, and the network has shorter ways to send a block.

#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "consensus/pbft/engine.hpp"

namespace weft::consensus::pbft {

/// The engine's view of a block. @errors invalid_argument  not a block's RLP.
[[nodiscard]] Result<BlockPtr> to_block(Bytes rlp);

struct Packed {
    Bytes message;
    std::vector<BlockPtr> blocks;  // those it names, each once
};
[[nodiscard]] Packed pack(const PbftMessage& message);
/// @param blocks  that may be named.
/// @errors        invalid_argument  not of this form; a list longer than validators_max; a block that is not there.
[[nodiscard]] Result<std::shared_ptr<PbftMessage>> unpack(BytesView message, const std::vector<BlockPtr>& blocks);

/// Why a block is final: commits of a quorum.
[[nodiscard]] Bytes encode_proof(const std::vector<MessagePtr>& commits);
/// @return the commits, of which signatures and quorum are not checked.
/// @errors invalid_argument  not of this form.
[[nodiscard]] Result<std::vector<Ptr>> decode_proof(BytesView encoded, Height height);
/// Whether commits of distinct validators, a quorum of them, sign this block in one round.
[[nodiscard]] bool is_final(const std::vector<Ptr>& commits, const Hash& digest, Height height,
                            const Validators& validators, const Verifier& verifier);

[[nodiscard]] Bytes encode(const PbftRecord& record);
/// @errors invalid_argument  not of this form.
[[nodiscard]] Result<std::shared_ptr<PbftRecord>> decode_record(BytesView encoded);

}  // namespace weft::consensus::pbft
