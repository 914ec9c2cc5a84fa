#include "service/registry/registry.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <list>
#include <optional>
#include <thread>

#include "base/hex.hpp"
#include "net/http.hpp"
#include "net/port.hpp"

namespace weft::service::registry {
namespace {

namespace api = weft::api::registry;

mesh::Context soon() { return mesh::Context::with_timeout(20 * ns_per_s); }

/// An instance that answers health checks, and can be told not to.
struct Target {
    explicit Target(net::LoopGroup& loops) : server(loops) {
        const auto listening = server.listen("127.0.0.1:0");
        EXPECT_TRUE(listening) << listening.error().message;
    }
    net::GrpcServer server;
    [[nodiscard]] std::string address() const { return server.local_address().to_string(); }
};

struct Fixture : testing::Test {
    net::LoopGroup loops{2};
    std::optional<Registry> service;
    std::optional<net::GrpcServer> server;
    mesh::Port<api::Register> add;
    mesh::Port<api::Renew> renew;
    mesh::Port<api::Deregister> remove;
    mesh::Port<api::List> list;

    void SetUp() override {
        loops.start();
        start();
    }
    void TearDown() override {
        server.reset();
        service.reset();
        loops.stop();
    }
    /// Over gRPC on loopback, as every process of a system does.
    void start(std::int64_t check_interval_ns = 10 * ns_per_ms) {
        server.reset();
        RegistryOptions options;
        options.check_interval_ns = check_interval_ns;
        options.leases.lease_min_ns = 10 * ns_per_ms;
        service.emplace(loops, options);
        server.emplace(loops);
        service->serve(*server);
        const auto listening = server->listen("127.0.0.1:0");
        ASSERT_TRUE(listening) << listening.error().message;
        const net::GrpcClient client(loops, server->local_address().to_string());
        add = net::remote_port<api::Register>(client);
        renew = net::remote_port<api::Renew>(client);
        remove = net::remote_port<api::Deregister>(client);
        list = net::remote_port<api::List>(client);
    }
    static api::Instance instance(const std::string& id, const std::string& address,
                                  const std::string& service = "node") {
        api::Instance made;
        made.id = id;
        made.service = service;
        made.address = address;
        made.pid = 42;
        made.labels = {{"version", "0.1.0"}};
        return made;
    }
    std::uint64_t join(const api::Instance& of, std::uint64_t lease_ms = 60'000) {
        const auto reply = run(add(soon(), {of, lease_ms}));
        EXPECT_TRUE(reply) << reply.error().message;
        return reply ? reply->lease_id : 0;
    }
    api::ListReply listed(const api::List& request = {}) {
        const auto reply = run(list(soon(), request));
        EXPECT_TRUE(reply) << reply.error().message;
        return reply.value_or(api::ListReply{});
    }
    /// Follows the list, change by change, until it satisfies; fails by the calls' deadline.
    template <class Condition>
    api::ListReply until(Condition condition) {
        auto view = listed();
        const auto give_up_ns = monotonic_ns() + 20 * ns_per_s;
        while (!condition(view) && monotonic_ns() < give_up_ns) view = listed({"", view.index, 1'000, view.epoch});
        EXPECT_TRUE(condition(view));
        return view;
    }
};
using registry = Fixture;

TEST_F(registry, lists_what_is_registered_with_all_it_said) {
    EXPECT_TRUE(listed().instances.empty());
    join(instance("node-0", "127.0.0.1:1"));
    join(instance("gateway-0", "127.0.0.1:1", "gateway"));
    EXPECT_EQ(listed().instances.size(), 2U);
    const auto nodes = listed({.service = "node"}).instances;
    ASSERT_EQ(nodes.size(), 1U);
    EXPECT_EQ(nodes[0].id, "node-0");
    EXPECT_EQ(nodes[0].pid, 42U);
    ASSERT_EQ(nodes[0].labels.size(), 1U);
    EXPECT_EQ(nodes[0].labels[0].value, "0.1.0");
}

TEST_F(registry, checks_what_is_registered) {
    Target target(loops);
    join(instance("node-0", target.address()));
    until([](const auto& view) { return view.instances.at(0).healthy; });
    target.server.set_health("", false);
    const auto sick = until([](const auto& view) { return !view.instances.at(0).healthy; });
    EXPECT_EQ(sick.instances.at(0).detail, "says that it is not serving");
    target.server.set_health("", true);
    until([](const auto& view) { return view.instances.at(0).healthy && view.instances.at(0).detail.empty(); });
}

TEST_F(registry, an_instance_that_closes_becomes_unhealthy_before_its_lease_ends) {
    std::optional<Target> target(std::in_place, loops);
    join(instance("node-0", target->address()));
    until([](const auto& view) { return view.instances.at(0).healthy; });
    target.reset();
    until([](const auto& view) { return !view.instances.empty() && !view.instances[0].healthy; });
}

TEST_F(registry, an_instances_own_word_counts) {
    Target target(loops);
    const auto lease = join(instance("node-0", target.address()));
    until([](const auto& view) { return view.instances.at(0).healthy; });
    EXPECT_TRUE(run(renew(soon(), {lease, false, "replaying"})));
    EXPECT_EQ(until([](const auto& view) { return !view.instances.at(0).healthy; }).instances[0].detail, "replaying");
    EXPECT_TRUE(run(renew(soon(), {lease, true, ""})));
    until([](const auto& view) { return view.instances.at(0).healthy; });
}

TEST_F(registry, forgets_what_is_not_renewed_and_tells_who_waits) {
    const auto lease = join(instance("node-0", "127.0.0.1:1"), 50);
    until([](const auto& view) { return view.instances.empty(); });
    const auto late = run(renew(soon(), {lease, true, ""}));
    ASSERT_FALSE(late);
    EXPECT_EQ(late.error().code, ErrorCode::not_found);
}

TEST_F(registry, a_list_that_waits_is_answered_by_the_change_and_by_nothing_else) {
    const auto view = listed();
    const mesh::Port<api::List> direct = service->list_port();
    std::optional<api::ListReply> got;
    Promise<void> answered;
    auto future = answered.future();
    spawn(direct(soon(), {"", view.index, 60'000, view.epoch}), [&](Result<api::ListReply> reply) {
        got = std::move(reply).value();
        answered.set({});
    });
    EXPECT_TRUE(listed({.service = "other"}).instances.empty());  // another caller is answered meanwhile
    EXPECT_FALSE(future.ready());
    join(instance("node-0", "127.0.0.1:1"));
    EXPECT_TRUE(run(std::move(future).wait()));
    ASSERT_TRUE(got);
    EXPECT_EQ(got->index, view.index + 1);
    EXPECT_EQ(got->instances.size(), 1U);
}

TEST_F(registry, a_wait_ends_in_time_without_a_change) {
    const auto view = listed();
    const auto began_ns = monotonic_ns();
    EXPECT_EQ(listed({"", view.index, 30, view.epoch}).index, view.index);
    EXPECT_GE(monotonic_ns() - began_ns, 29 * ns_per_ms);
    // A caller in a hurry is answered before its own deadline.
    const auto hurried = run(list(mesh::Context::with_timeout(ns_per_s), {"", view.index, 60'000, view.epoch}));
    EXPECT_TRUE(hurried) << hurried.error().message;
}

TEST_F(registry, a_restarted_registry_has_another_epoch_and_knows_no_old_lease) {
    const auto lease = join(instance("node-0", "127.0.0.1:1"));
    const auto before = listed();
    server.reset();
    start();
    const auto after = listed({"", before.index, 60'000, before.epoch});  // at once: the epoch is news
    EXPECT_NE(after.epoch, before.epoch);
    EXPECT_TRUE(after.instances.empty());
    EXPECT_EQ(run(renew(soon(), {lease, true, ""})).error().code, ErrorCode::not_found);
}

/// A machine whose clock was put back: its new process is the older one, and comes in when the lease of the one before
/// it has just ended.
TEST_F(registry, an_id_is_given_anew_in_the_moment_its_lease_ends) {
    net::LoopGroup busy(1);
    busy.start();
    const Registry own(busy);
    const auto add_here = own.register_port();
    auto younger = instance("node-0", "127.0.0.1:2");
    younger.started_unix_ms = 200;
    younger.check = "lease";
    const auto lease_ms = run(add_here(soon(), {younger, 1}))->lease_ms;
    auto older = instance("node-0", "127.0.0.1:1");
    older.started_unix_ms = 100;
    older.check = "lease";
    // Nothing else runs there before the lease is over: not the timer that would end it.
    busy.next().post([end_ns = monotonic_ns() + static_cast<std::int64_t>(lease_ms + 100) * ns_per_ms] {
        while (monotonic_ns() < end_ns) std::this_thread::yield();
    });
    const auto reply = run(add_here(soon(), {older, 1'000}));
    ASSERT_TRUE(reply) << reply.error().message;
    const auto view = run(own.list_port()(soon(), {}));
    ASSERT_TRUE(view) << view.error().message;
    ASSERT_EQ(view->instances.size(), 1U);
    EXPECT_EQ(view->instances[0].address, "127.0.0.1:1");
}

TEST_F(registry, refuses_an_older_process_and_keeps_the_youngers_words) {
    auto younger = instance("node-0", "127.0.0.1:2");
    younger.started_unix_ms = 200;
    join(younger);
    auto older = instance("node-0", "127.0.0.1:1");
    older.started_unix_ms = 100;
    older.pid = 7;
    EXPECT_EQ(run(add(soon(), {older, 1'000})).error().code, ErrorCode::already_exists);
    const auto view = listed();
    ASSERT_EQ(view.instances.size(), 1U);
    EXPECT_EQ(view.instances[0].pid, 42U);
    EXPECT_EQ(view.instances[0].address, "127.0.0.1:2");
}

TEST_F(registry, deregistering_is_at_once_and_once) {
    const auto lease = join(instance("node-0", "127.0.0.1:1"));
    EXPECT_TRUE(run(remove(soon(), {lease})));
    EXPECT_TRUE(listed().instances.empty());
    EXPECT_EQ(run(remove(soon(), {lease})).error().code, ErrorCode::not_found);
}

TEST_F(registry, its_end_ends_who_waits) {
    const auto view = listed();
    const mesh::Port<api::List> direct = service->list_port();
    Promise<void> answered;
    auto future = answered.future();
    Result<api::ListReply> got;
    spawn(direct(soon(), {"", view.index, 60'000, view.epoch}), [&](Result<api::ListReply> reply) {
        got = std::move(reply);
        answered.set({});
    });
    (void)listed();
    server.reset();
    service.reset();
    EXPECT_TRUE(run(std::move(future).wait()));
    EXPECT_FALSE(got);
}

TEST_F(registry, labels_select) {
    auto archive = instance("node-0", "127.0.0.1:1");
    archive.labels = {{"zone", "east"}, {"can", "archive"}, {"can", "trace"}};
    join(archive);
    auto plain = instance("node-1", "127.0.0.1:1");
    plain.labels = {{"zone", "east"}};
    join(plain);
    EXPECT_EQ(listed({.labels = {{"zone", "east"}}}).instances.size(), 2U);
    ASSERT_EQ(listed({.labels = {{"zone", "east"}, {"can", "archive"}}}).instances.size(), 1U);
    EXPECT_EQ(listed({.labels = {{"can", "trace"}}}).instances.at(0).id, "node-0");
    EXPECT_TRUE(listed({.labels = {{"zone", "west"}}}).instances.empty());
    EXPECT_TRUE(listed({.service = "gateway", .labels = {{"zone", "east"}}}).instances.empty());
    plain.labels.assign(65, {"a", "b"});
    EXPECT_EQ(run(add(soon(), {plain, 1'000})).error().code, ErrorCode::invalid_argument);
}

TEST_F(registry, who_follows_is_told_what_has_changed_alone_and_of_others_nothing) {
    join(instance("node-0", "127.0.0.1:1"));
    const auto lease = join(instance("node-1", "127.0.0.1:1"));
    api::List request{.service = "node", .changes = true};
    auto view = listed(request);
    EXPECT_FALSE(view.partial);
    ASSERT_EQ(view.instances.size(), 2U);
    join(instance("gateway-0", "127.0.0.1:1", "gateway"));
    request.index = view.index;
    request.epoch = view.epoch;
    request.wait_ms = 30;
    view = listed(request);  // when the time is over
    EXPECT_TRUE(view.partial);
    EXPECT_TRUE(view.instances.empty());
    request.index = view.index;
    request.wait_ms = 60'000;
    EXPECT_TRUE(run(remove(soon(), {lease})));
    view = listed(request);
    EXPECT_TRUE(view.partial);
    EXPECT_EQ(view.removed, std::vector<std::string>{"node-1"});
    request.epoch = 1;  // of another registry
    EXPECT_FALSE(listed(request).partial);
}

TEST_F(registry, who_has_but_a_lease_is_not_asked) {
    auto silent = instance("job-0", "127.0.0.1:1");
    silent.check = "lease";
    join(silent);
    EXPECT_TRUE(listed().instances.at(0).healthy);
    auto wrong = instance("job-1", "127.0.0.1:1");
    wrong.check = "smtp";
    const auto refused = run(add(soon(), {wrong, 1'000}));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::invalid_argument);
}

TEST_F(registry, alive_is_not_ready) {
    Target target(loops);
    target.server.set_health("", false);
    join(instance("node-0", target.address()));
    const auto view = until([](const auto& now) { return now.instances.at(0).alive; });
    EXPECT_FALSE(view.instances[0].healthy);
    EXPECT_EQ(view.instances[0].detail, "says that it is not serving");
}

TEST_F(registry, a_drained_instance_is_listed_so_after_a_restart_of_it_and_of_the_registry) {
    const auto drain = [&](bool drained) { return run(service->drain_port()(soon(), {"node-0", drained})); };
    EXPECT_EQ(drain(true).error().code, ErrorCode::not_found);
    auto node = instance("node-0", "127.0.0.1:1");
    const auto lease = join(node);
    EXPECT_TRUE(drain(true));
    EXPECT_TRUE(listed().instances.at(0).drained);
    EXPECT_TRUE(run(renew(soon(), {lease, true, ""}))->drained);
    node.started_unix_ms = 1;
    join(node);
    EXPECT_TRUE(listed().instances.at(0).drained);
    server.reset();
    start();
    node.drained = true;
    join(node);
    EXPECT_TRUE(drain(false));
    EXPECT_FALSE(listed().instances.at(0).drained);
}

/// Answers GET /ready with a status and anything else as a node of the given head does.
struct HttpTarget {
    explicit HttpTarget(net::LoopGroup& loops)
        : server(loops, [this](net::Request request) { return answer(std::move(request)); }) {
        const auto listening = server.listen("127.0.0.1:0");
        EXPECT_TRUE(listening) << listening.error().message;
    }
    Task<net::Response> answer(net::Request request) const {
        if (request.path == "/ready") co_return net::Response{.status = status};
        co_return net::Response{.body = R"({"result":{"number":")" + to_quantity(head) + R"(","timestamp":"0x1"}})"};
    }
    [[nodiscard]] std::string address() const { return server.local_address().to_string(); }
    std::atomic<int> status{200};
    std::atomic<std::uint64_t> head{100};
    net::HttpServer server;
};

TEST_F(registry, asks_over_http_whether_it_is_ready) {
    HttpTarget target(loops);
    auto web = instance("web-0", target.address(), "web");
    web.check = "http /ready";
    join(web);
    until([](const auto& view) { return view.instances.at(0).healthy; });
    target.status = 503;
    const auto sick = until([](const auto& view) { return !view.instances.at(0).healthy; });
    EXPECT_TRUE(sick.instances[0].alive);
    EXPECT_EQ(sick.instances[0].detail, "answers 503");
    target.status = 200;
    until([](const auto& view) { return view.instances.at(0).healthy; });
}

TEST_F(registry, a_foreign_node_that_falls_behind_its_group_is_not_ready) {
    std::list<HttpTarget> nodes;
    for (const auto* id : {"0", "1", "2"}) {
        nodes.emplace_back(loops);
        auto node = instance(id, "http://" + nodes.back().address() + "/", "ethereum");
        node.check = "rpc lag=8";
        join(node);
    }
    const auto healthy = [](const api::ListReply& view) {
        return std::ranges::count_if(view.instances, [](const api::Instance& it) { return it.healthy; });
    };
    until([&](const auto& view) { return healthy(view) == 3; });
    nodes.front().head = 1'000'000;  // alone: not believed
    nodes.back().head = 120;
    const auto behind = until([&](const auto& view) { return healthy(view) == 2; });
    EXPECT_FALSE(behind.instances[1].healthy);
    EXPECT_TRUE(behind.instances[1].alive);
    EXPECT_EQ(behind.instances[1].detail, "20 blocks behind");
    std::next(nodes.begin())->head = 119;
    until([&](const auto& view) { return healthy(view) == 3; });
}

}  // namespace
}  // namespace weft::service::registry
