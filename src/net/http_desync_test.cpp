// What has been published of requests that two readers take for different ones: whoever stands in front of us may be
// the other reader. Each row must be answered once and closed, and the request that hides in it must never be handled.

#include <gtest/gtest.h>

#include <mutex>
#include <string>
#include <vector>

#include "net/http.hpp"
#include "net/test_peer.hpp"

namespace weft::net {
namespace {

constexpr std::string_view hidden = "GET /hidden HTTP/1.1\r\nHost: x\r\n\r\n";

class Desync : public testing::Test {
  protected:
    Desync() {
        loops_.start();
        EXPECT_TRUE(server_.listen("127.0.0.1:0"));
    }
    ~Desync() override {
        (void)run(server_.stop(0));
        loops_.stop();
    }
    Task<Response> handle(Request request) {
        const std::lock_guard lock(mutex_);
        handled_.push_back(std::string(request.target) + " " + std::string(request.body));
        co_return Response{.body = "{}"};
    }
    std::vector<std::string> handled() {
        const std::lock_guard lock(mutex_);
        return std::exchange(handled_, {});
    }

    LoopGroup loops_{1};
    HttpServer server_{loops_, [this](Request request) { return handle(std::move(request)); }};

  private:
    std::mutex mutex_;
    std::vector<std::string> handled_;
};

std::string post(std::string_view fields, std::string_view body = {}) {
    return "POST /a HTTP/1.1\r\nHost: x\r\n" + std::string(fields) + "\r\n" + std::string(body) + std::string(hidden);
}
std::string chunked(std::string_view body) { return post("Transfer-Encoding: chunked\r\n", body); }

struct Row {
    const char* name;
    std::string request;
    int status;
};

std::vector<Row> lengths() {
    return {
        {"CL.TE", post("Content-Length: 6\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"), 400},
        {"TE.CL", post("Transfer-Encoding: chunked\r\nContent-Length: 4\r\n", "5c\r\n"), 400},
        {"CL.0", post("Content-Length: 0\r\nContent-Length: 33\r\n"), 400},
        {"two equal lengths", post("Content-Length: 5\r\nContent-Length: 5\r\n", "hello"), 400},
        {"list of lengths", post("Content-Length: 5, 5\r\n", "hello"), 400},
        {"plus", post("Content-Length: +5\r\n", "hello"), 400},
        {"minus", post("Content-Length: -1\r\n"), 400},
        {"minus zero", post("Content-Length: -0\r\n"), 400},
        {"hexadecimal", post("Content-Length: 0x5\r\n", "hello"), 400},
        {"exponent", post("Content-Length: 1e1\r\n", "hello"), 400},
        {"point", post("Content-Length: 5.0\r\n", "hello"), 400},
        {"underscore", post("Content-Length: 1_0\r\n", "hello"), 400},
        {"two numbers", post("Content-Length: 5 5\r\n", "hello"), 400},
        {"2^64 and five", post("Content-Length: 18446744073709551621\r\n", "hello"), 400},
        {"2^63", post("Content-Length: 9223372036854775808\r\n", "hello"), 400},
        {"empty", post("Content-Length:\r\n"), 400},
        {"NUL behind", post(std::string("Content-Length: 5\0\r\n", 20), "hello"), 400},
        {"vertical tab before", post("Content-Length: \v5\r\n", "hello"), 400},
        {"form feed behind", post("Content-Length: 5\f\r\n", "hello"), 400},
        {"no-break space",
         post("Content-Length: \xa0"
              "5\r\n",
              "hello"),
         400},
        {"quoted", post("Content-Length: \"5\"\r\n", "hello"), 400},
    };
}

std::vector<Row> codings() {
    const std::string body = "0\r\n\r\n";
    return {
        {"space before the colon", post("Transfer-Encoding : chunked\r\n", body), 400},
        {"tab before the colon", post("Transfer-Encoding\t: chunked\r\n", body), 400},
        {"line end before the colon", post("Transfer-Encoding\r\n : chunked\r\n", body), 400},
        {"folded", post("Transfer-Encoding:\r\n chunked\r\n", body), 501},
        {"folded with a tab", post("Transfer-Encoding:\r\n\tchunked\r\n", body), 501},
        {"first line is folded", "POST /a HTTP/1.1\r\n Transfer-Encoding: chunked\r\nHost: x\r\n\r\n" + body, 400},
        {"behind a bare LF", post("A: b\nTransfer-Encoding: chunked\r\n", body), 400},
        {"behind a bare CR", post("A: b\rTransfer-Encoding: chunked\r\n", body), 400},
        {"bare CR in the name", post("Transfer\r-Encoding: chunked\r\n", body), 400},
        {"CR CR LF", post("Transfer-Encoding: chunked\r\r\n", body), 400},
        {"NUL in the name", post(std::string("Transfer-Encoding\0: chunked\r\n", 29), body), 400},
        {"vertical tab", post("Transfer-Encoding: \vchunked\r\n", body), 400},
        {"form feed", post("Transfer-Encoding: chunked\f\r\n", body), 400},
        {"backspace", post("Transfer-Encoding: \bchunked\r\n", body), 400},
        {"delete", post("Transfer-Encoding: chunked\x7f\r\n", body), 400},
        {"high byte",
         post("Transfer-Encoding: \xff"
              "chunked\r\n",
              body),
         501},
        {"quoted", post("Transfer-Encoding: \"chunked\"\r\n", body), 501},
        {"x before", post("Transfer-Encoding: xchunked\r\n", body), 501},
        {"comma before", post("Transfer-Encoding: ,chunked\r\n", body), 501},
        {"comma behind", post("Transfer-Encoding: chunked,\r\n", body), 501},
        {"parameter", post("Transfer-Encoding: chunked;a=b\r\n", body), 501},
        {"identity behind", post("Transfer-Encoding: chunked, identity\r\n", body), 501},
        {"cow", post("Transfer-Encoding: cow\r\n", body), 501},
        {"identity", post("Transfer-Encoding: identity\r\n", body), 501},
        {"empty", post("Transfer-Encoding:\r\n", body), 501},
        {"twice", post("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", body), 400},
        {"other first", post("Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n", body), 501},
        {"in 1.0", "POST /a HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + body + std::string(hidden),
         400},
        {"compressed", post("Content-Encoding: gzip\r\nContent-Length: 3\r\n", "abc"), 415},
        {"compressed twice", post("Content-Encoding: identity\r\nContent-Encoding: br\r\nContent-Length: 0\r\n"), 415},
    };
}

std::vector<Row> chunks() {
    return {
        {"space before the size", chunked(" 0\r\n\r\n"), 400},
        {"space behind the size", chunked("0 \r\n\r\n"), 400},
        {"0x", chunked("0x0\r\n\r\n"), 400},
        {"minus", chunked("-0\r\n\r\n"), 400},
        {"plus", chunked("+0\r\n\r\n"), 400},
        {"underscore", chunked("0_0\r\n\r\n"), 400},
        {"size of 17 digits", chunked("00000000000000000\r\n\r\n"), 400},
        {"2^64 and five", chunked("10000000000000005\r\nhello\r\n0\r\n\r\n"), 400},
        {"LF behind the size", chunked("0\n\r\n"), 400},
        {"CR behind the size", chunked("0\r\r\n\r\n"), 400},
        {"LF in an extension", chunked("0;a\n\r\n\r\n"), 400},
        {"CR in an extension", chunked("0;a\rb\r\n\r\n"), 400},
        {"NUL in an extension", chunked(std::string("0;a\0\r\n\r\n", 8)), 400},
        {"no semicolon", chunked("0 a=b\r\n\r\n"), 400},
        {"endless extension", chunked("1;" + std::string(100'000, 'a') + "\r\na\r\n0\r\n\r\n"), 431},
        {"data ends late", chunked("1\r\nab\r\n0\r\n\r\n"), 400},
        {"data ends with LF", chunked("1\r\na\n0\r\n\r\n"), 400},
        {"data ends early", chunked("3\r\na\r\n0\r\n\r\n"), 400},
        {"line end before the size", chunked("\r\n0\r\n\r\n"), 400},
        {"trailer without name", chunked("0\r\n: a\r\n\r\n"), 400},
        {"trailer is folded", chunked("0\r\na: b\r\n c\r\n\r\n"), 400},
        {"LF ends the trailers", chunked("0\r\n\n"), 400},
    };
}

std::vector<Row> heads() {
    const std::string tail = "\r\n" + std::string(hidden);
    return {
        {"HTTP/0.9", "GET /a\r\n" + std::string(hidden), 400},
        {"HTTP/0.9 with a version", "GET /a HTTP/0.9\r\nHost: x\r\n" + tail, 505},
        {"HTTP/1.2", "GET /a HTTP/1.10\r\nHost: x\r\n" + tail, 400},
        {"HTTP/3", "GET /a HTTP/3.0\r\nHost: x\r\n" + tail, 505},
        {"small letters", "GET /a http/1.1\r\nHost: x\r\n" + tail, 400},
        {"tab", "GET\t/a\tHTTP/1.1\r\nHost: x\r\n" + tail, 400},
        {"two spaces", "GET  /a HTTP/1.1\r\nHost: x\r\n" + tail, 400},
        {"space at the end", "GET /a HTTP/1.1 \r\nHost: x\r\n" + tail, 400},
        {"space first", " GET /a HTTP/1.1\r\nHost: x\r\n" + tail, 400},
        {"two empty lines first", "\r\n\r\nGET /a HTTP/1.1\r\nHost: x\r\n" + tail, 400},
        {"NUL in the target", std::string("GET /\0 HTTP/1.1\r\nHost: x\r\n", 26) + tail, 400},
        {"line end in the target", "GET /a\rb HTTP/1.1\r\nHost: x\r\n" + tail, 400},
        {"absolute form", "GET http://y/a HTTP/1.1\r\nHost: x\r\n" + tail, 400},
        {"authority form", "CONNECT y:443 HTTP/1.1\r\nHost: x\r\n" + tail, 400},
        {"no slash", "GET a HTTP/1.1\r\nHost: x\r\n" + tail, 400},
        {"no host", "GET /a HTTP/1.1\r\n" + tail, 400},
        {"two hosts", "GET /a HTTP/1.1\r\nHost: x\r\nHost: y\r\n" + tail, 400},
        {"two equal hosts", "GET /a HTTP/1.1\r\nHost: x\r\nhost: x\r\n" + tail, 400},
        {"list of hosts", "GET /a HTTP/1.1\r\nHost: x, y\r\n" + tail, 400},
        {"host with a path", "GET /a HTTP/1.1\r\nHost: x/b\r\n" + tail, 400},
        {"host with a user", "GET /a HTTP/1.1\r\nHost: y@x\r\n" + tail, 400},
        {"host with a space", "GET /a HTTP/1.1\r\nHost: x y\r\n" + tail, 400},
        {"no colon", "GET /a HTTP/1.1\r\nHost: x\r\nnothing\r\n" + tail, 400},
        {"empty name", "GET /a HTTP/1.1\r\nHost: x\r\n: b\r\n" + tail, 400},
        {"space in a name", "GET /a HTTP/1.1\r\nHost: x\r\na b: c\r\n" + tail, 400},
    };
}

TEST_F(Desync, nothing_is_smuggled) {
    std::vector<Row> rows;
    for (auto& some : {lengths(), codings(), chunks(), heads()}) rows.insert(rows.end(), some.begin(), some.end());
    for (const auto& row : rows) {
        for (const bool slowly : {false, true}) {
            if (slowly && row.request.size() > 1'000) continue;
            SCOPED_TRACE(row.name);
            TestPeer peer(server_.local_address());
            slowly ? peer.send_slowly(row.request) : (void)peer.send(row.request);
            const std::string answer = peer.all();
            EXPECT_TRUE(answer.starts_with("HTTP/1.1 " + std::to_string(row.status) + " ")) << answer;
            EXPECT_EQ(answer.find("}HTTP/1.1"), std::string::npos) << answer;
            EXPECT_NE(answer.find("Connection: close"), std::string::npos);
            EXPECT_TRUE(handled().empty());
        }
    }
}

TEST_F(Desync, what_is_left_over_is_the_next_request) {
    const struct {
        const char* name;
        std::string request;
        std::string first;
    } table[] = {
        {"length", "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc", "/a abc"},
        {"zeros before a length", "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 003\r\n\r\nabc", "/a abc"},
        {"chunks",
         "POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: Chunked\r\n\r\n3;e=\"f\"\r\nabc\r\n00\r\nT: u\r\n\r\n",
         "/a abc"},
        {"GET with a body", "GET /a HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc", "/a abc"},
        {"an empty line", "GET /a HTTP/1.1\r\nHost: x\r\n\r\n\r\n", "/a "},
        {"not our length", "GET /a HTTP/1.1\r\nHost: x\r\nContent_Length: 33\r\nX-Content-Length: 33\r\n\r\n", "/a "},
        {"identity", "POST /a HTTP/1.1\r\nHost: x:80\r\nContent-Encoding: identity\r\nContent-Length: 1\r\n\r\nb",
         "/a b"},
    };
    for (const auto& row : table) {
        SCOPED_TRACE(row.name);
        TestPeer peer(server_.local_address());
        peer.send(row.request + "GET /next HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" + std::string(hidden));
        (void)peer.all();
        EXPECT_EQ(handled(), (std::vector<std::string>{row.first, "/next "}));
    }
}

}  // namespace
}  // namespace weft::net
