#pragma once
// One HTTP/1.1 connection of a server: reads requests, runs their handlers, and writes the answers in order.

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "net/acceptor.hpp"
#include "net/http.hpp"
#include "net/http_codec.hpp"
#include "net/websocket.hpp"

namespace weft::net {

struct WebSocketRoute {
    std::string path;
    WebSocketHandler handler;
    WebSocketOptions options;
};

/// What the connections of one server share; the connections on one loop count for themselves.
struct HttpShared {
    Handler handler;
    HttpOptions options;
    std::vector<WebSocketRoute> routes;
    struct alignas(64) Counts {
        std::atomic<std::uint64_t> requests{0};
        std::atomic<std::uint64_t> bad_requests{0};
    };
    std::vector<Counts> counts;
    /// gRPC on the same connections; may be null.
    std::shared_ptr<const GrpcService> grpc;
    std::atomic<std::uint64_t> abusive{0};
    /// Scratch memory of one loop.
    std::vector<Head> heads;
};

class HttpConnection final : public ServerStream {
  public:
    HttpConnection(Loop& loop, Socket socket, std::string peer, std::shared_ptr<HttpShared> shared,
                   std::size_t loop_index, ConnectionSet& set);

    void wind_down() override;

  private:
    /// A request that did not come in one piece.
    struct Partial {
        std::string head_bytes;
        Head head;
        bool in_body = false;
        std::unique_ptr<std::string> body;
        ChunkDecoder chunks;
        std::int64_t since_ns = 0;
    };
    /// What an answer's head needs to know of its request.
    struct Turn {
        std::uint32_t number;
        ResponseFraming framing;
    };
    struct Waiting {
        Turn turn;
        Response response;
    };

    void on_input(std::string_view bytes) override;
    void on_input_end() override;
    void on_closed() override;
    void on_drained() override;

    void consume(std::string_view bytes);
    std::string_view step(std::string_view bytes);
    std::string_view step_head(std::string_view bytes);
    std::string_view step_body(std::string_view bytes);
    std::string_view begin_body(Head& head, std::string_view head_bytes, std::string_view bytes);
    [[nodiscard]] Request request_of(const Head& head, std::string_view head_bytes, std::string_view body,
                                     std::unique_ptr<std::string> large_body) const;
    void start(const Head& head, Request request);
    bool upgrade(const Head& head, std::string_view head_bytes, std::string_view rest);
    void finish(Turn turn, Result<Response> result);
    void answer(Turn turn, Response response);
    void answer_waiting();
    void write_response(const Turn& turn, Response& response);
    void begin_stream(const ResponseFraming& framing, std::shared_ptr<BodyStream> stream);
    void write_stream();
    void refuse(int status, std::string_view why);
    void go_on();
    void on_time();
    void set_timer();
    [[nodiscard]] std::int64_t deadline() const;
    [[nodiscard]] bool blocked() const;
    [[nodiscard]] Turn next_turn(const Head& head);
    [[nodiscard]] bool may_be_http2() const { return next_number_ == 0 && shared_->options.http2; }
    void switch_to_http2(std::string_view bytes);
    [[nodiscard]] Head& scratch() { return shared_->heads[loop_index_]; }

    std::shared_ptr<HttpShared> shared_;
    ConnectionSet& set_;
    std::string peer_;
    std::unique_ptr<Partial> partial_;
    std::string backlog_;               // input that must wait; reading is paused
    std::vector<Waiting> waiting_;      // answers whose turn has not come
    std::shared_ptr<BodyStream> stream_;  // of the answer whose turn it is
    ResponseFraming stream_framing_;
    std::uint32_t next_number_ = 0;     // of the next request
    std::uint32_t next_answer_ = 0;     // whose turn it is
    std::uint32_t loop_index_;
    bool consuming_ = false;
    bool last_seen_ = false;            // no request is read after this one
    bool input_ended_ = false;
    std::int64_t active_ns_;
    std::int64_t timer_at_ns_ = 0;
    Timer timer_;
};

/// Does a server's half of the TLS handshake, and then puts the connection that speaks what was agreed in its place.
class TlsGreeting final : public ServerStream {
  public:
    TlsGreeting(Loop& loop, int fd, std::string peer, std::shared_ptr<HttpShared> shared, std::size_t loop_index,
                ConnectionSet& set);
    ~TlsGreeting() override;
    void wind_down() override { close(); }

  private:
    void on_secured() override;
    void on_input(std::string_view) override {}
    void on_closed() override;

    std::shared_ptr<HttpShared> shared_;
    ConnectionSet& set_;
    std::string peer_;
    std::size_t loop_index_;
    Timer deadline_;
};

[[nodiscard]] Response error_response(int status, std::string_view message);
/// An error becomes the status it is known by, and its message.
[[nodiscard]] Response to_response(Result<Response> result);
/// Compresses the body if that is worth it; the answer must say so then.
[[nodiscard]] bool compress(Response& response, const HttpOptions& options);
/// Adds one to a counter that one thread writes.
void count(std::atomic<std::uint64_t>& counter);

/// In http2_server.cpp: takes over a connection that turned out to be HTTP/2, and reads what has come of it.
std::shared_ptr<ServerStream> open_http2(Loop& loop, Socket socket, std::string peer,
                                         const std::shared_ptr<HttpShared>& shared, std::size_t loop_index);
void start_http2(ServerStream& stream, std::string_view first_input);

/// In websocket.cpp: takes over a socket whose handshake is @p request_head.
[[nodiscard]] Result<std::string> websocket_accept_header(const Head& head);
std::shared_ptr<ServerStream> open_websocket(Loop& loop, Socket socket, std::string peer, std::string path,
                                             SessionNote note, const WebSocketRoute& route, std::string first_output,
                                             std::shared_ptr<HttpShared> shared);
/// After it was added to its set: calls on_open and reads what came along with the handshake.
void start_websocket(ServerStream& stream, std::string_view first_input);

}  // namespace weft::net
