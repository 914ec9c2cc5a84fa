#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <random>
#include <vector>

#include "net/grpc.hpp"
#include "net/grpc_codec.hpp"
#include "net/nghttp2_util.hpp"
#include "net/stream.hpp"
#include "observe/trace.hpp"

namespace weft::net {

namespace {

class ClientConnection;

/// What a channel and its connections share. Of the loop's thread.
struct ChannelState {
    ChannelState(Loop& on, std::string to, GrpcChannelOptions with)
        : loop(on), address(std::move(to)), options(with), retry(on, [this] { refused_until_retry = false; }) {}

    Loop& loop;
    std::string address;
    GrpcChannelOptions options;
    std::shared_ptr<ClientConnection> connection;              // the one for new calls
    std::vector<std::shared_ptr<ClientConnection>> draining;   // end with their calls
    std::vector<class ClientCall*> waiting;                    // for the connection
    std::size_t calls = 0;
    bool connecting = false;
    bool closed = false;
    bool refused_until_retry = false;
    std::int64_t backoff_ns = 0;
    std::string last_error;
    Timer retry;
    std::uint64_t stop_hook = 0;  // 0: none yet
};

Error unavailable(std::string text, bool certainly_not_handled) {
    return {ErrorCode::unavailable, std::move(text), {}, certainly_not_handled ? 1 : 0};
}

/// One call. Lies in the calling task's frame; of the loop's thread.
class ClientCall {
  public:
    ClientCall(ChannelState& channel, mesh::Context context, std::string_view method, BytesView request)
        : context_(context),
          method_(method),
          request_(request),
          reply_(channel.options.message_bytes_max),
          channel_(channel),
          timer_(
              channel.loop,
              [this] {
                  end(std::unexpected(Error{ErrorCode::deadline_exceeded, "deadline exceeded", {}, 0}));
              },
              true) {
        ++channel_.calls;
    }
    ~ClientCall() {
        detach();
        --channel_.calls;
    }
    ClientCall(const ClientCall&) = delete;
    ClientCall& operator=(const ClientCall&) = delete;

    void set_timer() { timer_.set(context_.deadline_ns); }
    void wait_for_connection() {
        waits_ = true;
        channel_.waiting.push_back(this);
    }
    void taken_from_waiting() { waits_ = false; }
    /// Sets the result and lets the task go on.
    void end(Result<Bytes> result);
    /// The stream has ended: makes the result of what came.
    void stream_closed(std::uint32_t error_code);
    /// The connection is gone.
    void connection_lost(const std::string& why) {
        connection_ = nullptr;
        end(std::unexpected(unavailable(why, !touched_)));
    }
    void take_header(std::string_view name, std::string_view value);
    void take_data(BytesView data);
    [[nodiscard]] ssize_t read_request(std::uint8_t* out, std::size_t size, std::uint32_t& flags);

    struct Awaiter {
        ClientCall* call;
        bool await_ready() const { return call->result_.has_value(); }
        void await_suspend(std::coroutine_handle<> handle) const { call->task_ = handle; }
        Result<Bytes> await_resume() const { return *std::move(call->result_); }
        Awaiter awaiter_in(weft::detail::PromiseBase&) const { return *this; }
    };
    Awaiter wait() { return {this}; }

  private:
    friend class ClientConnection;
    void detach();

    mesh::Context context_;
    std::string_view method_;
    BytesView request_;
    std::size_t request_sent_ = 0;      // bytes of prefix and message
    bool waits_ = false;                // in channel_.waiting
    bool stream_closed_ = false;        // and not ended yet
    bool touched_ = false;              // part of the message was given to the connection
    int http_status_ = 0;
    int status_ = -1;                   // grpc-status
    std::string status_text_;
    std::string status_binary_;
    MessageReader reply_;
    std::optional<Error> reply_error_;
    ChannelState& channel_;
    ClientConnection* connection_ = nullptr;
    std::size_t index_ = 0;             // among its connection's calls
    std::int32_t stream_id_ = 0;
    std::optional<Result<Bytes>> result_;
    std::coroutine_handle<> task_;
    Timer timer_;
};

class ClientConnection final : public Stream {
  public:
    ClientConnection(Loop& loop, int fd, ChannelState& channel);
    ~ClientConnection() override { nghttp2_session_del(session_); }

    /// False if no stream can be opened here any more.
    [[nodiscard]] bool start(ClientCall& call);
    void forget(ClientCall& call);
    void leave_channel() { channel_ = nullptr; }

  private:
    static nghttp2_session_callbacks* callbacks();
    static ClientConnection& of(void* user_data) { return *static_cast<ClientConnection*>(user_data); }
    [[nodiscard]] ClientCall* call_of(std::int32_t stream_id) {
        return static_cast<ClientCall*>(nghttp2_session_get_stream_user_data(session_, stream_id));
    }
    void on_input(std::string_view bytes) override;
    void on_flush() override;
    void on_drained() override {
        if (nghttp2_session_want_write(session_) != 0) mark_dirty();
    }
    void on_closed() override;
    void end_closed_streams();
    void drain();
    void watch();

    ChannelState* channel_;
    nghttp2_session* session_ = nullptr;
    std::vector<ClientCall*> calls_;
    /// Calls whose streams have closed. Their tasks go on when nghttp2 has returned, as they may call again.
    std::vector<std::pair<ClientCall*, std::uint32_t>> ended_;
    bool draining_ = false;
    std::int64_t input_ns_;
    Timer watch_;
};

void ClientCall::end(Result<Bytes> result) {
    if (result_) return;
    detach();
    result_.emplace(std::move(result));
    if (task_) task_.resume();  // this may be gone now
}

void ClientCall::detach() {
    timer_.cancel();
    if (connection_ != nullptr) std::exchange(connection_, nullptr)->forget(*this);
    if (std::exchange(waits_, false)) std::erase(channel_.waiting, this);
}

void ClientCall::take_header(std::string_view name, std::string_view value) {
    const auto number = [](std::string_view text, int otherwise) {
        int out = 0;
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
        return error == std::errc() && end == text.data() + text.size() ? out : otherwise;
    };
    if (name == ":status") {
        http_status_ = number(value, 0);
    } else if (name == "grpc-status") {
        status_ = number(value, static_cast<int>(ErrorCode::unknown));
    } else if (name == "grpc-message") {
        status_text_ = percent_decode(value);
    } else if (name == "weft-error-bin") {
        status_binary_ = value;
    }
}

void ClientCall::take_data(BytesView data) {
    if (reply_error_) return;
    if (auto fed = reply_.feed(data); !fed) reply_error_ = std::move(fed.error());
}

ssize_t ClientCall::read_request(std::uint8_t* out, std::size_t size, std::uint32_t& flags) {
    touched_ = true;
    std::size_t done = 0;
    if (request_sent_ < grpc_prefix_size) {
        const auto prefix = grpc_prefix(request_.size());
        while (request_sent_ < grpc_prefix_size && done < size) out[done++] = prefix[request_sent_++];
    }
    if (request_sent_ >= grpc_prefix_size) {
        const std::size_t at = request_sent_ - grpc_prefix_size;
        const std::size_t take = std::min(size - done, request_.size() - at);
        if (take > 0) std::memcpy(out + done, request_.data() + at, take);
        request_sent_ += take;
        done += take;
    }
    if (request_sent_ == grpc_prefix_size + request_.size()) flags |= NGHTTP2_DATA_FLAG_EOF;
    return static_cast<ssize_t>(done);
}

void ClientCall::stream_closed(std::uint32_t error_code) {
    if (reply_error_) return end(std::unexpected(std::move(*reply_error_)));
    if (status_ == 0) {
        auto message = reply_.take();
        return end(std::move(message));
    }
    if (status_ > 0) {
        Error error{code_from_grpc(status_), std::move(status_text_), {}, 0};
        from_error_header(status_binary_, error);
        return end(std::unexpected(std::move(error)));
    }
    // No status: HTTP/2 or something that isn't gRPC has ended the stream.
    if (error_code == NGHTTP2_REFUSED_STREAM)
        return end(std::unexpected(unavailable("the server takes no more calls", true)));
    if (http_status_ != 0 && http_status_ != 200) {
        return end(std::unexpected(unavailable("no gRPC: HTTP status " + std::to_string(http_status_), false)));
    }
    if (error_code == NGHTTP2_CANCEL) return end(fail(ErrorCode::cancelled, "the server cancelled the call"));
    end(std::unexpected(unavailable(std::string("stream ended: ") + nghttp2_http2_strerror(error_code), !touched_)));
}

ClientConnection::ClientConnection(Loop& loop, int fd, ChannelState& channel)
    : Stream(loop, fd), channel_(&channel), input_ns_(loop.now_ns()), watch_(loop, [this] { watch(); }) {
    WEFT_ASSERT(nghttp2_session_client_new(&session_, callbacks(), this) == 0);
    const nghttp2_settings_entry settings[] = {
        {NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, stream_window},
        {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, header_list_max},
    };
    nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, settings, std::size(settings));
    nghttp2_session_set_local_window_size(session_, NGHTTP2_FLAG_NONE, 0, connection_window);
    watch_.set(loop.now_ns() + channel.options.keepalive_ns);
    mark_dirty();
}

nghttp2_session_callbacks* ClientConnection::callbacks() {
    static nghttp2_session_callbacks* const made = [] {
        nghttp2_session_callbacks* out = nullptr;
        WEFT_ASSERT(nghttp2_session_callbacks_new(&out) == 0);
        nghttp2_session_callbacks_set_on_header_callback(
            out, [](nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name, std::size_t name_size,
                    const std::uint8_t* value, std::size_t value_size, std::uint8_t, void* self) {
                ClientCall* call = of(self).call_of(frame->hd.stream_id);
                if (call != nullptr) call->take_header(as_text(name, name_size), as_text(value, value_size));
                return 0;
            });
        nghttp2_session_callbacks_set_on_data_chunk_recv_callback(
            out, [](nghttp2_session*, std::uint8_t, std::int32_t stream_id, const std::uint8_t* data, std::size_t size,
                    void* self) {
                ClientCall* call = of(self).call_of(stream_id);
                if (call != nullptr) call->take_data({data, size});
                return 0;
            });
        nghttp2_session_callbacks_set_on_frame_recv_callback(
            out, [](nghttp2_session*, const nghttp2_frame* frame, void* self) {
                if (frame->hd.type == NGHTTP2_GOAWAY) of(self).drain();
                return 0;
            });
        nghttp2_session_callbacks_set_on_stream_close_callback(
            out, [](nghttp2_session* session, std::int32_t stream_id, std::uint32_t error, void* self) {
                ClientCall* call = of(self).call_of(stream_id);
                if (call == nullptr) return 0;
                nghttp2_session_set_stream_user_data(session, stream_id, nullptr);
                call->stream_closed_ = true;
                of(self).ended_.emplace_back(call, error);
                return 0;
            });
        return out;
    }();
    return made;
}

bool ClientConnection::start(ClientCall& call) {
    if (closed() || draining_ || nghttp2_session_check_request_allowed(session_) == 0) return false;
    const std::string path = "/" + std::string(call.method_);
    const std::string timeout = to_grpc_timeout(call.context_.remaining_ns());
    std::string trace;
    if (call.context_.trace_id != 0)
        trace = observe::to_traceparent({{0, call.context_.trace_id}, call.context_.trace_id, true});
    const nghttp2_nv headers[] = {
        make_header(":method", "POST", literal),
        make_header(":scheme", "http", literal),
        make_header(":path", path, NGHTTP2_NV_FLAG_NONE),
        make_header(":authority", "weft", literal),
        make_header("te", "trailers", literal),
        make_header("content-type", "application/grpc", literal),
        make_header("grpc-timeout", timeout, NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_INDEX),
        make_header("traceparent", trace, NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_INDEX),
    };
    static constexpr nghttp2_data_source_read_callback read =
        [](nghttp2_session*, std::int32_t stream_id, std::uint8_t* out, std::size_t size, std::uint32_t* flags,
           nghttp2_data_source*, void* self) -> ssize_t {
        // By the stream, not by a pointer: the call may have given up, and its request may be gone.
        ClientCall* waiting = of(self).call_of(stream_id);
        if (waiting == nullptr) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
        return waiting->read_request(out, size, *flags);
    };
    nghttp2_data_provider provider{{.ptr = nullptr}, read};
    const std::int32_t id = nghttp2_submit_request(
        session_, nullptr, headers, trace.empty() ? std::size(headers) - 1 : std::size(headers), &provider, &call);
    if (id < 0) {
        drain();  // all stream ids are used
        return false;
    }
    if (calls_.empty()) {
        input_ns_ = loop().now_ns();
        if (!watch_.armed()) watch_.set(input_ns_ + channel_->options.keepalive_ns);
    }
    call.stream_id_ = id;
    call.connection_ = this;
    call.index_ = calls_.size();
    calls_.push_back(&call);
    mark_dirty();
    return true;
}

/// The call ends or has ended: a stream that is still open is reset.
void ClientConnection::forget(ClientCall& call) {
    calls_[call.index_] = calls_.back();
    calls_[call.index_]->index_ = call.index_;
    calls_.pop_back();
    if (closed()) return;
    if (call.stream_closed_) {
        for (auto& [ended, error] : ended_) {
            if (ended == &call) ended = nullptr;
        }
    } else if (call_of(call.stream_id_) == &call) {
        nghttp2_session_set_stream_user_data(session_, call.stream_id_, nullptr);
        nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, call.stream_id_, NGHTTP2_CANCEL);
        mark_dirty();
    }
}

void ClientConnection::end_closed_streams() {
    if (ended_.empty()) return;
    for (std::size_t i = 0; i < ended_.size(); ++i) {
        const auto [call, error] = ended_[i];
        ended_[i].first = nullptr;
        if (call == nullptr) continue;
        call->stream_closed_ = false;  // taken from the list
        call->stream_closed(error);
    }
    ended_.clear();
    if (draining_ && !closed()) mark_dirty();  // it may have been the last
}

void ClientConnection::on_input(std::string_view bytes) {
    input_ns_ = loop().now_ns();
    const auto taken =
        nghttp2_session_mem_recv(session_, reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
    end_closed_streams();
    if (taken < 0) return close();
    if (!closed()) mark_dirty();
}

void ClientConnection::on_flush() {
    while (output_size() < http2_output_max) {
        const std::uint8_t* bytes = nullptr;
        const auto size = nghttp2_session_mem_send(session_, &bytes);
        if (size < 0) return close();
        if (size == 0) break;
        output().append(as_text(bytes, static_cast<std::size_t>(size)));
        output_grew();
    }
    end_closed_streams();
    if (closed() || closing()) return;
    const bool ended = nghttp2_session_want_read(session_) == 0 && nghttp2_session_want_write(session_) == 0;
    if (ended || (draining_ && calls_.empty())) close_after_output();
}

/// New calls go to a new connection.
void ClientConnection::drain() {
    if (draining_) return;
    draining_ = true;
    mark_dirty();
    if (channel_ == nullptr || channel_->connection.get() != this) return;
    channel_->draining.push_back(std::move(channel_->connection));
}

void ClientConnection::watch() {
    const std::int64_t now = loop().now_ns();
    const std::int64_t interval = channel_->options.keepalive_ns;
    if (calls_.empty()) return;  // armed again by the next call
    if (now - input_ns_ >= 2 * interval) return close();
    if (now - input_ns_ >= interval) {
        nghttp2_submit_ping(session_, NGHTTP2_FLAG_NONE, nullptr);
        mark_dirty();
    }
    watch_.set(std::max(now + interval / 2, input_ns_ + interval));
}

void ClientConnection::on_closed() {
    watch_.cancel();
    const auto self = shared_from_this();
    if (channel_ != nullptr) {
        if (channel_->connection.get() == this) channel_->connection.reset();
        std::erase(channel_->draining, std::static_pointer_cast<ClientConnection>(self));
    }
    end_closed_streams();
    const std::string why = channel_ != nullptr ? "connection to " + channel_->address + " lost" : "channel closed";
    while (!calls_.empty()) {
        ClientCall& call = *calls_.back();
        calls_.pop_back();
        call.connection_lost(why);
    }
}

void close_channel(ChannelState& channel);

/// What waits for a connection, on the new one or with the reason there is none.
void settle_waiting(ChannelState& channel, const std::string& why) {
    std::reverse(channel.waiting.begin(), channel.waiting.end());
    while (!channel.waiting.empty()) {
        ClientCall* call = channel.waiting.back();
        channel.waiting.pop_back();
        call->taken_from_waiting();
        if (channel.connection && channel.connection->start(*call)) continue;
        call->end(std::unexpected(unavailable(why, true)));
    }
}

std::int64_t jittered(std::int64_t duration_ns) {
    thread_local std::minstd_rand generator{std::random_device{}()};
    return duration_ns / 2 + static_cast<std::int64_t>(generator() % static_cast<std::uint64_t>(duration_ns / 2 + 1));
}

void take_socket(ChannelState& channel, Result<int> socket) {
    channel.connecting = false;
    if (channel.closed || channel.loop.core().stopped) {
        if (socket) ::close(*socket);
        return settle_waiting(channel, "channel closed");
    }
    if (!socket) {
        channel.last_error = socket.error().message;
        const auto& options = channel.options;
        channel.backoff_ns = std::clamp(channel.backoff_ns * 2, options.backoff_min_ns, options.backoff_max_ns);
        channel.refused_until_retry = true;
        channel.retry.set(channel.loop.now_ns() + jittered(channel.backoff_ns));
        return settle_waiting(channel, channel.last_error);
    }
    channel.backoff_ns = 0;
    channel.connection = std::make_shared<ClientConnection>(channel.loop, *socket, channel);
    settle_waiting(channel, "connection lost");
}

void connect(const std::shared_ptr<ChannelState>& channel) {
    channel->connecting = true;
    if (channel->stop_hook == 0) {
        channel->stop_hook = channel->loop.add_stop_hook([weak = std::weak_ptr(channel)] {
            if (const auto state = weak.lock()) close_channel(*state);
        });
    }
    const auto task = [](std::shared_ptr<ChannelState> state) -> Task<int> {
        Endpoint endpoint = co_await Endpoint::parse(state->address);
        co_return co_await connect_socket(state->loop, std::move(endpoint),
                                          monotonic_ns() + state->options.connect_timeout_ns);
    };
    spawn(task(channel), [channel](Result<int> socket) { take_socket(*channel, std::move(socket)); });
}

Task<Bytes> call_here(std::shared_ptr<ChannelState> channel, mesh::Context context, std::string_view method,
                      BytesView request) {
    if (channel->closed || channel->loop.core().stopped) co_return std::unexpected(unavailable("channel closed", true));
    if (context.remaining_ns() <= 0)
        co_return std::unexpected(Error{ErrorCode::deadline_exceeded, "deadline exceeded", {}, 1});
    if (channel->calls >= channel->options.calls_max)
        co_return std::unexpected(Error{ErrorCode::resource_exhausted, "too many calls wait", {}, 1});
    if (request.size() > channel->options.message_bytes_max)
        co_return std::unexpected(Error{ErrorCode::resource_exhausted, "request too long", {}, 1});
    ClientCall call(*channel, context, method, request);
    call.set_timer();
    if (!channel->connection || !channel->connection->start(call)) {
        if (channel->refused_until_retry) co_return std::unexpected(unavailable(channel->last_error, true));
        call.wait_for_connection();
        if (!channel->connecting) connect(channel);
    }
    co_return co_await call.wait();
}

void close_channel(ChannelState& channel) {
    channel.closed = true;
    channel.retry.cancel();
    channel.loop.remove_stop_hook(std::exchange(channel.stop_hook, 0));
    auto draining = std::exchange(channel.draining, {});
    if (auto connection = std::exchange(channel.connection, nullptr)) draining.push_back(std::move(connection));
    for (auto& connection : draining) {
        connection->leave_channel();
        connection->close();
    }
    settle_waiting(channel, "channel closed");
}

}  // namespace

struct GrpcChannel::Core : ChannelState {
    using ChannelState::ChannelState;
};

GrpcChannel::GrpcChannel(Loop& loop, std::string address, GrpcChannelOptions options)
    : core_(std::make_shared<Core>(loop, std::move(address), options)) {}
GrpcChannel::GrpcChannel(GrpcChannel&&) noexcept = default;

GrpcChannel::~GrpcChannel() {
    if (!core_) return;
    auto& loop = core_->loop;
    if (loop.inside() || !loop.running()) {
        close_channel(*core_);
    } else {
        loop.post([core = std::move(core_)] { close_channel(*core); });
    }
}

Task<Bytes> GrpcChannel::call(mesh::Context context, std::string_view method, BytesView request) {
    auto here = call_here(core_, context, method, request);
    if (core_->loop.inside()) return here;
    return run_at(core_->loop, std::move(here));
}

const std::string& GrpcChannel::address() const { return core_->address; }

struct GrpcClient::State {
    State(LoopGroup& group, std::string to, GrpcChannelOptions options) : loops(group), address(std::move(to)) {
        for (std::size_t i = 0; i < loops.size(); ++i) channels.emplace_back(loops.loop(i), address, options);
    }
    LoopGroup& loops;
    std::string address;
    std::vector<GrpcChannel> channels;
    std::atomic<std::size_t> turn{0};
};

GrpcClient::GrpcClient(LoopGroup& loops, std::string address, GrpcChannelOptions options)
    : state_(std::make_shared<State>(loops, std::move(address), options)) {}

namespace {
/// Keeps the channels while a call runs.
template <class State>
Task<Bytes> held_call(std::shared_ptr<State> state, std::size_t index, mesh::Context context, std::string_view method,
                      BytesView request) {
    co_return co_await state->channels[index].call(context, method, request);
}
}  // namespace

Task<Bytes> GrpcClient::call(mesh::Context context, std::string_view method, BytesView request) const {
    const Loop* here = Loop::current();
    std::size_t index = state_->loops.size();
    for (std::size_t i = 0; here != nullptr && i < state_->loops.size(); ++i) {
        if (&state_->loops.loop(i) == here) index = i;
    }
    if (index == state_->loops.size())
        index = state_->turn.fetch_add(1, std::memory_order_relaxed) % state_->loops.size();
    return held_call(state_, index, context, method, request);
}

const std::string& GrpcClient::address() const { return state_->address; }

}  // namespace weft::net
