#include "consensus/pbft/codec.hpp"

#include <gtest/gtest.h>

#include "base/hex.hpp"
#include "base/rlp.hpp"
#include "chain/block.hpp"
#include "consensus/pbft/extra.hpp"
#include "consensus/pbft/signing.hpp"
#include "crypto/secp256k1.hpp"

namespace weft::consensus::pbft {
namespace {

constexpr Domain domain{31337, Hash{{7}}};

Hash key(unsigned i) { return U256(1000 + i).to_hash(); }
Address address(unsigned i) { return *crypto::address_of(key(i)); }

BlockPtr make_block(std::uint64_t number, std::uint64_t timestamp = 5) {
    chain::Header header;
    header.number = number;
    header.timestamp = timestamp;
    header.coinbase = address(1);
    return *to_block(chain::encode(chain::Block{header, {}, {}, std::nullopt}));
}

PbftMessage make(Kind kind, Round round, const Hash& digest, unsigned signer) {
    PbftMessage out;
    out.kind = kind;
    out.height = 3;
    out.round = round;
    out.digest = digest;
    out.signer = address(signer);
    out.signature = *crypto::sign(signing_hash(domain, out), key(signer));
    return out;
}
Ptr shared(PbftMessage message) { return std::make_shared<const PbftMessage>(std::move(message)); }

/// A proposal of round 2 with all that may hang on one.
PbftMessage full_proposal() {
    const auto block = make_block(3);
    PbftMessage out = make(Kind::proposal, 2, block->digest, 1);
    out.block = block;
    for (unsigned i = 0; i < 3; ++i) {
        auto change = make(Kind::round_change, 2, i == 0 ? block->digest : Hash(), i);
        if (i == 0) {
            change.prepared_round = 1;
            change.block = block;
            for (unsigned j = 0; j < 3; ++j) change.votes.push_back(shared(make(Kind::prepare, 1, block->digest, j)));
            change.signature = *crypto::sign(signing_hash(domain, change), key(i));
            out.votes = change.votes;
        }
        out.round_changes.push_back(shared(std::move(change)));
    }
    return out;
}

TEST(pbft_codec, every_kind_reads_back_to_the_same_bytes) {
    const auto block = make_block(3);
    std::vector<PbftMessage> messages{full_proposal(), make(Kind::prepare, 0, block->digest, 0),
                                      make(Kind::commit, 7, block->digest, 2), make(Kind::round_change, 1, {}, 1)};
    auto decided = make(Kind::decided, 0, block->digest, 0);
    decided.block = block;
    decided.votes = {shared(make(Kind::commit, 0, block->digest, 0))};
    messages.push_back(decided);
    for (const auto& message : messages) {
        SCOPED_TRACE(static_cast<int>(message.kind));
        const auto packed = pack(message);
        const auto read = unpack(packed.message, packed.blocks);
        ASSERT_TRUE(read) << read.error().message;
        EXPECT_EQ(pack(**read).message, packed.message);
        EXPECT_EQ((*read)->signer, message.signer);
    }
}

TEST(pbft_codec, a_block_travels_once) { EXPECT_EQ(pack(full_proposal()).blocks.size(), 1U); }

TEST(pbft_codec, refuses_what_is_cut_off_changed_or_too_deep) {
    const auto packed = pack(full_proposal());
    for (std::size_t size = 0; size < packed.message.size(); size += 7) {
        EXPECT_FALSE(unpack(BytesView(packed.message).first(size), packed.blocks)) << size;
    }
    EXPECT_FALSE(unpack(packed.message, {})) << "its block is not there";
    auto deep = make(Kind::prepare, 0, {}, 0);
    auto deeper = full_proposal();
    deep.votes = {shared(deeper)};
    EXPECT_FALSE(unpack(pack(deep).message, packed.blocks)) << "a vote that holds messages";
    auto many = make(Kind::proposal, 1, {}, 0);
    for (std::size_t i = 0; i <= validators_max; ++i) many.votes.push_back(shared(make(Kind::prepare, 0, {}, 0)));
    EXPECT_FALSE(unpack(pack(many).message, {})) << "a list that is too long";
}

TEST(pbft_codec, records_read_back) {
    PbftRecord record;
    EXPECT_EQ(encode(**decode_record(encode(record))), encode(record));
    record.height = 3;
    record.round = 2;
    record.prepare_round = 2;
    record.prepare_digest = make_block(3)->digest;
    record.commit_round = 1;
    record.round_change = 2;
    record.proposal = shared(full_proposal());
    record.prepared = {1, make_block(3), record.proposal->votes};
    const auto read = decode_record(encode(record));
    ASSERT_TRUE(read) << read.error().message;
    EXPECT_EQ(encode(**read), encode(record));
    EXPECT_EQ((*read)->prepared.block->bytes, make_block(3)->bytes);
    EXPECT_EQ((*read)->proposal->block->bytes, make_block(3)->bytes) << "the same bytes are proposed again";
    const Bytes whole = encode(record);
    for (std::size_t size = 0; size < whole.size(); size += 11) {
        EXPECT_FALSE(decode_record(BytesView(whole).first(size))) << size;
    }
}

TEST(pbft_codec, a_proof_needs_a_quorum_of_validators_over_the_same_block_and_round) {
    const EcdsaVerifier verifier(domain);
    Validators validators{address(0), address(1), address(2), address(3)};
    std::ranges::sort(validators);
    const auto block = make_block(3);
    const auto commits = [&](std::vector<unsigned> signers) {
        std::vector<MessagePtr> out;
        for (const unsigned i : signers) out.push_back(shared(make(Kind::commit, 1, block->digest, i)));
        return out;
    };
    const auto holds = [&](const std::vector<MessagePtr>& proof, Height height, const Hash& digest) {
        const auto read = decode_proof(encode_proof(proof), height);
        return read && is_final(*read, digest, height, validators, verifier);
    };
    EXPECT_TRUE(holds(commits({0, 1, 2}), 3, block->digest));
    EXPECT_FALSE(holds(commits({0, 1}), 3, block->digest)) << "no quorum";
    EXPECT_FALSE(holds(commits({0, 1, 1}), 3, block->digest)) << "one of them twice";
    EXPECT_FALSE(holds(commits({0, 1, 9}), 3, block->digest)) << "a stranger";
    EXPECT_FALSE(holds(commits({0, 1, 2}), 4, block->digest)) << "another height";
    EXPECT_FALSE(holds(commits({0, 1, 2}), 3, make_block(3, 6)->digest)) << "another block";
}

TEST(pbft_signing, one_place_one_content_and_forward_only) {
    SigningRecord record;
    const Hash a = U256(1).to_hash();
    const Hash b = U256(2).to_hash();
    const auto may = [&](const PbftMessage& message) { return conflict_of(record, message).empty(); };
    note_signed(record, make(Kind::prepare, 1, a, 0));
    EXPECT_TRUE(may(make(Kind::prepare, 1, a, 0))) << "the same again";
    EXPECT_FALSE(may(make(Kind::prepare, 1, b, 0))) << "another block in this round";
    EXPECT_FALSE(may(make(Kind::prepare, 0, a, 0))) << "an earlier round";
    EXPECT_TRUE(may(make(Kind::prepare, 2, b, 0)));
    EXPECT_TRUE(may(make(Kind::commit, 1, a, 0))) << "another kind";
    note_signed(record, make(Kind::round_change, 2, {}, 0));
    EXPECT_FALSE(may(make(Kind::commit, 1, a, 0))) << "it has asked to leave this round";
    EXPECT_TRUE(may(make(Kind::commit, 2, b, 0)));
    auto claims = make(Kind::round_change, 2, a, 0);
    claims.prepared_round = 1;
    EXPECT_FALSE(may(claims)) << "the same change with another claim";
    EXPECT_FALSE(may(make(Kind::status, 9, a, 0)));
}

TEST(pbft_signing, signatures_are_bound_to_chain_kind_and_place) {
    auto message = make(Kind::prepare, 1, U256(1).to_hash(), 0);
    EXPECT_TRUE(EcdsaVerifier(domain).is_signed(message));
    EXPECT_FALSE(EcdsaVerifier({31338, domain.genesis}).is_signed(message));
    EXPECT_FALSE(EcdsaVerifier({31337, Hash{{8}}}).is_signed(message));
    message.kind = Kind::commit;
    EXPECT_FALSE(EcdsaVerifier(domain).is_signed(message));
    message = make(Kind::prepare, 1, U256(1).to_hash(), 0);
    message.signature.s = (crypto::secp256k1_order() - U256::from_bytes(message.signature.s.view())).to_hash();
    message.signature.y_parity ^= 1;
    EXPECT_FALSE(EcdsaVerifier(domain).is_signed(message)) << "the other form of the same signature";
}

TEST(pbft_extra, is_encoded_as_besu_does) {
    // Two validators, a vote to add one, round 0xfedcba, no seals: by the layout Besu documents for QBFT.
    Extra extra;
    extra.validators = {Address{{1}}, Address{{2}}};
    extra.vote = Vote{Address{{9}}, true};
    extra.round = 0x00fedcba;
    EXPECT_EQ(to_hex(encode(extra)),
              "0xf869a00000000000000000000000000000000000000000000000000000000000000000"
              "ea9401000000000000000000000000000000000000009402000000000000000000000000000000000000"
              "00d7940900000000000000000000000000000000000000" "81ff" "83fedcba" "c0");
    const auto read = decode_extra(encode(extra));
    ASSERT_TRUE(read) << read.error().message;
    EXPECT_EQ(*read, extra);
    extra.vote.reset();
    EXPECT_EQ(*decode_extra(encode(extra)), extra);
    extra.validators = {Address{{2}}, Address{{1}}};
    EXPECT_FALSE(decode_extra(encode(extra))) << "out of order";
}

TEST(pbft_votes, more_than_half_add_and_drop) {
    const Address a{{1}}, b{{2}}, c{{3}}, d{{4}}, e{{5}};
    Tally tally({a, b, c, d}, 100);
    tally.add(1, a, Vote{e, true});
    tally.add(2, b, Vote{e, true});
    EXPECT_EQ(tally.validators().size(), 4U) << "half is not more than half";
    tally.add(3, b, Vote{e, true});
    EXPECT_EQ(tally.validators().size(), 4U) << "the same voter again";
    tally.add(4, e, Vote{e, true});
    EXPECT_EQ(tally.validators().size(), 4U) << "no validator";
    tally.add(5, d, Vote{e, true});
    EXPECT_EQ(tally.validators(), (Validators{a, b, c, d, e}));
    EXPECT_TRUE(tally.open().empty());
    for (const auto& voter : {a, b, e}) tally.add(6, voter, Vote{d, false});
    EXPECT_EQ(tally.validators(), (Validators{a, b, c, e}));
}

TEST(pbft_votes, an_epoch_forgets_adds_and_drops_alike) {
    const Address a{{1}}, b{{2}}, c{{3}}, e{{5}};
    Tally tally({a, b, c}, 10);
    tally.add(8, a, Vote{e, true});
    tally.add(9, a, Vote{b, false});
    EXPECT_EQ(tally.open().size(), 2U);
    tally.add(10, c, std::nullopt);
    EXPECT_TRUE(tally.open().empty());
}

TEST(pbft_votes, the_last_validator_stays_and_who_left_has_no_vote) {
    const Address a{{1}}, b{{2}}, c{{3}};
    Tally alone({a}, 10);
    alone.add(1, a, Vote{a, false});
    EXPECT_EQ(alone.validators(), (Validators{a}));
    alone.add(2, a, Vote{b, true});
    EXPECT_EQ(alone.validators(), (Validators{a, b})) << "one grows to two";
    Tally three({a, b, c}, 100);
    three.add(1, c, Vote{Address{{9}}, true});
    three.add(2, a, Vote{c, false});
    three.add(3, b, Vote{c, false});
    EXPECT_EQ(three.validators(), (Validators{a, b}));
    EXPECT_TRUE(three.open().empty()) << "its vote went with it";
}

}  // namespace
}  // namespace weft::consensus::pbft
