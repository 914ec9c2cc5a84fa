// Each way to be a nuisance that reference lists name for peers: it is bounded, and costs only who does it.

#include <gtest/gtest.h>

#include "net/test_peer.hpp"
#include "service/network/test_network.hpp"

namespace weft::service::network {
namespace {

/// A node, a peer that behaves badly and one that does not.
class Dos : public NetworkTest {
  protected:
    void start(const std::function<void(Config&)>& change = {}) {
        node_ = listening(node_key_, {bad_key_.id(), good_key_.id()}, 1, change);
    }
    std::shared_ptr<RawPeer> connect_bad(std::optional<Hello> hello = good_hello()) {
        return connect(*node_, bad_key_, hello);
    }
    std::shared_ptr<RawPeer> connect_validator(const TestKey& key, std::uint8_t validator) {
        return NetworkTest::connect_validator(*node_, key, validator);
    }
    bool is_connected(const TestKey& key) { return score_of(*node_, key.id()) != 1; }
    /// The good one is connected and nothing is held against it.
    void expect_good_unharmed() { EXPECT_EQ(score_of(*node_, good_key_.id()), 0); }
    /// The node still answers it.
    void expect_serves(RawPeer& peer) {
        const auto before = peer.heard(Type::pong).size();
        peer.say(to_frame(Ping{1}, 77));
        EXPECT_TRUE(eventually([&] { return peer.heard(Type::pong).size() > before; }));
    }
    void expect_refused(const std::shared_ptr<RawPeer>& peer, std::string_view reason) {
        EXPECT_TRUE(eventually([&] { return peer->is_gone.load(); }));
        EXPECT_EQ(peer->farewell(), reason);
        EXPECT_TRUE(eventually([&] { return !is_connected(bad_key_); }));
    }

    TestKey node_key_{"node"};
    TestKey bad_key_{"bad"};
    TestKey good_key_{"good"};
    std::unique_ptr<TestNode> node_;
};

Bytes raw_frame(std::uint32_t length, Bytes rest) {
    Bytes out;
    for (int i = 3; i >= 0; --i) out.push_back(static_cast<std::uint8_t>(length >> (8 * i)));
    append(out, rest);
    return out;
}

TEST_F(Dos, oversize_frame) {
    start();
    const auto peer = connect_bad();
    peer->say(raw_frame(0x7fffffff, {static_cast<std::uint8_t>(Type::consensus)}));
    expect_refused(peer, "consensus frame of 2147483637 bytes, at most 65536");
}

TEST_F(Dos, unknown_type) {
    start();
    const auto peer = connect_bad();
    peer->say(raw_frame(10, Bytes{99, 0, 0, 0, 0, 0, 0, 0, 0, 0}));
    expect_refused(peer, "frame of unknown type 99");
}

/// Number 63 of the catalogue: programs of other versions are refused in words, or held to this one's rules.
TEST_F(Dos, scene_63_mixed_versions) {
    start();
    const auto good = connect(*node_, good_key_);
    for (const std::uint64_t version : {std::uint64_t{0}, protocol_version + 1, ~std::uint64_t{0}}) {
        SCOPED_TRACE(version);
        Hello hello = good_hello();
        hello.version = version;
        expect_refused(connect_bad(hello), "another protocol version");
        EXPECT_FALSE(is_connected(bad_key_));
    }
    // A message with a member more, as a later version may have it: dropped and counted, the connection stays.
    const auto newer = connect_bad();
    ASSERT_TRUE(eventually([&] { return is_connected(bad_key_); }));
    Bytes status = encode(StatusMessage{7, {}, 7});
    ASSERT_EQ(status[0], 0xc0 + status.size() - 1);
    status.push_back(1);
    ++status[0];
    newer->say(encode_frame({Type::status, 0, status}));
    EXPECT_TRUE(eventually([&] { return score_of(*node_, bad_key_.id()) < 0; }));
    const auto peers = node_->peers();
    EXPECT_TRUE(std::ranges::none_of(peers, [](const auto& peer) { return peer.height == 7; }));
    expect_serves(*newer);
    // A type that this version has not: where its frames end can't be trusted.
    newer->say(raw_frame(11, Bytes{200, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xc0}));
    expect_refused(newer, "frame of unknown type 200");
    expect_serves(*good);
    expect_good_unharmed();
}

TEST_F(Dos, slowloris_handshake) {
    start([](Config& config) { config.limits.handshake_ns = ns_per_s; });
    const auto endpoint = *net::Endpoint::parse((*node_)->address());
    net::TestPeer silent(endpoint);
    EXPECT_EQ(silent.all(), "");  // until the node closes
    // One that finishes TLS and says nothing more does not stay either.
    const auto mute = connect_bad(std::nullopt);
    expect_refused(mute, "no hello in time");
}

TEST_F(Dos, speaking_before_hello) {
    start();
    const auto eager = connect_bad(std::nullopt);
    eager->say(to_frame(Ping{1}, 1));
    expect_refused(eager, "ping before its hello");
}

TEST_F(Dos, pending_connections) {
    start([](Config& config) { config.limits.pending_max = 2; });
    const auto endpoint = *net::Endpoint::parse((*node_)->address());
    net::TestPeer first(endpoint);
    net::TestPeer second(endpoint);
    net::TestPeer third(endpoint);
    EXPECT_EQ(third.all(), "");
}

TEST_F(Dos, wrong_chain_genesis_fork_engine_or_version) {
    start();
    const std::pair<std::string_view, std::function<void(Hello&)>> cases[] = {
        {"another protocol version", [](Hello& hello) { hello.version = 2; }},
        {"another chain id", [](Hello& hello) { hello.chain_id = 8; }},
        {"another genesis block", [](Hello& hello) { hello.genesis.bytes[0] ^= 1; }},
        {"another fork", [](Hello& hello) { hello.fork_hash ^= 1; }},
        {"another fork", [](Hello& hello) { hello.fork_hash |= std::uint64_t{1} << 32; }},
        {"another consensus engine", [](Hello& hello) { hello.engine = std::string_view("solo"); }},
    };
    for (const auto& [reason, change] : cases) {
        SCOPED_TRACE(reason);
        Hello hello = good_hello();
        change(hello);
        expect_refused(connect_bad(hello), reason);
    }
    const auto peer = connect_bad();
    EXPECT_TRUE(eventually([&] { return is_connected(bad_key_); }));
}

TEST_F(Dos, duplicate_identity) {
    start([](Config& config) { config.limits.probe_ns = 50 * ns_per_ms; });
    const auto first = connect_bad();
    ASSERT_TRUE(eventually([&] { return is_connected(bad_key_); }));
    // While the first answers, it stays.
    const auto second = connect_bad();
    EXPECT_TRUE(eventually([&] { return second->is_gone.load(); }));
    EXPECT_EQ(second->farewell(), "connected already");
    expect_serves(*first);
    // When it does not any more, the next attempt gets its place.
    first->answers_pings = false;
    const auto third = connect_bad();
    EXPECT_TRUE(eventually([&] { return first->is_gone.load(); }));
    EXPECT_EQ(first->farewell(), "silent for too long");
    const auto fourth = connect_bad();
    expect_serves(*fourth);
}

TEST_F(Dos, one_validator_on_two_machines) {
    start();
    const auto first = connect_validator(good_key_, 3);
    const auto second = connect_bad();
    second->say(identity(*second, bad_key_, 3));
    expect_refused(second, "this validator is connected already");
    expect_good_unharmed();
}

TEST_F(Dos, identity_proof_of_another_connection) {
    start();
    const auto victim = connect(*node_, good_key_);
    const Bytes proof = identity(*victim, good_key_, 3);
    // What the victim proves to somebody, that one shows to the node as his own.
    const auto thief = connect_bad();
    thief->say(proof);
    expect_refused(thief, "an identity proof that is not of this connection");
    // Nor can he send back what the node proves to him.
    const auto mirror = connect_bad();
    ASSERT_TRUE(eventually([&] { return !mirror->heard(Type::identity).empty(); }));
    const auto shown = mirror->heard(Type::identity)[0].payload;
    mirror->say(encode_frame({Type::identity, 0, shown}));
    expect_refused(mirror, "an identity proof that is not of this connection");
    EXPECT_EQ(node_->validators(), 0U);
    victim->say(proof);
    EXPECT_TRUE(eventually([&] { return node_->validators() == 1; }));
}

TEST_F(Dos, consensus_messages_of_a_stranger) {
    start();
    const auto peer = connect_bad();  // it has proved to be no validator
    peer->say(to_frame(ConsensusMessage{BytesView()}));
    expect_serves(*peer);
    EXPECT_TRUE(node_->delivered().empty());
}

TEST_F(Dos, vote_flood_is_read_no_faster_than_it_is_judged) {
    start([](Config& config) { config.limits.working_count_max = 10; });
    node_->holds_deliveries = true;
    const auto peer = connect_validator(bad_key_, 3);
    const auto good = connect(*node_, good_key_);
    const Bytes vote(60'000, 1);
    const Bytes frame = to_frame(ConsensusMessage{{vote}});
    constexpr std::size_t sent = 400;  // 24 MB
    for (std::size_t i = 0; i < sent; ++i) peer->say(frame);
    ASSERT_TRUE(eventually([&] { return node_->delivered().size() > 10; }));
    expect_serves(*good);
    // One piece of input may hold the end of one frame and a whole one more.
    EXPECT_LE(node_->delivered().size(), 13U);
    node_->holds_deliveries = false;
    std::vector<Promise<api::consensus::DeliverReply>> held;
    {
        const std::lock_guard lock(node_->mutex);
        held = std::exchange(node_->held, {});
    }
    for (auto& promise : held) promise.set(api::consensus::DeliverReply{});
    EXPECT_TRUE(eventually([&] { return node_->delivered().size() == sent; }));
    expect_good_unharmed();
}

TEST_F(Dos, flood_of_bytes_is_read_no_faster_than_its_bucket) {
    start([](Config& config) {
        config.limits.inbound_bytes_per_s = 1 << 20;
        config.limits.inbound_burst_bytes = 1 << 20;
    });
    const auto peer = connect_bad();
    const auto good = connect(*node_, good_key_);
    const std::int64_t began = monotonic_ns();
    const Bytes frame = to_frame(Transactions{});
    Bytes flood;
    while (flood.size() < (3 << 18)) append(flood, frame);
    peer->say(flood);
    peer->say(flood);
    peer->say(to_frame(Ping{1}, 5));
    expect_serves(*good);
    EXPECT_TRUE(eventually([&] { return !peer->heard(Type::pong).empty(); }));
    EXPECT_GE(monotonic_ns() - began, 400 * ns_per_ms);  // 1.5 MiB, of which 1 MiB at once
}

TEST_F(Dos, what_a_stranger_asks_for_is_sent_no_faster_than_its_bucket) {
    start([](Config& config) {
        config.limits.outbound_bytes_per_s = 1 << 20;
        config.limits.outbound_burst_bytes = 1 << 20;
    });
    {
        const std::lock_guard lock(node_->mutex);
        const std::vector<chain::TransactionPtr> large{test_transaction(0, 100'000)};
        for (std::uint64_t number = 0; number < 16; ++number) node_->chain.push_back(test_block(number, large));
    }
    const auto peer = connect_bad();
    const auto good = connect(*node_, good_key_);
    const std::int64_t began = monotonic_ns();
    for (std::uint64_t number = 0; number < 16; ++number) peer->say(to_frame(GetBlocks{number, 1}, number + 1));
    expect_serves(*good);
    EXPECT_TRUE(eventually([&] { return peer->heard(Type::blocks).size() == 16; }));
    EXPECT_GE(monotonic_ns() - began, 400 * ns_per_ms);  // 1.6 MB, of which 1 MiB at once
}

TEST_F(Dos, blocks_for_a_full_lane_are_named_and_asked_for) {
    start([](Config& config) { config.limits.lane_bytes_max[1] = 1; });
    const auto peer = connect_validator(bad_key_, 3);
    const Bytes large = test_block(1, std::vector<chain::TransactionPtr>{test_transaction(0, 2'000'000)});
    EXPECT_EQ(node_->send({1}, {large}), 1U);
    net::run_on_all(loops_, [&](net::Loop& loop, std::size_t) {
        if (&loop == &peer->loop()) peer->pause_reading();
    });
    // Replies that it does not read fill the sockets, one after the other, and then the lane: 40 MB are enough.
    const Hash hash = chain::hash_of(chain::decode_block(large)->header);
    const Bytes mark{5};
    for (std::uint64_t id = 1; id <= 20; ++id) {
        peer->say(to_frame(GetBlock{hash}, id));
        peer->say(to_frame(ConsensusMessage{BytesView(mark)}));
        ASSERT_TRUE(eventually([&] { return node_->delivered().size() == id; }));
    }
    const Bytes next = test_block(2, {});
    EXPECT_EQ(node_->send({2}, {next}), 1U);
    net::run_on_all(loops_, [&](net::Loop& loop, std::size_t) {
        if (&loop == &peer->loop()) peer->resume_reading();
    });
    ASSERT_TRUE(eventually([&] { return !peer->heard(Type::named_proposal).empty(); }));
    const auto heard = peer->heard(Type::named_proposal)[0];
    const auto named = decode<NamedProposal>(heard.payload);
    ASSERT_TRUE(named && named->blocks.size() == 1);
    EXPECT_EQ(to_bytes(named->payload.bytes), Bytes{2});
    EXPECT_EQ(peer->heard(Type::proposal).size(), 1U);
    EXPECT_EQ(named->blocks[0], chain::hash_of(chain::decode_block(next)->header));
    EXPECT_TRUE(eventually([&] { return peer->heard(Type::block).size() == 20; })) << "what found no room comes later";
    EXPECT_TRUE(is_connected(bad_key_));
}

TEST_F(Dos, blocks_that_are_remembered_are_bounded_in_bytes) {
    start();
    const auto peer = connect_validator(bad_key_, 3);
    std::vector<Hash> hashes;
    for (std::uint64_t number = 1; number <= 12; ++number) {
        // Named by their transactions' ids: the peer need not read them.
        const std::vector<chain::TransactionPtr> large{test_transaction(number, 7'000'000)};
        const Bytes block = test_block(number, large);
        hashes.push_back(chain::hash_of(chain::decode_block(block)->header));
        EXPECT_EQ(node_->send({1}, {block}), 1U);
    }
    const auto size_of = [&](const Hash& hash) {
        const std::size_t before = peer->heard(Type::block).size();
        peer->say(to_frame(GetBlock{hash}, before + 1));
        EXPECT_TRUE(eventually([&] { return peer->heard(Type::block).size() > before; }));
        const auto heard = peer->heard(Type::block).back();
        const auto message = decode<BlockMessage>(heard.payload);
        return message ? message->block.bytes.size() : 0;
    };
    std::size_t kept = 0;
    for (const auto& hash : hashes) kept += size_of(hash) != 0;
    EXPECT_EQ(kept, 9U) << "of 64 MiB";
    EXPECT_GT(size_of(hashes.back()), 7'000'000U);
}

TEST_F(Dos, a_named_block_is_fetched_and_delivered) {
    start();
    const auto peer = connect_validator(bad_key_, 3);
    const Bytes block = test_block(1, {});
    const Bytes payload{9};
    const NamedProposal message{BytesView(payload), {chain::hash_of(chain::decode_block(block)->header)}};
    peer->say(to_frame(message));
    ASSERT_TRUE(eventually([&] { return !peer->heard(Type::get_block).empty(); }));
    peer->say(to_frame(BlockMessage{BytesView(block)}, peer->heard(Type::get_block)[0].request_id));
    ASSERT_TRUE(eventually([&] { return !node_->delivered().empty(); }));
    EXPECT_EQ(node_->delivered()[0].payload, payload);
    EXPECT_EQ(node_->delivered()[0].blocks, std::vector<Bytes>{block});
    EXPECT_EQ(score_of(*node_, bad_key_.id()), 0);
}

/// It carries a block, so it may be large; what no certificate of 4 MiB holds ends the connection before it is read.
TEST_F(Dos, round_change_with_a_huge_certificate) {
    start();
    const auto peer = connect_validator(bad_key_, 3);
    const Bytes large(3 << 20, 1);
    peer->say(to_frame(Proposal{{large}, {}}));
    ASSERT_TRUE(eventually([&] { return !node_->delivered().empty(); }));
    EXPECT_EQ(node_->delivered()[0].payload.size(), large.size());
    peer->say(raw_frame((4 << 20) + 11, {static_cast<std::uint8_t>(Type::proposal)}));
    expect_refused(peer, "proposal frame of 4194305 bytes, at most 4194304");
    EXPECT_EQ(node_->delivered().size(), 1U);
}

TEST_F(Dos, lanes_of_a_peer_that_does_not_read_are_bounded) {
    start();
    const auto peer = connect_validator(bad_key_, 3);
    net::run_on_all(loops_, [&](net::Loop& loop, std::size_t) {
        if (&loop == &peer->loop()) peer->pause_reading();
    });
    // Votes: what the sockets hold and 256 KiB more, then the connection ends.
    const Bytes vote(60'000, 1);
    std::uint64_t taken = 0;
    while (node_->send(vote) == 1) ASSERT_LT(++taken, 1000U);
    EXPECT_TRUE(eventually([&] { return !is_connected(bad_key_); }));
}

TEST_F(Dos, transaction_announced_and_never_delivered) {
    start([](Config& config) { config.limits.request_ns = 50 * ns_per_ms; });
    const auto transaction = test_transaction(1);
    AnnounceMessage message;
    message.transactions.push_back({transaction->hash, 2, transaction->encoded.size()});
    const auto bad = connect_bad();
    bad->say(to_frame(message));
    ASSERT_TRUE(eventually([&] { return !bad->heard(Type::get_transactions).empty(); }));
    const auto good = connect(*node_, good_key_);
    good->say(to_frame(message));
    // The next one who announced it is asked.
    ASSERT_TRUE(eventually([&] { return !good->heard(Type::get_transactions).empty(); }));
    Pooled reply;
    reply.transactions.push_back(BytesView(transaction->encoded));
    good->say(to_frame(reply, good->heard(Type::get_transactions)[0].request_id));
    ASSERT_TRUE(eventually([&] { return node_->imported().size() == 1; }));
    EXPECT_LT(score_of(*node_, bad_key_.id()), 0);
    expect_good_unharmed();
}

TEST_F(Dos, announce_flood_is_bounded) {
    start();
    const auto peer = connect_bad();
    AnnounceMessage message;
    for (std::uint64_t i = 0; i < announce_count_max; ++i) {
        message.transactions.push_back({Hash::from(test_transaction(0)->hash), 2, 100});
        message.transactions.back().hash.bytes[0] = static_cast<std::uint8_t>(i);
        message.transactions.back().hash.bytes[1] = static_cast<std::uint8_t>(i >> 8);
    }
    for (std::uint8_t i = 0; i < 10; ++i) {
        for (auto& announced : message.transactions) announced.hash.bytes[2] = i;
        peer->say(to_frame(message));
    }
    expect_serves(*peer);
    // However much it announces, each request is for no more than a page.
    ASSERT_TRUE(eventually([&] { return !peer->heard(Type::get_transactions).empty(); }));
    for (const auto& request : peer->heard(Type::get_transactions)) {
        EXPECT_LE(decode<GetTransactions>(request.payload)->hashes.size(), fetch_count_max);
    }
}

TEST_F(Dos, malformed_transactions_cost_who_sent_them) {
    start();
    node_->admission = api::validation::Admission::malformed;
    const auto bad = connect_bad();
    const auto good = connect(*node_, good_key_);
    Transactions message;
    const Bytes garbage{0x02, 0xc0};
    message.transactions.push_back(BytesView(garbage));
    bad->say(to_frame(message));
    EXPECT_TRUE(eventually([&] { return score_of(*node_, bad_key_.id()) < -20; }));
    expect_serves(*good);
    expect_good_unharmed();
}

TEST_F(Dos, request_never_answered) {
    start([](Config& config) {
        config.limits.bodies_ns = 50 * ns_per_ms;
        config.limits.request_ns = 50 * ns_per_ms;
    });
    Hello ahead = good_hello();
    ahead.head_number = 9;
    const auto bad = connect_bad(ahead);
    ASSERT_TRUE(eventually([&] { return is_connected(bad_key_); }));
    const auto fetched = node_->fetch(5, 1);
    EXPECT_EQ(fetched.error().code, ErrorCode::unavailable);
    EXPECT_EQ(bad->heard(Type::get_blocks).size(), 1U);
    EXPECT_LT(score_of(*node_, bad_key_.id()), -5);
}

TEST_F(Dos, valid_but_useless_blocks) {
    start();
    Hello ahead = good_hello();
    ahead.head_number = 9;
    const auto bad = connect_bad(ahead);
    ASSERT_TRUE(eventually([&] { return is_connected(bad_key_); }));
    std::optional<Result<api::network::FetchBlocksReply>> reply;
    std::atomic<bool> done = false;
    spawn((*node_)->fetch_blocks(mesh::Context::with_timeout(patience_ns), {{}, 5, 1}), [&](auto result) {
        reply = std::move(result);
        done = true;
    });
    ASSERT_TRUE(eventually([&] { return !bad->heard(Type::get_blocks).empty(); }));
    const Bytes block = test_block(4, {});  // a good one, and not what was asked for
    Blocks message;
    message.blocks.push_back({BytesView(block), {}});
    bad->say(to_frame(message, bad->heard(Type::get_blocks)[0].request_id));
    ASSERT_TRUE(eventually([&] { return done.load(); }));
    EXPECT_EQ(reply->error().code, ErrorCode::unavailable);
    EXPECT_LT(score_of(*node_, bad_key_.id()), -20);
}

TEST_F(Dos, reply_that_nobody_asked_for) {
    start();
    const auto peer = connect_bad();
    peer->say(to_frame(Blocks{}, 4242));
    expect_refused(peer, "blocks that nobody asked for");
}

TEST_F(Dos, block_that_its_sender_does_not_have) {
    start();
    const auto peer = connect_validator(bad_key_, 3);
    const auto transaction = test_transaction(1);
    const auto block = *open_block(test_block(1, std::span(&transaction, 1)));
    const auto form = make_compact(*block, 7, [](const Hash&) { return false; });
    Proposal proposal;
    proposal.blocks.push_back(form->message);
    peer->say(to_frame(proposal));
    ASSERT_TRUE(eventually([&] { return !peer->heard(Type::get_block_transactions).empty(); }));
    peer->say(to_frame(BlockTransactions{}, peer->heard(Type::get_block_transactions)[0].request_id));
    ASSERT_TRUE(eventually([&] { return !peer->heard(Type::get_block).empty(); }));
    peer->say(to_frame(BlockMessage{}, peer->heard(Type::get_block)[0].request_id));
    EXPECT_TRUE(eventually([&] { return score_of(*node_, bad_key_.id()) < -20; }));
    EXPECT_TRUE(node_->delivered().empty());
}

TEST_F(Dos, one_transaction_of_a_block_asked_for_many_times) {
    start();
    const auto peer = connect_validator(bad_key_, 3);
    const std::vector transactions{test_transaction(1, 1000), test_transaction(2, 1000)};
    const Bytes block = test_block(1, transactions);
    ASSERT_EQ(node_->send({1}, {block}), 1U);
    GetBlockTransactions request{(*open_block(block))->hash, {}};
    request.indices.assign(block_transactions_max, 1);  // 65 MB of answer
    peer->say(to_frame(request, 5));
    EXPECT_TRUE(eventually([&] { return score_of(*node_, bad_key_.id()) < -20; }));
    request.indices.assign({0, 1});
    peer->say(to_frame(request, 6));
    EXPECT_TRUE(eventually([&] { return peer->heard(Type::block_transactions).size() == 1; }));
}

TEST_F(Dos, clock_ten_seconds_off) {
    start();
    const auto peer = connect(*node_, bad_key_, std::nullopt);
    peer->clock_ahead_ms = 10'000;
    peer->say(to_frame(good_hello()));
    const auto skew = [&] {
        const auto peers = node_->peers();
        return peers.empty() ? 0 : peers[0].skew_ms;
    };
    EXPECT_TRUE(eventually([&] { return skew() > 9'000 && skew() < 11'000; }));
    EXPECT_EQ(score_of(*node_, bad_key_.id()), 0);  // it is told, and nobody's fault
}

TEST_F(Dos, only_the_culprit_is_penalised) {
    start();
    const auto bad = connect_validator(bad_key_, 3);
    const auto good = connect_validator(good_key_, 4);
    (void)run((*node_)->penalize({}, {"", crypto::address_of(secret_of(3)), "equivocates"}));
    EXPECT_TRUE(eventually([&] { return score_of(*node_, bad_key_.id()) < -20; }));
    (void)run((*node_)->penalize({}, {bad_key_.id(), {}, "once more"}));
    EXPECT_TRUE(eventually([&] { return score_of(*node_, bad_key_.id()) < -40; }));
    expect_good_unharmed();
}

TEST_F(Dos, strangers_on_a_private_network) {
    start();
    const TestKey stranger("stranger");
    const auto peer = connect(*node_, stranger);
    EXPECT_TRUE(eventually([&] { return peer->is_gone.load(); }));
    EXPECT_TRUE(node_->peers().empty());
}

TEST_F(Dos, strangers_on_a_public_network_are_few_an_address_and_go_for_their_faults) {
    start([](Config& config) {
        config.is_public = true;
        config.limits.per_ip_max = 2;
    });
    const TestKey first_key("first");
    const TestKey second_key("second");
    const TestKey third_key("third");
    const auto first = connect(*node_, first_key);
    const auto second = connect(*node_, second_key);
    ASSERT_TRUE(eventually([&] { return node_->peers().size() == 2; }));
    const auto third = connect(*node_, third_key);
    EXPECT_TRUE(eventually([&] { return third->is_gone.load(); }));
    EXPECT_EQ(third->farewell(), "too many peers of one address");
    // Five malformed messages, and its address is not let in again.
    for (int i = 0; i < 5; ++i) first->say(encode_frame({Type::status, 0, Bytes{0xc0}}));
    EXPECT_TRUE(eventually([&] { return first->is_gone.load(); }));
    const auto endpoint = *net::Endpoint::parse((*node_)->address());
    net::TestPeer again(endpoint);
    EXPECT_EQ(again.all(), "");
    EXPECT_EQ(node_->peers().size(), 1U);
}

TEST_F(Dos, reconnects_of_a_stranger_are_throttled) {
    start([](Config& config) {
        config.is_public = true;
        config.limits.reconnect_ns = 60 * ns_per_s;
    });
    const TestKey first_key("first");
    const TestKey second_key("second");
    const auto first = connect(*node_, first_key);
    ASSERT_TRUE(eventually([&] { return node_->peers().size() == 1; }));
    const auto second = connect(*node_, second_key);
    EXPECT_TRUE(eventually([&] { return second->is_gone.load(); }));
    EXPECT_EQ(second->farewell(), "back too soon");
    // A pinned peer of the same address may come and go.
    const auto pinned = connect(*node_, good_key_);
    expect_serves(*pinned);
}

}  // namespace
}  // namespace weft::service::network
