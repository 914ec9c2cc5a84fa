#pragma once
// HTTP/1.1 (RFC 9112) and HTTP/2 (RFC 9113) server. A handler is a function from a request to a Task of its response;
// on a connection of HTTP/1.1 answers leave in the order of the requests, whatever order the handlers end in.
//
// Refused rather than guessed at: both Content-Length and Transfer-Encoding, line folding, bare LF, white space before
// a colon, bad tokens. What differs between two readers of one message is how requests are smuggled past one of them.

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "base/task.hpp"
#include "net/endpoint.hpp"
#include "net/loop.hpp"

namespace weft::net {

struct Header {
    std::string_view name;
    std::string_view value;
};

/// Memory that a request's views point into, recycled a thread at a time.
class Block {
  public:
    Block() = default;
    explicit Block(std::size_t size);
    Block(Block&& other) noexcept : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
    Block& operator=(Block&& other) noexcept {
        std::swap(data_, other.data_);
        std::swap(size_, other.size_);
        return *this;
    }
    ~Block();
    [[nodiscard]] char* data() { return data_; }

  private:
    char* data_ = nullptr;
    std::size_t size_ = 0;
};

struct Request {
    std::string_view method;  // "GET"; case counts
    std::string_view target;  // as sent
    std::string_view path;    // the target up to '?', not decoded
    std::string_view query;   // after '?', not decoded
    std::span<const Header> headers;
    std::string_view body;
    std::string_view peer;    // "127.0.0.1:51234"
    /// Over TLS: the subject of the certificate that the client proved to own, "CN=client,O=weft"; else empty.
    std::string_view peer_subject;
    bool secure = false;      // it came over TLS
    /// Keeps the views alive, wherever the request is moved.
    Block block;
    std::unique_ptr<std::string> large_body;

    /// The first header of that name (any case), or empty.
    [[nodiscard]] std::string_view header(std::string_view name) const;
};

/// A body that comes piece by piece. Of its connection's loop.
class BodyStream {
  public:
    virtual ~BodyStream() = default;
    /// Appends what there is, @p size_max bytes at most. @return false once nothing follows.
    virtual bool read(std::string& out, std::size_t size_max) = 0;
    /// Nobody reads any more.
    virtual void abandon() = 0;
    /// To be called when there is something again after read() has appended nothing; set by who reads.
    std::function<void()> on_more = {};
};

struct Response {
    int status = 200;
    /// Must outlive the response, as a literal does; empty sends none.
    std::string_view content_type = "application/json";
    std::string body = {};
    std::vector<std::pair<std::string, std::string>> headers = {};
    /// The body, instead of `body`.
    std::shared_ptr<BodyStream> stream = nullptr;
};

using Handler = std::function<Task<Response>(Request)>;

class TlsServer;

struct HttpOptions {
    std::size_t header_bytes_max = 32 * 1024;
    std::size_t header_count_max = 100;
    std::size_t body_bytes_max = 10 * 1024 * 1024;
    std::size_t connections_max = 50'000;
    /// Requests of one connection that may be in handlers at once; no more is read until one ends.
    std::size_t pipelined_max = 64;
    /// Answers that may wait for a slow reader; no more is read until they have left.
    std::size_t output_bytes_max = 1024 * 1024;
    std::int64_t idle_timeout_ns = 120 * ns_per_s;
    /// From a request's first byte to the end of its header, and from there to the end of its body: 408 and close.
    std::int64_t header_timeout_ns = 10 * ns_per_s;
    std::int64_t body_timeout_ns = 60 * ns_per_s;
    /// A peer that takes no byte of an answer for so long is closed.
    std::int64_t write_timeout_ns = 30 * ns_per_s;
    /// Bodies from this size on are compressed if asked for; 0 never.
    std::size_t gzip_bytes_min = 1024;
    std::size_t gzip_bytes_max = 4 * 1024 * 1024;
    /// HTTP/2 too, on the same port: by ALPN with TLS, with prior knowledge without.
    bool http2 = true;
    /// Of one HTTP/2 connection, running at once.
    std::uint32_t streams_max = 256;
    /// Speaks TLS if it is set (https, wss); see tls_web.hpp.
    std::shared_ptr<TlsServer> tls = nullptr;
};

struct HttpCounters {
    std::uint64_t accepted = 0;
    std::uint64_t refused = 0;    // above connections_max
    std::uint64_t open = 0;
    std::uint64_t requests = 0;
    std::uint64_t bad_requests = 0;
    std::uint64_t abusive = 0;    // HTTP/2 connections that were ended for floods
};

class GrpcService;
struct WebSocketOptions;
struct WebSocketHandler;

class HttpServer {
  public:
    /// @param loops  must outlive the server and run before listen().
    HttpServer(LoopGroup& loops, Handler handler, HttpOptions options = {});
    /// Closes everything at once. Not from one of the loops.
    ~HttpServer();
    HttpServer(const HttpServer&) = delete;
    HttpServer& operator=(const HttpServer&) = delete;

    /// Accepts WebSocket connections on @p path ("*": any); before listen(). See websocket.hpp.
    void websocket(std::string path, WebSocketHandler handler, WebSocketOptions options);
    void websocket(std::string path, WebSocketHandler handler);

    /// Answers gRPC calls on the same port, over HTTP/2; before listen(). See grpc.hpp.
    void grpc(std::shared_ptr<const GrpcService> service);

    /// Port 0 takes a free one. May be called for several addresses.
    /// @errors unavailable  "listen 127.0.0.1:8545: address in use"; invalid_argument  no address.
    [[nodiscard]] Result<void> listen(std::string_view address);
    /// Of the first listen().
    [[nodiscard]] Endpoint local_address() const;
    [[nodiscard]] HttpCounters counters() const;

    /// Stops listening, closes idle connections, lets handlers end, and closes what is left after @p grace_ns.
    Task<void> stop(std::int64_t grace_ns);

  private:
    struct Core;
    std::shared_ptr<Core> core_;
};

[[nodiscard]] std::string_view reason_phrase(int status);

}  // namespace weft::net
