#include "consensus/pbft/signing.hpp"

#include <tuple>

#include "base/big_endian.hpp"
#include "crypto/keccak.hpp"
#include "crypto/secp256k1.hpp"

namespace weft::consensus::pbft {

Hash signing_hash(const Domain& domain, const PbftMessage& message) {
    static constexpr std::string_view name = "weft-pbft-1";
    Bytes out(name.begin(), name.end());
    out.reserve(128);
    append_big_endian(out, domain.chain_id, 8);
    append(out, domain.genesis.view());
    append_big_endian(out, static_cast<std::uint64_t>(message.kind), 1);
    append_big_endian(out, message.height, 8);
    append_big_endian(out, message.round, 4);
    append(out, message.digest.view());
    append_big_endian(
        out, message.kind == Kind::round_change ? static_cast<std::uint64_t>(message.prepared_round + 1) : 0, 8);
    return crypto::keccak256(out);
}

Hash identity_hash(const Hash& binding) {
    static constexpr std::string_view name = "weft-identity-1";
    Bytes out(name.begin(), name.end());
    append(out, binding.view());
    return crypto::keccak256(out);
}

bool EcdsaVerifier::is_signed(const PbftMessage& message) const {
    const Hash hash = signing_hash(domain_, message);
    Bytes all = to_bytes(hash);
    append(all, message.signer.view());
    append(all, message.signature.r.view());
    append(all, message.signature.s.view());
    all.push_back(message.signature.y_parity);
    const Hash id = crypto::keccak256(all);
    if (known_.contains(id)) return true;
    // One signature has one form, so that nobody can make a second message of the first.
    if (U256::from_bytes(message.signature.s.view()) > crypto::secp256k1_half_order()) return false;
    if (crypto::recover_address(hash, message.signature) != message.signer) return false;
    if (order_.size() >= known_max) {
        known_.erase(order_.front());
        order_.pop_front();
    }
    known_.insert(id);
    order_.push_back(id);
    return true;
}

std::string conflict_of(const SigningRecord& record, const PbftMessage& message) {
    const auto kind = static_cast<std::size_t>(message.kind);
    if (kind >= record.marks.size()) return "a message that nobody signs";
    const auto& mark = record.marks[kind];
    const auto place = std::tuple(message.height, message.round);
    if (mark.is_set) {
        const auto newest = std::tuple(mark.height, mark.round);
        if (place < newest) return "it has signed for a later place";
        if (place == newest && (mark.digest != message.digest || mark.prepared_round != message.prepared_round)) {
            return "it has signed something else for this place";
        }
    }
    const auto& asked = record.marks[static_cast<std::size_t>(Kind::round_change)];
    const bool is_vote = message.kind != Kind::round_change;
    if (is_vote && asked.is_set && place < std::tuple(asked.height, asked.round)) {
        return "it has asked to leave this round";
    }
    // What it committed in this height a quorum had prepared: a claim of less would let another block be proposed.
    // Nor does who has committed in a round ask for it, or an earlier one, for the first time.
    const auto& committed = record.marks[static_cast<std::size_t>(Kind::commit)];
    const bool is_repeated = mark.is_set && place == std::tuple(mark.height, mark.round);
    if (!is_vote && !is_repeated && committed.is_set && committed.height == message.height) {
        if (committed.round >= message.round) return "it has committed in this round or a later one";
        const auto round = static_cast<std::int64_t>(committed.round);
        const bool forgets = message.prepared_round < round ||
                             (message.prepared_round == round && message.digest != committed.digest);
        if (forgets) return "it has committed what this forgets";
    }
    return {};
}

void note_signed(SigningRecord& record, const PbftMessage& message) {
    const auto kind = static_cast<std::size_t>(message.kind);
    if (kind >= record.marks.size()) return;
    auto& mark = record.marks[kind];
    if (mark.is_set && std::tuple(message.height, message.round) < std::tuple(mark.height, mark.round)) return;
    mark = {true, message.height, message.round, message.digest, message.prepared_round};
}

}  // namespace weft::consensus::pbft
