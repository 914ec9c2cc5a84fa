// A chain of validators whose set changes on the way, and peers that serve it, badly.

#include "consensus/pbft/snapshot_sync.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "chain/block.hpp"
#include "consensus/pbft/codec.hpp"
#include "consensus/pbft/signing.hpp"
#include "crypto/secp256k1.hpp"

namespace weft::consensus::pbft {
namespace {

using Actions = std::vector<SnapshotAction>;
using Range = chain::SnapshotRange;

constexpr std::uint64_t length = 40;
constexpr std::uint64_t change_at = 9;  // this header names a fifth validator

Hash key(unsigned i) { return U256(1000 + i).to_hash(); }
Address address(unsigned i) { return *crypto::address_of(key(i)); }

Validators set_of(unsigned count) {
    Validators out;
    for (unsigned i = 0; i < count; ++i) out.push_back(address(i));
    std::ranges::sort(out);
    return out;
}

std::vector<Range> parts(unsigned count) {
    std::vector<Range> out(count);
    for (unsigned i = 0; i < count; ++i) {
        out[i].first.bytes[0] = static_cast<std::uint8_t>(i * 256 / count);
        out[i].last.bytes[0] = static_cast<std::uint8_t>((i + 1) * 256 / count - 1);
    }
    return out;
}

class SnapshotSync : public testing::Test {
  protected:
    SnapshotSync() {
        Hash parent;
        for (std::uint64_t number = 0; number <= length; ++number) {
            headers_.push_back(header(number, parent, set_of(number < change_at ? 4 : 5)));
            parent = headers_.back().hash;
        }
        domain_.genesis = headers_[0].hash;
        verifier_.emplace(domain_);
        for (std::uint64_t number = 1; number <= length; ++number) {
            headers_[number].proof = proof(headers_[number], number <= change_at ? 4 : 5);
        }
        config_.genesis = headers_[0].hash;
        config_.validators = set_of(4);
        config_.verifier = &*verifier_;
        config_.ahead_min = 8;
        config_.headers_at_once = 8;
        config_.chunks_at_once = 3;
        config_.failures_max = 3;
    }

    static ProvenHeader header(std::uint64_t number, const Hash& parent, const Validators& validators,
                               std::uint64_t timestamp = 0) {
        chain::Header out;
        out.number = number;
        out.parent_hash = parent;
        out.timestamp = timestamp;
        out.extra_data = encode(Extra{{}, validators, std::nullopt, 0, {}});
        return {number, chain::hash_of(out), parent, out.extra_data, {}};
    }
    /// Commits of all but the first of so many, from key @p first on.
    [[nodiscard]] Bytes proof(const ProvenHeader& header, unsigned count, unsigned first = 0) const {
        std::vector<MessagePtr> commits;
        for (unsigned i = 1; i < count; ++i) {
            auto commit = std::make_shared<PbftMessage>();
            commit->kind = Kind::commit;
            commit->height = header.number;
            commit->digest = header.hash;
            commit->signer = address(first + i);
            commit->signature = *crypto::sign(signing_hash(domain_, *commit), key(first + i));
            commits.push_back(commit);
        }
        return encode_proof(commits);
    }
    [[nodiscard]] Pivot pivot(std::uint64_t number) const {
        const auto& it = headers_[number];
        return {it.number, it.hash, it.parent, it.proof};
    }
    /// As a correct peer sends them: with the proofs that are needed.
    [[nodiscard]] std::vector<ProvenHeader> serve(std::uint64_t first, std::uint64_t count) const {
        std::vector<ProvenHeader> out;
        for (std::uint64_t number = first; number < first + count && number <= length; ++number) {
            out.push_back(headers_[number]);
            if (number != change_at) out.back().proof.clear();
        }
        if (!out.empty()) out.back().proof = headers_[out.back().number].proof;
        return out;
    }

    Actions tell(const SnapshotEvent& event) { return step(config_, state_, event); }
    template <class Event>
    Actions tell_now(Event event) {
        event.attempt = state_.attempt;
        return tell(event);
    }
    Actions find(std::uint64_t number, const std::string& peer = "a") {
        return tell_now(PivotFound{0, peer, pivot(number)});
    }
    Actions ready(std::vector<Range> missing) { return tell_now(StorageReady{0, std::move(missing)}); }
    /// From the start to the first chunks.
    Actions walk(std::uint64_t number, std::vector<Range> missing) {
        (void)begin(config_, state_);
        (void)find(number);
        return walk_headers(ready(std::move(missing)));
    }
    Actions walk_headers(Actions actions) {
        while (actions.size() == 1 && std::holds_alternative<AskHeaders>(actions[0])) {
            const auto ask = std::get<AskHeaders>(actions[0]);
            actions = tell_now(HeadersFound{0, "a", serve(ask.first, ask.count)});
            if (actions.size() != 1 || !std::holds_alternative<KeepHeaders>(actions[0])) return actions;
            actions = tell_now(HeadersKept{});
        }
        return actions;
    }
    Actions keep(const Range& range) {
        auto missing = state_.missing;
        std::erase_if(missing, [&](const Range& it) { return it.first == range.first; });
        return tell_now(ChunkKept{0, range, std::move(missing)});
    }

    template <class Action>
    static std::vector<Action> all(const Actions& actions) {
        std::vector<Action> out;
        for (const auto& action : actions) {
            if (const auto* it = std::get_if<Action>(&action)) out.push_back(*it);
        }
        return out;
    }
    template <class Action>
    static Action only(const Actions& actions) {
        EXPECT_EQ(actions.size(), 1U);
        const auto found = all<Action>(actions);
        EXPECT_EQ(found.size(), 1U);
        return found.empty() ? Action{} : found[0];
    }

    std::vector<ProvenHeader> headers_;
    Domain domain_{31337, {}};
    std::optional<EcdsaVerifier> verifier_;
    SnapshotConfig config_;
    SnapshotState state_;
};

TEST_F(SnapshotSync, goes_from_headers_to_chunks_to_the_end_and_the_set_of_validators_changes_on_the_way) {
    EXPECT_TRUE(only<AskPivot>(begin(config_, state_)).not_from.empty());
    EXPECT_EQ(only<PrepareStorage>(find(32)).pivot.hash, headers_[32].hash);
    const auto first = only<AskHeaders>(ready(parts(4)));
    EXPECT_EQ(first.first, 1U);
    EXPECT_EQ(first.count, 8U);
    EXPECT_EQ(describe(state_), "snapshot of block 32: headers, 0 %");
    std::uint64_t kept = 0;
    Actions actions;
    for (auto ask = first;; ask = only<AskHeaders>(actions)) {
        kept += only<KeepHeaders>(tell_now(HeadersFound{0, "a", serve(ask.first, ask.count)})).count;
        actions = tell_now(HeadersKept{});
        if (kept == 31) break;
    }
    EXPECT_EQ(state_.validators, set_of(5));
    EXPECT_EQ(all<AskChunk>(actions).size(), 3U) << "several at once";
    EXPECT_EQ(describe(state_), "snapshot of block 32, 0 %");
    const auto ranges = parts(4);
    EXPECT_EQ(only<AskChunk>(keep(ranges[1])).range.first, ranges[3].first);
    EXPECT_EQ(describe(state_), "snapshot of block 32, 25 %");
    EXPECT_TRUE(keep(ranges[0]).empty());
    EXPECT_TRUE(keep(ranges[3]).empty());
    (void)only<Finish>(keep(ranges[2]));
    (void)only<Synced>(tell_now(Finished{}));
    EXPECT_EQ(describe(state_), "");
}

TEST_F(SnapshotSync, is_left_to_who_executes_blocks_if_no_snapshot_is_far_ahead) {
    (void)begin(config_, state_);
    EXPECT_EQ(only<Unsuited>(tell_now(NobodyHasIt{})).why, "no peer has a snapshot that is far enough ahead");
}

TEST_F(SnapshotSync, one_peer_s_old_snapshot_is_no_reason_to_execute_every_block) {
    (void)begin(config_, state_);
    EXPECT_EQ(only<AskPivot>(find(8, "old")).not_from, std::vector<std::string>{"old"});
    EXPECT_EQ(only<AskPivot>(find(1, "older")).not_from, (std::vector<std::string>{"old", "older"}));
    EXPECT_EQ(only<PrepareStorage>(find(32)).pivot.number, 32U);
    state_ = {};
    (void)begin(config_, state_);
    (void)find(8, "old");
    EXPECT_EQ(only<Unsuited>(tell_now(NobodyHasIt{})).why, "no peer has a snapshot that is far enough ahead");
}

TEST_F(SnapshotSync, headers_that_prove_nothing_cost_their_sender_and_are_asked_of_others) {
    const auto forged_set = [this] {
        // A chain of its own on the true genesis block, on which the liar's keys are the validators.
        auto out = serve(1, 8);
        out[2] = header(3, out[1].hash, {address(77)});
        for (std::size_t i = 3; i < out.size(); ++i) out[i] = header(out[i].number, out[i - 1].hash, {address(77)});
        out[2].proof = proof(out[2], 5, 70);
        out.back().proof = proof(out.back(), 5, 70);
        return out;
    };
    const auto changed = [this](auto change) {
        auto out = serve(1, 8);
        change(out);
        return out;
    };
    const struct {
        const char* name;
        std::vector<ProvenHeader> headers;
    } cases[] = {
        {"validators of its own", forged_set()},
        {"no proof of the last", changed([](auto& it) { it.back().proof.clear(); })},
        {"the proof of another", changed([this](auto& it) { it.back().proof = headers_[7].proof; })},
        {"too few commits", changed([this](auto& it) { it.back().proof = proof(it.back(), 3); })},
        {"a gap", changed([](auto& it) { it.erase(it.begin() + 3); })},
        {"not from the beginning", serve(2, 8)},
        {"no extra data", changed([](auto& it) { it[4].extra_data = {0xc0}; })},
        {"none", {}},
    };
    for (const auto& [name, headers] : cases) {
        SCOPED_TRACE(name);
        state_ = {};
        (void)begin(config_, state_);
        (void)find(32);
        (void)ready(parts(4));
        const auto actions = tell_now(HeadersFound{0, "liar", headers});
        ASSERT_EQ(actions.size(), 2U);
        EXPECT_EQ(all<BlamePeer>(actions).at(0).peer, "liar");
        const auto again = all<AskHeaders>(actions).at(0);
        EXPECT_EQ(again.first, 1U);
        EXPECT_EQ(again.not_from, std::vector<std::string>{"liar"});
        EXPECT_EQ(all<AskChunk>(walk_headers({again})).size(), 3U) << "others have them";
    }
}

/// The header that names a fifth validator comes without its proof: whoever signs after it could be anybody.
TEST_F(SnapshotSync, a_change_of_validators_without_its_own_proof_is_not_believed) {
    (void)begin(config_, state_);
    (void)find(32);
    (void)ready(parts(4));
    (void)tell_now(HeadersFound{0, "a", serve(1, 8)});
    (void)tell_now(HeadersKept{});
    auto headers = serve(9, 8);
    headers[0].proof.clear();
    EXPECT_EQ(all<BlamePeer>(tell_now(HeadersFound{0, "liar", headers})).at(0).peer, "liar");
}

TEST_F(SnapshotSync, a_pivot_that_is_not_final_costs_who_named_it) {
    const auto lie_about = [this](auto change) {
        state_ = {};
        (void)begin(config_, state_);
        auto false_pivot = pivot(32);
        change(false_pivot);
        (void)tell_now(PivotFound{0, "liar", false_pivot});
        const auto actions = walk_headers(ready(parts(4)));
        ASSERT_EQ(actions.size(), 2U);
        EXPECT_EQ(all<BlamePeer>(actions).at(0).peer, "liar");
        EXPECT_EQ(all<AskPivot>(actions).at(0).not_from, std::vector<std::string>{"liar"});
        (void)find(32, "b");
        EXPECT_EQ(all<AskChunk>(walk_headers(ready(parts(4)))).size(), 3U);
    };
    lie_about([](Pivot& it) { it.proof.clear(); });
    lie_about([](Pivot& it) { it.hash.bytes[3] ^= 1; });
    lie_about([this](Pivot& it) { it = {32, Hash{{9}}, headers_[31].hash, headers_[31].proof}; });
    lie_about([this](Pivot& it) {
        const auto other = header(32, headers_[31].hash, set_of(5), 1);
        it = {32, other.hash, other.parent, proof(other, 5, 70)};
    });
}

TEST_F(SnapshotSync, a_pivot_above_all_headers_is_given_up_and_nobody_is_blamed) {
    (void)begin(config_, state_);
    (void)tell_now(PivotFound{0, "dreamer", {1000, Hash{{1}}, Hash{{2}}, {}}});
    auto actions = walk_headers(ready(parts(4)));
    EXPECT_EQ(all<BlamePeer>(actions).at(0).peer, "a") << "nothing is no answer: the service says that nobody has it";
    (void)only<Pause>(tell_now(NobodyHasIt{}));
    EXPECT_EQ(only<AskPivot>(tell_now(Resumed{})).not_from, std::vector<std::string>{"dreamer"});
}

TEST_F(SnapshotSync, a_block_with_other_receipts_costs_who_sent_it) {
    (void)begin(config_, state_);
    (void)find(32, "liar");
    const auto actions = tell_now(AnswerWrong{0, "liar", "receipts", std::nullopt});
    EXPECT_EQ(all<BlamePeer>(actions).at(0).why, "receipts");
    EXPECT_EQ(all<AskPivot>(actions).at(0).not_from, std::vector<std::string>{"liar"});
}

TEST_F(SnapshotSync, a_corrupt_chunk_costs_its_sender_alone_and_is_asked_elsewhere) {
    const auto asked = all<AskChunk>(walk(32, parts(4)));
    const auto actions = tell_now(AnswerWrong{0, "liar", "corrupt", asked[1].range});
    ASSERT_EQ(actions.size(), 2U);
    EXPECT_EQ(all<BlamePeer>(actions).at(0).peer, "liar");
    const auto again = all<AskChunk>(actions).at(0);
    EXPECT_EQ(again.range.first, asked[1].range.first);
    EXPECT_EQ(again.not_from, std::vector<std::string>{"liar"});
    EXPECT_EQ(state_.missing.size(), 4U);
}

TEST_F(SnapshotSync, a_slow_peer_keeps_nobody_waiting) {
    auto asked = all<AskChunk>(walk(32, parts(16)));
    const Range slow = asked[0].range;
    std::vector<Range> open = {asked[1].range, asked[2].range};
    std::size_t kept = 0;
    while (!open.empty()) {
        const Range range = open.back();
        open.pop_back();
        for (const auto& next : all<AskChunk>(keep(range))) open.push_back(next.range);
        ++kept;
    }
    EXPECT_EQ(kept, 15U);
    (void)only<Finish>(keep(slow));
}

TEST_F(SnapshotSync, a_pivot_that_is_served_no_more_gives_way_to_a_newer_one) {
    const auto asked = all<AskChunk>(walk(24, parts(4)));
    (void)only<Pause>(tell_now(NobodyHasIt{0, asked[0].range}));
    EXPECT_TRUE(tell_now(NobodyHasIt{0, asked[1].range}).empty()) << "one question is enough";
    EXPECT_TRUE(keep(asked[2].range).empty());
    EXPECT_EQ(only<AskPivot>(tell_now(Resumed{})).not_from, std::vector<std::string>{"a"})
        << "who named it would name it again";
    const std::uint64_t before = state_.attempt;
    EXPECT_EQ(only<PrepareStorage>(find(32)).pivot.number, 32U);
    EXPECT_TRUE(tell(ChunkKept{before, asked[0].range, {}}).empty()) << "of the old one";
    EXPECT_EQ(all<AskChunk>(walk_headers(ready(parts(4)))).size(), 3U);
}

TEST_F(SnapshotSync, a_pivot_that_is_still_served_is_gone_on_with) {
    const auto asked = all<AskChunk>(walk(32, parts(4)));
    (void)only<Pause>(tell_now(NobodyHasIt{0, asked[0].range}));
    (void)only<AskPivot>(tell_now(Resumed{}));
    const auto again = all<AskChunk>(find(32));
    ASSERT_EQ(again.size(), 1U);
    EXPECT_EQ(again[0].range.first, asked[0].range.first);
}

TEST_F(SnapshotSync, when_nobody_answers_for_long_the_blocks_are_executed_instead) {
    const Range asked = only<AskChunk>(walk(32, parts(1))).range;
    for (std::size_t i = 0; i < config_.failures_max; ++i) {
        (void)only<Pause>(tell_now(NobodyHasIt{0, asked}));
        (void)only<AskPivot>(tell_now(Resumed{}));
        EXPECT_EQ(only<AskChunk>(tell_now(NobodyHasIt{})).range.first, asked.first) << "its peer may have it again";
    }
    EXPECT_EQ(only<Unsuited>(tell_now(NobodyHasIt{0, asked})).why, "nobody serves what is missing of the snapshot");
}

TEST_F(SnapshotSync, a_storage_that_was_started_again_says_what_it_has) {
    const auto asked = all<AskChunk>(walk(32, parts(4)));
    (void)only<Pause>(tell_now(StorageFailed{}));
    EXPECT_TRUE(tell(ChunkKept{state_.attempt - 1, asked[0].range, {}}).empty());
    EXPECT_EQ(only<PrepareStorage>(tell_now(Resumed{})).pivot.number, 32U);
    const std::vector<Range> left = {parts(4)[2]};
    const auto actions = walk_headers(ready(left));
    EXPECT_EQ(only<AskChunk>(actions).range.first, left[0].first) << "what was kept is not asked for again";
    EXPECT_EQ(describe(state_), "snapshot of block 32, 75 %");
}

TEST_F(SnapshotSync, who_reads_the_old_state_delays_the_end_and_does_not_prevent_it) {
    (void)walk(32, parts(1));
    (void)only<Finish>(keep(parts(1)[0]));
    (void)only<Pause>(tell_now(StorageFailed{0, true}));
    (void)only<Finish>(tell_now(Resumed{}));
    (void)only<Pause>(tell_now(StorageFailed{0, false}));
    (void)only<PrepareStorage>(tell_now(Resumed{}));
    (void)only<Finish>(walk_headers(ready({})));
    (void)only<Synced>(tell_now(Finished{}));
}

}  // namespace
}  // namespace weft::consensus::pbft
