// Calls with streams and grpc-web, where what they carry is wrong as much as where it is right.

#include <gtest/gtest.h>

#include "net/cors.hpp"
#include "net/grpc.hpp"
#include "net/grpc_codec.hpp"
#include "net/grpc_pipe.hpp"
#include "net/grpc_reflection.hpp"
#include "net/grpc_web.hpp"
#include "net/http.hpp"
#include "net/http_client.hpp"
#include "net/test_peer.hpp"
#include "net/websocket_codec.hpp"

namespace weft::net {
namespace {

std::string framed(std::string_view message, std::uint8_t flag = 0) {
    auto prefix = grpc_prefix(message.size());
    prefix[0] = flag;
    return std::string(as_text(BytesView(prefix))) + std::string(message);
}
std::string trailers(std::string_view text) { return framed(text, 0x80); }

Task<Bytes> echo(mesh::Context, BytesView request) { co_return to_bytes(request); }
/// Each message back, then an error if one was "refuse".
Task<void> echo_all(GrpcStreamPtr stream) {
    while (auto message = co_await stream->read()) {
        if (as_text(*message) == "refuse") co_await Result<void>(fail(ErrorCode::aborted, "as asked"));
        co_await stream->write(*std::move(message));
    }
}
/// Goes on in a later turn of the loop: what this one wrote is sent by then.
Task<void> next_turn() {
    Promise<void> turn;
    auto future = turn.future();
    Loop::current()->post([turn = std::move(turn)]() mutable { turn.set({}); });
    co_await std::move(future).wait();
}
/// "tick" as often as the message has characters, one after the other has left.
Task<void> tick(GrpcStreamPtr stream) {
    const auto message = co_await stream->read();
    for (std::size_t i = 0; message && i < message->size(); ++i) {
        co_await stream->write(to_bytes(as_bytes("tick")));
        co_await next_turn();
    }
}

struct GrpcWeb : testing::Test {
    LoopGroup loops{1};
    std::shared_ptr<GrpcService> service = std::make_shared<GrpcService>(GrpcServerOptions{.message_bytes_max = 1'000});
    std::optional<HttpServer> server;
    std::atomic<int> abandoned{0};

    void SetUp() override {
        loops.start();
        service->handle("test.Echo/Echo", echo);
        service->handle_stream("test.Echo/All", [](const mesh::Context&, GrpcStreamPtr stream) {
            return echo_all(std::move(stream));
        });
        service->handle_stream("test.Echo/Tick", [](const mesh::Context&, GrpcStreamPtr stream) {
            return tick(std::move(stream));
        });
        service->handle_stream("test.Echo/Silent", [this](const mesh::Context&, GrpcStreamPtr stream) -> Task<void> {
            return silent(std::move(stream));
        });
        add_reflection(*service, {});
        server.emplace(loops, [this](Request request) -> Task<Response> {
            if (request.method == "OPTIONS") {
                return [](Response out) -> Task<Response> { co_return out; }(Cors{}.preflight(request));
            }
            return serve_grpc_web(service, std::move(request));
        });
        ASSERT_TRUE(server->listen("127.0.0.1:0"));
    }
    void TearDown() override {
        server.reset();
        loops.stop();
    }
    Task<void> silent(GrpcStreamPtr stream) {
        co_await stream->write(to_bytes(as_bytes("first")));
        const auto end = co_await settled(stream->until_closed());
        EXPECT_FALSE(end);
        ++abandoned;
        abandoned.notify_all();
    }
    static std::string request(std::string_view method, std::string_view body, std::string_view type = "+proto",
                               std::string_view more = "") {
        return "POST /" + std::string(method) + " HTTP/1.1\r\nHost: x\r\nContent-Type: application/grpc-web" +
               std::string(type) + "\r\n" + std::string(more) + "Content-Length: " + std::to_string(body.size()) +
               "\r\n\r\n" + std::string(body);
    }
    /// The body of the answer.
    std::string ask(std::string_view method, std::string_view body, std::string_view type = "+proto",
                    std::string_view more = "") {
        TestPeer peer(server->local_address());
        peer.send(request(method, body, type, more));
        const std::string head = peer.until("\r\n\r\n");
        EXPECT_TRUE(head.starts_with("HTTP/1.1 200")) << head;
        EXPECT_NE(head.find("Content-Type: application/grpc-web" +
                            std::string(type.starts_with("-text") ? "-text+proto" : "+proto")),
                  std::string::npos)
            << head;
        const auto length = head.find("Content-Length: ");
        if (length != std::string::npos) return peer.exactly(std::stoul(head.substr(length + 16)));
        std::string out;
        while (true) {
            const std::size_t size = std::stoul(peer.until("\r\n"), nullptr, 16);
            const std::string piece = peer.exactly(size + 2);
            if (size == 0) return out;
            out += piece.substr(0, size);
        }
    }
};

TEST_F(GrpcWeb, a_call_in_both_forms) {
    const std::string want = framed("hello") + trailers("grpc-status: 0\r\n");
    EXPECT_EQ(ask("test.Echo/Echo", framed("hello")), want);
    EXPECT_EQ(ask("test.Echo/Echo", framed("hello"), ""), want);
    const std::string text = ask("test.Echo/Echo", to_base64(framed("hello")), "-text");
    EXPECT_EQ(text, to_base64(framed("hello")) + to_base64(trailers("grpc-status: 0\r\n")));
    // In two pieces, each padded: what a client may send that encodes as it goes.
    const std::string pieces = to_base64(framed("hello").substr(0, 4)) + to_base64(framed("hello").substr(4));
    EXPECT_EQ(ask("test.Echo/Echo", pieces, "-text+proto"), text);
}

TEST_F(GrpcWeb, what_is_wrong_is_a_status) {
    const struct {
        std::string_view name;
        std::string_view method;
        std::string body;
        std::string_view type;
        std::string status;
    } cases[] = {
        {"unknown method", "test.Echo/None", framed("x"), "", "12"},
        {"nothing", "test.Echo/Echo", "", "", "13"},
        {"half a prefix", "test.Echo/Echo", framed("x").substr(0, 3), "", "13"},
        {"cut off", "test.Echo/Echo", framed("hello").substr(0, 8), "", "13"},
        {"two messages", "test.Echo/Echo", framed("a") + framed("b"), "", "13"},
        {"bytes behind it", "test.Echo/Echo", framed("a") + "x", "", "13"},
        {"compressed", "test.Echo/Echo", framed("a", 1), "", "12"},
        {"trailers of a client", "test.Echo/Echo", framed("a", 0x80), "", "12"},
        {"too long", "test.Echo/Echo", framed(std::string(1'001, 'x')), "", "8"},
        {"a length that lies", "test.Echo/Echo", std::string("\0\xff\xff\xff\xff", 5), "", "8"},
        {"no base64", "test.Echo/Echo", "!!!!", "-text", "3"},
        {"padding alone", "test.Echo/Echo", "====", "-text", "3"},
        {"padding within", "test.Echo/Echo", "AA=A", "-text", "3"},
        {"a stream cut off", "test.Echo/All", framed("a") + "x", "", "13"},
        {"a stream of compressed", "test.Echo/All", framed("a", 1), "", "12"},
        {"a stream that refuses", "test.Echo/All", framed("refuse"), "", "10"},
    };
    for (const auto& one : cases) {
        SCOPED_TRACE(one.name);
        std::string got = ask(one.method, one.body, one.type);
        if (one.type == "-text") got = *from_base64_pieces(got);
        EXPECT_NE(got.find("grpc-status: " + one.status + "\r\n"), std::string::npos) << got;
    }
}

TEST_F(GrpcWeb, streams_come_piece_by_piece) {
    EXPECT_EQ(ask("test.Echo/All", framed("a") + framed("") + framed("bc")),
              framed("a") + framed("") + framed("bc") + trailers("grpc-status: 0\r\n"));
    EXPECT_EQ(ask("test.Echo/Tick", framed("123")),
              framed("tick") + framed("tick") + framed("tick") + trailers("grpc-status: 0\r\n"));
    const std::string text = ask("test.Echo/Tick", to_base64(framed("12")), "-text");
    EXPECT_EQ(*from_base64_pieces(text), framed("tick") + framed("tick") + trailers("grpc-status: 0\r\n"));
}

TEST_F(GrpcWeb, an_answer_behind_a_stream_waits_for_its_turn) {
    TestPeer peer(server->local_address());
    peer.send(request("test.Echo/Tick", framed("123")) + request("test.Echo/Echo", framed("next")));
    EXPECT_NE(peer.until("\r\n0\r\n\r\n").find("tick"), std::string::npos);
    EXPECT_NE(peer.response().find("next"), std::string::npos);
}

TEST_F(GrpcWeb, who_leaves_ends_the_stream) {
    {
        TestPeer peer(server->local_address());
        peer.send(request("test.Echo/Silent", framed("")));
        peer.until("first");
    }
    abandoned.wait(0);
    EXPECT_EQ(abandoned, 1);
    // ... and so does the deadline, of which the client is told.
    const std::string got = ask("test.Echo/Silent", framed(""), "", "grpc-timeout: 20m\r\n");
    EXPECT_NE(got.find(framed("first")), std::string::npos);
    EXPECT_EQ(abandoned, 2);
}

TEST_F(GrpcWeb, calls_are_admitted_as_over_grpc) {
    service->set_admission([](const Request& request) -> Result<std::shared_ptr<const mesh::Caller>> {
        if (request.header("authorization") != "Bearer k") return fail(ErrorCode::unauthenticated, "no key");
        return std::make_shared<mesh::Caller>(mesh::Caller{.metadata = {}, .principal = "who has k"});
    });
    service->handle("test.Echo/Caller", [](mesh::Context context, BytesView) -> Task<Bytes> {
        const std::string& who = context.caller->principal;
        co_return Bytes(who.begin(), who.end());
    });
    EXPECT_EQ(ask("test.Echo/Echo", framed("x")), trailers("grpc-status: 16\r\ngrpc-message: no key\r\n"));
    EXPECT_NE(ask("test.Echo/Tick", framed("x")).find("grpc-status: 16\r\n"), std::string::npos);
    EXPECT_NE(ask("test.Echo/Echo", framed("x"), "", "Authorization: Bearer k\r\n").find("grpc-status: 0"),
              std::string::npos);
    EXPECT_NE(ask("test.Echo/Caller", framed("x"), "", "Authorization: Bearer k\r\n").find(framed("who has k")),
              std::string::npos);
}

TEST_F(GrpcWeb, a_page_may_ask_first) {
    TestPeer peer(server->local_address());
    peer.send("OPTIONS /test.Echo/Echo HTTP/1.1\r\nHost: x\r\nOrigin: https://app.example\r\n"
              "Access-Control-Request-Method: POST\r\n"
              "Access-Control-Request-Headers: content-type,x-grpc-web,x-user-agent,grpc-timeout\r\n\r\n");
    const std::string head = peer.until("\r\n\r\n");
    EXPECT_NE(head.find("Access-Control-Allow-Headers: content-type,x-grpc-web,x-user-agent,grpc-timeout\r\n"),
              std::string::npos)
        << head;
}

TEST_F(GrpcWeb, other_requests_are_none) {
    Request request;
    const auto is = [&](std::string_view type) {
        const Header header{"Content-Type", type};
        request.headers = std::span(&header, 1);
        return is_grpc_web(request);
    };
    EXPECT_TRUE(is("application/grpc-web"));
    EXPECT_TRUE(is("Application/GRPC-Web-Text; charset=utf-8"));
    EXPECT_FALSE(is("application/grpc"));
    EXPECT_FALSE(is("application/grpc-website"));
    EXPECT_FALSE(is(""));
}

TEST_F(GrpcWeb, reflection_answers_what_it_does_not_know) {
    const auto reflect = [&](const Bytes& message) {
        return ask("grpc.reflection.v1.ServerReflection/ServerReflectionInfo", framed(as_text(message)));
    };
    const auto field = [](std::uint8_t number, std::string_view text) {
        Bytes out{static_cast<std::uint8_t>(number << 3 | 2), static_cast<std::uint8_t>(text.size())};
        append(out, as_bytes(text));
        return out;
    };
    EXPECT_NE(reflect(field(7, "")).find("grpc.health.v1.Health"), std::string::npos);
    EXPECT_NE(reflect(field(3, "grpc/health/v1/health.proto")).find("NOT_SERVING"), std::string::npos);
    EXPECT_NE(reflect(field(4, "grpc.health.v1.HealthCheckRequest")).find("NOT_SERVING"), std::string::npos);
    EXPECT_NE(reflect(field(4, "grpc.health.v1.Health.Watch")).find("NOT_SERVING"), std::string::npos);
    EXPECT_NE(reflect(field(4, "grpc.health.v1.Nothing")).find("not found: grpc.health.v1.Nothing"), std::string::npos);
    EXPECT_NE(reflect(field(3, "../x")).find("not found: ../x"), std::string::npos);
    EXPECT_NE(reflect({}).find("what is asked?"), std::string::npos);
    // Every one of these is an answer; what is no request ends the stream.
    EXPECT_NE(reflect(field(6, "x.Y")).find("grpc-status: 0"), std::string::npos);
    EXPECT_NE(reflect({0x0a, 9}).find("grpc-status: 3"), std::string::npos);
}

TEST_F(GrpcWeb, what_waits_in_a_pipe_is_bounded) {
    const auto check = [&]() -> Task<bool> {
        auto pipe = std::make_shared<GrpcPipe>(loops.loop(0), 1'000, 0, [] {});
        for (std::size_t i = 0; i <= GrpcPipe::input_messages_max; ++i) pipe->feed(as_bytes(framed("x")));
        const auto got = co_await settled(pipe->read());
        EXPECT_EQ(got.error().code, ErrorCode::resource_exhausted);
        pipe = std::make_shared<GrpcPipe>(loops.loop(0), 1'000, 0, [] {});
        std::size_t pushed = 0;
        while (pipe->push(Bytes(1'000))) pushed += 1'000;
        EXPECT_LE(pushed, GrpcPipe::output_bytes_max);
        EXPECT_GT(pushed, GrpcPipe::output_bytes_max - 1'000);
        pipe = std::make_shared<GrpcPipe>(loops.loop(0), 1'000, 0, [] {});
        const auto written = co_await settled(pipe->write(Bytes(1'001)));
        EXPECT_EQ(written.error().code, ErrorCode::resource_exhausted);
        EXPECT_TRUE(pipe->closed());
        EXPECT_FALSE(pipe->push({}));
        co_return true;
    };
    EXPECT_EQ(run(run_at(loops.loop(0), check())), true);
}

}  // namespace
}  // namespace weft::net
