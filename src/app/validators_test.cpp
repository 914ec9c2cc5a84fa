// Four nodes in one process, each with its own keys, disk and peers: real signatures, files and sockets.

#include "app/validators.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>
#include <set>

#include <fmt/format.h>

#include "app/node.hpp"
#include "app/signals.hpp"
#include "base/hex.hpp"
#include "base/time.hpp"
#include "consensus/pbft/extra.hpp"

namespace weft::app {
namespace {

mesh::Context soon() { return mesh::Context::with_timeout(20 * ns_per_s); }

class FourValidators : public testing::Test {
  protected:
    FourValidators() : FourValidators(SystemConfig{}) {}
    explicit FourValidators(SystemConfig system) : loops_(1), system_(std::move(system)) {
        // The database's threads outlive the test: they must leave the signals that other tests send to those who wait.
        const StopSignals inherited;
        std::filesystem::remove_all(path_);
        std::filesystem::create_directories(path_);
        loops_.start();
        system_.data = path_;
        auto places = prepare_validators(system_);
        WEFT_ASSERT(places);
        places_ = *std::move(places);
        nodes_.resize(places_.size());
        for (std::size_t i = 0; i < nodes_.size(); ++i) open(i);
    }
    ~FourValidators() override {
        nodes_.clear();
        loops_.stop();
        std::filesystem::remove_all(path_);
    }

    /// @param strangers  nodes that it does not know, so that there is no connection between it and them.
    void open(std::size_t i, const std::set<std::size_t>& strangers = {}) {
        SystemConfig own = system_;
        if (!strangers.empty()) {
            own.peers += fmt::format("-{}", i);
            std::ofstream out(own.peers);
            const auto all = read_peers(system_.peers);
            for (std::size_t j = 0; j < all->size(); ++j) {
                if (!strangers.contains(j)) out << (*all)[j] << '\n';
            }
        }
        own.p2p = places_[i].p2p;
        auto config = make_node_config(own, folder(i));
        ASSERT_TRUE(config) << config.error().message;
        keys_ = config->keys;
        chain_id_ = config->genesis.config.chain_id;
        auto opened = Node::open(loops_, *std::move(config));
        ASSERT_TRUE(opened) << opened.error().message;
        nodes_[i] = *std::move(opened);
    }
    [[nodiscard]] std::string folder(std::size_t i) const { return path_ + "/" + places_[i].id; }
    [[nodiscard]] service::gateway::Ports ports(std::size_t i) { return nodes_[i]->ports(); }

    /// Asks until it is true: nodes go on by themselves, and none of them tells the test.
    bool eventually(const std::function<bool()>& is_true, std::int64_t patience_ns = 40 * ns_per_s) {
        const std::int64_t deadline = monotonic_ns() + patience_ns;
        while (!is_true()) {
            if (monotonic_ns() > deadline) return false;
            (void)run(loops_.loop(0).sleep_for(10 * ns_per_ms));
        }
        return true;
    }

    Hash send(std::size_t node, std::uint64_t nonce) {
        chain::Transaction transaction;
        transaction.type = chain::TransactionType::dynamic_fee;
        transaction.chain_id = chain_id_;
        transaction.nonce = nonce;
        transaction.gas_limit = 21'000;
        transaction.max_fee_per_gas = 20'000'000'000;
        transaction.max_priority_fee_per_gas = 1'000'000'000;
        transaction.to = Address{{0xaa}};
        transaction.value = 1;
        auto bytes = chain::sign_transaction(transaction, keys_[0].secret)->encoded;
        const auto reply = run(ports(node).submit(soon(), {std::move(bytes), {}, true}));
        EXPECT_TRUE(reply) << reply.error().message;
        return reply ? reply->hash : Hash();
    }
    /// Empty while its storage goes over to a snapshot's state.
    api::storage::HeadReply head(std::size_t i) {
        return run(ports(i).head(soon(), {})).value_or(api::storage::HeadReply{});
    }
    std::uint64_t height(std::size_t i) { return head(i).number; }
    bool has(std::size_t i, const Hash& hash) {
        const auto found = run(ports(i).get_transaction(soon(), {hash}));
        return found && found->transaction != nullptr;
    }
    bool all_have(const Hash& hash) {
        for (std::size_t i = 0; i < nodes_.size(); ++i) {
            if (nodes_[i] && !has(i, hash)) return false;
        }
        return true;
    }
    void expect_one_chain() {
        std::uint64_t least = ~std::uint64_t{0};
        for (std::size_t i = 0; i < nodes_.size(); ++i) least = std::min(least, height(i));
        for (std::uint64_t number = 1; number <= least; ++number) {
            const auto first = run(ports(0).get_block(soon(), {api::BlockRef::at(number), true}));
            for (std::size_t i = 1; i < nodes_.size(); ++i) {
                const auto other = run(ports(i).get_block(soon(), {api::BlockRef::at(number), true}));
                EXPECT_EQ(first->block->hash, other->block->hash) << "height " << number << " of node " << i;
            }
        }
    }

    std::string path_ = std::string(WEFT_BUILD_DIR) + "/validators_test";
    net::LoopGroup loops_;
    SystemConfig system_;
    std::vector<NodePlace> places_;
    std::vector<std::unique_ptr<Node>> nodes_;
    std::vector<service::wallet::Wallet::Key> keys_;
    std::uint64_t chain_id_ = 0;
};

TEST_F(FourValidators, agree_and_what_one_has_acknowledged_all_have) {
    const Hash first = send(0, 0);
    ASSERT_TRUE(eventually([&] { return all_have(first); }));
    const Hash second = send(2, 1);
    ASSERT_TRUE(eventually([&] { return all_have(second); }));
    expect_one_chain();
    const auto strong = run(ports(1).read_index(soon(), {}));
    ASSERT_TRUE(strong) << strong.error().message;
    EXPECT_GE(strong->height, 2U);
}

TEST_F(FourValidators, prevrandao_is_the_same_in_every_block) {
    const Hash first = send(0, 0);
    ASSERT_TRUE(eventually([&] { return all_have(first); }));
    const Hash second = send(1, 1);
    ASSERT_TRUE(eventually([&] { return all_have(second); }));
    api::contract::Call call;
    call.call.to = Address{{0xcc}};
    api::contract::AccountOverride account;
    account.address = *call.call.to;
    account.code = from_hex("0x445f5260205ff3").value();  // PREVRANDAO, PUSH0, MSTORE, PUSH1 32, PUSH0, RETURN
    call.overrides = {account};
    for (std::uint64_t number = 0; number <= height(2); ++number) {
        const auto block = run(ports(2).get_block(soon(), {api::BlockRef::at(number), true}));
        EXPECT_EQ(block->block->header.mix_hash, consensus::pbft::mix_hash);
        call.block = api::BlockRef::at(number);
        const auto reply = run(ports(2).call(soon(), call));
        ASSERT_TRUE(reply) << reply.error().message;
        EXPECT_EQ(Hash::from(BytesView(reply->output)), consensus::pbft::mix_hash) << number;
    }
}

TEST_F(FourValidators, one_may_be_away_and_catches_up) {
    Hash last = send(0, 0);
    ASSERT_TRUE(eventually([&] { return all_have(last); }));
    nodes_[3].reset();
    for (std::uint64_t nonce = 1; nonce < 4; ++nonce) {
        last = send(0, nonce);
        ASSERT_TRUE(eventually([&] { return all_have(last); })) << "three of four go on";
    }
    open(3);
    EXPECT_TRUE(eventually([&] { return has(3, last); }));
    expect_one_chain();
}

/// Three of four must vote, and two of the three that are left don't reach one another.
TEST_F(FourValidators, a_missing_connection_is_bridged_by_who_has_both) {
    Hash last = send(0, 0);
    ASSERT_TRUE(eventually([&] { return all_have(last); }));
    for (const std::size_t i : {0, 1, 3}) nodes_[i].reset();
    open(0, {1});
    open(1, {0});
    for (std::uint64_t nonce = 1; nonce < 6; ++nonce) {
        last = send(nonce % 3, nonce);
        ASSERT_TRUE(eventually([&] { return all_have(last); })) << "block " << nonce;
    }
    const auto peers_of = [&](std::size_t i) { return run(ports(i).network_status(soon(), {}))->peers.size(); };
    EXPECT_EQ(peers_of(0), 1U);
    EXPECT_EQ(peers_of(1), 1U);
    EXPECT_EQ(peers_of(2), 2U);
    open(3);
    EXPECT_TRUE(eventually([&] { return has(3, last); }));
    expect_one_chain();
}

TEST_F(FourValidators, without_a_quorum_nothing_is_final_and_strong_reads_are_refused) {
    const Hash first = send(0, 0);
    ASSERT_TRUE(eventually([&] { return all_have(first); }));
    nodes_[3].reset();
    nodes_[2].reset();
    const auto before = height(0);
    const Hash waiting = send(0, 1);
    const auto strong = run(ports(0).read_index(soon(), {}));
    ASSERT_FALSE(strong);
    EXPECT_EQ(strong.error().code, ErrorCode::unavailable);
    EXPECT_EQ(height(0), before) << "what is final stays readable, and nothing else is";
    ASSERT_TRUE(eventually([&] {
        const auto finality = run(ports(0).finality(soon(), {}));
        return finality && std::ranges::any_of(finality->reasons, [](const auto& reason) {
                   return reason.find("2 of 4 validators are not enough, 3 must vote") != std::string::npos;
               });
    }));
    EXPECT_FALSE(has(0, waiting));
    open(2);
    EXPECT_TRUE(eventually([&] { return has(0, waiting) && has(1, waiting) && has(2, waiting); }));
    open(3);
    EXPECT_TRUE(eventually([&] { return all_have(waiting); }));
    expect_one_chain();
}

TEST_F(FourValidators, a_wiped_chain_is_fetched_again) {
    Hash last;
    for (std::uint64_t nonce = 0; nonce < 3; ++nonce) {
        last = send(0, nonce);
        ASSERT_TRUE(eventually([&] { return all_have(last); }));
    }
    nodes_[3].reset();
    std::filesystem::remove_all(folder(3) + "/chain");
    std::filesystem::remove_all(folder(3) + "/pool");
    open(3);
    EXPECT_TRUE(eventually([&] { return has(3, last); }));
    expect_one_chain();
}

/// With a state to be served every three blocks.
class FourWithSnapshots : public FourValidators {
  protected:
    FourWithSnapshots() : FourValidators([] {
        SystemConfig system;
        system.snapshot_interval = 3;
        return system;
    }()) {
        for (; nonce_ < 8; ++nonce_) {
            last_ = send(0, nonce_);
            EXPECT_TRUE(eventually([&] { return all_have(last_); }));
        }
    }
    /// The others are started again: they would help it from block to block with the newest, which they have in memory
    /// and which here are all there are.
    void wipe(std::size_t i) {
        nodes_[i].reset();
        std::filesystem::remove_all(folder(i) + "/chain");
        std::filesystem::remove_all(folder(i) + "/pool");
        for (std::size_t other = 0; other < nodes_.size(); ++other) {
            if (other == i) continue;
            nodes_[other].reset();
            open(other);
        }
    }
    /// That a node says the same of the state as the first one does.
    void expect_same_state(std::size_t i) {
        const auto at = api::BlockRef::at(std::min(height(0), height(i)));
        for (const auto& address : {keys_[0].address, keys_[1].address, Address{{0xaa}}, Address{{0xbb}}}) {
            const auto wanted = run(ports(0).get_proof(soon(), {address, {}, at}));
            const auto got = run(ports(i).get_proof(soon(), {address, {}, at}));
            ASSERT_TRUE(wanted) << wanted.error().message;
            ASSERT_TRUE(got) << got.error().message;
            EXPECT_EQ(got->account, wanted->account);
            EXPECT_EQ(got->account_proof, wanted->account_proof);
        }
    }

    std::uint64_t nonce_ = 0;
    Hash last_;
};

TEST_F(FourWithSnapshots, a_lost_disk_is_made_good_by_a_snapshot_and_the_node_votes_again) {
    wipe(3);
    open(3);
    ASSERT_TRUE(eventually([&] { return height(3) >= height(0); }));
    EXPECT_GE(head(3).first_number, 6U);
    expect_same_state(3);
    const auto block = run(ports(3).get_block(soon(), {api::BlockRef::at(2)}));
    ASSERT_FALSE(block);
    EXPECT_EQ(block.error().message, "pruned history unavailable");
    nodes_[2].reset();
    last_ = send(3, nonce_++);
    ASSERT_TRUE(eventually([&] { return all_have(last_); })) << "its vote is needed";
    expect_same_state(3);
    nodes_[3].reset();
    open(3);
    EXPECT_GE(head(3).first_number, 6U) << "what it has stays";
    open(2);
    ASSERT_TRUE(eventually([&] { return height(2) >= height(0); }));
    EXPECT_EQ(head(2).first_number, 0U) << "who has blocks executes those that follow";
    expect_one_chain();
    wipe(2);
    open(2);
    ASSERT_TRUE(eventually([&] { return height(2) >= height(0); }));
    EXPECT_GE(head(2).first_number, 6U);
    expect_same_state(2);
}

TEST_F(FourWithSnapshots, who_wants_every_block_executes_every_block) {
    wipe(3);
    system_.sync = "full";
    open(3);
    ASSERT_TRUE(eventually([&] { return has(3, last_); }));
    EXPECT_EQ(head(3).first_number, 0U);
    expect_same_state(3);
}

/// Restored from nothing but its key: it must not vote where it may have voted before.
TEST_F(FourValidators, a_key_without_its_record_is_silent_until_it_is_safe) {
    Hash last = send(0, 0);
    ASSERT_TRUE(eventually([&] { return all_have(last); }));
    nodes_[3].reset();
    std::filesystem::remove_all(folder(3) + "/consensus");
    open(3);
    const auto progress = [&] { return run(ports(3).finality(soon(), {})); };
    ASSERT_TRUE(eventually([&] {
        const auto now = progress();
        return now && std::ranges::any_of(now->reasons, [](const auto& reason) {
                   return reason.find("does not know what its key has signed") != std::string::npos;
               });
    }));
    // The others go on, and some heights later it votes again: then one of them is not needed.
    std::uint64_t nonce = 1;
    const auto is_silent = [&] {
        const auto now = progress();
        return !now || std::ranges::any_of(now->reasons, [](const auto& reason) {
            return reason.find("does not know what its key has signed") != std::string::npos;
        });
    };
    for (; nonce < 20 && is_silent(); ++nonce) {
        last = send(0, nonce);
        ASSERT_TRUE(eventually([&] { return all_have(last); }));
    }
    EXPECT_GT(nonce, 2U) << "not before two more heights are final";
    ASSERT_FALSE(is_silent());
    nodes_[2].reset();
    last = send(0, nonce);
    EXPECT_TRUE(eventually([&] { return all_have(last); })) << "its vote is needed now";
    open(2);
    EXPECT_TRUE(eventually([&] { return all_have(last); }));
    expect_one_chain();
}

TEST(validators, keys_are_made_once_and_kept_to_their_owner) {
    const std::string path = std::string(WEFT_BUILD_DIR) + "/validators_keys_test";
    std::filesystem::remove_all(path);
    std::filesystem::create_directories(path);
    SystemConfig system;
    system.data = path;
    system.validators = 2;
    ASSERT_TRUE(prepare_validators(system));
    const auto key = *read_key(path + "/node-0/validator.key");
    ASSERT_TRUE(key);
    SystemConfig again;
    again.data = path;
    const auto places = prepare_validators(again);
    ASSERT_TRUE(places);
    EXPECT_EQ(places->size(), 2U) << "as many as there were";
    EXPECT_EQ(*read_key(path + "/node-0/validator.key"), key);
    EXPECT_EQ(read_peers(again.peers)->size(), 2U);
    std::filesystem::permissions(path + "/node-0/validator.key", std::filesystem::perms(0644));
    const auto open_to_all = read_key(path + "/node-0/validator.key");
    ASSERT_FALSE(open_to_all);
    EXPECT_EQ(open_to_all.error().code, ErrorCode::permission_denied);
    std::ofstream(path + "/short") << "0x1234";
    std::filesystem::permissions(path + "/short", std::filesystem::perms(0600));
    EXPECT_FALSE(read_key(path + "/short"));
    EXPECT_FALSE(read_key(path + "/none")->has_value());
    std::filesystem::remove_all(path);
}

TEST(validators, block_times_are_whole_seconds) {
    const std::string path = std::string(WEFT_BUILD_DIR) + "/validators_time_test";
    std::filesystem::remove_all(path);
    std::filesystem::create_directories(path);
    SystemConfig system;
    system.data = path;
    system.block_time_ms = 500;
    const auto places = prepare_validators(system);
    ASSERT_FALSE(places);
    EXPECT_EQ(places.error().message, "block-time: validators' blocks are whole seconds apart");
    std::filesystem::remove_all(path);
}

}  // namespace
}  // namespace weft::app
