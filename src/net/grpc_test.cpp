#include "net/grpc.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "net/grpc_codec.hpp"
#include "net/port.hpp"

namespace weft::net {
namespace {

Bytes bytes(std::string_view text) { return to_bytes(as_bytes(text)); }
std::string text(const Bytes& value) { return std::string(as_text(value)); }
mesh::Context soon() { return mesh::Context::with_timeout(20 * ns_per_s); }

Task<Bytes> echo(mesh::Context, BytesView request) { co_return to_bytes(request); }
Task<Bytes> refuse(mesh::Context, BytesView) {
    co_return std::unexpected(
        Error{ErrorCode::failed_precondition, "nonce zu niedrig: 5 < 7 % \xc3\xa4\n", {0, 1, 255}, -32000});
}

struct Fixture : testing::Test {
    LoopGroup loops{2};
    std::optional<GrpcServer> server;
    std::atomic<int> stuck{0};
    std::atomic<std::int64_t> seen_remaining{0};

    void SetUp() override {
        loops.start();
        start("127.0.0.1:0");
    }
    void TearDown() override {
        server.reset();
        loops.stop();
    }
    void start(const std::string& address, GrpcServerOptions options = {}) {
        server.reset();
        server.emplace(loops, options);
        server->handle("test.Echo/Echo", echo);
        server->handle("test.Echo/Refuse", refuse);
        server->handle("test.Echo/Slow", [this](mesh::Context context, BytesView request) -> Task<Bytes> {
            return slow(context, request);
        });
        server->handle("test.Echo/Remaining", [this](mesh::Context context, BytesView) -> Task<Bytes> {
            seen_remaining = context.remaining_ns();
            return echo(context, {});
        });
        const auto listening = server->listen(address);
        ASSERT_TRUE(listening) << listening.error().message;
    }
    Task<Bytes> slow(mesh::Context context, BytesView request) {
        ++stuck;
        stuck.notify_all();
        co_await Loop::current()->sleep_until(context.deadline_ns + 3'600 * ns_per_s);
        co_return to_bytes(request);
    }
    void wait_for_stuck(int count) {
        for (int seen = stuck; seen < count; seen = stuck) stuck.wait(seen);
    }
    [[nodiscard]] std::string address() const { return server->local_address().to_string(); }
};
using grpc = Fixture;

TEST_F(grpc, answers_from_a_loop_and_from_any_thread) {
    GrpcClient client(loops, address());
    const Bytes request = bytes("hello");
    const auto here = run(client.call(soon(), "test.Echo/Echo", request));
    ASSERT_TRUE(here) << here.error().message;
    EXPECT_EQ(text(*here), "hello");
    const auto on_loop = [&]() -> Task<bool> {
        co_await switch_to(loops.loop(1));
        (void)co_await client.call(soon(), "test.Echo/Echo", request);
        co_return loops.loop(1).inside();
    };
    EXPECT_EQ(run(on_loop()), true);
}

TEST_F(grpc, messages_of_every_size) {
    GrpcClient client(loops, address());
    for (const std::size_t size : {0UL, 1UL, 16'379UL, 16'384UL, 100'000UL, 3'000'000UL, 30'000'000UL}) {
        SCOPED_TRACE(size);
        Bytes request(size);
        for (std::size_t i = 0; i < size; ++i) request[i] = static_cast<std::uint8_t>(i * 7 + (i >> 9));
        const auto reply = run(client.call(soon(), "test.Echo/Echo", request));
        ASSERT_TRUE(reply) << reply.error().message;
        EXPECT_EQ(*reply, request);
    }
}

TEST_F(grpc, error_crosses_unchanged) {
    GrpcClient client(loops, address());
    const auto reply = run(client.call(soon(), "test.Echo/Refuse", {}));
    ASSERT_FALSE(reply);
    EXPECT_EQ(reply.error().code, ErrorCode::failed_precondition);
    EXPECT_EQ(reply.error().message, "nonce zu niedrig: 5 < 7 % \xc3\xa4\n");
    EXPECT_EQ(reply.error().data, (Bytes{0, 1, 255}));
    EXPECT_EQ(reply.error().detail, -32000);
}

TEST_F(grpc, unknown_method_is_unimplemented) {
    GrpcClient client(loops, address());
    EXPECT_EQ(run(client.call(soon(), "test.Echo/None", {})).error().code, ErrorCode::unimplemented);
}

TEST_F(grpc, message_over_the_limit_is_refused) {
    start("127.0.0.1:0", {.message_bytes_max = 1'000});
    GrpcClient client(loops, address());
    EXPECT_EQ(run(client.call(soon(), "test.Echo/Echo", Bytes(2'000'000))).error().code, ErrorCode::resource_exhausted);
    EXPECT_TRUE(run(client.call(soon(), "test.Echo/Echo", Bytes(1'000))));
    GrpcClient small(loops, address(), {.message_bytes_max = 10});
    EXPECT_EQ(run(small.call(soon(), "test.Echo/Echo", Bytes(11))).error().code, ErrorCode::resource_exhausted);
}

TEST_F(grpc, deadline_travels_and_is_kept_by_the_caller) {
    GrpcClient client(loops, address());
    ASSERT_TRUE(run(client.call(mesh::Context::with_timeout(7 * ns_per_s), "test.Echo/Remaining", {})));
    EXPECT_GT(seen_remaining, 4 * ns_per_s);
    EXPECT_LE(seen_remaining, 7 * ns_per_s + ns_per_ms);
    const auto late = run(client.call(mesh::Context::with_timeout(20 * ns_per_ms), "test.Echo/Slow", {}));
    ASSERT_FALSE(late);
    EXPECT_EQ(late.error().code, ErrorCode::deadline_exceeded);
    // The connection is as good as before.
    EXPECT_TRUE(run(client.call(soon(), "test.Echo/Echo", {})));
    EXPECT_EQ(run(client.call(mesh::Context{monotonic_ns() - 1, 0}, "test.Echo/Echo", {})).error().code,
              ErrorCode::deadline_exceeded);
}

TEST_F(grpc, nobody_listens_is_unavailable_and_certainly_not_handled) {
    std::string gone = address();
    server.reset();
    GrpcClient client(loops, gone);
    const auto reply = run(client.call(soon(), "test.Echo/Echo", {}));
    ASSERT_FALSE(reply);
    EXPECT_EQ(reply.error().code, ErrorCode::unavailable);
    EXPECT_EQ(reply.error().detail, 1);
}

TEST_F(grpc, lost_connection_fails_calls_in_flight_and_a_restart_is_found) {
    GrpcClient client(loops, address());
    std::optional<Result<Bytes>> lost;
    std::thread caller([&] { lost = run(client.call(soon(), "test.Echo/Slow", bytes("x"))); });
    wait_for_stuck(1);
    const std::string where = address();
    server.reset();
    caller.join();
    ASSERT_FALSE(*lost);
    EXPECT_EQ(lost->error().code, ErrorCode::unavailable);
    EXPECT_EQ(lost->error().detail, 0);
    start(where);
    Result<Bytes> reply = fail(ErrorCode::unknown, "");
    const std::int64_t until = monotonic_ns() + 10 * ns_per_s;
    while (!reply && monotonic_ns() < until) reply = run(client.call(soon(), "test.Echo/Echo", bytes("again")));
    ASSERT_TRUE(reply);
    EXPECT_EQ(text(*reply), "again");
}

TEST_F(grpc, stop_lets_calls_end_and_sends_new_ones_away) {
    std::atomic<bool> go{false};
    start("127.0.0.1:0");
    server->handle("test.Echo/Gate", [&](mesh::Context, BytesView) -> Task<Bytes> {
        return [](std::atomic<bool>& open, std::atomic<int>& waiting) -> Task<Bytes> {
            ++waiting;
            waiting.notify_all();
            while (!open) co_await Loop::current()->sleep_for(ns_per_ms);
            co_return bytes("done");
        }(go, stuck);
    });
    GrpcClient client(loops, address());
    std::optional<Result<Bytes>> held;
    std::thread caller([&] { held = run(client.call(soon(), "test.Echo/Gate", {})); });
    wait_for_stuck(1);
    std::optional<Result<void>> stopped;
    std::thread stopper([&] { stopped = run(server->stop(10 * ns_per_s)); });
    // Once the listener is closed, a client of its own finds nobody.
    GrpcClient other(loops, address());
    while (run(other.call(soon(), "test.Echo/Echo", {}))) {
    }
    go = true;
    caller.join();
    stopper.join();
    ASSERT_TRUE(*held) << held->error().message;
    EXPECT_EQ(text(**held), "done");
    EXPECT_TRUE(*stopped);
}

TEST_F(grpc, thousands_of_calls_at_once) {
    GrpcClient client(loops, address());
    constexpr int count = 5'000;
    std::atomic<int> right{0};
    std::atomic<int> ended{0};
    loops.loop(0).post([&] {
        for (int i = 0; i < count; ++i) {
            const auto one = [](GrpcClient& through, int number) -> Task<bool> {
                const Bytes request = bytes(std::to_string(number));
                const Bytes reply = co_await through.call(soon(), "test.Echo/Echo", request);
                co_return reply == request;
            };
            spawn(one(client, i), [&](Result<bool> result) {
                if (result && *result) ++right;
                ++ended;
                ended.notify_all();
            });
        }
    });
    for (int seen = ended; seen < count; seen = ended) ended.wait(seen);
    EXPECT_EQ(right, count);
}

TEST_F(grpc, a_dropped_channel_ends_its_calls) {
    std::optional<GrpcChannel> channel;
    channel.emplace(loops.loop(0), address());
    std::optional<Result<Bytes>> result;
    std::thread caller([&] { result = run(channel->call(soon(), "test.Echo/Slow", {})); });
    wait_for_stuck(1);
    channel.reset();
    caller.join();
    EXPECT_EQ(result->error().code, ErrorCode::unavailable);
}

TEST_F(grpc, loops_stop_with_calls_in_flight) {
    GrpcClient client(loops, address());
    std::optional<Result<Bytes>> result;
    std::thread caller([&] { result = run(client.call(soon(), "test.Echo/Slow", {})); });
    wait_for_stuck(1);
    loops.stop();
    caller.join();
    ASSERT_FALSE(*result);
}

TEST_F(grpc, unix_socket) {
    const std::string path = "unix:/tmp/weft-grpc-test-" + std::to_string(getpid()) + ".sock";
    start(path);
    {
        GrpcClient client(loops, path);
        EXPECT_EQ(text(*run(client.call(soon(), "test.Echo/Echo", bytes("near")))), "near");
        GrpcServer second(loops);
        EXPECT_EQ(second.listen(path).error().message, "listen " + path + ": address in use");
    }
    server.reset();
    EXPECT_NE(access(path.c_str() + 5, F_OK), 0);
}

TEST_F(grpc, address_in_use) {
    GrpcServer second(loops);
    EXPECT_EQ(second.listen(address()).error().message, "listen " + address() + ": address in use");
}

struct HealthRequest {
    std::string service;
};
struct HealthReply {
    std::uint32_t status = 0;
};

TEST_F(grpc, health) {
    GrpcClient client(loops, address());
    const auto check = [&](const std::string& service) {
        return run(client.call(soon(), "grpc.health.v1.Health/Check", wire::encode(HealthRequest{service})));
    };
    EXPECT_EQ(wire::decode<HealthReply>(*check(""))->status, 1U);
    EXPECT_EQ(check("test.Echo").error().code, ErrorCode::not_found);
    server->set_health("test.Echo", false);
    EXPECT_EQ(wire::decode<HealthReply>(*check("test.Echo"))->status, 2U);
}

struct Sum {
    static constexpr std::string_view method = "test.Math/Sum";
    struct Reply {
        std::uint64_t total = 0;
    };
    std::uint64_t left = 0;
    std::uint64_t right = 0;
};

TEST_F(grpc, a_port_cannot_tell_where_its_server_is) {
    server.reset();
    server.emplace(loops);
    serve<Sum>(*server, mesh::Port<Sum>([](mesh::Context, Sum sum) -> Task<Sum::Reply> {
        if (sum.left == 0) co_return fail(ErrorCode::out_of_range, "zero");
        co_return Sum::Reply{sum.left + sum.right};
    }));
    ASSERT_TRUE(server->listen("127.0.0.1:0"));
    const mesh::Port<Sum> port = remote_port<Sum>(GrpcClient(loops, address()));
    EXPECT_EQ(run(port(soon(), {40, 2}))->total, 42U);
    EXPECT_EQ(run(port(soon(), {0, 2})).error().code, ErrorCode::out_of_range);
}

TEST(grpc_codec, timeouts) {
    const struct {
        const char* text;
        std::int64_t ns;
    } table[] = {{"1n", 1},
                 {"2u", 2'000},
                 {"3m", 3'000'000},
                 {"4S", 4 * ns_per_s},
                 {"5M", 300 * ns_per_s},
                 {"1H", 3'600 * ns_per_s},
                 {"", -1},
                 {"5", -1},
                 {"m", -1},
                 {"123456789m", -1},
                 {"-1m", -1},
                 {"1x", -1},
                 {"1 m", -1}};
    for (const auto& row : table) {
        SCOPED_TRACE(row.text);
        EXPECT_EQ(parse_grpc_timeout(row.text).value_or(-1), row.ns);
    }
    EXPECT_EQ(to_grpc_timeout(1), "1m");
    EXPECT_EQ(to_grpc_timeout(1'500'000), "2m");
    EXPECT_EQ(to_grpc_timeout(INT64_MAX), "99999999S");
    EXPECT_GT(*parse_grpc_timeout("99999999H"), 0);
}

TEST(grpc_codec, message_in_any_pieces) {
    const Bytes whole{0, 0, 0, 0, 3, 7, 8, 9};
    for (std::size_t step = 1; step <= whole.size(); ++step) {
        SCOPED_TRACE(step);
        MessageReader reader(3);
        for (std::size_t at = 0; at < whole.size(); at += step) {
            ASSERT_TRUE(reader.feed(BytesView(whole).subspan(at, std::min(step, whole.size() - at))));
        }
        EXPECT_EQ(reader.take(), (Bytes{7, 8, 9}));
    }
    MessageReader cut(3);
    ASSERT_TRUE(cut.feed(BytesView(whole).first(7)));
    EXPECT_EQ(cut.take().error().code, ErrorCode::internal);
    MessageReader longer(3);
    EXPECT_EQ(longer.feed(Bytes{0, 0, 0, 0, 1, 1, 1}).error().code, ErrorCode::internal);
    MessageReader compressed(3);
    EXPECT_EQ(compressed.feed(Bytes{1, 0, 0, 0, 0}).error().code, ErrorCode::unimplemented);
    MessageReader big(3);
    EXPECT_EQ(big.feed(Bytes{0, 0, 0, 0, 4}).error().code, ErrorCode::resource_exhausted);
}

TEST(grpc_codec, percent_encoding_comes_back) {
    std::string all;
    for (int i = 0; i < 256; ++i) all.push_back(static_cast<char>(i));
    EXPECT_EQ(percent_decode(percent_encode(all)), all);
    EXPECT_EQ(percent_decode("a%2"), "a%2");
    EXPECT_EQ(percent_decode("%zz%41"), "%zzA");
}

}  // namespace
}  // namespace weft::net
