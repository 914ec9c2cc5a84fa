#include "app/remote_contract.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "app/node.hpp"
#include "app/signals.hpp"
#include "base/hex.hpp"
#include "base/wire.hpp"
#include "net/port.hpp"

namespace weft::app {
namespace {

mesh::Context soon() { return mesh::Context::with_timeout(20 * ns_per_s); }

/// A node behind gRPC, and a contract service that reaches it by nothing else.
class RemoteContractTest : public testing::Test {
  protected:
    RemoteContractTest() : loops_(2) {
        const StopSignals inherited;
        std::filesystem::remove_all(path_);
        loops_.start();
        SystemConfig system;
        system.dev = true;
        config_ = *make_node_config(system, path_);
        config_.monitor_share = 100;
        node_ = *Node::open(loops_, config_);
        server_.emplace(loops_);
        node_->serve(*server_);
        EXPECT_TRUE(server_->listen("127.0.0.1:0"));
        const net::GrpcClient client(loops_, server_->local_address().to_string());
        RemoteContract::Ports ports;
        ports.for_each([&]<class R>(mesh::Port<R>& port) { port = net::remote_port<R>(client); });
        const auto read = ports.read_state;
        ports.read_state = {[this, read](mesh::Context context, api::storage::ReadState request) {
            ++reads_;
            return read(context, std::move(request));
        }};
        remote_ = std::make_unique<RemoteContract>(loops_, config_.genesis.config, std::move(ports), 2,
                                                   service::contract::Limits{});
        open_ = net::remote_port<api::storage::OpenState>(client);
        read_ = read;
        ports_ = node_->ports();
        deploy();
    }
    ~RemoteContractTest() override {
        remote_->stop();
        node_->stop();
        (void)run(server_->stop(ns_per_s));
        loops_.stop();
        remote_.reset();
        server_.reset();
        node_.reset();
        std::filesystem::remove_all(path_);
    }

    /// counter adds its input's first byte to slot 0 and answers with the sum; caller calls counter and logs.
    void deploy() {
        set_code(counter_, "0x60003560f81c60005401806000556000526020 6000f3");
        set_code(caller_, "0x36600060003760206000366000600073" + to_hex_digits(counter_) + "5af1602060 00a060206000f3");
    }
    void set_code(const Address& address, std::string code) {
        std::erase(code, ' ');
        ASSERT_TRUE(run(ports_.set_account(soon(), {address, {}, {}, from_hex(code).value(), {}})));
    }
    Hash send(const Address& to, Bytes data) {
        chain::Transaction transaction;
        transaction.type = chain::TransactionType::dynamic_fee;
        transaction.chain_id = config_.genesis.config.chain_id;
        transaction.nonce = run(ports_.get_account(soon(), {config_.keys[0].address, {}}))->nonce;
        transaction.gas_limit = 200'000;
        transaction.max_fee_per_gas = 20'000'000'000;
        transaction.to = to;
        transaction.data = std::move(data);
        const auto encoded = chain::sign_transaction(transaction, config_.keys[0].secret)->encoded;
        const auto sent = run(ports_.submit(soon(), {encoded, {}, true}));
        EXPECT_TRUE(sent) << sent.error().message;
        return sent ? sent->hash : Hash{};
    }
    api::contract::Call call_of(const Address& to, api::BlockRef block = {}) {
        api::contract::Call out;
        out.call.from = config_.keys[1].address;
        out.call.to = to;
        out.call.data = {5};
        out.block = block;
        return out;
    }
    Result<U256> call(const Address& to, api::BlockRef block = {}) {
        WEFT_TRY(const auto reply, run(remote_->service().call(soon(), call_of(to, block))));
        return U256::from_bytes(reply.output);
    }
    template <class Reply>
    void expect_same(const Result<Reply>& here, const Result<Reply>& there) {
        ASSERT_EQ(here.has_value(), there.has_value()) << (here ? there : here).error().message;
        if (here) {
            EXPECT_EQ(to_hex(wire::encode(*here)), to_hex(wire::encode(*there)));
        } else {
            EXPECT_EQ(here.error().message, there.error().message);
            EXPECT_EQ(here.error().detail, there.error().detail);
        }
    }

    const std::string path_ = std::string(WEFT_BUILD_DIR) + "/remote_contract_test";
    net::LoopGroup loops_;
    NodeConfig config_;
    std::unique_ptr<Node> node_;
    std::optional<net::GrpcServer> server_;
    std::unique_ptr<RemoteContract> remote_;
    mesh::Port<api::storage::OpenState> open_;
    mesh::Port<api::storage::ReadState> read_;
    service::gateway::Ports ports_;
    std::atomic<int> reads_{0};
    const Address counter_{{0xc0}};
    const Address caller_{{0xca}};
};

TEST_F(RemoteContractTest, answers_as_the_node_does) {
    const auto hash = send(caller_, {7});
    send(counter_, {1});
    auto& remote = remote_->service();
    const std::vector<api::BlockRef> blocks{{}, {api::BlockTag::pending, 0, {}, false}, api::BlockRef::at(1),
                                            api::BlockRef::at(0), api::BlockRef::at(99)};
    for (const auto& block : blocks) {
        SCOPED_TRACE(testing::Message() << static_cast<int>(block.tag) << " " << block.number);
        for (const auto& to : {counter_, caller_, Address{{0xee}}}) {
            const auto asked = call_of(to, block);
            expect_same(run(ports_.call(soon(), asked)), run(remote.call(soon(), asked)));
            expect_same(run(ports_.estimate(soon(), {asked.call, block, {}, {}})),
                        run(remote.estimate(soon(), {asked.call, block, {}, {}})));
            expect_same(run(ports_.create_access_list(soon(), {asked.call, block})),
                        run(remote.create_access_list(soon(), {asked.call, block})));
            api::contract::TraceCall traced{asked.call, block, {}, {}, {}};
            traced.options.tracer = "callTracer";
            expect_same(run(ports_.trace_call(soon(), traced)), run(remote.trace_call(soon(), traced)));
        }
    }
    for (const char* tracer : {"", "callTracer", "prestateTracer", "4byteTracer"}) {
        SCOPED_TRACE(tracer);
        const api::contract::TraceOptions options{tracer, "", false, false, false, false, 0, 5000};
        expect_same(run(ports_.trace_transaction(soon(), {hash, options})),
                    run(remote.trace_transaction(soon(), {hash, options})));
        expect_same(run(ports_.trace_block(soon(), {{}, options})), run(remote.trace_block(soon(), {{}, options})));
    }
    api::contract::Simulate simulation;
    simulation.blocks = {{{}, {}, {call_of(caller_).call, call_of(counter_).call}}, {{}, {}, {call_of(caller_).call}}};
    expect_same(run(ports_.simulate(soon(), simulation)), run(remote.simulate(soon(), simulation)));
}

TEST_F(RemoteContractTest, each_block_is_seen_by_the_next_call) {
    for (std::uint64_t i = 1; i <= 5; ++i) {
        send(i % 2 == 0 ? counter_ : caller_, {1});
        EXPECT_EQ(call(counter_), U256(i + 5));
        EXPECT_EQ(call(caller_), U256(i + 5));
    }
    EXPECT_EQ(call(counter_, api::BlockRef::at(2)), U256(2 + 5)) << "and the past is what it was";
}

TEST_F(RemoteContractTest, what_did_not_change_is_read_once) {
    send(caller_, {1});
    ASSERT_TRUE(call(caller_));
    const int before = reads_;
    for (int i = 0; i < 3; ++i) ASSERT_TRUE(call(caller_));
    EXPECT_EQ(reads_, before);
    send(config_.keys[2].address, {});
    ASSERT_TRUE(call(caller_));
    EXPECT_EQ(reads_, before) << "a block that changed other keys";
    send(counter_, {1});
    EXPECT_EQ(call(caller_), U256(7));
    EXPECT_GT(reads_, before);
}

TEST_F(RemoteContractTest, a_chain_taken_back_is_seen_at_once) {
    send(counter_, {1});
    const auto snapshot = run(ports_.snapshot(soon(), {}));
    ASSERT_TRUE(snapshot);
    send(counter_, {10});
    EXPECT_EQ(call(counter_), U256(16));
    ASSERT_TRUE(run(ports_.revert(soon(), {snapshot->id}))->reverted);
    EXPECT_EQ(call(counter_), U256(6));
    send(counter_, {20});
    EXPECT_EQ(call(counter_), U256(26));
}

TEST_F(RemoteContractTest, a_state_of_another_line_is_not_read_on) {
    send(counter_, {1});
    const auto snapshot = run(ports_.snapshot(soon(), {}));
    const auto opened = run(open_(soon(), {}));
    ASSERT_TRUE(opened);
    api::storage::ReadState more{opened->line, opened->version, 1, {{counter_}, {}, {{counter_, 0}}, {}, {1, 2}}};
    const auto values = run(read_(soon(), more));
    ASSERT_TRUE(values);
    EXPECT_TRUE(values->accounts.at(0).exists);
    EXPECT_EQ(values->slots.at(0), U256(1));
    EXPECT_EQ(values->block_hashes.at(0), opened->block->hash);
    EXPECT_TRUE(values->block_hashes.at(1).is_zero());
    ASSERT_TRUE(run(ports_.revert(soon(), {snapshot->id}))->reverted);
    EXPECT_EQ(run(read_(soon(), more)).error().code, ErrorCode::aborted);
    more.line = run(open_(soon(), {}))->line;
    more.keys.slots.resize(api::storage::state_keys_max + 1);
    EXPECT_EQ(run(read_(soon(), more)).error().code, ErrorCode::resource_exhausted);
}

TEST_F(RemoteContractTest, executes_a_block_to_what_its_header_says) {
    send(caller_, {3});
    send(counter_, {4});
    for (const std::uint64_t number : {1, 2}) {
        SCOPED_TRACE(number);
        const auto block = run(ports_.get_block(soon(), {api::BlockRef::at(number), false}))->block;
        const auto ran = run(remote_->service().execute(soon(), {block}));
        ASSERT_TRUE(ran) << ran.error().message;
        EXPECT_EQ(ran->difference, "");
        EXPECT_EQ(ran->state_root, block->header.state_root);
        EXPECT_EQ(ran->gas_used, block->header.gas_used);
        EXPECT_EQ(ran->receipts, block->receipts);
        EXPECT_FALSE(ran->delta.accounts.empty());
    }
}

TEST_F(RemoteContractTest, tells_what_contracts_did_in_a_block) {
    send(caller_, {3});
    const auto block = run(ports_.get_block(soon(), {api::BlockRef::at(1), false}))->block;
    const auto reply = run(remote_->service().activity(soon(), {block}));
    ASSERT_TRUE(reply) << reply.error().message;
    const auto find = [&](const Address& address) {
        const auto& all = reply->contracts;
        const auto at = std::ranges::find(all, address, &api::contract::ContractActivity::address);
        return at == all.end() ? api::contract::ContractActivity{} : *at;
    };
    const auto caller = find(caller_);
    EXPECT_EQ(caller.transactions, 1U);
    EXPECT_EQ(caller.calls, 1U);
    EXPECT_EQ(caller.slots_created, 0U);
    const auto counter = find(counter_);
    EXPECT_EQ(counter.transactions, 0U);
    EXPECT_EQ(counter.calls, 1U) << "by the other contract";
    EXPECT_EQ(counter.slots_created, 1U);
    ASSERT_EQ(counter.slots.size(), 1U);
    EXPECT_EQ(counter.slots[0].count, 1U);
    ASSERT_EQ(counter.selectors.size(), 1U);
    EXPECT_EQ(counter.selectors[0].name, "receive");
    // Intrinsic gas and the cost of the input apart, all gas of the transaction is somebody's.
    EXPECT_EQ(caller.gas + counter.gas, block->receipts[0].gas_used - 21'000 - 16);
}

TEST_F(RemoteContractTest, the_monitor_counts_every_block_when_its_share_is_all) {
    send(caller_, {3});
    send(counter_, {1});
    set_code(caller_, "0x60006000fd");
    send(caller_, {1});
    std::uint64_t next = 0;
    std::uint64_t seen = 0;
    while (seen < 3) {
        const auto page = run(ports_.contract_events(soon(), {next, 10'000, 0}));
        ASSERT_TRUE(page) << page.error().message;
        ASSERT_FALSE(page->blocks.empty());
        next = page->next;
        seen += page->blocks.size();
    }
    const auto stats = run(ports_.contract_stats(soon(), {caller_}));
    ASSERT_TRUE(stats && stats->contract);
    EXPECT_EQ(stats->contract->transactions, 2U);
    ASSERT_EQ(stats->contract->failures.size(), 1U);
    EXPECT_EQ(stats->contract->failures[0].name, "execution reverted");
    EXPECT_EQ(stats->coverage.blocks_executed, 3U);
    EXPECT_EQ(stats->coverage.blocks_skipped, 0U);
    const auto top = run(ports_.top_contracts(soon(), {3, api::monitor::ContractOrder::growth}));
    ASSERT_TRUE(top && top->contracts.size() == 3);
    // First those that the protocol itself writes to in each block: EIP-2935 and EIP-4788.
    EXPECT_EQ(top->contracts[0].slots_created, 3U);
    EXPECT_EQ(top->contracts[0].calls, 0U);
    EXPECT_EQ(top->contracts[2].address, counter_);
    EXPECT_EQ(top->contracts[2].calls, 2U);
    EXPECT_FALSE(run(ports_.contract_stats(soon(), {Address{{0x77}}}))->contract);
}

TEST_F(RemoteContractTest, names_what_is_wrong_with_a_block) {
    send(counter_, {4});
    const auto block = run(ports_.get_block(soon(), {{}, false}))->block;
    const auto execute = [&](auto change) {
        auto wrong = std::make_shared<api::SealedBlock>(*block);
        change(*wrong);
        return run(remote_->service().execute(soon(), {wrong}));
    };
    EXPECT_EQ(execute([](auto& b) { b.header.state_root = {}; })->difference.substr(0, 11), "state root:");
    EXPECT_EQ(execute([](auto& b) { b.header.gas_used += 1; })->difference.substr(0, 9), "gas used:");
    EXPECT_EQ(execute([](auto& b) { b.transactions.clear(); })->difference.substr(0, 9), "gas used:");
    EXPECT_EQ(execute([](auto& b) { b.header.parent_hash = Hash{{9}}; }).error().message, "header not found");
    const auto twice = execute([](auto& b) { b.transactions.push_back(b.transactions[0]); });
    ASSERT_FALSE(twice);
    EXPECT_EQ(twice.error().code, ErrorCode::invalid_argument);
    EXPECT_NE(twice.error().message.find("nonce too low"), std::string::npos) << twice.error().message;
    EXPECT_EQ(run(remote_->service().execute(soon(), {})).error().code, ErrorCode::invalid_argument);
}

TEST_F(RemoteContractTest, more_calls_than_threads_wait_for_storage_at_once) {
    send(counter_, {1});
    constexpr int calls = 64;
    std::atomic<int> right{0};
    std::atomic<int> left{calls};
    for (int i = 0; i < calls; ++i) {
        // In the past nothing is kept from one call to the next: each has its own round trips.
        spawn(remote_->service().call(soon(), call_of(i % 2 == 0 ? counter_ : caller_, api::BlockRef::at(1))),
              [&](const Result<api::contract::CallReply>& reply) {
                  if (reply && U256::from_bytes(reply->output) == U256(6)) ++right;
                  --left;
                  left.notify_all();
              });
    }
    for (int now = left; now != 0; now = left) left.wait(now);
    EXPECT_EQ(right, calls);
}

TEST_F(RemoteContractTest, a_state_that_can_t_be_read_is_an_error_and_no_answer) {
    send(counter_, {4});
    (void)run(server_->stop(ns_per_s));
    const auto reply = run(remote_->service().call(mesh::Context::with_timeout(ns_per_s), call_of(counter_)));
    ASSERT_FALSE(reply);
    EXPECT_TRUE(reply.error().code == ErrorCode::unavailable || reply.error().code == ErrorCode::deadline_exceeded)
        << reply.error().message;
}

}  // namespace
}  // namespace weft::app
