#pragma once
// One HTTP/2 connection of a server (RFC 9113), by libnghttp2: its streams, their bounds, and the defences against
// peers that make work without asking for anything. What a stream carries is an Exchange: a request for a Handler or a
// gRPC call, on the same connection.

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"
#include "net/acceptor.hpp"

// libnghttp2's, which stays behind the .cpp files.
struct nghttp2_session;
struct nghttp2_session_callbacks;

namespace weft::net {

class Http2Connection;

/// Of an answer.
struct Http2Field {
    std::string_view name;
    std::string_view value;
    std::uint8_t flags;  // NGHTTP2_NV_FLAG_...
};

/// One request and its answer. Lives until its stream and its handler have both ended; of its loop's thread.
class Exchange {
  public:
    Exchange(Http2Connection& connection, std::int32_t stream_id) : connection_(connection), stream_id_(stream_id) {}
    virtual ~Exchange();
    Exchange(const Exchange&) = delete;
    Exchange& operator=(const Exchange&) = delete;
    static void* operator new(std::size_t size) { return weft::detail::allocate_frame(size); }
    static void operator delete(void* memory, std::size_t size) noexcept { weft::detail::free_frame(memory, size); }

    // What comes, until it is answered.
    virtual void on_header(std::string_view name, std::string_view value) = 0;
    virtual void on_headers_end() {}
    virtual void on_data(BytesView bytes) = 0;
    virtual void on_request_end() = 0;
    /// Whether what comes is still looked at.
    [[nodiscard]] virtual bool wants_input() const { return !answered_; }
    /// The stream is closed; the handler may still run.
    virtual void on_stream_closed() {}
    /// The next bytes of the answer's body; sets @p last with the last of them. May submit trailers then. None, and not
    /// the last: resume() when there are more.
    /// @param trailers  set as well if it did.
    virtual std::size_t read_body(std::uint8_t* out, std::size_t size, bool& last, bool& trailers) = 0;

  protected:
    [[nodiscard]] Http2Connection& connection() const { return connection_; }
    [[nodiscard]] std::int32_t stream_id() const { return stream_id_; }
    [[nodiscard]] bool answered() const { return answered_; }
    void submit(std::span<const Http2Field> fields, bool has_body);
    void resume();
    /// Counts bytes of a request that is kept until the exchange ends; false if the connection's keep too much.
    [[nodiscard]] bool hold(std::size_t bytes);
    /// At the end of a body whose read_body() sets trailers.
    void submit_trailers(std::span<const Http2Field> fields);
    /// Runs a handler's task; @p finish  gets its result on the loop, unless the stream has been closed meanwhile.
    template <class T, class Finish>
    void run(Task<T> task, Finish finish);

  private:
    friend class Http2Connection;
    friend struct Http2Callbacks;
    void handler_ended();

    Http2Connection& connection_;
    std::shared_ptr<Stream> held_;  // while the handler runs
    std::size_t held_bytes_ = 0;
    std::size_t index_ = 0;         // among its connection's open streams
    std::int32_t stream_id_;
    bool stream_open_ = true;
    bool request_ended_ = false;
    bool answered_ = false;  // or being answered by a handler
    bool handler_runs_ = false;
    bool is_deferred_ = false;  // the body waits for us
    std::int64_t progress_ns_ = 0;  // of the last byte that came or was taken
};

struct Http2Limits {
    /// Streams, and handlers too: streams that the peer resets don't count against HTTP/2's limit, their handlers do.
    std::uint32_t streams_max = 256;
    std::int64_t first_request_ns = 10 * ns_per_s;
    /// With no stream open; 0: never.
    std::int64_t idle_timeout_ns = 0;
    /// A request that brings nothing, and a peer that takes nothing of an answer, for so long. 0: never.
    std::int64_t stall_timeout_ns = 0;
    /// Of gRPC requests that are not answered, together.
    std::size_t held_bytes_max = 1024UL * 1024 * 1024;
};

class Http2Connection final : public ServerStream {
  public:
    using MakeExchange = std::function<std::unique_ptr<Exchange>(Http2Connection&, std::int32_t stream_id)>;

    /// @param make  must outlive the connection. @param abused  counts connections that were ended for abuse.
    Http2Connection(Loop& loop, Socket socket, std::string peer, const Http2Limits& limits,
                    std::shared_ptr<const MakeExchange> make, std::atomic<std::uint64_t>* abused);
    ~Http2Connection() override;

    /// Bytes that came before this was made.
    void start(std::string_view bytes) { on_input(bytes); }
    void wind_down() override;

    [[nodiscard]] const std::string& peer() const { return peer_; }
    [[nodiscard]] std::string_view peer_subject() const { return secure() ? filter()->peer_subject() : ""; }
    [[nodiscard]] bool secure() const { return filter() != nullptr; }
    [[nodiscard]] nghttp2_session* session() const { return session_; }
    [[nodiscard]] bool handlers_full() const { return handlers_ >= limits_.streams_max; }
    /// Puts another exchange in the place of @p old, which is freed.
    Exchange& replace(Exchange& old, std::unique_ptr<Exchange> with);
    /// Resets a stream; @p error  NGHTTP2_REFUSED_STREAM and the like.
    void reset(std::int32_t stream_id, std::uint32_t error);

  private:
    friend class Exchange;
    friend struct Http2Callbacks;
    static nghttp2_session_callbacks* callbacks();
    [[nodiscard]] Exchange* exchange_of(std::int32_t stream_id) const;

    void on_input(std::string_view bytes) override;
    void on_flush() override;
    void on_drained() override;
    void on_closed() override;
    void begin(std::int32_t stream_id);
    void headers_ended(std::int32_t stream_id, bool request_ended);
    void data_ended(std::int32_t stream_id, bool request_ended);
    void answer_left(std::int32_t stream_id);
    void stream_closed(Exchange& exchange);
    void charge(std::int64_t cost);
    void give_up(std::uint32_t error);
    void close_if_done();
    void set_timer();
    void on_time();

    const Http2Limits limits_;
    std::string peer_;
    std::shared_ptr<const MakeExchange> make_;
    std::atomic<std::uint64_t>* abused_;
    nghttp2_session* session_ = nullptr;
    std::vector<Exchange*> open_;
    std::size_t handlers_ = 0;
    std::size_t held_bytes_ = 0;
    std::int64_t credit_;
    std::int64_t credit_at_ns_;
    std::int64_t active_ns_;
    bool any_request_ = false;
    bool winding_down_ = false;
    bool failed_ = false;
    Timer timer_;
};

template <class T, class Finish>
void Exchange::run(Task<T> task, Finish finish) {
    held_ = connection_.shared_from_this();
    handler_runs_ = true;
    answered_ = true;
    ++connection_.handlers_;
    spawn(std::move(task), [this, finish](Result<T> result) {
        auto end = [this, finish, result = std::move(result)]() mutable {
            if (stream_open_) finish(std::move(result));
            handler_ended();
        };
        if (connection_.loop().inside()) {
            end();
        } else {
            connection_.loop().post(std::move(end));
        }
    });
}

}  // namespace weft::net
