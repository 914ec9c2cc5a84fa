#include "net/http.hpp"

#include <gtest/gtest.h>
#include <zlib.h>

#include <atomic>
#include <map>
#include <mutex>
#include <thread>

#include "net/http_client.hpp"
#include "net/http_codec.hpp"
#include "net/test_peer.hpp"

namespace weft::net {
namespace {

struct http : testing::Test {
    LoopGroup loops{2};
    std::optional<HttpServer> server;
    std::mutex mutex;
    std::map<std::string, Promise<void>> gates;
    std::atomic<int> waiting{0};

    void SetUp() override { loops.start(); }
    void TearDown() override {
        server.reset();
        loops.stop();
    }
    void start(HttpOptions options = {}) {
        server.emplace(
            loops, [this](Request request) { return handle(std::move(request)); }, options);
        ASSERT_TRUE(server->listen("127.0.0.1:0"));
    }
    Task<Response> handle(Request request) {
        Response out;
        out.content_type = "text/plain";
        if (request.path == "/gate") {
            Promise<void> gate;
            auto open = gate.future();
            {
                const std::lock_guard lock(mutex);
                gates.emplace(std::string(request.query), std::move(gate));
            }
            ++waiting;
            waiting.notify_all();
            co_await std::move(open).wait();
        }
        if (request.path == "/fail") co_return fail(ErrorCode::not_found, "no \"such\" thing");
        if (request.path == "/big") {
            out.body.assign(std::stoul(std::string(request.query)), 'x');
            co_return out;
        }
        if (request.path == "/headers") {
            out.headers = {{"X-A", "1\r\nX-Smuggled: 2"}, {"bad name", "3"}};
            out.body = std::string(request.header("x-test"));
            co_return out;
        }
        out.body =
            std::string(request.method) + " " + std::string(request.target) + " [" + std::string(request.body) + "]";
        co_return out;
    }
    void wait_for(int count) {
        for (int seen = waiting; seen < count; seen = waiting) waiting.wait(seen);
    }
    void open(const std::string& name) {
        const std::lock_guard lock(mutex);
        gates.extract(name).mapped().set({});
    }
    [[nodiscard]] Endpoint at() const { return server->local_address(); }
};

TEST(http_codec, no_control_character_stands_in_a_value_anywhere) {
    for (std::size_t size = 1; size < 26; ++size) {
        for (std::size_t at = 0; at < size; ++at) {
            for (int byte = 0; byte < 256; ++byte) {
                std::string value(size, static_cast<char>(0x20 + byte % 0x5f));
                value[at] = static_cast<char>(byte);
                Head head;
                const auto parsed =
                    parse_request_head("GET / HTTP/1.1\r\nHost: a\r\nx: " + value + "\r\n\r\n", {}, head);
                const bool fine = (byte >= 0x20 && byte != 0x7f) || byte == '\t';
                ASSERT_EQ(parsed, fine ? Parsed::done : Parsed::bad) << byte << " at " << at << " of " << size;
            }
        }
    }
}

TEST(http_codec, names_are_equal_but_for_the_case_of_letters) {
    // Every pair of characters at every place of a name, against the definition.
    const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
    for (const std::size_t size : {1U, 8U, 13U}) {
        for (std::size_t at = 0; at < size; ++at) {
            std::string left(size, 'x');
            std::string right(size, 'X');
            for (int a = 0; a < 256; ++a) {
                for (int b = 0; b < 256; ++b) {
                    left[at] = static_cast<char>(a);
                    right[at] = static_cast<char>(b);
                    ASSERT_EQ(equal_names(left, right), lower(left[at]) == lower(right[at])) << a << ' ' << b;
                }
            }
        }
    }
    EXPECT_FALSE(equal_names("accept", "accept-"));
    EXPECT_TRUE(equal_names("", ""));
}

TEST_F(http, answers_a_request_in_one_piece_and_byte_by_byte) {
    start();
    const std::string request = "POST /a?b=c HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello";
    const std::string want =
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 19\r\n\r\nPOST /a?b=c [hello]";
    TestPeer peer(at());
    peer.send(request);
    EXPECT_EQ(peer.response(), want);
    peer.send_slowly(request);
    EXPECT_EQ(peer.response(), want);
}

TEST_F(http, chunked_bodies_in_any_pieces) {
    start();
    const std::string request =
        "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: "
        "chunked\r\n\r\n5;ext=\"1\"\r\nhello\r\n00A\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\n";
    TestPeer peer(at());
    for (const std::size_t step : {1UL, 2UL, 3UL, 7UL, 1000UL}) {
        SCOPED_TRACE(step);
        for (std::size_t i = 0; i < request.size(); i += step) peer.send(std::string_view(request).substr(i, step));
        EXPECT_NE(peer.response().find("POST / [hello0123456789]"), std::string::npos);
    }
}

TEST_F(http, pipelined_answers_keep_the_order_of_the_requests) {
    start();
    TestPeer peer(at());
    peer.send(
        "GET /gate?a HTTP/1.1\r\nHost: x\r\n\r\nGET /gate?b HTTP/1.1\r\nHost: x\r\n\r\nGET /c HTTP/1.1\r\nHost: "
        "x\r\n\r\n");
    wait_for(2);
    open("b");
    open("a");
    EXPECT_NE(peer.response().find("GET /gate?a"), std::string::npos);
    EXPECT_NE(peer.response().find("GET /gate?b"), std::string::npos);
    EXPECT_NE(peer.response().find("GET /c"), std::string::npos);
}

TEST_F(http, more_pipelined_requests_than_may_run_wait) {
    start({.pipelined_max = 2});
    TestPeer peer(at());
    std::string many;
    for (int i = 0; i < 500; ++i) many += "GET /gate?" + std::to_string(i) + " HTTP/1.1\r\nHost: x\r\n\r\n";
    std::thread sender([&] { peer.send(many); });
    for (int i = 0; i < 500; ++i) {
        wait_for(std::min(i + 2, 500));
        EXPECT_LE(waiting, i + 2);
        open(std::to_string(i));
        EXPECT_NE(peer.response().find("GET /gate?" + std::to_string(i) + " ["), std::string::npos);
    }
    sender.join();
}

TEST_F(http, messages_that_two_readers_could_read_differently_are_refused) {
    start();
    const struct {
        const char* name;
        std::string request;
        int status;
    } table[] = {
        {"both lengths",
         "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
        {"lengths in the other order",
         "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n", 400},
        {"two lengths", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", 400},
        {"two equal lengths", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc", 400},
        {"list of lengths", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3, 3\r\n\r\nabc", 400},
        {"signed length", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: +3\r\n\r\nabc", 400},
        {"hexadecimal length", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0x3\r\n\r\nabc", 400},
        {"huge length", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\nabc", 400},
        {"empty length", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length:\r\n\r\nabc", 400},
        {"space before colon", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length : 3\r\n\r\nabc", 400},
        {"tab in name", "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding\t: chunked\r\n\r\n", 400},
        {"folded line", "GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n", 400},
        {"bare LF", "GET / HTTP/1.1\nHost: x\n\n", 400},
        {"bare LF later", "GET / HTTP/1.1\r\nHost: x\r\nA: b\nTransfer-Encoding: chunked\r\n\r\n", 400},
        {"bare CR", "GET / HTTP/1.1\r\nHost: x\r\nA: b\rTransfer-Encoding: chunked\r\n\r\n", 400},
        {"NUL", std::string("GET / HTTP/1.1\r\nHost: x\r\nA: b\0c\r\n\r\n", 36), 400},
        {"chunked twice",
         "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
        {"other coding", "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501},
        {"odd coding", "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked\r\n\r\n", 501},
        {"chunked in 1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
        {"no host", "GET / HTTP/1.1\r\n\r\n", 400},
        {"two hosts", "GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", 400},
        {"no version", "GET /\r\nHost: x\r\n\r\n", 400},
        {"HTTP/2 behind a wrong preface", "PRI * HTTP/2.0\r\n\r\nSN\r\n\r\n", 505},
        {"bad version", "GET / HTTP/1.1x\r\nHost: x\r\n\r\n", 400},
        {"two spaces", "GET  / HTTP/1.1\r\nHost: x\r\n\r\n", 400},
        {"bad method", "G(T / HTTP/1.1\r\nHost: x\r\n\r\n", 400},
        {"absolute target", "GET http://y/ HTTP/1.1\r\nHost: x\r\n\r\n", 400},
        {"unknown expectation", "POST / HTTP/1.1\r\nHost: x\r\nExpect: tea\r\n\r\n", 417},
        {"chunk size with space",
         "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5 \r\nhello\r\n0\r\n\r\n", 400},
        {"chunk size empty", "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n\r\nhello\r\n0\r\n\r\n",
         400},
        {"chunk size negative", "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n", 400},
        {"chunk size overflows",
         "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n10000000000000005\r\nhello", 400},
        {"chunk size 0x", "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0x5\r\nhello\r\n0\r\n\r\n",
         400},
        {"chunk ends with LF", "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\nhello\r\n0\r\n\r\n",
         400},
        {"chunk too long", "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhello\r\n0\r\n\r\n",
         400},
        {"bad trailer", "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n: x\r\n\r\n", 400},
    };
    for (const auto& row : table) {
        SCOPED_TRACE(row.name);
        TestPeer peer(at());
        peer.send(row.request);
        const std::string answer = peer.all();
        EXPECT_TRUE(answer.starts_with("HTTP/1.1 " + std::to_string(row.status) + " ")) << answer;
        // One answer: what follows a bad message is no request.
        EXPECT_EQ(answer.find("Connection: close"), answer.rfind("Connection: close")) << answer;
    }
    EXPECT_EQ(server->counters().bad_requests, std::size(table));
}

TEST_F(http, what_is_too_large_is_refused) {
    start({.header_bytes_max = 1'000, .header_count_max = 5, .body_bytes_max = 100});
    const struct {
        const char* name;
        std::string request;
        int status;
    } table[] = {
        {"long target", "GET /" + std::string(2'000, 'a') + " HTTP/1.1\r\n", 431},
        {"endless line", "GET /" + std::string(100'000, 'a'), 431},
        {"long header", "GET / HTTP/1.1\r\nHost: x\r\nA: " + std::string(2'000, 'a') + "\r\n\r\n", 431},
        {"many headers", "GET / HTTP/1.1\r\nHost: x\r\na:\r\nb:\r\nc:\r\nd:\r\ne:\r\n\r\n", 431},
        {"long body", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 101\r\n\r\n", 413},
        {"long chunk", "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n65\r\n", 413},
        {"long by its second chunk", "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n64\r\n",
         413},
        {"long trailers",
         "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nA: " + std::string(10'000, 'a'), 431},
    };
    for (const auto& row : table) {
        for (const bool slowly : {false, true}) {
            SCOPED_TRACE(row.name);
            TestPeer peer(at());
            if (slowly && row.request.size() < 5'000) {
                peer.send_slowly(row.request);
            } else {
                peer.send(row.request);
            }
            const std::string answer = peer.all();
            EXPECT_TRUE(answer.starts_with("HTTP/1.1 " + std::to_string(row.status) + " ")) << answer;
        }
    }
    TestPeer peer(at());
    peer.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n" + std::string(100, 'a'));
    EXPECT_TRUE(peer.response().starts_with("HTTP/1.1 200 "));
}

TEST_F(http, slow_senders_are_told_and_closed) {
    start({.idle_timeout_ns = 10 * ns_per_ms, .header_timeout_ns = 10 * ns_per_ms, .body_timeout_ns = 10 * ns_per_ms});
    for (const std::string part : {"GET / HT", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhel"}) {
        SCOPED_TRACE(part);
        TestPeer peer(at());
        peer.send(part);
        EXPECT_TRUE(peer.all().starts_with("HTTP/1.1 408 "));
    }
    TestPeer idle(at());
    EXPECT_EQ(idle.all(), "");
}

TEST_F(http, a_reader_that_takes_nothing_stops_the_reading_and_is_closed) {
    start({.output_bytes_max = 100'000, .write_timeout_ns = 200 * ns_per_ms});
    TestPeer peer(at(), 4'096);
    std::string many;
    for (int i = 0; i < 300; ++i) many += "GET /big?1000000 HTTP/1.1\r\nHost: x\r\n\r\n";
    peer.send(many);
    while (server->counters().open != 0) std::this_thread::yield();
    EXPECT_LT(server->counters().requests, 100U);
}

TEST_F(http, large_answers_arrive_whole) {
    start();
    TestPeer peer(at());
    peer.send("GET /big?20000000 HTTP/1.1\r\nHost: x\r\n\r\nGET /big?10 HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_GT(peer.response().size(), 20'000'000U);
    EXPECT_TRUE(peer.response().ends_with("\r\n\r\nxxxxxxxxxx"));
}

TEST_F(http, head_continue_close_and_old_clients) {
    start();
    TestPeer peer(at());
    peer.send("HEAD /x HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_EQ(peer.until("\r\n\r\n"), "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 10\r\n\r\n");
    peer.send("POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
    EXPECT_EQ(peer.until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
    peer.send("ok");
    EXPECT_TRUE(peer.response().ends_with("POST / [ok]"));
    peer.send("\r\nGET /after-empty-line HTTP/1.1\r\nHost: x\r\nConnection: foo, Close\r\n\r\nGET / HTTP/1.1\r\n");
    const std::string last = peer.all();
    EXPECT_NE(last.find("Connection: close\r\n"), std::string::npos);
    EXPECT_TRUE(last.ends_with("GET /after-empty-line []"));
    TestPeer old(at());
    old.send("GET / HTTP/1.0\r\n\r\n");
    EXPECT_NE(old.all().find("Connection: close\r\n"), std::string::npos);
    TestPeer half(at());
    half.send("GET /gate?half HTTP/1.1\r\nHost: x\r\n\r\n");
    half.end();
    wait_for(1);
    open("half");
    EXPECT_TRUE(half.all().ends_with("GET /gate?half []"));
}

TEST_F(http, errors_and_headers_of_handlers) {
    start();
    TestPeer peer(at());
    peer.send("GET /fail HTTP/1.1\r\nHost: x\r\n\r\n");
    const std::string failed = peer.response();
    EXPECT_TRUE(failed.starts_with("HTTP/1.1 404 Not Found\r\n"));
    EXPECT_TRUE(failed.ends_with(R"({"error":"no \"such\" thing"})"));
    peer.send("GET /headers HTTP/1.1\r\nHost: x\r\nX-TEST:  a b \t\r\n\r\n");
    const std::string headers = peer.response();
    EXPECT_NE(headers.find("X-A: 1  X-Smuggled: 2\r\n"), std::string::npos);
    EXPECT_EQ(headers.find("bad name"), std::string::npos);
    EXPECT_TRUE(headers.ends_with("\r\n\r\na b"));
}

TEST_F(http, gzip_if_asked_and_worth_it) {
    start();
    TestPeer peer(at());
    peer.send("GET /big?1023 HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip\r\n\r\n");
    EXPECT_EQ(peer.response().find("Content-Encoding"), std::string::npos);
    peer.send("GET /big?100000 HTTP/1.1\r\nHost: x\r\nAccept-Encoding: br, gzip;q=0\r\n\r\n");
    EXPECT_EQ(peer.response().find("Content-Encoding"), std::string::npos);
    peer.send("GET /big?100000 HTTP/1.1\r\nHost: x\r\nAccept-Encoding: br, GZIP;q=0.5\r\n\r\n");
    const std::string response = peer.response();
    EXPECT_NE(response.find("Content-Encoding: gzip\r\n"), std::string::npos);
    std::string packed = response.substr(response.find("\r\n\r\n") + 4);
    std::string out(100'001, '\0');
    z_stream stream{};
    ASSERT_EQ(inflateInit2(&stream, 15 + 16), Z_OK);
    stream.next_in = reinterpret_cast<Bytef*>(packed.data());
    stream.avail_in = static_cast<uInt>(packed.size());
    stream.next_out = reinterpret_cast<Bytef*>(out.data());
    stream.avail_out = static_cast<uInt>(out.size());
    EXPECT_EQ(inflate(&stream, Z_FINISH), Z_STREAM_END);
    EXPECT_EQ(stream.total_out, 100'000U);
    inflateEnd(&stream);
}

TEST_F(http, address_in_use_says_so) {
    start();
    HttpServer second(loops, [](const Request&) -> Task<Response> { co_return Response{}; });
    const std::string address = at().to_string();
    EXPECT_EQ(second.listen(address).error().message, "listen " + address + ": address in use");
    EXPECT_EQ(second.listen("127.0.0.1").error().code, ErrorCode::invalid_argument);
    EXPECT_EQ(second.listen("127.0.0.1:65536").error().code, ErrorCode::invalid_argument);
}

TEST_F(http, connections_above_the_limit_are_closed) {
    start({.connections_max = 1});
    TestPeer first(at());
    first.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    first.response();
    TestPeer second(at());
    EXPECT_EQ(second.all(), "");
    EXPECT_EQ(server->counters().refused, 1U);
}

TEST_F(http, stop_lets_handlers_end) {
    start();
    TestPeer busy(at());
    busy.send("GET /gate?a HTTP/1.1\r\nHost: x\r\n\r\n");
    TestPeer idle(at());
    wait_for(1);
    std::optional<Result<void>> stopped;
    std::thread stopper([&] { stopped = run(server->stop(10 * ns_per_s)); });
    EXPECT_EQ(idle.all(), "");
    open("a");
    const std::string last = busy.all();
    busy.end();
    EXPECT_TRUE(last.ends_with("GET /gate?a []"));
    EXPECT_NE(last.find("Connection: close"), std::string::npos);
    stopper.join();
    EXPECT_TRUE(*stopped);
}

TEST_F(http, stop_closes_what_is_left_after_the_grace) {
    start();
    TestPeer busy(at());
    busy.send("GET /gate?a HTTP/1.1\r\nHost: x\r\n\r\n");
    wait_for(1);
    EXPECT_TRUE(run(server->stop(ns_per_ms)));
    EXPECT_EQ(busy.all(), "");
    open("a");
}

TEST_F(http, loops_stop_with_connections_open) {
    start();
    TestPeer busy(at());
    busy.send("GET /gate?a HTTP/1.1\r\nHost: x\r\n\r\n");
    TestPeer idle(at());
    wait_for(1);
    loops.stop();
    EXPECT_EQ(busy.all(), "");
    EXPECT_EQ(idle.all(), "");
    open("a");
    loops.loop(0).drain();
    loops.loop(1).drain();
}

TEST_F(http, client_fetches_and_keeps_the_connection) {
    start();
    HttpClient client(loops.loop(0));
    const auto context = [] { return mesh::Context::with_timeout(20 * ns_per_s); };
    const std::string base = "http://" + at().to_string();
    for (int i = 0; i < 3; ++i) {
        const auto reply = run(client.fetch(context(), *Fetch::post(base + "/p?q", "body")));
        ASSERT_TRUE(reply) << reply.error().message;
        EXPECT_EQ(reply->status, 200);
        EXPECT_EQ(reply->body, "POST /p?q [body]");
        EXPECT_EQ(reply->header("content-type"), "text/plain");
    }
    EXPECT_EQ(run(client.fetch(context(), *Fetch::get(base + "/fail")))->status, 404);
    EXPECT_EQ(run(client.fetch(context(), *Fetch::get(base + "/big?3000000")))->body.size(), 3'000'000U);
    Fetch head = *Fetch::get(base + "/x");
    head.method = "HEAD";
    EXPECT_EQ(run(client.fetch(context(), head))->body, "");
    EXPECT_EQ(server->counters().accepted, 1U);
}

TEST_F(http, client_says_what_went_wrong) {
    start({.idle_timeout_ns = 5 * ns_per_ms});
    HttpClient client(loops.loop(0), {.body_bytes_max = 100});
    const auto context = [] { return mesh::Context::with_timeout(20 * ns_per_s); };
    const std::string base = "http://" + at().to_string();
    EXPECT_EQ(run(client.fetch(context(), *Fetch::get(base + "/big?101"))).error().code, ErrorCode::resource_exhausted);
    EXPECT_EQ(
        run(client.fetch(mesh::Context::with_timeout(10 * ns_per_ms), *Fetch::get(base + "/gate?never"))).error().code,
        ErrorCode::deadline_exceeded);
    // Kept connections that the server has closed meanwhile are noticed.
    open("never");
    for (int i = 0; i < 3; ++i) {
        ASSERT_TRUE(run(client.fetch(context(), *Fetch::get(base + "/ok"))));
        while (server->counters().open > 0) std::this_thread::yield();
    }
    Fetch evil = *Fetch::get(base + "/");
    evil.headers = {{"A", "b\r\nC: d"}};
    EXPECT_EQ(run(client.fetch(context(), evil)).error().code, ErrorCode::invalid_argument);
    server.reset();
    const auto refused = run(client.fetch(context(), *Fetch::get(base + "/")));
    EXPECT_EQ(refused.error().code, ErrorCode::unavailable);
    EXPECT_EQ(refused.error().detail, 1);
    const auto unknown = run(client.fetch(context(), *Fetch::get("http://no-such-host.invalid:1/")));
    EXPECT_EQ(unknown.error().code, ErrorCode::unavailable);
}

TEST(http_codec, client_reads_answers_of_every_framing) {
    const struct {
        const char* name;
        const char* text;
        Parsed parsed;
    } table[] = {
        {"plain", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", Parsed::done},
        {"no reason", "HTTP/1.1 200\r\n\r\n", Parsed::done},
        {"cut off", "HTTP/1.1 200 OK\r\n", Parsed::more},
        {"no version", "200 OK\r\n\r\n", Parsed::bad},
        {"letters for a status", "HTTP/1.1 2x0 OK\r\n\r\n", Parsed::bad},
        {"both lengths", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", Parsed::bad},
    };
    for (const auto& row : table) {
        SCOPED_TRACE(row.name);
        Head head;
        EXPECT_EQ(parse_response_head(row.text, {}, head), row.parsed);
    }
}

TEST(endpoint, texts) {
    const struct {
        const char* text;
        const char* host;  // null: refused
        int port;
    } table[] = {
        {"127.0.0.1:8545", "127.0.0.1", 8545},
        {"[::1]:80", "::1", 80},
        {"name:0", "name", 0},
        {"unix:/a/b", "/a/b", 0},
        {"", nullptr, 0},
        {"x", nullptr, 0},
        {":1", nullptr, 0},
        {"x:", nullptr, 0},
        {"x:65536", nullptr, 0},
        {"x:-1", nullptr, 0},
        {"x:1x", nullptr, 0},
        {"::1:80", nullptr, 0},
        {"[::1:80", nullptr, 0},
        {"unix:", nullptr, 0},
        {"a b:1", nullptr, 0},
    };
    for (const auto& row : table) {
        SCOPED_TRACE(row.text);
        const auto parsed = Endpoint::parse(row.text);
        ASSERT_EQ(parsed.has_value(), row.host != nullptr);
        if (!parsed) continue;
        EXPECT_EQ(parsed->host, row.host);
        EXPECT_EQ(parsed->port, row.port);
        EXPECT_EQ(parsed->to_string(), row.text);
    }
    EXPECT_EQ(Url::parse("http://a")->endpoint.port, 80);
    EXPECT_EQ(Url::parse("ws://[::1]:9/x?y#z")->target, "/x?y");
    EXPECT_EQ(Url::parse("https://a")->endpoint.port, 443);
    EXPECT_TRUE(Url::parse("wss://a")->secure());
    EXPECT_FALSE(Url::parse("ws://a")->secure());
    EXPECT_FALSE(Url::parse("ftp://a/"));
    EXPECT_FALSE(Url::parse("http://a/b c"));
}

}  // namespace
}  // namespace weft::net
