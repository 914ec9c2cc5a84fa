#include "net/websocket.hpp"

#include <atomic>
#include <random>

#include "net/http_connection.hpp"
#include "net/tls_web.hpp"
#include "net/session_id.hpp"
#include "net/websocket_codec.hpp"

namespace weft::net {

namespace {

/// Masks are for old proxies, not for secrecy; but they shall not be guessed (RFC 6455, 10.3).
std::uint32_t random_mask() {
    thread_local std::mt19937 generator{std::random_device{}()};
    return generator();
}

class WebSocketStream;

/// What callers hold: outlives the connection, and takes calls from other threads to the loop.
class SessionImpl final : public Session {
  public:
    SessionImpl(Loop& loop, std::string peer, std::string path, SessionNote note, std::size_t output_bytes_max)
        : loop_(loop),
          peer_(std::move(peer)),
          path_(std::move(path)),
          note_(std::move(note)),
          output_bytes_max_(output_bytes_max) {}

    void send(std::string text) override;
    void close(std::uint16_t code, std::string_view reason) override;
    [[nodiscard]] std::uint64_t id() const override { return id_; }
    [[nodiscard]] bool open() const override { return open_.load(std::memory_order_relaxed); }
    [[nodiscard]] std::size_t pending_bytes() const override {
        return posted_bytes_.load(std::memory_order_relaxed) + written_bytes_.load(std::memory_order_relaxed);
    }
    [[nodiscard]] const std::string& peer() const override { return peer_; }
    [[nodiscard]] const std::string& path() const override { return path_; }
    [[nodiscard]] const SessionNote& note() const override { return note_; }
    [[nodiscard]] Loop& loop() const override { return loop_; }

  private:
    friend class WebSocketStream;
    Loop& loop_;
    const std::uint64_t id_ = next_session_id();
    std::string peer_;
    std::string path_;
    SessionNote note_;
    std::size_t output_bytes_max_;
    std::atomic<bool> open_{true};
    std::atomic<std::size_t> posted_bytes_{0};   // on their way to the loop
    std::atomic<std::size_t> written_bytes_{0};  // in the stream
    WebSocketStream* stream_ = nullptr;          // of the loop's thread; null once closed
};

class WebSocketStream final : public ServerStream {
  public:
    WebSocketStream(Loop& loop, Socket socket, bool is_server, std::shared_ptr<SessionImpl> session,
                    WebSocketHandler handler, const WebSocketOptions& options)
        : ServerStream(loop, std::move(socket)),
          session_(std::move(session)),
          handler_(std::make_shared<const WebSocketHandler>(std::move(handler))),
          options_(options),
          is_server_(is_server),
          decoder_(is_server, options.message_bytes_max),
          input_ns_(loop.now_ns()),
          timer_(loop, [this] { on_time(); }) {
        session_->stream_ = this;
    }

    void start(std::string_view first_input) {
        timer_.set(loop().now_ns() + options_.ping_interval_ns);
        if (handler_->on_open) handler_->on_open(session_);
        if (!closed() && !first_input.empty()) on_input(first_input);
    }

    void send(std::string_view text) {
        if (closed() || sent_close_) return;
        if (output_size() + text.size() > options_.output_bytes_max) {
            // A slow reader: what it missed can't be put in order again, so it must connect anew.
            fail_with(close_code::try_later, "too slow");
            return;
        }
        write_frame(Opcode::text, text);
    }

    void close_with(std::uint16_t code, std::string_view reason) {
        if (closed() || sent_close_) return;
        sent_close_ = true;
        if (code_ == 0) code_ = code;
        session_->open_.store(false, std::memory_order_relaxed);
        write_frame(Opcode::close, close_payload(code, reason));
        if (received_close_) {
            leave();
        } else {
            timer_.set(loop().now_ns() + options_.close_timeout_ns);
            if (!consuming_ && !backlog_.empty()) {
                const std::string bytes = std::exchange(backlog_, {});
                consume(bytes);
            }
            resume_reading();
        }
    }

    void wind_down() override { close_with(close_code::going_away, "the server stops"); }

    /// For a client's stream, which no server's set holds: it lives until it closes.
    void hold_itself() {
        self_ = shared_from_this();
        stop_hook_ = loop().add_stop_hook([this] { close(); });
    }

  private:
    void write_frame(Opcode opcode, std::string_view payload) {
        const std::uint32_t key = is_server_ ? 0 : random_mask();
        append_frame(output(), opcode, payload, is_server_ ? nullptr : &key);
        output_grew();
        session_->written_bytes_.store(output_size(), std::memory_order_relaxed);
    }

    void on_input(std::string_view bytes) override {
        input_ns_ = loop().now_ns();
        if (!backlog_.empty() || consuming_) {
            backlog_.append(bytes);
            return;
        }
        consume(bytes);
    }

    void consume(std::string_view bytes) {
        consuming_ = true;
        while (!bytes.empty() && !closed() && !closing() && !received_close_) {
            if (blocked()) {
                backlog_.assign(bytes);
                pause_reading();
                break;
            }
            handle(decoder_.next(bytes));
        }
        consuming_ = false;
    }

    [[nodiscard]] bool blocked() const { return !sent_close_ && handlers_ >= options_.handlers_max; }

    void handle(FrameDecoder::Event event) {
        switch (event) {
            case FrameDecoder::Event::none: return;
            case FrameDecoder::Event::message: return on_message(decoder_.take_payload());
            case FrameDecoder::Event::ping:
                // A peer that sends pings and reads no pongs gets none.
                if (!sent_close_ && output_size() < options_.output_bytes_max)
                    write_frame(Opcode::pong, decoder_.take_payload());
                else (void)decoder_.take_payload();
                return;
            case FrameDecoder::Event::pong: (void)decoder_.take_payload(); return;
            case FrameDecoder::Event::close: return on_close_frame();
            case FrameDecoder::Event::error: return fail_with(decoder_.close_code(), decoder_.close_reason());
        }
    }

    void on_message(std::string text) {
        if (sent_close_ || !handler_->on_message) return;
        ++handlers_;
        auto held = std::static_pointer_cast<WebSocketStream>(shared_from_this());
        spawn(handler_->on_message(session_, std::move(text)), [held = std::move(held)](const Result<void>&) mutable {
            if (held->loop().inside()) {
                held->handler_ended();
            } else {
                auto& loop = held->loop();
                loop.post([held = std::move(held)] { held->handler_ended(); });
            }
        });
    }

    void handler_ended() {
        --handlers_;
        if (closed() || consuming_ || blocked() || reading()) return;
        if (!backlog_.empty()) {
            const std::string bytes = std::exchange(backlog_, {});
            consume(bytes);
        }
        if (!closed() && backlog_.empty()) resume_reading();
    }

    void on_close_frame() {
        received_close_ = true;
        if (code_ == 0) code_ = decoder_.close_code();
        peer_is_done_ = true;
        if (sent_close_) return leave();
        close_with(decoder_.close_code(), {});
    }

    /// The peer broke the rules or is too slow: says so, and does not wait for its answer.
    void fail_with(std::uint16_t code, std::string_view reason) {
        if (code_ == 0) code_ = code;
        received_close_ = true;
        if (sent_close_) return leave();
        close_with(code, reason);
    }

    /// The handshake is over, or the peer isn't worth one. A peer that may still be sending gets time to read our
    /// reason; but a write that waits for a slow reader is not waited for long.
    void leave() {
        close_after_output(peer_is_done_ && output_size() < 1024 ? 0 : options_.close_timeout_ns);
        tell_closed();
    }

    void tell_closed() {
        if (std::exchange(told_closed_, true)) return;
        if (handler_->on_close) handler_->on_close(session_, code_ == 0 ? close_code::abnormal : code_);
    }

    void on_time() {
        const std::int64_t now = loop().now_ns();
        if (sent_close_) return close();
        const std::int64_t silent = now - input_ns_;
        if (silent >= 2 * options_.ping_interval_ns && reading()) return close();
        if (silent >= options_.ping_interval_ns && reading()) write_frame(Opcode::ping, {});
        timer_.set(silent >= options_.ping_interval_ns ? now + options_.ping_interval_ns
                                                       : input_ns_ + options_.ping_interval_ns);
    }

    void on_drained() override { session_->written_bytes_.store(0, std::memory_order_relaxed); }

    void on_closed() override {
        timer_.cancel();
        backlog_ = {};
        session_->open_.store(false, std::memory_order_relaxed);
        session_->stream_ = nullptr;
        session_->written_bytes_.store(0, std::memory_order_relaxed);
        if (self_) {
            loop().remove_stop_hook(stop_hook_);
            loop().core().bury(std::move(self_));
        }
        leave_set();
        tell_closed();
    }

    std::shared_ptr<SessionImpl> session_;
    std::shared_ptr<const WebSocketHandler> handler_;
    WebSocketOptions options_;
    std::shared_ptr<Stream> self_;
    std::uint64_t stop_hook_ = 0;
    bool is_server_;
    bool consuming_ = false;
    bool sent_close_ = false;
    bool received_close_ = false;  // or its input is not looked at any more
    bool peer_is_done_ = false;    // it sent its close frame
    bool told_closed_ = false;
    std::uint16_t code_ = 0;  // what on_close is told
    std::size_t handlers_ = 0;
    FrameDecoder decoder_;
    std::string backlog_;
    std::int64_t input_ns_;
    Timer timer_;
};

void SessionImpl::send(std::string text) {
    if (!open()) return;
    if (loop_.inside()) {
        if (stream_ != nullptr) stream_->send(text);
        return;
    }
    // What waits for the loop counts too: a loop that is busy shall not gather without bound.
    const std::size_t size = text.size();
    if (posted_bytes_.fetch_add(size, std::memory_order_relaxed) + size > output_bytes_max_) {
        posted_bytes_.fetch_sub(size, std::memory_order_relaxed);
        close(close_code::try_later, "too slow");
        return;
    }
    auto self = std::static_pointer_cast<SessionImpl>(shared_from_this());
    loop_.post([self = std::move(self), text = std::move(text)] {
        self->posted_bytes_.fetch_sub(text.size(), std::memory_order_relaxed);
        if (self->stream_ != nullptr) self->stream_->send(text);
    });
}

void SessionImpl::close(std::uint16_t code, std::string_view reason) {
    if (loop_.inside()) {
        if (stream_ != nullptr) stream_->close_with(code, reason);
        return;
    }
    open_.store(false, std::memory_order_relaxed);
    auto self = std::static_pointer_cast<SessionImpl>(shared_from_this());
    loop_.post([self = std::move(self), code, reason = std::string(reason)] {
        if (self->stream_ != nullptr) self->stream_->close_with(code, reason);
    });
}

}  // namespace

Result<std::string> websocket_accept_header(const Head& head) {
    if (head.method != "GET") return fail(ErrorCode::invalid_argument, "a WebSocket begins with GET");
    if (head.header("sec-websocket-version") != "13")
        return fail(ErrorCode::invalid_argument, "want Sec-WebSocket-Version 13");
    const std::string_view key = head.header("sec-websocket-key");
    std::string nonce;
    if (!from_base64(key, nonce) || nonce.size() != 16)
        return fail(ErrorCode::invalid_argument, "bad Sec-WebSocket-Key");
    return websocket_accept(key);
}

std::shared_ptr<ServerStream> open_websocket(Loop& loop, Socket socket, std::string peer, std::string path,
                                             SessionNote note, const WebSocketRoute& route, std::string first_output,
                                             std::shared_ptr<HttpShared>) {
    auto session = std::make_shared<SessionImpl>(loop, std::move(peer), std::move(path), std::move(note),
                                                 route.options.output_bytes_max);
    auto stream = std::make_shared<WebSocketStream>(loop, std::move(socket), true, std::move(session), route.handler,
                                                    route.options);
    stream->write(first_output);
    return stream;
}

void start_websocket(ServerStream& stream, std::string_view first_input) {
    static_cast<WebSocketStream&>(stream).start(first_input);
}

namespace {

/// The client's half of the handshake: sends the request and waits for the whole answer.
class Handshake final : public Stream {
  public:
    Handshake(Loop& loop, Socket socket)
        : Stream(loop, std::move(socket)),
          timer_(
              loop, [this] { end(fail(ErrorCode::deadline_exceeded, "no answer to the upgrade")); }, true) {}

    Future<void> begin(std::string_view request, std::int64_t deadline_ns) {
        write(request);
        timer_.set(deadline_ns);
        return promise_.emplace().future();
    }
    [[nodiscard]] Socket take_socket() { return release(); }
    Head head;
    std::string bytes;

  private:
    void on_input(std::string_view more) override {
        bytes.append(more);
        switch (parse_response_head(bytes, HeadLimits{}, head)) {
            case Parsed::more: return;
            case Parsed::bad:
                return end(fail(ErrorCode::data_loss, std::string("answer to the upgrade: ") + head.error));
            case Parsed::done: break;
        }
        pause_reading();
        end({});
    }
    void on_closed() override { end(fail(ErrorCode::unavailable, "connection closed during the upgrade")); }
    void end(Result<void> result) {
        timer_.cancel();
        if (auto promise = std::exchange(promise_, std::nullopt)) promise->set(std::move(result));
    }
    std::optional<Promise<void>> promise_;
    Timer timer_;
};

Task<SessionPtr> connect_here(Loop& loop, mesh::Context context, Url url, WebSocketHandler handler,
                              WebSocketOptions options) {
    const auto tls = !url.secure() ? nullptr : options.tls != nullptr ? options.tls : TlsClient::system();
    Socket connected = co_await connect_secured(loop, url.endpoint, tls, "http/1.1", context.deadline_ns);
    std::string nonce;
    for (int i = 0; i < 4; ++i) {
        const std::uint32_t word = random_mask();
        nonce.append(reinterpret_cast<const char*>(&word), 4);
    }
    const std::string key = to_base64(nonce);
    auto handshake = std::make_shared<Handshake>(loop, std::move(connected));
    auto answered = handshake->begin(
        "GET " + url.target + " HTTP/1.1\r\nHost: " + url.endpoint.to_string() +
            "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " + key +
            "\r\n\r\n",
        context.deadline_ns);
    co_await std::move(answered).wait();
    const Head& head = handshake->head;
    if (head.status != 101 || !head.upgrades_to_websocket ||
        head.header("sec-websocket-accept") != websocket_accept(key)) {
        const int status = head.status;
        handshake->close();
        co_return fail(ErrorCode::failed_precondition,
                       "the server refused to upgrade (status " + std::to_string(status) + ")");
    }
    const std::string rest = handshake->bytes.substr(head.size);
    if (handshake->closed()) co_return fail(ErrorCode::unavailable, "connection closed after the upgrade");
    Socket socket = handshake->take_socket();
    auto session = std::make_shared<SessionImpl>(loop, url.endpoint.to_string(), url.target, SessionNote(),
                                                 options.output_bytes_max);
    auto stream =
        std::make_shared<WebSocketStream>(loop, std::move(socket), false, session, std::move(handler), options);
    stream->hold_itself();
    stream->start(rest);
    co_return SessionPtr(std::move(session));
}

}  // namespace

Task<SessionPtr> connect_websocket(Loop& loop, mesh::Context context, std::string url_text, WebSocketHandler handler,
                                   WebSocketOptions options) {
    Url url = co_await Url::parse(url_text);
    co_return co_await run_at(loop, connect_here(loop, context, std::move(url), std::move(handler), options));
}

}  // namespace weft::net
