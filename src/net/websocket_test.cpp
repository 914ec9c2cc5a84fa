#include "net/websocket.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "net/test_peer.hpp"
#include "net/websocket_codec.hpp"

namespace weft::net {
namespace {

constexpr std::uint32_t key = 0x12345678;

std::string frame(Opcode opcode, std::string_view payload, bool last = true) {
    std::string out;
    append_frame(out, opcode, payload, &key);
    if (!last) out[0] = static_cast<char>(out[0] & 0x7f);
    return out;
}
std::string from_server(Opcode opcode, std::string_view payload) {
    std::string out;
    append_frame(out, opcode, payload, nullptr);
    return out;
}
std::string closing(std::uint16_t code) { return from_server(Opcode::close, close_payload(code, {})); }

struct websocket : testing::Test {
    LoopGroup loops{2};
    std::optional<HttpServer> server;
    WebSocketOptions options;
    std::mutex mutex;
    std::condition_variable changed;
    std::vector<std::uint16_t> codes;
    std::vector<SessionPtr> sessions;
    std::deque<Promise<void>> gates;
    std::atomic<int> handlers{0};
    std::atomic<int> handlers_most{0};

    void SetUp() override { loops.start(); }
    void TearDown() override {
        sessions.clear();
        server.reset();
        loops.stop();
    }
    void start() {
        server.emplace(loops, [](Request) -> Task<Response> { co_return Response{.status = 404}; });
        WebSocketHandler handler;
        handler.accept = [](const Request& request) -> Result<SessionNote> {
            if (request.header("origin") == "http://evil") return fail(ErrorCode::permission_denied, "not from there");
            return std::make_shared<const std::string>(request.header("x-note"));
        };
        handler.on_open = [this](const SessionPtr& session) {
            const std::lock_guard lock(mutex);
            sessions.push_back(session);
            changed.notify_all();
        };
        handler.on_message = [this](SessionPtr session, std::string text) {
            return on_message(std::move(session), std::move(text));
        };
        handler.on_close = [this](const SessionPtr&, std::uint16_t code) {
            const std::lock_guard lock(mutex);
            codes.push_back(code);
            changed.notify_all();
        };
        server->websocket("/", std::move(handler), options);
        ASSERT_TRUE(server->listen("127.0.0.1:0"));
    }
    Task<void> on_message(SessionPtr session, std::string text) {
        if (text == "gate") {
            const int now = ++handlers;
            if (now > handlers_most) handlers_most = now;
            Promise<void> gate;
            auto open = gate.future();
            {
                const std::lock_guard lock(mutex);
                gates.push_back(std::move(gate));
                changed.notify_all();
            }
            co_await std::move(open).wait();
            --handlers;
        }
        if (text == "flood") {
            for (int i = 0; i < 1'000 && session->open(); ++i) session->send(std::string(1'000'000, 'x'));
            co_return;
        }
        session->send(std::move(text));
    }
    std::uint16_t closed_with() {
        std::unique_lock lock(mutex);
        EXPECT_TRUE(changed.wait_for(lock, std::chrono::seconds(20), [this] { return !codes.empty(); }));
        return codes.empty() ? 0 : codes[0];
    }
    SessionPtr session() {
        std::unique_lock lock(mutex);
        changed.wait_for(lock, std::chrono::seconds(20), [this] { return !sessions.empty(); });
        return sessions.at(0);
    }
    std::unique_ptr<TestPeer> connect(const std::string& more = "") {
        auto peer = std::make_unique<TestPeer>(server->local_address(), receive_buffer);
        peer->send(
            "GET / HTTP/1.1\r\nHost: x\r\nConnection: keep-alive, Upgrade\r\nUpgrade: "
            "WebSocket\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" +
            more + "\r\n");
        const std::string head = peer->until("\r\n\r\n");
        EXPECT_TRUE(head.starts_with("HTTP/1.1 101 ")) << head;
        // The example of RFC 6455, 1.3.
        EXPECT_NE(head.find("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"), std::string::npos) << head;
        return peer;
    }
    int receive_buffer = 0;
};

TEST_F(websocket, echoes_messages_of_every_size_in_any_pieces) {
    start();
    auto peer = connect();
    for (const std::size_t size : {0UL, 1UL, 125UL, 126UL, 65'535UL, 65'536UL, 1'000'000UL}) {
        SCOPED_TRACE(size);
        std::string text(size, 'a');
        for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>('a' + i % 26);
        if (size <= 126) {
            peer->send_slowly(frame(Opcode::text, text));
        } else {
            peer->send(frame(Opcode::text, text));
        }
        const std::string want = from_server(Opcode::text, text);
        EXPECT_EQ(peer->exactly(want.size()), want);
    }
}

TEST_F(websocket, fragments_join_and_control_frames_come_between) {
    start();
    auto peer = connect();
    // U+20AC is cut in two.
    peer->send(frame(Opcode::text, "10 \xe2\x82", false) + frame(Opcode::ping, "p") +
               frame(Opcode::continuation, "\xac", false) + frame(Opcode::pong, "unasked") +
               frame(Opcode::continuation, ""));
    const std::string want = from_server(Opcode::pong, "p") + from_server(Opcode::text, "10 \xe2\x82\xac");
    EXPECT_EQ(peer->exactly(want.size()), want);
}

TEST_F(websocket, what_breaks_the_rules_is_closed_with_its_code) {
    options.message_bytes_max = 1'000;
    std::string unmasked = from_server(Opcode::text, "hello");
    std::string reserved = frame(Opcode::text, "x");
    reserved[0] = static_cast<char>(reserved[0] | 0x40);
    std::string long_ping = frame(Opcode::ping, std::string(126, 'x'));
    std::string huge("\x81\xff\x7f\xff\xff\xff\xff\xff\xff\xff" "abcd", 14);
    std::string negative("\x81\xff\xff\xff\xff\xff\xff\xff\xff\xff" "abcd", 14);
    std::string padded("\x81\xfe\x00\x05" "abcd", 8);
    const struct {
        const char* name;
        std::string bytes;
        std::uint16_t code;
    } table[] = {
        {"not masked", unmasked, 1002},
        {"reserved bit", reserved, 1002},
        {"reserved opcode", frame(static_cast<Opcode>(3), "x"), 1002},
        {"reserved control opcode", frame(static_cast<Opcode>(11), "x"), 1002},
        {"fragmented ping", frame(Opcode::ping, "x", false), 1002},
        {"long ping", long_ping, 1002},
        {"continuation of nothing", frame(Opcode::continuation, "x"), 1002},
        {"message within a message", frame(Opcode::text, "x", false) + frame(Opcode::text, "y"), 1002},
        {"length above 2^63", negative, 1002},
        {"length not shortest", padded, 1002},
        {"bad UTF-8", frame(Opcode::text, "\xc3\x28"), 1007},
        {"surrogate", frame(Opcode::text, "\xed\xa0\x80"), 1007},
        {"overlong", frame(Opcode::text, "\xc0\xaf"), 1007},
        {"cut off character", frame(Opcode::text, "abc\xe2\x82"), 1007},
        {"too big", frame(Opcode::text, std::string(1'001, 'x')), 1009},
        {"too big in pieces",
         frame(Opcode::text, std::string(600, 'x'), false) + frame(Opcode::continuation, std::string(401, 'x')), 1009},
        {"announced too big", huge, 1009},
        {"close with one byte", frame(Opcode::close, "x"), 1002},
        {"close with a code nobody sends", frame(Opcode::close, close_payload(1006, "")), 1002},
        {"close with a small code", frame(Opcode::close, close_payload(999, "")), 1002},
        {"close with bad UTF-8", frame(Opcode::close, close_payload(1000, "\xff")), 1007},
    };
    for (const auto& row : table) {
        SCOPED_TRACE(row.name);
        start();
        codes.clear();
        {
            auto peer = connect();
            peer->send(row.bytes + frame(Opcode::text, "after"));
            const std::string answer = peer->all();
            ASSERT_GE(answer.size(), 4U);
            EXPECT_EQ(answer[0], '\x88');
            EXPECT_EQ(answer.substr(2, 2), close_payload(row.code, ""));
            EXPECT_EQ(answer.size(), 2U + static_cast<unsigned char>(answer[1])) << "nothing follows the close frame";
        }
        EXPECT_EQ(closed_with(), row.code);
        sessions.clear();
        server.reset();
    }
}

TEST_F(websocket, closing_handshakes) {
    start();
    for (const std::uint16_t code : {1000, 1001, 3000, 4999}) {
        SCOPED_TRACE(code);
        codes.clear();
        auto peer = connect();
        peer->send(frame(Opcode::close, close_payload(code, "bye")));
        EXPECT_EQ(peer->all(), closing(code));
        EXPECT_EQ(closed_with(), code);
    }
    codes.clear();
    {
        auto peer = connect();
        peer->send(frame(Opcode::close, ""));
        EXPECT_EQ(peer->all(), from_server(Opcode::close, ""));
        EXPECT_EQ(closed_with(), close_code::none);
    }
    codes.clear();
    connect();
    EXPECT_EQ(closed_with(), close_code::abnormal);
}

TEST_F(websocket, server_closes_from_another_thread_and_waits_for_the_answer) {
    start();
    auto peer = connect();
    session()->close(4000, "enough");
    EXPECT_EQ(peer->exactly(10), from_server(Opcode::close, close_payload(4000, "enough")));
    peer->send(frame(Opcode::text, "late") + frame(Opcode::close, close_payload(4000, "")));
    EXPECT_EQ(peer->all(), "");
    EXPECT_EQ(closed_with(), 4000);
    EXPECT_FALSE(session()->open());
    session()->send("nobody");
}

TEST_F(websocket, a_peer_that_never_answers_the_close_is_closed) {
    options.close_timeout_ns = 10 * ns_per_ms;
    start();
    auto peer = connect();
    session()->close(1000, "");
    EXPECT_EQ(peer->all(), closing(1000));
    EXPECT_EQ(closed_with(), 1000);
}

TEST_F(websocket, silent_peers_are_pinged_then_closed) {
    options.ping_interval_ns = 20 * ns_per_ms;
    start();
    auto peer = connect();
    EXPECT_TRUE(peer->all().starts_with(from_server(Opcode::ping, "")));
    EXPECT_EQ(closed_with(), close_code::abnormal);
}

TEST_F(websocket, slow_readers_are_closed) {
    options.output_bytes_max = 3'000'000;
    options.close_timeout_ns = 50 * ns_per_ms;
    receive_buffer = 4'096;
    start();
    auto peer = connect();
    peer->send(frame(Opcode::text, "flood"));
    EXPECT_EQ(closed_with(), close_code::try_later);
}

TEST_F(websocket, slow_readers_are_closed_whoever_sends) {
    options.output_bytes_max = 3'000'000;
    options.close_timeout_ns = 50 * ns_per_ms;
    receive_buffer = 4'096;
    start();
    auto peer = connect();
    const auto from = session();
    for (int i = 0; i < 1'000'000 && from->open(); ++i) from->send(std::string(100'000, 'x'));
    EXPECT_FALSE(from->open());
    EXPECT_EQ(closed_with(), close_code::try_later);
}

TEST_F(websocket, messages_run_at_once_but_no_more_than_allowed) {
    options.handlers_max = 3;
    start();
    auto peer = connect();
    std::string many;
    for (int i = 0; i < 50; ++i) many += frame(Opcode::text, "gate");
    peer->send(many);
    const std::string want = from_server(Opcode::text, "gate");
    for (int i = 0; i < 50; ++i) {
        Promise<void> gate;
        {
            std::unique_lock lock(mutex);
            ASSERT_TRUE(changed.wait_for(lock, std::chrono::seconds(20), [this] { return !gates.empty(); }));
            gate = std::move(gates.front());
            gates.pop_front();
        }
        gate.set({});
        EXPECT_EQ(peer->exactly(want.size()), want);
    }
    EXPECT_EQ(handlers_most, 3);
}

TEST_F(websocket, what_the_handshake_said_goes_with_the_session) {
    start();
    const auto peer = connect("X-Note: blue\r\n");
    EXPECT_EQ(*static_cast<const std::string*>(session()->note().get()), "blue");
}

TEST_F(websocket, bad_handshakes) {
    start();
    const struct {
        const char* name;
        std::string headers;
        int status;
    } table[] = {
        {"old version",
         "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 8\r\nSec-WebSocket-Key: "
         "dGhlIHNhbXBsZSBub25jZQ==\r\n",
         426},
        {"no key", "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n", 426},
        {"short key",
         "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhl\r\n", 426},
        {"not from there",
         "Origin: http://evil\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: "
         "13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
         403},
        {"no upgrade", "Connection: close\r\n", 404},
    };
    for (const auto& row : table) {
        SCOPED_TRACE(row.name);
        TestPeer peer(server->local_address());
        peer.send("GET / HTTP/1.1\r\nHost: x\r\n" + row.headers + "\r\n");
        EXPECT_TRUE(peer.all().starts_with("HTTP/1.1 " + std::to_string(row.status)));
    }
}

TEST_F(websocket, client_and_server_talk) {
    start();
    std::mutex client_mutex;
    std::condition_variable got;
    std::vector<std::string> texts;
    std::optional<std::uint16_t> code;
    WebSocketHandler handler;
    handler.on_message = [&](SessionPtr, std::string text) -> Task<void> {
        const std::lock_guard lock(client_mutex);
        texts.push_back(std::move(text));
        got.notify_all();
        co_return;
    };
    handler.on_close = [&](const SessionPtr&, std::uint16_t with) {
        const std::lock_guard lock(client_mutex);
        code = with;
        got.notify_all();
    };
    const auto context = mesh::Context::with_timeout(20 * ns_per_s);
    const std::string url = "ws://" + server->local_address().to_string() + "/";
    const auto client = run(connect_websocket(loops.loop(0), context, url, handler));
    ASSERT_TRUE(client) << client.error().message;
    for (int i = 0; i < 1'000; ++i) (*client)->send("message " + std::to_string(i));
    {
        std::unique_lock lock(client_mutex);
        ASSERT_TRUE(got.wait_for(lock, std::chrono::seconds(20), [&] { return texts.size() == 1'000; }));
        for (int i = 0; i < 1'000; ++i) EXPECT_EQ(texts[static_cast<std::size_t>(i)], "message " + std::to_string(i));
    }
    EXPECT_TRUE(run(server->stop(5 * ns_per_s)));
    std::unique_lock lock(client_mutex);
    ASSERT_TRUE(got.wait_for(lock, std::chrono::seconds(20), [&] { return code.has_value(); }));
    EXPECT_EQ(*code, close_code::going_away);
    const auto refused = run(connect_websocket(loops.loop(0), context, url, {}));
    EXPECT_EQ(refused.error().code, ErrorCode::unavailable);
}

TEST_F(websocket, client_is_told_when_there_is_no_websocket) {
    start();
    const auto context = mesh::Context::with_timeout(20 * ns_per_s);
    const auto refused =
        run(connect_websocket(loops.loop(0), context, "ws://" + server->local_address().to_string() + "/other", {}));
    EXPECT_EQ(refused.error().code, ErrorCode::failed_precondition);
}

TEST_F(websocket, loops_stop_with_sessions_open_at_both_ends) {
    start();
    const auto context = mesh::Context::with_timeout(20 * ns_per_s);
    const auto client =
        run(connect_websocket(loops.loop(1), context, "ws://" + server->local_address().to_string() + "/", {}));
    ASSERT_TRUE(client);
    loops.stop();
    EXPECT_FALSE((*client)->open());
}

TEST(websocket_codec, base64) {
    const struct {
        const char* plain;
        const char* coded;
    } table[] = {{"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"}, {"foob", "Zm9vYg=="}, {"\xff\xfe", "//4="}};
    for (const auto& row : table) {
        EXPECT_EQ(to_base64(row.plain), row.coded);
        std::string back;
        EXPECT_TRUE(from_base64(row.coded, back));
        EXPECT_EQ(back, row.plain);
    }
    std::string back;
    EXPECT_FALSE(from_base64("Zg=x", back));
    EXPECT_FALSE(from_base64("Z", back));
    EXPECT_FALSE(from_base64("Z g=", back));
}

TEST(websocket_codec, utf8) {
    for (const char* good : {"", "abc", "12345678\xc3\xa4", "\xf0\x9f\x98\x80", "\xed\x9f\xbf", "\xf4\x8f\xbf\xbf"})
        EXPECT_TRUE(is_utf8(good));
    for (const char* bad : {"\x80", "\xc3", "\xc1\x80", "\xe0\x80\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80",
                            "\xf5\x80\x80\x80", "12345678\xff"}) {
        EXPECT_FALSE(is_utf8(bad));
    }
}

}  // namespace
}  // namespace weft::net
