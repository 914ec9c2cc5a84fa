#include <gtest/gtest.h>

#include "service/network/test_network.hpp"

namespace weft::service::network {
namespace {

/// A validator and two others, who are connected to it and perhaps not to one another.
class Relay : public NetworkTest {
  protected:
    void start(Limits limits = test_config().limits) {
        node_ = listening(node_key_, {alice_key_.id(), bob_key_.id()}, 1,
                          [&](Config& config) { config.limits = limits; });
        alice_ = connect_validator(*node_, alice_key_, 2);
        bob_ = connect_validator(*node_, bob_key_, 3);
        alice_address_ = *crypto::address_of(secret_of(2));
        const std::lock_guard lock(node_->mutex);
        node_->signer = alice_address_;
    }
    /// Says something that the node delivers, and waits until it has come back: what was said before is known then.
    void settle(RawPeer& peer) {
        const auto before = peer.heard(Type::pong).size();
        peer.say(to_frame(Ping{1}, 99));
        ASSERT_TRUE(eventually([&] { return peer.heard(Type::pong).size() > before; }));
    }
    void bob_is_connected_to(std::vector<Address> validators) {
        Links message;
        message.validators.assign(validators.begin(), validators.end());
        bob_->say(to_frame(message));
        settle(*bob_);
    }
    void alice_says(Bytes payload) {
        const auto before = node_->delivered().size();
        alice_->say(to_frame(ConsensusMessage{BytesView(payload)}));
        ASSERT_TRUE(eventually([&] { return node_->delivered().size() > before; }));
    }
    /// What bob got of alice's by the node, once all that was meant for him has come.
    using Said = std::vector<Bytes>;
    Said passed_on() {
        settle(*alice_);  // the node has done with what she said
        settle(*bob_);
        Said out;
        for (const auto& heard : bob_->heard(Type::relayed)) {
            out.push_back(to_bytes(decode<Relayed>(heard.payload)->payload.bytes));
        }
        return out;
    }

    TestKey node_key_{"node"};
    TestKey alice_key_{"alice"};
    TestKey bob_key_{"bob"};
    std::unique_ptr<TestNode> node_;
    std::shared_ptr<RawPeer> alice_;
    std::shared_ptr<RawPeer> bob_;
    Address alice_address_;
};

TEST_F(Relay, validators_hear_whom_the_node_is_connected_to) {
    start();
    const auto told = [&](RawPeer& peer) {
        const auto heard = peer.heard(Type::links);
        if (heard.empty()) return std::vector<Address>{};
        const auto message = decode<Links>(heard.back().payload);
        return std::vector<Address>(message->validators.begin(), message->validators.end());
    };
    std::vector<Address> both{alice_address_, *crypto::address_of(secret_of(3))};
    std::ranges::sort(both);
    EXPECT_TRUE(eventually([&] { return told(*alice_) == both && told(*bob_) == both; }));
    net::run_on_all(loops_, [&](net::Loop& loop, std::size_t) {
        if (&loop == &bob_->loop()) bob_->close();
    });
    EXPECT_TRUE(eventually([&] { return told(*alice_) == std::vector{alice_address_}; }));
}

TEST_F(Relay, a_message_goes_on_to_who_is_not_connected_to_its_signer) {
    start();
    bob_is_connected_to({});
    alice_says({1, 2, 3});
    EXPECT_TRUE(eventually([&] { return passed_on() == Said{Bytes{1, 2, 3}}; }));
    EXPECT_TRUE(alice_->heard(Type::relayed).empty()) << "not back to where it came from";
    EXPECT_FALSE(node_->delivered()[0].is_relayed);
}

TEST_F(Relay, nothing_goes_on_while_all_are_connected) {
    start();
    alice_says({1});
    bob_is_connected_to({alice_address_});
    alice_says({2});
    bob_is_connected_to({});
    alice_says({3});
    EXPECT_TRUE(eventually([&] { return !passed_on().empty(); }));
    EXPECT_EQ(passed_on(), Said{Bytes{3}});
}

TEST_F(Relay, what_several_bring_goes_on_once_and_what_is_repeated_later_again) {
    Limits limits = test_config().limits;
    limits.relay_again_ns = 3600 * ns_per_s;
    start(limits);
    bob_is_connected_to({});
    alice_says({1});
    alice_says({1});
    alice_says({2});
    EXPECT_TRUE(eventually([&] { return passed_on().size() >= 2; }));
    EXPECT_EQ(passed_on(), (Said{Bytes{1}, Bytes{2}}));
    limits.relay_again_ns = 0;
    alice_.reset();
    bob_.reset();
    start(limits);
    bob_is_connected_to({});
    alice_says({1});
    alice_says({1});
    EXPECT_TRUE(eventually([&] { return passed_on().size() == 2; }));
}

TEST_F(Relay, what_is_refused_or_not_signed_does_not_go_on) {
    start();
    bob_is_connected_to({});
    {
        const std::lock_guard lock(node_->mutex);
        node_->signer.reset();
    }
    alice_says({1});
    {
        const std::lock_guard lock(node_->mutex);
        node_->signer = alice_address_;
        node_->verdict = api::consensus::Verdict::ignore;
    }
    alice_says({2});
    {
        const std::lock_guard lock(node_->mutex);
        node_->verdict = api::consensus::Verdict::accept;
    }
    alice_says({3});
    EXPECT_TRUE(eventually([&] { return !passed_on().empty(); }));
    EXPECT_EQ(passed_on(), Said{Bytes{3}});
}

TEST_F(Relay, a_proposal_goes_on_with_its_block) {
    start();
    bob_is_connected_to({});
    const Bytes block = test_block(1, {});
    const auto open = *open_block(block);
    const auto form = make_compact(*open, 1, [](const Hash&) { return false; });
    const Bytes payload{7};
    Proposal message{{BytesView(payload)}, {}};
    message.blocks.push_back(form->message);
    alice_->say(to_frame(message));
    ASSERT_TRUE(eventually([&] { return !bob_->heard(Type::relayed_proposal).empty(); }));
    const auto heard = bob_->heard(Type::relayed_proposal);
    const auto got = decode<RelayedProposal>(heard[0].payload);
    ASSERT_TRUE(got && got->blocks.size() == 1);
    EXPECT_EQ(to_bytes(got->payload.bytes), payload);
    EXPECT_EQ(node_->delivered()[0].blocks, Said{block});
}

/// Who passes on answers for what he could have seen.
TEST_F(Relay, what_was_passed_on_is_known_as_that_and_its_form_is_the_relayers_affair) {
    start();
    const Bytes payload{5};
    bob_->say(to_frame(Relayed{BytesView(payload)}));
    ASSERT_TRUE(eventually([&] { return node_->delivered().size() == 1; }));
    EXPECT_TRUE(node_->delivered()[0].is_relayed);
    EXPECT_EQ(node_->delivered()[0].from, *crypto::address_of(secret_of(3)));
    EXPECT_EQ(score_of(*node_, bob_key_.id()), 0);
    {
        const std::lock_guard lock(node_->mutex);
        node_->verdict = api::consensus::Verdict::reject;
    }
    bob_->say(to_frame(Relayed{BytesView(payload)}));
    EXPECT_TRUE(eventually([&] { return score_of(*node_, bob_key_.id()) < 0; }));
    EXPECT_EQ(score_of(*node_, alice_key_.id()), 0);
}

TEST_F(Relay, links_out_of_order_are_refused) {
    start();
    Links message;
    message.validators.assign({alice_address_, alice_address_});
    bob_->say(to_frame(message));
    EXPECT_TRUE(eventually([&] { return score_of(*node_, bob_key_.id()) < 0; }));
    alice_says({1});
    EXPECT_TRUE(passed_on().empty());
}

}  // namespace
}  // namespace weft::service::network
