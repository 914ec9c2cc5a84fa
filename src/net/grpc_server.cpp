#include <algorithm>
#include <cstring>
#include <map>
#include <mutex>
#include <unordered_map>

#include "base/wire.hpp"
#include "net/acceptor.hpp"
#include "net/grpc.hpp"
#include "net/grpc_codec.hpp"
#include "net/nghttp2_util.hpp"
#include "observe/trace.hpp"

namespace weft::net {

namespace {

struct Shared {
    GrpcServerOptions options;
    std::unordered_map<std::string, GrpcHandler> handlers;
    std::mutex health_mutex;
    std::map<std::string, bool, std::less<>> health{{"", true}};
};

class GrpcConnection;

/// One call. Lives until both its HTTP/2 stream and its handler have ended; of its loop's thread.
struct ServerCall {
    explicit ServerCall(std::size_t message_bytes_max) : request(message_bytes_max) {}
    static void* operator new(std::size_t size) { return weft::detail::allocate_frame(size); }
    static void operator delete(void* memory, std::size_t size) noexcept { weft::detail::free_frame(memory, size); }

    std::shared_ptr<GrpcConnection> connection;  // while the handler runs
    std::size_t index = 0;                       // among its connection's open streams
    std::int32_t stream_id = 0;
    bool stream_open = true;
    bool handler_runs = false;
    bool answered = false;
    bool is_post = false;
    bool is_grpc = false;
    std::int64_t timeout_ns = 0;
    std::uint64_t trace_id = 0;
    std::string path;
    MessageReader request;
    Bytes request_bytes;         // what the handler's view points into
    Bytes reply;
    std::size_t reply_sent = 0;  // bytes of prefix and message
};

class GrpcConnection final : public ServerStream {
  public:
    GrpcConnection(Loop& loop, int fd, std::shared_ptr<Shared> shared);
    ~GrpcConnection() override { nghttp2_session_del(session_); }

    void wind_down() override;
    /// A handler has ended.
    void finish(ServerCall& call, Result<Bytes> result);

  private:
    static nghttp2_session_callbacks* callbacks();
    static GrpcConnection& of(void* user_data) { return *static_cast<GrpcConnection*>(user_data); }
    [[nodiscard]] ServerCall* call_of(std::int32_t stream_id) {
        return static_cast<ServerCall*>(nghttp2_session_get_stream_user_data(session_, stream_id));
    }

    void on_input(std::string_view bytes) override;
    void on_flush() override;
    void on_drained() override {
        if (nghttp2_session_want_write(session_) != 0) mark_dirty();
    }
    void on_closed() override;

    void begin_call(std::int32_t stream_id);
    static void take_header(ServerCall& call, std::string_view name, std::string_view value);
    void request_ended(ServerCall& call);
    void run_handler(ServerCall& call, const GrpcHandler& handler);
    void answer(ServerCall& call, Bytes reply);
    void refuse(ServerCall& call, const Error& error);
    void answer_http(ServerCall& call, std::string_view status);
    ssize_t read_reply(ServerCall& call, std::uint8_t* out, std::size_t size, std::uint32_t& flags);
    void stream_closed(ServerCall& call);
    void close_if_done();

    std::shared_ptr<Shared> shared_;
    nghttp2_session* session_ = nullptr;
    std::vector<ServerCall*> open_;
    std::size_t handlers_ = 0;
    bool winding_down_ = false;
    bool failed_ = false;
    Timer handshake_;
};

GrpcConnection::GrpcConnection(Loop& loop, int fd, std::shared_ptr<Shared> shared)
    : ServerStream(loop, fd), shared_(std::move(shared)), handshake_(loop, [this] { close(); }) {
    WEFT_ASSERT(nghttp2_session_server_new(&session_, callbacks(), this) == 0);
    const nghttp2_settings_entry settings[] = {
        {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, shared_->options.streams_max},
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, stream_window},
        {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, header_list_max},
    };
    nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, settings, std::size(settings));
    nghttp2_session_set_local_window_size(session_, NGHTTP2_FLAG_NONE, 0, connection_window);
    constexpr std::int64_t handshake_ns = 10 * ns_per_s;  // to the first call
    handshake_.set(loop.now_ns() + handshake_ns);
    mark_dirty();
}

nghttp2_session_callbacks* GrpcConnection::callbacks() {
    static nghttp2_session_callbacks* const made = [] {
        nghttp2_session_callbacks* out = nullptr;
        WEFT_ASSERT(nghttp2_session_callbacks_new(&out) == 0);
        nghttp2_session_callbacks_set_on_begin_headers_callback(
            out, [](nghttp2_session*, const nghttp2_frame* frame, void* self) {
                if (frame->hd.type == NGHTTP2_HEADERS && frame->headers.cat == NGHTTP2_HCAT_REQUEST)
                    of(self).begin_call(frame->hd.stream_id);
                return 0;
            });
        nghttp2_session_callbacks_set_on_header_callback(
            out, [](nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name, std::size_t name_size,
                    const std::uint8_t* value, std::size_t value_size, std::uint8_t, void* self) {
                ServerCall* call = of(self).call_of(frame->hd.stream_id);
                if (call != nullptr) take_header(*call, as_text(name, name_size), as_text(value, value_size));
                return 0;
            });
        nghttp2_session_callbacks_set_on_data_chunk_recv_callback(
            out, [](nghttp2_session*, std::uint8_t, std::int32_t stream_id, const std::uint8_t* data, std::size_t size,
                    void* self) {
                ServerCall* call = of(self).call_of(stream_id);
                if (call == nullptr || call->answered) return 0;
                if (const auto fed = call->request.feed({data, size}); !fed) of(self).refuse(*call, fed.error());
                return 0;
            });
        nghttp2_session_callbacks_set_on_frame_recv_callback(
            out, [](nghttp2_session*, const nghttp2_frame* frame, void* self) {
                const bool ends = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
                if (!ends || (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA)) return 0;
                ServerCall* call = of(self).call_of(frame->hd.stream_id);
                if (call != nullptr && !call->answered) of(self).request_ended(*call);
                return 0;
            });
        nghttp2_session_callbacks_set_on_stream_close_callback(
            out, [](nghttp2_session*, std::int32_t stream_id, std::uint32_t, void* self) {
                ServerCall* call = of(self).call_of(stream_id);
                if (call != nullptr) of(self).stream_closed(*call);
                return 0;
            });
        return out;
    }();
    return made;
}

void GrpcConnection::on_input(std::string_view bytes) {
    const auto taken =
        nghttp2_session_mem_recv(session_, reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
    // What nghttp2 has to say about an error (GOAWAY) goes out before the connection closes.
    if (taken < 0) failed_ = true;
    mark_dirty();
    close_if_done();
}

void GrpcConnection::on_flush() {
    while (output_size() < http2_output_max) {
        const std::uint8_t* bytes = nullptr;
        const auto size = nghttp2_session_mem_send(session_, &bytes);
        if (size < 0) failed_ = true;
        if (size <= 0) break;
        output().append(as_text(bytes, static_cast<std::size_t>(size)));
        output_grew();
    }
    const bool ended = nghttp2_session_want_read(session_) == 0 && nghttp2_session_want_write(session_) == 0;
    if ((failed_ || ended) && !closing()) close_after_output();
    close_if_done();
}

void GrpcConnection::on_closed() {
    handshake_.cancel();
    while (!open_.empty()) stream_closed(*open_.back());
    leave_set();
}

void GrpcConnection::wind_down() {
    if (closed() || winding_down_) return;
    winding_down_ = true;
    const auto last = nghttp2_session_get_last_proc_stream_id(session_);
    nghttp2_submit_goaway(session_, NGHTTP2_FLAG_NONE, last, NGHTTP2_NO_ERROR, nullptr, 0);
    mark_dirty();
}

void GrpcConnection::close_if_done() {
    const bool done = winding_down_ && open_.empty() && handlers_ == 0 && nghttp2_session_want_write(session_) == 0;
    if (done && !closed() && !closing()) close_after_output();
}

void GrpcConnection::begin_call(std::int32_t stream_id) {
    handshake_.cancel();
    auto* call = new ServerCall(shared_->options.message_bytes_max);
    call->stream_id = stream_id;
    call->timeout_ns = shared_->options.timeout_ns;
    call->index = open_.size();
    open_.push_back(call);
    nghttp2_session_set_stream_user_data(session_, stream_id, call);
}

void GrpcConnection::take_header(ServerCall& call, std::string_view name, std::string_view value) {
    if (name == ":path") {
        call.path = value;
    } else if (name == ":method") {
        call.is_post = value == "POST";
    } else if (name == "content-type") {
        call.is_grpc = value == "application/grpc" || value.starts_with("application/grpc+") ||
                       value.starts_with("application/grpc;");
    } else if (name == "grpc-timeout") {
        if (const auto timeout = parse_grpc_timeout(value)) call.timeout_ns = *timeout;
    } else if (name == "traceparent") {
        if (const auto trace = observe::parse_traceparent(value)) call.trace_id = trace->trace.low;
    }
}

void GrpcConnection::request_ended(ServerCall& call) {
    if (!call.is_post) return answer_http(call, "405");
    if (!call.is_grpc) return answer_http(call, "415");
    auto message = call.request.take();
    if (!message) return refuse(call, message.error());
    call.request_bytes = *std::move(message);
    const auto found =
        call.path.starts_with('/') ? shared_->handlers.find(call.path.substr(1)) : shared_->handlers.end();
    if (found == shared_->handlers.end())
        return refuse(call, {ErrorCode::unimplemented, "unknown method " + call.path, {}, 0});
    if (handlers_ >= shared_->options.streams_max) {
        // Streams that the peer resets don't count against HTTP/2's limit, but their handlers still run.
        return refuse(call, {ErrorCode::resource_exhausted, "too many calls at once", {}, 0});
    }
    run_handler(call, found->second);
}

void GrpcConnection::run_handler(ServerCall& call, const GrpcHandler& handler) {
    mesh::Context context;
    context.deadline_ns = loop().now_ns() + call.timeout_ns;
    context.trace_id = call.trace_id;
    call.connection = std::static_pointer_cast<GrpcConnection>(shared_from_this());
    call.handler_runs = true;
    call.answered = true;
    ++handlers_;
    spawn(handler(context, call.request_bytes), [&call](Result<Bytes> result) {
        auto& connection = *call.connection;
        if (connection.loop().inside()) {
            connection.finish(call, std::move(result));
        } else {
            connection.loop().post(
                [&call, result = std::move(result)]() mutable { call.connection->finish(call, std::move(result)); });
        }
    });
}

void GrpcConnection::finish(ServerCall& call, Result<Bytes> result) {
    const auto self = std::move(call.connection);
    call.handler_runs = false;
    --handlers_;
    if (!call.stream_open) {
        delete &call;
    } else if (result) {
        answer(call, *std::move(result));
    } else {
        refuse(call, result.error());
    }
    if (!closed()) close_if_done();
}

ssize_t GrpcConnection::read_reply(ServerCall& call, std::uint8_t* out, std::size_t size, std::uint32_t& flags) {
    std::size_t done = 0;
    if (call.reply_sent < grpc_prefix_size) {
        const auto prefix = grpc_prefix(call.reply.size());
        while (call.reply_sent < grpc_prefix_size && done < size) out[done++] = prefix[call.reply_sent++];
    }
    if (call.reply_sent >= grpc_prefix_size) {
        const std::size_t at = call.reply_sent - grpc_prefix_size;
        const std::size_t take = std::min(size - done, call.reply.size() - at);
        if (take > 0) std::memcpy(out + done, call.reply.data() + at, take);
        call.reply_sent += take;
        done += take;
    }
    if (call.reply_sent == grpc_prefix_size + call.reply.size()) {
        flags |= NGHTTP2_DATA_FLAG_EOF | NGHTTP2_DATA_FLAG_NO_END_STREAM;
        const nghttp2_nv trailer = make_header("grpc-status", "0", literal);
        nghttp2_submit_trailer(session_, call.stream_id, &trailer, 1);
    }
    return static_cast<ssize_t>(done);
}

void GrpcConnection::answer(ServerCall& call, Bytes reply) {
    if (reply.size() > shared_->options.message_bytes_max) {
        return refuse(call, {ErrorCode::resource_exhausted, "the reply is longer than the limit", {}, 0});
    }
    call.answered = true;
    call.reply = std::move(reply);
    static constexpr nghttp2_data_source_read_callback read = [](nghttp2_session*, std::int32_t, std::uint8_t* out,
                                                                 std::size_t size, std::uint32_t* flags,
                                                                 nghttp2_data_source* source, void* self) -> ssize_t {
        return of(self).read_reply(*static_cast<ServerCall*>(source->ptr), out, size, *flags);
    };
    nghttp2_data_provider provider{{.ptr = &call}, read};
    const nghttp2_nv headers[] = {make_header(":status", "200", literal),
                                  make_header("content-type", "application/grpc", literal)};
    nghttp2_submit_response(session_, call.stream_id, headers, std::size(headers), &provider);
    mark_dirty();
}

void GrpcConnection::refuse(ServerCall& call, const Error& error) {
    call.answered = true;
    const std::string status = std::to_string(static_cast<int>(error.code));
    const std::string text = percent_encode(std::string_view(error.message).substr(0, error_text_bytes_max));
    const std::string binary = to_error_header(error);
    const nghttp2_nv headers[] = {
        make_header(":status", "200", literal),
        make_header("content-type", "application/grpc", literal),
        make_header("grpc-status", status, NGHTTP2_NV_FLAG_NONE),
        make_header("grpc-message", text, NGHTTP2_NV_FLAG_NO_INDEX),
        make_header("weft-error-bin", binary, NGHTTP2_NV_FLAG_NO_INDEX),
    };
    nghttp2_submit_response(session_, call.stream_id, headers, binary.empty() ? 4 : 5, nullptr);
    mark_dirty();
}

void GrpcConnection::answer_http(ServerCall& call, std::string_view status) {
    call.answered = true;
    const nghttp2_nv headers[] = {make_header(":status", status, NGHTTP2_NV_FLAG_NONE)};
    nghttp2_submit_response(session_, call.stream_id, headers, std::size(headers), nullptr);
    mark_dirty();
}

void GrpcConnection::stream_closed(ServerCall& call) {
    open_[call.index] = open_.back();
    open_[call.index]->index = call.index;
    open_.pop_back();
    call.stream_open = false;
    if (!call.handler_runs) delete &call;
}

struct HealthRequest {
    std::string service;
};
struct HealthReply {
    std::uint32_t status = 0;
};

Task<Bytes> check_health(std::shared_ptr<Shared> shared, BytesView bytes) {
    const auto request = co_await wire::decode<HealthRequest>(bytes);
    constexpr std::uint32_t serving = 1;
    constexpr std::uint32_t not_serving = 2;
    const std::lock_guard lock(shared->health_mutex);
    const auto found = shared->health.find(request.service);
    if (found == shared->health.end()) co_return fail(ErrorCode::not_found, "unknown service " + request.service);
    co_return wire::encode(HealthReply{found->second ? serving : not_serving});
}

}  // namespace

struct GrpcServer::Core {
    Core(LoopGroup& loops, GrpcServerOptions options)
        : shared(std::make_shared<Shared>()),
          acceptor(loops, options.connections_max, [this](Loop& loop, std::size_t, int fd, const std::string&) {
              return std::make_shared<GrpcConnection>(loop, fd, shared);
          }) {
        shared->options = options;
    }
    std::shared_ptr<Shared> shared;
    Acceptor acceptor;
};

GrpcServer::GrpcServer(LoopGroup& loops, GrpcServerOptions options) : core_(std::make_shared<Core>(loops, options)) {
    handle("grpc.health.v1.Health/Check",
           [shared = std::weak_ptr(core_->shared)](const mesh::Context&, BytesView request) {
               return check_health(shared.lock(), request);
           });
}

GrpcServer::~GrpcServer() { core_->acceptor.close_all(); }

void GrpcServer::handle(std::string method, GrpcHandler handler) {
    core_->shared->handlers[std::move(method)] = std::move(handler);
}

void GrpcServer::set_health(std::string_view service, bool serving) {
    const std::lock_guard lock(core_->shared->health_mutex);
    core_->shared->health[std::string(service)] = serving;
}

Result<void> GrpcServer::listen(std::string_view address) { return core_->acceptor.listen(address); }
Endpoint GrpcServer::local_address() const { return core_->acceptor.local_address(); }
Task<void> GrpcServer::stop(std::int64_t grace_ns) { return core_->acceptor.stop(grace_ns); }

}  // namespace weft::net
