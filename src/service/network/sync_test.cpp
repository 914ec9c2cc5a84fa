// Headers, snapshots and chunks between peers.

#include <gtest/gtest.h>

#include <set>

#include "service/network/test_network.hpp"

namespace weft::service::network {
namespace {

mesh::Context patience() { return mesh::Context::with_timeout(patience_ns); }

chain::SnapshotChunk some_chunk() {
    chain::SnapshotChunk out;
    auto& account = out.accounts.emplace_back();
    account.address.bytes[3] = 9;
    account.account.nonce = 5;
    account.account.balance = ~U256{};
    account.account.code_hash = Hash{{1, 2, 3}};
    account.account.storage_root = Hash{{4, 5}};
    account.slots = {{U256(0), U256(7)}, {~U256{}, U256(1) << 200}};
    out.accounts.emplace_back();
    out.slot_last = Hash{{0x44}};
    out.account_proof = {Bytes(532, 0x11), Bytes(70, 0x22)};
    out.slot_proof = {Bytes(100, 0x33)};
    out.codes = {Bytes(24'576, 0x5b), {}};
    return out;
}

void expect_equal(const chain::SnapshotChunk& got, const chain::SnapshotChunk& wanted) {
    ASSERT_EQ(got.accounts.size(), wanted.accounts.size());
    for (std::size_t i = 0; i < got.accounts.size(); ++i) {
        EXPECT_EQ(got.accounts[i].address, wanted.accounts[i].address);
        EXPECT_EQ(got.accounts[i].account, wanted.accounts[i].account);
        EXPECT_EQ(got.accounts[i].slots, wanted.accounts[i].slots);
    }
    EXPECT_EQ(got.slot_last, wanted.slot_last);
    EXPECT_EQ(got.account_proof, wanted.account_proof);
    EXPECT_EQ(got.slot_proof, wanted.slot_proof);
    EXPECT_EQ(got.codes, wanted.codes);
}

class Sync : public NetworkTest {
  protected:
    void SetUp() override {
        full_ = listening(full_key_, {new_key_.id(), bad_key_.id()}, 1);
        new_ = dialling(new_key_, *full_, 2);
        ASSERT_TRUE(eventually([&] { return new_->peers().size() == 1; }));
    }
    void fill(TestNode& node) {
        const std::lock_guard lock(node.mutex);
        for (std::uint64_t number = 0; number < 9; ++number) node.chain.push_back(test_block(number, {}));
        node.snapshot = {8, node.chain[8], {1, 2}, {}};
        node.chunk = some_chunk();
    }
    void wait_for_height() {
        ASSERT_TRUE(eventually([&] { return new_->peers().at(0).height == 8; }));
    }

    TestKey full_key_{"full"};
    TestKey new_key_{"new"};
    TestKey bad_key_{"bad"};
    std::unique_ptr<TestNode> full_;
    std::unique_ptr<TestNode> new_;
};

TEST_F(Sync, headers_snapshots_and_chunks_come_as_they_were_sent) {
    fill(*full_);
    wait_for_height();
    const auto headers = run((*new_)->fetch_headers(patience(), {2, 1024, {}}));
    ASSERT_TRUE(headers) << headers.error().message;
    ASSERT_EQ(headers->headers.size(), 7U);
    EXPECT_EQ(headers->peer, full_key_.id());
    EXPECT_EQ(chain::decode_header(headers->headers[6])->number, 8U);

    for (const std::uint64_t number : {0U, 8U}) {
        const auto snapshot = run((*new_)->fetch_snapshot(patience(), {number, {}}));
        ASSERT_TRUE(snapshot) << snapshot.error().message;
        EXPECT_EQ(snapshot->head.number, 8U);
        EXPECT_EQ(snapshot->head.block, full_->snapshot.block);
        EXPECT_EQ(snapshot->head.proof, full_->snapshot.proof);
        EXPECT_EQ(snapshot->peer, full_key_.id());
    }
    chain::SnapshotRange range;
    range.last.bytes[0] = 0x1f;
    const auto chunk = run((*new_)->fetch_chunk(patience(), {8, range, {}}));
    ASSERT_TRUE(chunk) << chunk.error().message;
    expect_equal(chunk->chunk, some_chunk());
    EXPECT_EQ(chunk->chunk.last, range.last);
    EXPECT_EQ(chunk->peer, full_key_.id());
}

/// Which of the validators' sets hold is seen of headers alone, if those that name another set come with their proofs.
TEST_F(Sync, headers_come_with_the_proofs_that_their_reader_needs) {
    const consensus::Validators few = {Address{{1}}};
    const consensus::Validators more = {Address{{1}}, Address{{2}}};
    fill(*full_);
    {
        const std::lock_guard lock(full_->mutex);
        for (std::uint64_t number = 0; number < 9; ++number) {
            full_->chain[number] = test_block(number, {}, number < 4 ? few : more);
        }
        full_->unproven = {7, 8};
    }
    wait_for_height();
    const auto ask = [&](std::uint64_t first, std::uint64_t count) {
        auto reply = run((*new_)->fetch_headers(patience(), {first, count, {}}));
        EXPECT_TRUE(reply) << reply.error().message;
        return reply ? reply->proofs : std::vector<Bytes>();
    };
    using Proofs = std::vector<Bytes>;
    EXPECT_EQ(ask(1, 1024), (Proofs{{}, {}, {}, {4}, {}, {6}})) << "up to the last that can be proven";
    EXPECT_EQ(ask(1, 2), (Proofs{{}, {2}}));
    EXPECT_EQ(ask(4, 2), (Proofs{{4}, {5}})) << "the first names others than the one before it";
    EXPECT_EQ(ask(5, 2), (Proofs{{}, {6}}));
    EXPECT_EQ(ask(0, 3), (Proofs{{0}, {}, {2}}));
}

TEST_F(Sync, who_began_with_a_snapshot_is_asked_for_older_headers_but_not_for_blocks) {
    {
        const std::lock_guard lock(full_->mutex);
        full_->first_number = 8;
    }
    fill(*full_);
    wait_for_height();
    EXPECT_EQ(run((*new_)->fetch_headers(patience(), {3, 2, {}}))->headers.size(), 2U);
    EXPECT_EQ(new_->fetch(3, 2).error().message, "no peer has block 3");
    EXPECT_EQ(new_->fetch(8, 2)->blocks.size(), 1U);
    EXPECT_EQ(score_of(*new_, full_key_.id()), 0);
}

TEST_F(Sync, a_peer_that_is_left_out_is_not_asked) {
    fill(*full_);
    wait_for_height();
    const std::vector<std::string> full = {full_key_.id()};
    EXPECT_EQ(run((*new_)->fetch_headers(patience(), {3, 2, full})).error().code, ErrorCode::unavailable);
    EXPECT_EQ(run((*new_)->fetch_snapshot(patience(), {8, full})).error().code, ErrorCode::unavailable);
    EXPECT_EQ(run((*new_)->fetch_chunk(patience(), {8, {}, full})).error().code, ErrorCode::unavailable);
    EXPECT_TRUE(run((*new_)->fetch_chunk(patience(), {8, {}, {bad_key_.id()}})));
}

TEST_F(Sync, a_peer_without_that_snapshot_says_so_and_is_not_blamed) {
    fill(*full_);
    wait_for_height();
    EXPECT_EQ(run((*new_)->fetch_chunk(patience(), {4, {}, {}})).error().code, ErrorCode::unavailable);
    {
        const std::lock_guard lock(full_->mutex);
        full_->snapshot = {};
    }
    EXPECT_EQ(run((*new_)->fetch_snapshot(patience(), {})).error().message, "no peer serves a snapshot");
    EXPECT_EQ(score_of(*new_, full_key_.id()), 0);
}

TEST_F(Sync, what_no_frame_may_hold_is_not_served) {
    fill(*full_);
    wait_for_height();
    {
        const std::lock_guard lock(full_->mutex);
        full_->chunk.codes.assign(1, Bytes(3 << 20, 0x5b));
        full_->snapshot.receipts.assign(1, Bytes(10 << 20, 1));
    }
    EXPECT_EQ(run((*new_)->fetch_chunk(patience(), {8, {}, {}})).error().code, ErrorCode::unavailable);
    EXPECT_EQ(run((*new_)->fetch_snapshot(patience(), {8, {}})).error().code, ErrorCode::unavailable);
    EXPECT_EQ(score_of(*new_, full_key_.id()), 0);
}

TEST_F(Sync, answers_that_are_none_cost_their_sender) {
    Hello ahead = good_hello();
    ahead.head_number = 9;
    const Bytes wrong_block = test_block(4, {});
    Headers wrong_headers;
    const Bytes header = chain::encode(chain::decode_block(wrong_block)->header);
    wrong_headers.headers.push_back({header});
    const auto start = [](auto task, std::atomic<bool>& done) {
        spawn(std::move(task), [&done](const auto& result) {
            EXPECT_EQ(result.error().code, ErrorCode::unavailable);
            done = true;
        });
    };
    const auto bad = connect(*full_, bad_key_, ahead);
    ASSERT_TRUE(eventually([&] { return score_of(*full_, bad_key_.id()) == 0; }));
    const auto ask = [&](Type type, auto task, const std::function<Bytes(std::uint64_t)>& answer) {
        std::atomic<bool> done = false;
        const std::size_t before = bad->heard(type).size();
        const auto score = score_of(*full_, bad_key_.id());
        start(std::move(task), done);
        ASSERT_TRUE(eventually([&] { return bad->heard(type).size() > before; }));
        bad->say(answer(bad->heard(type).back().request_id));
        ASSERT_TRUE(eventually([&] { return done.load(); }));
        EXPECT_LT(score_of(*full_, bad_key_.id()), score);
    };
    ask(Type::get_headers, (*full_)->fetch_headers(patience(), {3, 5, {}}),
        [&](std::uint64_t id) { return to_frame(wrong_headers, id); });
    ask(Type::get_headers, (*full_)->fetch_headers(patience(), {3, 5, {}}),
        [&](std::uint64_t id) { return to_frame(Headers{}, id); });
    ask(Type::get_snapshot, (*full_)->fetch_snapshot(patience(), {8, {}}), [&](std::uint64_t id) {
        return to_frame(SnapshotMessage{8, BytesView(wrong_block), {}, {}}, id);
    });
    ask(Type::get_chunk, (*full_)->fetch_chunk(patience(), {8, {}, {}}), [&](std::uint64_t id) {
        return encode_frame({Type::chunk, id, Bytes{0xc1, 0x01}});
    });
}

/// The smallest slots that there are, in a chunk as large as may be: 2 MiB that would take 40 in memory.
TEST_F(Sync, a_chunk_of_too_many_slots_costs_its_sender) {
    Hello ahead = good_hello();
    ahead.head_number = 9;
    const auto bad = connect(*full_, bad_key_, ahead);
    ASSERT_TRUE(eventually([&] { return score_of(*full_, bad_key_.id()) == 0; }));
    ChunkMessage large;
    large.number = 8;
    large.accounts.resize(80);
    for (auto& account : large.accounts) account.slots.resize(chunk_items_max);
    ChunkMessage good;
    good.number = 8;
    good.accounts.resize(2);
    for (auto& account : good.accounts) account.slots.resize(chunk_items_max / 2);
    const auto answer = [&](const ChunkMessage& message) {
        const std::size_t before = bad->heard(Type::get_chunk).size();
        std::atomic<int> outcome = 0;
        spawn((*full_)->fetch_chunk(patience(), {8, {}, {}}),
              [&](const auto& reply) { outcome = reply.has_value() ? 1 : -1; });
        EXPECT_TRUE(eventually([&] { return bad->heard(Type::get_chunk).size() > before; }));
        bad->say(to_frame(message, bad->heard(Type::get_chunk).back().request_id));
        EXPECT_TRUE(eventually([&] { return outcome != 0; }));
        return outcome.load();
    };
    EXPECT_EQ(answer(good), 1);
    EXPECT_EQ(score_of(*full_, bad_key_.id()), 0);
    EXPECT_EQ(answer(large), -1);
    EXPECT_LT(score_of(*full_, bad_key_.id()), -20);
}

TEST_F(Sync, requests_for_chunks_go_to_one_peer_after_the_other) {
    fill(*full_);
    const TestKey other_key("other");
    const auto other = listening(other_key, {bad_key_.id()}, 3);
    fill(*other);
    const auto both = listening(bad_key_, {}, 4, [&](Config& config) {
        config.static_peers = {{(*full_)->id(), (*full_)->address()},
                                 {(*other)->id(), (*other)->address()}};
    });
    ASSERT_TRUE(eventually([&] {
        const auto peers = both->peers();
        return peers.size() == 2 && peers[0].height == 8 && peers[1].height == 8;
    }));
    std::set<std::string> asked;
    for (int i = 0; i < 8; ++i) {
        const auto chunk = run((*both)->fetch_chunk(patience(), {8, {}, {}}));
        ASSERT_TRUE(chunk) << chunk.error().message;
        asked.insert(chunk->peer);
    }
    EXPECT_EQ(asked.size(), 2U);
}

/// More than are asked one question, and each of them quicker than who has the answer.
TEST_F(Sync, peers_that_never_answer_keep_nobody_from_those_that_do) {
    fill(*full_);
    std::vector<std::unique_ptr<TestKey>> keys;
    std::vector<std::string> ids;
    for (int i = 0; i < 5; ++i) {
        ids.push_back(keys.emplace_back(std::make_unique<TestKey>("mute" + std::to_string(i)))->id());
    }
    const auto node = listening(bad_key_, ids, 0, [&](Config& config) {
        config.static_peers.push_back({(*full_)->id(), (*full_)->address()});
        config.limits.bodies_ns = 30 * ns_per_ms;
    });
    Hello ahead = good_hello();
    ahead.head_number = 9;
    std::vector<std::shared_ptr<RawPeer>> mute;
    for (const auto& key : keys) {
        mute.push_back(connect(*node, *key));
        mute.back()->answers_pings = false;
        mute.back()->say(to_frame(StatusMessage{9, {}, 9, 0}));
    }
    ASSERT_TRUE(eventually([&] {
        const auto peers = node->peers();
        return std::ranges::count_if(peers, [](const auto& peer) { return peer.height >= 8; }) == 6;
    }));
    const auto asked = [&](Type type) {
        std::size_t count = 0;
        for (const auto& peer : mute) count += peer->heard(type).size();
        return count;
    };
    EXPECT_FALSE(run((*node)->fetch_headers(patience(), {2, 5, {}}))) << "so many are not asked at a time";
    const auto second = run((*node)->fetch_headers(patience(), {2, 5, {}}));
    ASSERT_TRUE(second) << second.error().message;
    EXPECT_GE(asked(Type::get_headers), 4U);
    for (int i = 0; i < 8; ++i) {
        const auto chunk = run((*node)->fetch_chunk(patience(), {8, {}, {}}));
        ASSERT_TRUE(chunk) << chunk.error().message;
    }
    EXPECT_LE(asked(Type::get_headers) + asked(Type::get_chunk), mute.size()) << "each is asked once";
    EXPECT_EQ(score_of(*node, full_key_.id()), 0);
}

/// Four chunks at a time, as a snapshot is taken: of two peers each has two to answer, and one goes on with its own.
TEST_F(Sync, a_peer_that_never_answers_holds_up_its_share) {
    fill(*full_);
    const TestKey mute_key("mute");
    const auto node = listening(bad_key_, {mute_key.id()}, 0, [&](Config& config) {
        config.static_peers.push_back({(*full_)->id(), (*full_)->address()});
    });
    Hello ahead = good_hello();
    ahead.head_number = 9;
    const auto mute = connect(*node, mute_key, ahead);
    ASSERT_TRUE(eventually([&] {
        const auto peers = node->peers();
        return std::ranges::count_if(peers, [](const auto& peer) { return peer.height >= 8; }) == 2;
    }));
    std::atomic<int> good = 0;
    std::atomic<int> ended = 0;
    for (int i = 0; i < 20; ++i) {
        ASSERT_TRUE(eventually([&] { return good >= i - 3; })) << "no more than four wait";
        spawn((*node)->fetch_chunk(patience(), {8, {}, {}}), [&](const auto& chunk) {
            good += chunk.has_value();
            ++ended;
        });
    }
    EXPECT_GE(mute->heard(Type::get_chunk).size(), 1U);
    EXPECT_LE(mute->heard(Type::get_chunk).size(), 2U);
    (*node)->stop();
    EXPECT_TRUE(eventually([&] { return ended == 20; }));
}

}  // namespace
}  // namespace weft::service::network
