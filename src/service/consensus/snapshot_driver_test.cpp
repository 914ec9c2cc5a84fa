// A driver between peers and a storage that do what a test tells them to.

#include "service/consensus/snapshot_driver.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <thread>

#include "chain/block.hpp"
#include "consensus/pbft/codec.hpp"
#include "consensus/pbft/signing.hpp"
#include "crypto/secp256k1.hpp"

namespace weft::service::consensus {
namespace {

namespace pbft = weft::consensus::pbft;
using Range = chain::SnapshotRange;
using Chunk = api::network::FetchChunkReply;

constexpr std::uint64_t length = 30;
constexpr unsigned parts_count = 4;
const Hash key = U256(7).to_hash();

/// A range of the state, or its chunk: the first byte tells which.
Range part(unsigned i) {
    Range out;
    out.first.bytes[0] = static_cast<std::uint8_t>(i * 64);
    out.last.bytes[0] = static_cast<std::uint8_t>(i * 64 + 63);
    return out;
}
unsigned part_of(const Range& range) { return range.first.bytes[0] / 64U; }

bool has(const std::vector<std::string>& all, const char* one) { return std::ranges::find(all, one) != all.end(); }

class SnapshotDriving : public testing::Test {
  protected:
    SnapshotDriving() {
        const auto validator = *crypto::address_of(key);
        for (std::uint64_t number = 0; number <= length; ++number) {
            chain::Block block;
            block.header.number = number;
            if (number > 0) block.header.parent_hash = hash_of(number - 1);
            block.header.extra_data = pbft::encode(pbft::Extra{{}, {validator}, std::nullopt, 0, {}});
            blocks_.push_back(std::move(block));
        }
        domain_.genesis = hash_of(0);
        verifier_.emplace(domain_);
        config_.genesis = domain_.genesis;
        config_.validators = {validator};
        config_.verifier = &*verifier_;
        config_.ahead_min = 8;
        config_.headers_at_once = 5;
        config_.chunks_at_once = parts_count;
        for (unsigned i = 0; i < parts_count; ++i) missing_.push_back(part(i));
    }

    [[nodiscard]] Hash hash_of(std::uint64_t number) const { return chain::hash_of(blocks_[number].header); }
    [[nodiscard]] Bytes proof_of(std::uint64_t number) const {
        auto commit = std::make_shared<pbft::PbftMessage>();
        commit->kind = pbft::Kind::commit;
        commit->height = number;
        commit->digest = hash_of(number);
        commit->signer = config_.validators[0];
        commit->signature = *crypto::sign(pbft::signing_hash(domain_, *commit), key);
        return pbft::encode_proof({commit});
    }

    // What correct peers and a correct storage answer.
    Result<api::network::FetchSnapshotReply> snapshot() {
        return api::network::FetchSnapshotReply{
            {served_, chain::encode(blocks_[served_]), proof_of(served_), {}}, "a"};
    }
    Result<api::network::FetchHeadersReply> headers(const api::network::FetchHeaders& request) {
        api::network::FetchHeadersReply out;
        out.peer = "a";
        for (std::uint64_t number = request.first; number < request.first + request.count && number <= length;
             ++number) {
            out.headers.push_back(chain::encode(blocks_[number].header));
            out.proofs.emplace_back();
        }
        if (!out.proofs.empty()) out.proofs.back() = proof_of(request.first + out.proofs.size() - 1);
        return out;
    }
    static Chunk chunk(const api::network::FetchChunk& request, std::string peer = "a") {
        Chunk out;
        out.chunk.last = request.range.last;
        out.peer = std::move(peer);
        return out;
    }
    Result<api::storage::SnapshotProgressReply> begin(const api::storage::BeginSnapshot& request) {
        begun_.push_back(request.head.number);
        return api::storage::SnapshotProgressReply{missing_, 1};
    }
    Result<api::storage::SnapshotProgressReply> put(const api::storage::PutHeaders& request) {
        EXPECT_EQ(request.block, hash_of(begun_.back()));
        for (const auto& header : request.headers) kept_headers_.push_back(chain::decode_header(header.block)->number);
        return api::storage::SnapshotProgressReply{missing_, 0};
    }
    Result<api::storage::SnapshotProgressReply> put(const api::storage::PutChunk& request) {
        EXPECT_EQ(request.block, hash_of(begun_.back()));
        EXPECT_EQ(std::erase_if(missing_, [&](const Range& it) { return it.first == request.range.first; }), 1U);
        return api::storage::SnapshotProgressReply{missing_, 0};
    }
    Result<api::storage::HeadReply> finish(const api::storage::FinishSnapshot& request) {
        EXPECT_TRUE(missing_.empty());
        EXPECT_EQ(request.block, hash_of(begun_.back()));
        return api::storage::HeadReply{begun_.back(), request.block};
    }

    /// Answers as above, but for those that the test has put into the on_... members.
    std::unique_ptr<SnapshotDriver> make() {
        SnapshotPorts ports;
        ports.fetch_snapshot = answering<api::network::FetchSnapshot>(on_snapshot_);
        ports.fetch_headers = answering<api::network::FetchHeaders>(on_headers_);
        ports.fetch_chunk = {[this](mesh::Context, api::network::FetchChunk request) -> Task<Chunk> {
            return on_chunk_(std::move(request));
        }};
        ports.begin = answering<api::storage::BeginSnapshot>(on_begin_);
        ports.put_headers = {[this](mesh::Context, api::storage::PutHeaders request)
                                 -> Task<api::storage::SnapshotProgressReply> { co_return put(request); }};
        ports.put_chunk = answering<api::storage::PutChunk>(on_put_);
        ports.finish = answering<api::storage::FinishSnapshot>(on_finish_);
        ports.penalize = {[this](mesh::Context, api::network::Penalize request) -> Task<api::Empty> {
            blamed_.push_back(request.peer);
            co_return api::Empty{};
        }};
        return std::make_unique<SnapshotDriver>(config_, std::move(ports), [this](std::string what, std::uint64_t) {
            if (told_.empty() || told_.back() != what) told_.push_back(std::move(what));
        });
    }
    template <mesh::Operation Request>
    using Answer = std::function<Result<typename Request::Reply>(const Request&)>;
    template <mesh::Operation Request>
    static mesh::Port<Request> answering(const Answer<Request>& answer) {
        return {[&answer](mesh::Context, Request request) -> Task<typename Request::Reply> {
            co_return answer(request);
        }};
    }

    static Task<Chunk> now(Result<Chunk> chunk) { co_return std::move(chunk); }
    static Task<Chunk> later(Future<Chunk> chunk) { co_return co_await std::move(chunk).wait(); }

    std::vector<chain::Block> blocks_;
    pbft::Domain domain_{31337, {}};
    std::optional<pbft::EcdsaVerifier> verifier_;
    pbft::SnapshotConfig config_;
    std::uint64_t served_ = 20;  // of whose state there is a snapshot

    Answer<api::network::FetchSnapshot> on_snapshot_ = [this](const auto&) { return snapshot(); };
    Answer<api::network::FetchHeaders> on_headers_ = [this](const auto& it) { return headers(it); };
    std::function<Task<Chunk>(api::network::FetchChunk)> on_chunk_ = [](const auto& it) { return now(chunk(it)); };
    Answer<api::storage::BeginSnapshot> on_begin_ = [this](const auto& it) { return begin(it); };
    Answer<api::storage::PutChunk> on_put_ = [this](const auto& it) { return put(it); };
    Answer<api::storage::FinishSnapshot> on_finish_ = [this](const auto& it) { return finish(it); };

    std::vector<Range> missing_;
    std::vector<std::uint64_t> begun_;
    std::vector<std::uint64_t> kept_headers_;
    std::vector<std::string> blamed_;
    std::vector<std::string> told_;
};

TEST_F(SnapshotDriving, keeps_every_header_and_chunk_and_says_how_far_it_is) {
    const auto taken = make()->run();
    ASSERT_TRUE(taken) << taken.error().message;
    EXPECT_TRUE(*taken);
    EXPECT_EQ(begun_, std::vector<std::uint64_t>{20});
    ASSERT_EQ(kept_headers_.size(), 19U) << "all below the snapshot's block";
    for (std::size_t i = 0; i < kept_headers_.size(); ++i) EXPECT_EQ(kept_headers_[i], i + 1);
    EXPECT_TRUE(missing_.empty());
    EXPECT_TRUE(blamed_.empty());
    EXPECT_EQ(told_.front(), "looking for a snapshot");
    EXPECT_TRUE(has(told_, "snapshot of block 20: headers, 50 %"));
    EXPECT_TRUE(has(told_, "snapshot of block 20, 75 %"));
    EXPECT_EQ(told_.back(), "") << "over";
}

TEST_F(SnapshotDriving, without_a_snapshot_or_too_near_the_blocks_are_executed) {
    served_ = 8;
    EXPECT_EQ(make()->run(), false) << "no further than ahead_min";
    on_snapshot_ = [](const auto&) { return fail(ErrorCode::unavailable, "no peer"); };
    EXPECT_EQ(make()->run(), false);
    EXPECT_TRUE(begun_.empty());
}

TEST_F(SnapshotDriving, scene_60_a_corrupt_chunk_costs_its_sender_alone_and_comes_from_another) {
    std::map<unsigned, std::vector<std::string>> left_out;
    on_chunk_ = [&](const auto& request) {
        left_out[part_of(request.range)] = request.not_from;
        const bool may_be_a = !has(request.not_from, "a");
        return now(chunk(request, part_of(request.range) == 2 && may_be_a ? "a" : "b"));
    };
    on_put_ = [&](const auto& request) -> Result<api::storage::SnapshotProgressReply> {
        const bool is_corrupt = part_of(request.range) == 2 && left_out[2].empty();
        if (is_corrupt) return fail(ErrorCode::invalid_argument, "not its hash");
        return put(request);
    };
    EXPECT_EQ(make()->run(), true);
    EXPECT_EQ(blamed_, std::vector<std::string>{"a"});
    EXPECT_EQ(left_out[2], std::vector<std::string>{"a"});
}

TEST_F(SnapshotDriving, scene_60_a_pivot_that_disappears_gives_way_to_a_newer_one_and_its_late_chunks_to_nothing) {
    Promise<Chunk> late;
    on_chunk_ = [&](const auto& request) -> Task<Chunk> {
        if (request.number == 28) return now(chunk(request));
        if (part_of(request.range) == 0) return later(late.future());
        served_ = 28;
        return now(fail(ErrorCode::unavailable, "nobody has it"));
    };
    on_begin_ = [&](const auto& request) {
        // The answer of before: whoever put it into storage would put it below another block.
        if (request.head.number == 28) late.set(chunk({20, part(0), {}}));
        return begin(request);
    };
    std::size_t put_count = 0;
    on_put_ = [&](const auto& request) {
        ++put_count;
        return put(request);
    };
    EXPECT_EQ(make()->run(), true);
    EXPECT_EQ(begun_, (std::vector<std::uint64_t>{20, 28}));
    EXPECT_EQ(put_count, parts_count);
    EXPECT_TRUE(blamed_.empty()) << "nobody is to blame for having gone on";
}

TEST_F(SnapshotDriving, a_storage_that_was_started_again_says_what_it_lacks) {
    bool has_failed = false;
    on_put_ = [&](const auto& request) -> Result<api::storage::SnapshotProgressReply> {
        if (missing_.size() == 2 && !std::exchange(has_failed, true)) {
            return fail(ErrorCode::failed_precondition, "no snapshot of that block was begun");
        }
        return put(request);
    };
    EXPECT_EQ(make()->run(), true);
    EXPECT_EQ(begun_, (std::vector<std::uint64_t>{20, 20}));
    EXPECT_TRUE(blamed_.empty()) << "no peer's fault";
}

TEST_F(SnapshotDriving, who_still_reads_the_old_state_is_waited_for) {
    int busy = 3;
    on_finish_ = [&](const auto& request) -> Result<api::storage::HeadReply> {
        if (busy-- > 0) return fail(ErrorCode::unavailable, "the old state is still being read");
        return finish(request);
    };
    EXPECT_EQ(make()->run(), true);
    EXPECT_EQ(begun_.size(), 1U);
    EXPECT_EQ(busy, -1);
}

TEST_F(SnapshotDriving, a_block_that_storage_refuses_costs_who_named_it) {
    on_begin_ = [&](const auto& request) -> Result<api::storage::SnapshotProgressReply> {
        if (begun_.empty()) {
            begun_.push_back(0);
            return fail(ErrorCode::invalid_argument, "other receipts than its header says");
        }
        return begin(request);
    };
    EXPECT_EQ(make()->run(), true);
    EXPECT_EQ(blamed_, std::vector<std::string>{"a"});
}

TEST_F(SnapshotDriving, ends_when_it_is_told_to_and_answers_that_come_later_find_nobody) {
    std::vector<Promise<Chunk>> unanswered;
    std::unique_ptr<SnapshotDriver> driver;
    std::jthread stopper;
    on_chunk_ = [&](const auto&) {
        auto answer = unanswered.emplace_back().future();
        if (unanswered.size() == parts_count) stopper = std::jthread([&] { driver->stop(); });
        return later(std::move(answer));
    };
    driver = make();
    const auto taken = driver->run();
    ASSERT_FALSE(taken);
    EXPECT_EQ(taken.error().code, ErrorCode::cancelled);
    stopper.join();
    driver.reset();
    for (auto& answer : unanswered) answer.set(Chunk{});
    EXPECT_EQ(missing_.size(), parts_count);
}

}  // namespace
}  // namespace weft::service::consensus
