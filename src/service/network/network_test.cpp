#include <gtest/gtest.h>

#include "service/network/test_network.hpp"
#include "net/reserved_address.hpp"

namespace weft::service::network {
namespace {

const std::vector<chain::TransactionPtr>& some_transactions() {
    static const auto made = [] {
        std::vector<chain::TransactionPtr> out;
        for (std::uint64_t nonce = 0; nonce < 40; ++nonce) out.push_back(test_transaction(nonce, 600));
        return out;
    }();
    return made;
}

/// Two validators that know one another.
class TwoValidators : public NetworkTest {
  protected:
    void SetUp() override {
        alice_ = listening(alice_key_, {bob_key_.id()}, 1);
        bob_ = dialling(bob_key_, *alice_, 2);
        ASSERT_TRUE(eventually([&] { return alice_->validators() == 1 && bob_->validators() == 1; }));
    }
    /// What bob gets when alice sends a block, and he has the transactions of his pool.
    void expect_block_arrives() {
        const Bytes block = test_block(1, some_transactions());
        EXPECT_EQ(alice_->send({1, 2, 3}, {block}), 1U);
        ASSERT_TRUE(eventually([&] { return !bob_->delivered().empty(); }));
        const auto got = bob_->delivered();
        ASSERT_EQ(got.size(), 1U);
        EXPECT_EQ(got[0].from, alice_->validator());
        EXPECT_EQ(got[0].payload, (Bytes{1, 2, 3}));
        ASSERT_EQ(got[0].blocks.size(), 1U);
        EXPECT_EQ(got[0].blocks[0], block);
        EXPECT_EQ(score_of(*bob_, alice_key_.id()), 0);
    }
    TestKey alice_key_{"alice"};
    TestKey bob_key_{"bob"};
    std::unique_ptr<TestNode> alice_;
    std::unique_ptr<TestNode> bob_;
};

TEST_F(TwoValidators, exchange_messages_and_know_who_sent_them) {
    EXPECT_EQ(alice_->send({1, 2, 3}), 1U);
    EXPECT_EQ(bob_->send({4}, {}, alice_->validator()), 1U);
    EXPECT_EQ(bob_->send({5}, {}, bob_->validator()), 0U);
    ASSERT_TRUE(eventually([&] { return !alice_->delivered().empty() && !bob_->delivered().empty(); }));
    EXPECT_EQ(bob_->delivered()[0].payload, (Bytes{1, 2, 3}));
    EXPECT_EQ(bob_->delivered()[0].from, alice_->validator());
    EXPECT_EQ(alice_->delivered()[0].payload, Bytes{4});
    EXPECT_EQ(alice_->delivered()[0].from, bob_->validator());
    const Bytes large(200'000, 0x33);  // above what votes may weigh
    EXPECT_EQ(alice_->send(large), 1U);
    ASSERT_TRUE(eventually([&] { return bob_->delivered().size() == 2; }));
    EXPECT_EQ(bob_->delivered()[1].payload, large);
}

TEST_F(TwoValidators, a_block_whose_transactions_are_known_travels_compact) {
    bob_->pool = some_transactions();
    expect_block_arrives();
}

TEST_F(TwoValidators, a_block_whose_transactions_are_not_known_arrives) { expect_block_arrives(); }

TEST_F(TwoValidators, a_block_whose_transactions_are_known_in_part_arrives) {
    for (std::size_t i = 0; i < some_transactions().size(); i += 3) bob_->pool.push_back(some_transactions()[i]);
    expect_block_arrives();
}

TEST_F(TwoValidators, colliding_short_ids_cost_a_full_block_and_nobody_is_blamed) {
    bob_->always_matched = test_transaction(1000);
    expect_block_arrives();
}

/// Validators repeat proposals; the block is known to the sender's own memory then.
TEST_F(TwoValidators, a_block_that_is_sent_again_arrives_again) {
    const Bytes block = test_block(1, some_transactions());
    for (std::size_t i = 1; i <= 3; ++i) {
        EXPECT_EQ(alice_->send({9}, {block}), 1U);
        ASSERT_TRUE(eventually([&] { return bob_->delivered().size() == i; }));
        EXPECT_EQ(bob_->delivered().back().blocks, std::vector<Bytes>{block});
    }
    EXPECT_EQ(score_of(*bob_, alice_key_.id()), 0);
}

TEST_F(TwoValidators, an_empty_block_arrives) {
    const Bytes block = test_block(2, {});
    EXPECT_EQ(alice_->send({9}, {block}), 1U);
    ASSERT_TRUE(eventually([&] { return !bob_->delivered().empty(); }));
    EXPECT_EQ(bob_->delivered()[0].blocks, std::vector<Bytes>{block});
}

TEST_F(TwoValidators, find_one_another_again_after_one_was_killed) {
    bob_->stop();
    ASSERT_TRUE(eventually([&] { return alice_->peers().empty(); }));
    EXPECT_EQ(alice_->send({1}), 0U);
    bob_->start();
    ASSERT_TRUE(eventually([&] { return alice_->validators() == 1 && bob_->validators() == 1; }));
    EXPECT_EQ(alice_->send({1}), 1U);
    ASSERT_TRUE(eventually([&] { return bob_->delivered().size() == 1; }));
}

TEST_F(TwoValidators, a_rejected_message_costs_its_sender_and_an_ignored_one_nobody) {
    bob_->verdict = api::consensus::Verdict::ignore;
    alice_->send({1});
    ASSERT_TRUE(eventually([&] { return bob_->delivered().size() == 1; }));
    EXPECT_EQ(score_of(*bob_, alice_key_.id()), 0);
    {
        const std::lock_guard lock(bob_->mutex);
        bob_->verdict = api::consensus::Verdict::reject;
    }
    alice_->send({1});
    ASSERT_TRUE(eventually([&] { return score_of(*bob_, alice_key_.id()) < -20; }));
    // A pinned validator is never dropped for its score.
    for (int i = 0; i < 8; ++i) alice_->send({1});
    ASSERT_TRUE(eventually([&] { return score_of(*bob_, alice_key_.id()) < -200; }));
    EXPECT_EQ(bob_->validators(), 1U);
    EXPECT_EQ(score_of(*alice_, bob_key_.id()), 0);
}

TEST_F(TwoValidators, transactions_come_in_full_and_once) {
    (void)run((*alice_)->announce({}, {some_transactions(), {}}));
    ASSERT_TRUE(eventually([&] { return bob_->imported().size() == some_transactions().size(); }));
    (void)run((*alice_)->announce({}, {{some_transactions()[0], test_transaction(2000)}, {}}));
    ASSERT_TRUE(eventually([&] { return bob_->imported().size() == some_transactions().size() + 1; }));
    EXPECT_EQ(bob_->imported().back(), test_transaction(2000)->encoded);
    EXPECT_TRUE(alice_->imported().empty());  // what bob imported does not come back
}

TEST_F(TwoValidators, blocks_are_fetched_from_who_has_them) {
    {
        const std::lock_guard lock(alice_->mutex);
        for (std::uint64_t number = 0; number < 5; ++number) {
            alice_->chain.push_back(test_block(number, std::span(some_transactions()).first(number)));
        }
    }
    ASSERT_TRUE(eventually([&] { return bob_->peers().at(0).height == 4; }));
    const auto got = bob_->fetch(2, 10);
    ASSERT_TRUE(got) << got.error().message;
    ASSERT_EQ(got->blocks.size(), 3U);
    EXPECT_EQ(got->peer, alice_key_.id());
    EXPECT_EQ(got->blocks[2].block, alice_->chain[4]);
    EXPECT_EQ(got->blocks[2].proof, Bytes{4});
    EXPECT_EQ(bob_->fetch(5, 1).error().code, ErrorCode::unavailable);
    EXPECT_EQ(bob_->fetch(2, 0).error().code, ErrorCode::invalid_argument);
}

TEST_F(NetworkTest, both_dial_and_one_connection_stays) {
    const TestKey keys[] = {TestKey("a"), TestKey("b"), TestKey("c"), TestKey("d")};
    std::vector<net::ReservedAddress> addresses;
    for (std::size_t i = 0; i < std::size(keys); ++i) {
        auto address = net::ReservedAddress::make("127.0.0.1:0");
        ASSERT_TRUE(address);
        addresses.push_back(*std::move(address));
    }
    std::vector<std::unique_ptr<TestNode>> nodes;
    for (std::uint8_t i = 0; i < 4; ++i) {
        nodes.push_back(listening(keys[i], {}, static_cast<std::uint8_t>(i + 1), [&](Config& config) {
            config.listen = addresses[i].text();
            for (int other = 0; other < 4; ++other) {
                config.static_peers.push_back({keys[other].id(), addresses[other].text()});  // itself too
            }
        }));
    }
    for (const auto& node : nodes) {
        ASSERT_TRUE(eventually([&] { return node->validators() == 3; }));
    }
    for (const auto& node : nodes) {
        ASSERT_TRUE(eventually([&] { return node->send({1}) == 3; }));
    }
}

TEST_F(NetworkTest, a_peer_of_a_peer_is_found) {
    const TestKey hub_key("hub");
    const TestKey left_key("left");
    const TestKey right_key("right");
    const auto open = [](Config& config) { config.is_public = true; };
    const auto hub = listening(hub_key, {}, 0, open);
    const auto left = dialling(left_key, *hub, 0, open);
    ASSERT_TRUE(eventually([&] { return left->peers().size() == 1; }));
    const auto right = dialling(right_key, *hub, 0, open);
    ASSERT_TRUE(eventually([&] { return left->peers().size() == 2 && right->peers().size() == 2; }));
}

TEST_F(NetworkTest, without_peers_it_counts_and_answers) {
    TestNode node(loops_, test_config(), 0);
    node.start();
    (void)run(node->announce({}, {{test_transaction(1)}, {}}));
    const auto status = run(node->status({}, {}));
    EXPECT_EQ(status->announced, 1U);
    EXPECT_TRUE(status->listening);
    EXPECT_EQ(node.send({1}), 0U);
    EXPECT_EQ(node.fetch(0, 1).error().code, ErrorCode::unavailable);
}

TEST_F(NetworkTest, other_services_that_are_away_cost_no_connection) {
    const TestKey key("alone");
    const TestKey raw_key("raw");
    Config config = test_config();
    config.listen = "127.0.0.1:0";
    config.key_file = key.path;
    config.static_peers.push_back({raw_key.id(), "127.0.0.1:1"});
    Network network(loops_, config, {});
    ASSERT_TRUE(network.start());
    EXPECT_EQ(network.id(), key.id());
    const auto fetched = run(network.fetch_blocks(mesh::Context::with_timeout(patience_ns), {{}, 1, 1}));
    EXPECT_EQ(fetched.error().message, "no peer has block 1");
}

TEST(static_peer, is_an_id_and_an_address) {
    const std::string id(64, 'a');
    EXPECT_EQ(*parse_static_peer(id + "@localhost:1"), (StaticPeer{id, "localhost:1"}));
    for (const auto& bad : {id, id + "@", id + "@host", std::string("@host:1"), id + "a@host:1",
                            id.substr(1) + "G@host:1", std::string("host:1"), std::string()}) {
        SCOPED_TRACE(bad);
        EXPECT_EQ(parse_static_peer(bad).error().code, ErrorCode::invalid_argument);
    }
}

}  // namespace
}  // namespace weft::service::network
