#include "consensus/pbft/extra.hpp"

#include <algorithm>

#include "base/rlp.hpp"

namespace weft::consensus::pbft {

namespace {

constexpr std::uint8_t add_byte = 0xff;
constexpr std::uint8_t drop_byte = 0x00;
constexpr std::size_t seal_size = 65;

std::unexpected<Error> wrong(const char* what) {
    return fail(ErrorCode::invalid_argument, std::string("extra data: ") + what);
}

Result<std::optional<Vote>> read_vote(rlp::Reader& in) {
    WEFT_TRY(auto fields, in.list());
    if (fields.done()) return std::optional<Vote>();
    Vote vote;
    WEFT_TRY(vote.candidate, fields.fixed<Address>());
    WEFT_TRY(const BytesView kind, fields.string());
    WEFT_CHECK(fields.end());
    if (kind.size() != 1 || (kind[0] != add_byte && kind[0] != drop_byte)) return wrong("a vote that is neither");
    vote.is_add = kind[0] == add_byte;
    return std::optional(vote);
}

}  // namespace

Bytes encode(const Extra& extra) {
    rlp::Writer out;
    const auto whole = out.begin_list();
    out.string(extra.vanity.view());
    const auto validators = out.begin_list();
    for (const auto& validator : extra.validators) out.string(validator.view());
    out.end_list(validators);
    const auto vote = out.begin_list();
    if (extra.vote) {
        const std::uint8_t kind = extra.vote->is_add ? add_byte : drop_byte;
        out.string(extra.vote->candidate.view()).string(BytesView(&kind, 1));
    }
    out.end_list(vote);
    out.number(extra.round);
    const auto seals = out.begin_list();
    for (const auto& seal : extra.seals) out.string(seal);
    out.end_list(seals);
    out.end_list(whole);
    return out.take();
}

Result<Extra> decode_extra(BytesView encoded) {
    rlp::Reader outer(encoded);
    WEFT_TRY(auto in, outer.list());
    WEFT_CHECK(outer.end());
    Extra out;
    WEFT_TRY(out.vanity, in.fixed<Hash>());
    WEFT_TRY(auto validators, in.list());
    while (!validators.done()) {
        if (out.validators.size() >= validators_max) return wrong("too many validators");
        WEFT_TRY(const Address validator, validators.fixed<Address>());
        if (!out.validators.empty() && !(out.validators.back() < validator)) return wrong("validators out of order");
        out.validators.push_back(validator);
    }
    WEFT_TRY(out.vote, read_vote(in));
    WEFT_TRY(const std::uint64_t round, in.u64());
    if (round > UINT32_MAX) return wrong("a round beyond all");
    out.round = static_cast<Round>(round);
    WEFT_TRY(auto seals, in.list());
    while (!seals.done()) {
        if (out.seals.size() >= validators_max) return wrong("too many seals");
        WEFT_TRY(const BytesView seal, seals.string());
        if (seal.size() != seal_size) return wrong("a seal of another size");
        out.seals.push_back(to_bytes(seal));
    }
    WEFT_CHECK(in.end());
    return out;
}

bool Tally::is_validator(const Address& address) const { return std::ranges::binary_search(validators_, address); }

bool Tally::makes_sense(const Vote& vote) const {
    if (vote.is_add) return !is_validator(vote.candidate) && validators_.size() < validators_max;
    return is_validator(vote.candidate) && validators_.size() > 1;
}

void Tally::add(std::uint64_t number, const Address& proposer, const std::optional<Vote>& vote) {
    if (number % epoch_ == 0) votes_.clear();
    if (!vote || !is_validator(proposer) || !makes_sense(*vote)) return;
    votes_[vote->candidate][proposer] = vote->is_add;
    settle(vote->candidate);
}

void Tally::settle(const Address& candidate) {
    const bool is_add = !is_validator(candidate);
    const auto& voters = votes_[candidate];
    const auto count = std::ranges::count_if(voters, [&](const auto& it) { return it.second == is_add; });
    if (static_cast<std::size_t>(count) <= validators_.size() / 2) return;
    votes_.erase(candidate);
    if (is_add) {
        validators_.insert(std::ranges::lower_bound(validators_, candidate), candidate);
        return;
    }
    validators_.erase(std::ranges::lower_bound(validators_, candidate));
    // Who is no validator has no vote.
    for (auto& [other, theirs] : votes_) theirs.erase(candidate);
    std::erase_if(votes_, [](const auto& it) { return it.second.empty(); });
}

std::vector<Tally::Open> Tally::open() const {
    std::vector<Open> out;
    for (const auto& [candidate, voters] : votes_) {
        for (const bool is_add : {true, false}) {
            Open it{{candidate, is_add}, {}};
            for (const auto& [voter, adds] : voters) {
                if (adds == is_add) it.voters.push_back(voter);
            }
            if (!it.voters.empty()) out.push_back(std::move(it));
        }
    }
    return out;
}

}  // namespace weft::consensus::pbft
