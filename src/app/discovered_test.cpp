#include "app/discovered.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <list>
#include <mutex>
#include <optional>

#include "api/consensus.hpp"
#include "api/network.hpp"
#include "chain/transaction.hpp"
#include "net/port.hpp"

namespace weft::app {
namespace {

using api::consensus::Mine;
using api::storage::GetTransaction;
using api::storage::Head;
using api::validation::GetPooled;
using api::validation::Submit;

mesh::Context soon() { return mesh::Context::with_timeout(20 * ns_per_s); }

/// A node whose operations do what the test says. Calls may be held up, as by a node that dies while it works on them.
struct FakeNode {
    explicit FakeNode(net::LoopGroup& loops, std::uint64_t number) : server(std::in_place, loops) {
        net::serve(*server, mesh::Port<Head>([this, number](mesh::Context, Head) -> Task<api::storage::HeadReply> {
                       return head(number);
                   }));
        net::serve(*server,
                   mesh::Port<Mine>([this](mesh::Context, Mine) -> Task<api::consensus::SealReply> { return mine(); }));
        net::serve(*server, mesh::Port<Submit>([this](mesh::Context, Submit) -> Task<api::validation::SubmitReply> {
                       return submit();
                   }));
        net::serve(*server, mesh::Port<GetTransaction>(
                                [](mesh::Context, GetTransaction) -> Task<api::storage::TransactionReply> {
                                    co_return api::storage::TransactionReply{};
                                }));
        net::serve(*server, mesh::Port<GetPooled>(
                                [this](mesh::Context, GetPooled request) -> Task<api::validation::PooledReply> {
                                    return pooled(request.hash);
                                }));
        const auto listening = server->listen("127.0.0.1:0");
        EXPECT_TRUE(listening) << listening.error().message;
        address = server->local_address().to_string();
    }

    Task<void> arrive() {
        ++calls;
        if (!hold) co_return;
        Promise<void> promise;
        auto released = promise.future();
        {
            const std::scoped_lock lock(mutex);
            held.push_back(std::move(promise));
        }
        ++stuck;
        stuck.notify_all();
        co_await std::move(released).wait();
    }
    Task<api::storage::HeadReply> head(std::uint64_t number) {
        co_await arrive();
        api::storage::HeadReply reply;
        reply.number = number;
        co_return reply;
    }
    Task<api::consensus::SealReply> mine() {
        co_await arrive();
        co_return api::consensus::SealReply{1, {}};
    }
    Task<api::validation::SubmitReply> submit() {
        co_await arrive();
        co_return fail(ErrorCode::failed_precondition, refusal);
    }
    Task<api::validation::PooledReply> pooled(Hash hash) const {
        api::validation::PooledReply reply;
        if (hash == known) reply.transaction = std::make_shared<chain::SignedTransaction>();
        co_return reply;
    }

    void wait_until_stuck() {
        for (int seen = stuck; seen == 0; seen = stuck) stuck.wait(seen);
    }
    /// As kill -9 would: connections break, nobody answers.
    void die() {
        server.reset();
        const std::scoped_lock lock(mutex);
        held.clear();
    }

    std::string address;
    std::optional<net::GrpcServer> server;
    std::atomic<bool> hold{false};
    std::atomic<int> calls{0};
    std::atomic<int> stuck{0};
    std::mutex mutex;
    std::list<Promise<void>> held;
    std::string refusal = "already known";
    Hash known;
};

struct Fixture : testing::Test {
    net::LoopGroup loops{2};
    std::mutex mutex;
    api::registry::ListReply view{{}, 1, 1};
    std::shared_ptr<Discovered> nodes;

    void SetUp() override { loops.start(); }
    void TearDown() override {
        nodes.reset();
        loops.stop();
    }
    void list(const FakeNode& node, const std::string& id, bool healthy = true) {
        const std::scoped_lock lock(mutex);
        api::registry::Instance instance;
        instance.id = id;
        instance.service = "node";
        instance.address = node.address;
        instance.healthy = healthy;
        std::erase_if(view.instances, [&](const auto& old) { return old.id == id; });
        view.instances.push_back(instance);
        ++view.index;
    }
    /// Stands for the registry: answers when something is new, or after a moment.
    Task<api::registry::ListReply> answer(api::registry::List request) {
        const auto until_ns = monotonic_ns() + static_cast<std::int64_t>(request.wait_ms) * ns_per_ms;
        while (true) {
            {
                const std::scoped_lock lock(mutex);
                if (view.index != request.index || monotonic_ns() >= until_ns) co_return view;
            }
            co_await net::Loop::current()->sleep_for(ns_per_ms);
        }
    }
    void discover(DiscoveredOptions options = {}) {
        nodes = Discovered::make(
            loops, {[this](mesh::Context, api::registry::List request) { return answer(std::move(request)); }}, "node",
            options);
    }
    template <class R>
    auto call(R request, mesh::Context context = soon()) {
        return run(discovered_port<R>(nodes)(context, std::move(request)));
    }
    /// The result of a call during which the node dies, and then @p then happens.
    template <class R>
    auto call_while_dying(FakeNode& node, R request, const std::function<void()>& then = [] {}) {
        node.hold = true;
        std::optional<Result<typename R::Reply>> result;
        Promise<void> ended;
        auto end = ended.future();
        spawn(discovered_port<R>(nodes)(soon(), std::move(request)), [&](Result<typename R::Reply> reply) {
            result.emplace(std::move(reply));
            ended.set({});
        });
        node.wait_until_stuck();
        node.die();
        then();
        EXPECT_TRUE(run(std::move(end).wait()));
        return *std::move(result);
    }
};
using discovered = Fixture;

TEST_F(discovered, who_wants_one_instance_asks_no_other) {
    FakeNode a(loops, 1), b(loops, 2);
    list(a, "storage-0");
    list(b, "storage-1");
    DiscoveredOptions options;
    options.only = "storage-1";
    discover(options);
    for (int i = 0; i < 5; ++i) EXPECT_TRUE(call(Head{}));
    EXPECT_EQ(a.calls, 0);
    EXPECT_EQ(b.calls, 5);
    EXPECT_EQ(nodes->healthy_count(), 1U);
}

TEST_F(discovered, what_is_worth_nothing_later_does_not_wait) {
    DiscoveredOptions options;
    options.patience_ns = 3600 * ns_per_s;
    discover(options);
    const auto told = call(api::network::Announce{}, mesh::Context::with_timeout(3600 * ns_per_s));
    ASSERT_FALSE(told);
    EXPECT_EQ(told.error().code, ErrorCode::unavailable);
}

TEST_F(discovered, calls_spread_over_the_healthy) {
    FakeNode a(loops, 1), b(loops, 2), sick(loops, 3);
    list(a, "a");
    list(b, "b");
    list(sick, "sick", false);
    DiscoveredOptions options;
    options.roster.choice = mesh::Choice::least_outstanding;
    discover(options);
    for (int i = 0; i < 20; ++i) EXPECT_TRUE(call(Head{}));
    EXPECT_EQ(a.calls, 10);
    EXPECT_EQ(b.calls, 10);
    EXPECT_EQ(sick.calls, 0);
    EXPECT_EQ(nodes->healthy_count(), 2U);
}

TEST_F(discovered, the_unhealthy_are_better_than_nobody) {
    FakeNode sick(loops, 3);
    list(sick, "sick", false);
    discover();
    EXPECT_EQ(call(Head{}).value().number, 3U);
}

TEST_F(discovered, a_read_in_flight_when_its_node_dies_is_made_at_the_next) {
    FakeNode a(loops, 1), b(loops, 2);
    list(a, "a");
    discover();
    const auto answer = call_while_dying(a, Head{}, [&] { list(b, "b"); });
    ASSERT_TRUE(answer) << answer.error().message;
    EXPECT_EQ(answer->number, 2U);
}

TEST_F(discovered, a_read_waits_for_its_only_node_to_come_back_at_another_address) {
    FakeNode a(loops, 1), reborn(loops, 7);
    list(a, "a");
    discover();
    const auto answer = call_while_dying(a, Head{}, [&] { list(reborn, "a"); });
    ASSERT_TRUE(answer) << answer.error().message;
    EXPECT_EQ(answer->number, 7U);
}

TEST_F(discovered, what_may_have_been_done_is_not_done_again) {
    FakeNode a(loops, 1);
    list(a, "a");
    discover();
    const auto mined = call_while_dying(a, Mine{});
    ASSERT_FALSE(mined);
    EXPECT_EQ(mined.error().code, ErrorCode::unavailable);
    EXPECT_EQ(a.calls, 1);
}

TEST_F(discovered, what_was_certainly_not_done_is_done_elsewhere) {
    FakeNode dead(loops, 1), b(loops, 2);
    dead.die();
    list(dead, "a");
    list(b, "b");
    discover();
    for (int i = 0; i < 4; ++i) {
        const auto mined = call(Mine{});
        EXPECT_TRUE(mined) << mined.error().message;
    }
    EXPECT_EQ(b.calls, 4);
}

TEST_F(discovered, nobody_home_is_an_error_in_time_and_no_hanging) {
    DiscoveredOptions options;
    options.patience_ns = 50 * ns_per_ms;
    discover(options);
    const auto none = call(Head{});
    ASSERT_FALSE(none);
    EXPECT_EQ(none.error().code, ErrorCode::unavailable);
    EXPECT_EQ(none.error().message, "no instance of node is known");

    FakeNode dead(loops, 1);
    dead.die();
    list(dead, "a");
    const auto refused = call(Head{}, mesh::Context::with_timeout(30 * ns_per_ms));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().detail, 0);  // a gateway would send it on as the error's code
}

TEST_F(discovered, an_answer_of_the_operation_is_no_reason_to_ask_again) {
    FakeNode a(loops, 1);
    a.refusal = "intrinsic gas too low";
    list(a, "a");
    discover();
    const auto refused = call(Submit{});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().message, "intrinsic gas too low");
    EXPECT_EQ(a.calls, 1);
}

TEST_F(discovered, a_submit_whose_first_attempt_got_in_succeeds) {
    Hash secret;
    secret.bytes[31] = 1;
    chain::Transaction transaction;
    transaction.to = Address{};
    const auto made = chain::sign_transaction(transaction, secret);
    ASSERT_NE(made, nullptr);
    for (const bool got_in : {true, false}) {
        SCOPED_TRACE(got_in);
        FakeNode a(loops, 1), b(loops, 2);
        list(a, "a");
        discover();
        ASSERT_TRUE(call(Head{}));
        if (got_in) b.known = made->hash;
        Submit submit;
        submit.encoded = made->encoded;
        const auto result = call_while_dying(a, submit, [&] { list(b, "a"); });
        if (got_in) {
            ASSERT_TRUE(result) << result.error().message;
            EXPECT_EQ(result->hash, made->hash);
        } else {
            ASSERT_FALSE(result);
            EXPECT_EQ(result.error().message, "already known");
        }
    }
}

}  // namespace
}  // namespace weft::app
