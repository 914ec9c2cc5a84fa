#include <gtest/gtest.h>
#include <sys/wait.h>

#include <atomic>
#include <cstdio>
#include <map>
#include <thread>

#include "net/grpc.hpp"
#include "net/http.hpp"
#include "net/http_client.hpp"
#include "net/test_certificates.hpp"
#include "net/test_peer.hpp"
#include "net/tls_web.hpp"

namespace weft::net {
namespace {

constexpr std::string_view preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
enum Type : std::uint8_t {
    data = 0,
    headers = 1,
    priority = 2,
    rst_stream = 3,
    settings = 4,
    ping = 6,
    goaway = 7,
    window_update = 8,
    continuation = 9
};
constexpr std::uint8_t end_stream = 1;
constexpr std::uint8_t end_headers = 4;
constexpr std::uint32_t refused_stream = 7;
constexpr std::uint32_t enhance_your_calm = 11;

std::string number(std::uint32_t value, int bytes) {
    std::string out;
    for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) out.push_back(static_cast<char>(value >> shift));
    return out;
}
std::uint32_t number_in(std::string_view bytes) {
    std::uint32_t out = 0;
    for (const char c : bytes) out = out << 8 | static_cast<unsigned char>(c);
    return out;
}
std::string frame(Type type, std::uint8_t flags, std::uint32_t stream, std::string_view payload = {}) {
    return number(static_cast<std::uint32_t>(payload.size()), 3) + static_cast<char>(type) + static_cast<char>(flags) +
           number(stream, 4) + std::string(payload);
}
/// A field that no table keeps (RFC 7541, 6.2.2).
std::string field(std::string_view name, std::string_view value) {
    return std::string(1, '\0') + static_cast<char>(name.size()) + std::string(name) + static_cast<char>(value.size()) +
           std::string(value);
}
std::string request_fields(std::string_view method, std::string_view path) {
    return field(":method", method) + field(":scheme", "http") + field(":path", path) + field(":authority", "x");
}
std::string get(std::uint32_t stream, std::string_view path) {
    return frame(headers, end_stream | end_headers, stream, request_fields("GET", path));
}

struct Got {
    std::uint8_t type;
    std::uint8_t flags;
    std::uint32_t stream;
    std::string payload;
};

/// Speaks HTTP/2 a frame at a time.
class Http2Peer : public TestPeer {
  public:
    explicit Http2Peer(const Endpoint& server, int receive_buffer = 0) : TestPeer(server, receive_buffer) {
        send(std::string(preface) + frame(settings, 0, 0));
    }
    /// Nothing once the server has closed.
    std::optional<Got> next() {
        const std::string head = exactly(9);
        if (head.size() < 9) return std::nullopt;
        Got out{static_cast<std::uint8_t>(head[3]),
                static_cast<std::uint8_t>(head[4]),
                number_in(std::string_view(head).substr(5)) & 0x7fffffff,
                {}};
        out.payload = exactly(number_in(std::string_view(head).substr(0, 3)));
        return out;
    }
    /// The next frame of that type, for that stream if it isn't 0.
    std::optional<Got> next(Type type, std::uint32_t stream = 0) {
        while (auto got = next()) {
            if (got->type == type && (stream == 0 || got->stream == stream)) return got;
        }
        return std::nullopt;
    }
    /// The body of a stream's answer.
    std::string body(std::uint32_t stream) {
        std::string out;
        while (auto got = next(data, stream)) {
            out += got->payload;
            if ((got->flags & end_stream) != 0) break;
        }
        return out;
    }
    /// The code of the GOAWAY that ends the connection; none if it just closes.
    std::optional<std::uint32_t> farewell() {
        std::optional<std::uint32_t> out;
        while (const auto got = next()) {
            if (got->type == goaway) out = number_in(std::string_view(got->payload).substr(4, 4));
        }
        return out;
    }
};

struct http2 : testing::Test {
    LoopGroup loops{2};
    std::optional<HttpServer> server;
    std::atomic<int> begun{0};
    std::shared_ptr<Promise<void>> gate = std::make_shared<Promise<void>>();
    std::atomic<bool> gate_open{false};

    void SetUp() override { loops.start(); }
    void TearDown() override {
        server.reset();
        loops.stop();
    }
    void start(HttpOptions options = {}) {
        server.emplace(
            loops, [this](Request request) { return handle(std::move(request)); }, options);
        auto service = std::make_shared<GrpcService>();
        service->handle("test.Echo/Echo",
                        [](const mesh::Context&, BytesView request) -> Task<Bytes> { co_return to_bytes(request); });
        server->grpc(service);
        ASSERT_TRUE(server->listen("127.0.0.1:0"));
    }
    Task<Response> handle(Request request) {
        ++begun;
        begun.notify_all();
        Response out;
        out.content_type = "text/plain";
        // A handler that does not end; the loop's own end ends it.
        if (request.path == "/wait") co_await Loop::current()->sleep_for(3'600 * ns_per_s);
        if (request.path == "/big") {
            out.body.assign(std::stoul(std::string(request.query)), 'x');
            co_return out;
        }
        if (request.path == "/headers") {
            out.headers = {{"X-A", "1\r\nX-Smuggled: 2"}, {"Connection", "close"}, {"bad name", "3"}};
            out.body = std::string(request.header("host")) + "|" + std::string(request.header("cookie"));
            co_return out;
        }
        out.body = std::string(request.method) + " " + std::string(request.target) + " [" +
                   std::string(request.body.size() > 100 ? std::to_string(request.body.size()) : request.body) + "]" +
                   (request.secure ? " secure" : "");
        co_return out;
    }
    [[nodiscard]] Endpoint at() const { return server->local_address(); }
    /// Another client is served as if nothing had happened.
    void others_are_served() {
        HttpClient client(loops.loop(1));
        const auto reply = run(client.fetch(mesh::Context::with_timeout(20 * ns_per_s),
                                            *Fetch::get("http://" + at().to_string() + "/fine")));
        ASSERT_TRUE(reply);
        EXPECT_EQ(reply->body, "GET /fine []");
        Http2Peer peer(at());
        peer.send(get(1, "/fine"));
        EXPECT_EQ(peer.body(1), "GET /fine []");
    }
    void ends_calmly(Http2Peer& peer) {
        EXPECT_EQ(peer.farewell(), enhance_your_calm);
        EXPECT_EQ(server->counters().abusive, 1U);
        others_are_served();
    }
};

/// What a program prints.
std::string output_of(const std::string& command) {
    std::FILE* pipe = popen(command.c_str(), "r");
    if (pipe == nullptr) return "can't run";
    std::string out;
    char bytes[4096];
    while (const std::size_t got = std::fread(bytes, 1, sizeof bytes, pipe)) out.append(bytes, got);
    EXPECT_EQ(WEXITSTATUS(pclose(pipe)), 0) << command << "\n" << out;
    return out;
}

TEST_F(http2, both_versions_on_one_port_in_any_pieces) {
    start();
    const std::string hello = std::string(preface) + frame(settings, 0, 0) + get(1, "/a?b");
    for (const std::size_t step : {1UL, 5UL, 23UL, 24UL, 25UL, 1'000UL}) {
        SCOPED_TRACE(step);
        Http2Peer peer(at());
        peer.send(get(1, "/a?b"));
        EXPECT_EQ(peer.body(1), "GET /a?b []");
        TestPeer raw(at());
        for (std::size_t i = 0; i < hello.size(); i += step) raw.send(std::string_view(hello).substr(i, step));
        EXPECT_TRUE(raw.until("GET /a?b []").ends_with("GET /a?b []"));
    }
    TestPeer old(at());
    old.send("PRI * HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_TRUE(old.all().starts_with("HTTP/1.1 400 "));
    others_are_served();
}

TEST_F(http2, a_server_that_speaks_1_alone) {
    start({.http2 = false});
    TestPeer peer(at());
    peer.send(preface);
    EXPECT_TRUE(peer.all().starts_with("HTTP/1.1 505 "));
}

TEST_F(http2, streams_answer_as_their_handlers_end) {
    start();
    Http2Peer peer(at());
    peer.send(get(1, "/wait") + get(3, "/now"));
    EXPECT_EQ(peer.body(3), "GET /now []");
}

TEST_F(http2, fields_become_what_handlers_know) {
    start();
    Http2Peer peer(at());
    peer.send(frame(headers, end_stream | end_headers, 1,
                    request_fields("GET", "/headers") + field("cookie", "a=1") + field("cookie", "b=2")));
    const auto head = peer.next(headers, 1);
    ASSERT_TRUE(head);
    EXPECT_EQ(head->payload.find("close"), std::string::npos);
    EXPECT_EQ(peer.body(1), "x|a=1; b=2");
}

TEST_F(http2, what_two_readers_could_read_differently_is_refused) {
    start();
    const struct {
        const char* name;
        std::string fields;
        bool status_400;  // else the stream is reset
    } table[] = {
        {"two hosts", request_fields("GET", "/") + field("host", "y"), true},
        {"no host", field(":method", "GET") + field(":scheme", "http") + field(":path", "/"), false},
        {"space in the path", request_fields("GET", "/a b"), false},
        {"line end in the path", request_fields("GET", "/a\r\nX: y"), false},
        {"absolute path", request_fields("GET", "http://y/"), false},
        {"line end in a value", request_fields("GET", "/") + field("a", "b\r\nc: d"), false},
        {"NUL in a value", request_fields("GET", "/") + field("a", std::string_view("b\0c", 3)), false},
        {"capitals", request_fields("GET", "/") + field("A", "b"), false},
        {"chunked", request_fields("GET", "/") + field("transfer-encoding", "chunked"), false},
        {"connection", request_fields("GET", "/") + field("connection", "close"), false},
        {"path twice", request_fields("GET", "/") + field(":path", "/b"), false},
        {"pseudo field late", request_fields("GET", "/") + field("a", "b") + field(":status", "200"), false},
        {"path of another scheme",
         field(":method", "GET") + field(":scheme", "x") + field(":path", ")") + field(":authority", "x"), true},
        {"tunnel", field(":method", "CONNECT") + field(":authority", "x"), true},
        {"no method", field(":scheme", "http") + field(":path", "/") + field(":authority", "x"), false},
        {"length of a body that is not there", request_fields("POST", "/") + field("content-length", "5"), false},
        {"two lengths", request_fields("POST", "/") + field("content-length", "0") + field("content-length", "0"),
         false},
        {"signed length", request_fields("POST", "/") + field("content-length", "+0"), false},
    };
    for (const auto& row : table) {
        SCOPED_TRACE(row.name);
        Http2Peer peer(at());
        peer.send(frame(headers, end_stream | end_headers, 1, row.fields) + frame(ping, 0, 0, "12345678"));
        bool refused = false;
        std::string body;
        while (const auto got = peer.next()) {
            if (got->type == rst_stream || got->type == goaway) refused = true;
            if (got->type == data) body += got->payload;
            if (refused || (got->type == data && (got->flags & end_stream) != 0)) break;
        }
        EXPECT_EQ(refused, !row.status_400) << body;
        EXPECT_EQ(body.starts_with("{\"error\":"), row.status_400) << body;
    }
    EXPECT_EQ(begun, 0);
    others_are_served();
}

TEST_F(http2, what_is_too_large_or_compressed_is_refused) {
    start({.header_bytes_max = 1'000, .body_bytes_max = 100});
    Http2Peer peer(at());
    std::string many = request_fields("GET", "/");
    for (int i = 0; i < 20; ++i) many += field("a" + std::to_string(i), std::string(100, 'a'));
    peer.send(frame(headers, end_stream | end_headers, 1, many));
    EXPECT_EQ(peer.body(1), R"({"error":"header too large"})");
    peer.send(frame(headers, end_headers, 3, request_fields("POST", "/")) + frame(data, 0, 3, std::string(101, 'a')));
    EXPECT_EQ(peer.body(3), R"({"error":"body too large"})");
    // What else comes of it is not waited for.
    const auto reset = peer.next(rst_stream, 3);
    ASSERT_TRUE(reset);
    EXPECT_EQ(number_in(reset->payload), 0U);
    peer.send(frame(headers, end_headers, 5, request_fields("POST", "/") + field("content-encoding", "gzip")));
    EXPECT_EQ(peer.body(5), R"({"error":"compressed requests are not taken"})");
    peer.send(frame(headers, end_headers, 7, request_fields("POST", "/")) + frame(data, end_stream, 7, "hello"));
    EXPECT_EQ(peer.body(7), "POST / [hello]");
}

TEST_F(http2, streams_are_bounded) {
    start({.streams_max = 3});
    Http2Peer peer(at());
    std::string many;
    for (std::uint32_t i = 0; i < 3; ++i) many += get(1 + 2 * i, "/wait");
    peer.send(many + get(7, "/wait"));
    const auto refused = peer.next(rst_stream, 7);
    ASSERT_TRUE(refused);
    EXPECT_EQ(number_in(refused->payload), refused_stream);
    // Streams that the peer has reset leave their handlers behind, which count.
    peer.send(frame(rst_stream, 0, 1, number(8, 4)) + get(9, "/wait"));
    const auto still = peer.next(rst_stream, 9);
    ASSERT_TRUE(still);
    EXPECT_EQ(number_in(still->payload), refused_stream);
    EXPECT_EQ(begun, 3);
    others_are_served();
}

TEST_F(http2, rapid_resets_end_the_connection) {
    start();
    Http2Peer peer(at());
    // CVE-2023-44487: each request begins a handler and is given up at once.
    for (std::uint32_t i = 0; i < 20'000; ++i) {
        const std::uint32_t stream = 1 + 2 * i;
        if (!peer.send(get(stream, "/fast") + frame(rst_stream, 0, stream, number(8, 4)))) break;
    }
    ends_calmly(peer);
    EXPECT_LT(begun, 1'000);
}

TEST_F(http2, a_few_resets_are_nothing) {
    start();
    Http2Peer peer(at());
    std::uint32_t stream = 1;
    for (int i = 0; i < 200; ++i, stream += 2)
        peer.send(get(stream, "/fast") + frame(rst_stream, 0, stream, number(8, 4)));
    peer.send(get(stream, "/fine"));
    EXPECT_EQ(peer.body(stream), "GET /fine []");
}

TEST_F(http2, endless_header_blocks_end_the_connection) {
    start();
    Http2Peer peer(at());
    peer.send(frame(headers, 0, 1, request_fields("GET", "/")));
    for (int i = 0; i < 1'000; ++i) {
        if (!peer.send(frame(continuation, 0, 1, field("a", "b")))) break;
    }
    EXPECT_EQ(peer.farewell(), enhance_your_calm);
    EXPECT_EQ(begun, 0);
    others_are_served();
}

TEST_F(http2, floods_of_frames_that_ask_for_nothing_end_the_connection) {
    const struct {
        const char* name;
        std::string one;
    } table[] = {
        {"ping", frame(ping, 0, 0, "12345678")},
        {"settings", frame(settings, 0, 0)},
        {"priority", frame(priority, 0, 3, std::string(5, '\0'))},
        {"empty data", frame(data, 0, 1)},
        {"padding", frame(data, 8, 1, std::string("\x03\0\0\0", 4))},
    };
    for (const auto& row : table) {
        SCOPED_TRACE(row.name);
        start();
        Http2Peer peer(at());
        peer.send(frame(headers, end_headers, 1, request_fields("POST", "/")));
        std::thread sender([&] {
            std::string many;
            for (int i = 0; i < 100; ++i) many += row.one;
            for (int i = 0; i < 200 && peer.send(many); ++i) {
            }
        });
        EXPECT_EQ(peer.farewell(), enhance_your_calm);
        sender.join();
        EXPECT_EQ(server->counters().abusive, 1U);
        others_are_served();
        server.reset();
    }
}

TEST_F(http2, who_reads_no_answers_is_ended) {
    start({.write_timeout_ns = 100 * ns_per_ms});
    {
        Http2Peer no_window(at());
        // Windows of one byte: the answer waits within HTTP/2.
        no_window.send(frame(settings, 0, 0, number(4, 2) + number(1, 4)) + get(1, "/big?1000000"));
        const auto reset = no_window.next(rst_stream, 1);
        EXPECT_TRUE(reset);
    }
    Http2Peer no_reader(at(), 4'096);
    no_reader.send(frame(settings, 0, 0, number(4, 2) + number(0x7fffffff, 4)) +
                   frame(window_update, 0, 0, number(0x7fff0000, 4)) + get(1, "/big?100000000"));
    while (begun < 2) std::this_thread::yield();
    while (server->counters().open > 0) std::this_thread::yield();
    others_are_served();
}

TEST_F(http2, who_sends_nothing_is_ended) {
    start({.idle_timeout_ns = 50 * ns_per_ms, .header_timeout_ns = 50 * ns_per_ms, .body_timeout_ns = 50 * ns_per_ms});
    Http2Peer silent(at());
    EXPECT_EQ(silent.farewell(), std::nullopt);
    Http2Peer slow(at());
    slow.send(frame(headers, end_headers, 1, request_fields("POST", "/")) + frame(data, 0, 1, "a"));
    EXPECT_TRUE(slow.next(rst_stream, 1));
    Http2Peer idle(at());
    idle.send(get(1, "/fine"));
    EXPECT_EQ(idle.body(1), "GET /fine []");
    EXPECT_EQ(idle.farewell(), 0U);
}

TEST_F(http2, stop_lets_handlers_end) {
    start();
    Http2Peer peer(at());
    peer.send(get(1, "/fine"));
    EXPECT_EQ(peer.body(1), "GET /fine []");
    EXPECT_TRUE(run(server->stop(10 * ns_per_s)));
    EXPECT_EQ(peer.farewell(), 0U);
}

TEST_F(http2, grpc_and_http_on_one_connection) {
    start();
    GrpcClient client(loops, at().to_string());
    const Bytes hello = to_bytes(as_bytes("hello"));
    const auto reply = run(client.call(mesh::Context::with_timeout(20 * ns_per_s), "test.Echo/Echo", hello));
    ASSERT_TRUE(reply) << reply.error().message;
    EXPECT_EQ(*reply, hello);
    EXPECT_EQ(run(client.call(mesh::Context::with_timeout(20 * ns_per_s), "test.Echo/None", hello)).error().code,
              ErrorCode::unimplemented);
    Http2Peer peer(at());
    const std::string call(std::string(5, '\0'));
    peer.send(get(1, "/fine") +
              frame(headers, end_headers, 3,
                    request_fields("POST", "/test.Echo/Echo") + field("content-type", "application/grpc")) +
              frame(data, end_stream, 3, call));
    EXPECT_EQ(peer.body(1), "GET /fine []");
    EXPECT_EQ(peer.next(data, 3)->payload, call);
    EXPECT_EQ(server->counters().requests, 4U);
}

TEST_F(http2, other_clients_agree) {
    TestAuthority authority("authority");
    authority.sign("server", "server", "IP:127.0.0.1");
    start();
    HttpOptions options;
    options.tls = *TlsServer::make({.certificate_file = authority.file("server"), .key_file = authority.key("server")});
    HttpServer secure(
        loops, [this](Request request) { return handle(std::move(request)); }, options);
    ASSERT_TRUE(secure.listen("127.0.0.1:0"));
    const std::string plain_url = "http://" + at().to_string();
    const std::string secure_url = "https://" + secure.local_address().to_string();
    const std::string curl = "curl -s --max-time 20 --cacert " + authority.file("ca") + " -w ' %{http_version}' ";
    EXPECT_EQ(output_of(curl + "--http2-prior-knowledge " + plain_url + "/a?b"), "GET /a?b [] 2");
    EXPECT_EQ(output_of(curl + "--http1.1 " + plain_url + "/a"), "GET /a [] 1.1");
    EXPECT_EQ(output_of(curl + secure_url + "/a"), "GET /a [] secure 2");
    EXPECT_EQ(output_of(curl + "--http1.1 " + secure_url + "/a"), "GET /a [] secure 1.1");
    EXPECT_EQ(output_of("head -c 3000000 /dev/zero | " + curl + "--data-binary @- " + secure_url + "/a"),
              "POST /a [3000000] secure 2");
    EXPECT_EQ(output_of(curl + secure_url + "/big?3000000").size(), 3'000'002U);
    EXPECT_NE(output_of("nghttp -nv " + plain_url + "/a").find(":status: 200"), std::string::npos);
    const std::string load = output_of("h2load -n 20000 -c 4 -m 16 " + plain_url + "/a");
    EXPECT_NE(load.find("20000 succeeded, 0 failed, 0 errored"), std::string::npos) << load;
}

}  // namespace
}  // namespace weft::net
