#pragma once
// What a block of a validators' chain says in its extra data, and who votes after it.
//
//   extra = [vanity, [validator, ...], vote, round, [seal, ...]]      vote = [] | [candidate, 0xff (add) | 0x00 (drop)]
//
// The encoding is Besu's for QBFT. In a block's header round is 0 and there are no seals, so that the header's hash is
// the block's hash for every tool that computes it; what proves a block is kept beside it (codec.hpp, Proof).
//
// The validators named in block h vote for block h + 1. The set is a function of the headers before it: a proposer may
// put one vote into each block it makes, and a candidate for whom, or against whom, more than half of the validators
// have voted joins or leaves with that block. A block whose number is a multiple of the epoch forgets all votes, those
// to add and those to drop.

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "consensus/engine.hpp"

namespace weft::consensus::pbft {

/// More would make certificates that take longer to check than a block takes.
inline constexpr std::size_t validators_max = 100;

/// mixHash of every block, by which tools know the family of engines. It is no random number: a contract that asks for
/// PREVRANDAO gets this constant.
inline constexpr Hash mix_hash{{0x63, 0x74, 0x69, 0x63, 0x61, 0x6c, 0x20, 0x62, 0x79, 0x7a, 0x61,
                                0x6e, 0x74, 0x69, 0x6e, 0x65, 0x20, 0x66, 0x61, 0x75, 0x6c, 0x74,
                                0x20, 0x74, 0x6f, 0x6c, 0x65, 0x72, 0x61, 0x6e, 0x63, 0x65}};

struct Vote {
    Address candidate;
    bool is_add = true;
    bool operator==(const Vote&) const = default;
};

struct Extra {
    Hash vanity;
    Validators validators;  // ascending
    std::optional<Vote> vote;
    Round round = 0;
    std::vector<Bytes> seals;
    bool operator==(const Extra&) const = default;
};
[[nodiscard]] Bytes encode(const Extra& extra);
/// @errors invalid_argument  not of this form, or more than validators_max.
[[nodiscard]] Result<Extra> decode_extra(BytesView encoded);

/// The validators after some block, and the votes that have not come to an end.
class Tally {
  public:
    Tally() = default;
    /// @param epoch  blocks between two that forget all votes; at least 1.
    Tally(Validators validators, std::uint64_t epoch) : validators_(std::move(validators)), epoch_(epoch) {}

    /// Takes in the block after those so far.
    /// @param proposer  of the block. Its vote counts if it is a validator, and the last it gave for a candidate.
    void add(std::uint64_t number, const Address& proposer, const std::optional<Vote>& vote);
    [[nodiscard]] const Validators& validators() const { return validators_; }

    struct Open {
        Vote vote;
        std::vector<Address> voters;  // ascending
        bool operator==(const Open&) const = default;
    };
    [[nodiscard]] std::vector<Open> open() const;
    /// Whether a vote can change anything: the last validator is not dropped, nobody joins twice, and nobody beyond
    /// validators_max.
    [[nodiscard]] bool makes_sense(const Vote& vote) const;

  private:
    void settle(const Address& candidate);
    [[nodiscard]] bool is_validator(const Address& address) const;

    Validators validators_;
    std::uint64_t epoch_ = 30'000;
    std::map<Address, std::map<Address, bool>> votes_;  // candidate -> voter -> add
};

}  // namespace weft::consensus::pbft
