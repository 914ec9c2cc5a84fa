#include <algorithm>
#include <cstring>
#include <map>

#include "net/grpc_codec.hpp"
#include "net/grpc_exchange.hpp"
#include "net/http.hpp"
#include "net/nghttp2_util.hpp"
#include "observe/trace.hpp"

namespace weft::net {

namespace {

/// One call.
class GrpcExchange final : public Exchange {
  public:
    GrpcExchange(Http2Connection& on, std::int32_t stream_id, std::shared_ptr<const GrpcService> service)
        : Exchange(on, stream_id),
          service_(std::move(service)),
          request_(service_->options().message_bytes_max) {}

    void on_header(std::string_view name, std::string_view value) override;
    void on_headers_end() override;
    void on_data(BytesView bytes) override {
        if (!hold(bytes.size())) return refuse({ErrorCode::resource_exhausted, "too many requests at once", {}, 0});
        if (const auto fed = request_.feed(bytes); !fed) refuse(fed.error());
    }
    void on_request_end() override;
    std::size_t read_body(std::uint8_t* out, std::size_t size, bool& last, bool& trailers) override;

  private:
    [[nodiscard]] std::string_view method() const {
        return path_.starts_with('/') ? std::string_view(path_).substr(1) : std::string_view();
    }
    [[nodiscard]] Result<std::shared_ptr<const mesh::Caller>> may_run() const;
    [[nodiscard]] mesh::Context context(std::int64_t timeout_ns, std::shared_ptr<const mesh::Caller> caller) const;
    void answer(Bytes reply);
    void refuse(const Error& error);
    void answer_http(std::string_view status);

    std::shared_ptr<const GrpcService> service_;
    bool is_post_ = false;
    bool is_grpc_ = false;
    std::optional<std::int64_t> timeout_ns_;
    std::uint64_t trace_id_ = 0;
    std::string path_;
    std::vector<std::pair<std::string, std::string>> fields_;  // for who asks whether the call is admitted
    MessageReader request_;
    Bytes request_bytes_;         // what the handler's view points into
    Bytes reply_;
    std::size_t reply_sent_ = 0;  // bytes of prefix and message
};

void GrpcExchange::on_header(std::string_view name, std::string_view value) {
    // Their sum is bounded: the peer keeps to header_list_max, or nghttp2 ends the stream.
    if (service_->has_admission()) fields_.emplace_back(name, value);
    if (name == ":path") {
        path_ = value;
    } else if (name == ":method") {
        is_post_ = value == "POST";
    } else if (name == "content-type") {
        is_grpc_ = is_grpc(value);
    } else if (name == "grpc-timeout") {
        timeout_ns_ = parse_grpc_timeout(value);
    } else if (name == "traceparent") {
        if (const auto trace = observe::parse_traceparent(value)) trace_id_ = trace->trace.low;
    }
}

Result<std::shared_ptr<const mesh::Caller>> GrpcExchange::may_run() const {
    if (connection().handlers_full()) return fail(ErrorCode::resource_exhausted, "too many calls at once");
    if (!service_->has_admission()) return nullptr;
    std::vector<Header> headers;
    for (const auto& [name, value] : fields_) headers.push_back({name, value});
    Request request;
    request.method = "POST";
    request.target = request.path = path_;
    request.headers = headers;
    request.peer = connection().peer();
    request.peer_subject = connection().peer_subject();
    request.secure = connection().secure();
    return service_->admit(request);
}

mesh::Context GrpcExchange::context(std::int64_t timeout_ns, std::shared_ptr<const mesh::Caller> caller) const {
    mesh::Context out;
    out.caller = std::move(caller);
    if (timeout_ns != 0) out.deadline_ns = connection().loop().now_ns() + timeout_ns;
    out.trace_id = trace_id_;
    return out;
}

void GrpcExchange::on_headers_end() {
    const GrpcStreamHandler* handler = is_post_ && is_grpc_ ? service_->find_stream(method()) : nullptr;
    if (handler == nullptr) return;
    auto caller = may_run();
    if (!caller) return refuse(caller.error());
    const auto with = context(timeout_ns_.value_or(0), *std::move(caller));
    start_grpc_stream(connection(), stream_id(), *this, service_, *handler, with);
}

void GrpcExchange::on_request_end() {
    if (!is_post_) return answer_http("405");
    if (!is_grpc_) return answer_http("415");
    const GrpcHandler* handler = service_->find(method());
    if (handler == nullptr) return refuse(no_such_grpc_method(path_));
    auto message = request_.take();
    if (!message) return refuse(message.error());
    request_bytes_ = *std::move(message);
    auto caller = may_run();
    if (!caller) return refuse(caller.error());
    const auto with = context(timeout_ns_.value_or(service_->options().timeout_ns), *std::move(caller));
    run((*handler)(with, request_bytes_), [this](Result<Bytes> result) {
        if (result) {
            answer(*std::move(result));
        } else {
            refuse(result.error());
        }
    });
}

std::size_t GrpcExchange::read_body(std::uint8_t* out, std::size_t size, bool& last, bool& trailers) {
    std::size_t done = 0;
    if (reply_sent_ < grpc_prefix_size) {
        const auto prefix = grpc_prefix(reply_.size());
        while (reply_sent_ < grpc_prefix_size && done < size) out[done++] = prefix[reply_sent_++];
    }
    if (reply_sent_ >= grpc_prefix_size) {
        const std::size_t at = reply_sent_ - grpc_prefix_size;
        const std::size_t take = std::min(size - done, reply_.size() - at);
        if (take > 0) std::memcpy(out + done, reply_.data() + at, take);
        reply_sent_ += take;
        done += take;
    }
    if (reply_sent_ == grpc_prefix_size + reply_.size()) {
        last = trailers = true;
        const nghttp2_nv trailer = make_header("grpc-status", "0", literal);
        nghttp2_submit_trailer(connection().session(), stream_id(), &trailer, 1);
    }
    return done;
}

void GrpcExchange::answer(Bytes reply) {
    if (reply.size() > service_->options().message_bytes_max) {
        return refuse({ErrorCode::resource_exhausted, "the reply is longer than the limit", {}, 0});
    }
    reply_ = std::move(reply);
    const Http2Field headers[] = {{":status", "200", literal},
                                  {"content-type", "application/grpc", literal}};
    submit(headers, true);
}

void GrpcExchange::refuse(const Error& error) {
    const GrpcStatus status = to_grpc_status(error, service_->options().error_message);
    const Http2Field headers[] = {
        {":status", "200", literal},
        {"content-type", "application/grpc", literal},
        {"grpc-status", status.code, NGHTTP2_NV_FLAG_NONE},
        {"grpc-message", status.message, NGHTTP2_NV_FLAG_NO_INDEX},
        {status.details_name, status.details, NGHTTP2_NV_FLAG_NO_INDEX},
    };
    submit(std::span(headers).first(status.details.empty() ? 4 : 5), false);
}

void GrpcExchange::answer_http(std::string_view status) {
    const Http2Field headers[] = {{":status", status, NGHTTP2_NV_FLAG_NONE}};
    submit(headers, false);
}

}  // namespace

void GrpcService::handle(std::string method, GrpcHandler handler) {
    handlers_[std::move(method)] = std::move(handler);
}

const GrpcHandler* GrpcService::find(std::string_view method) const {
    const auto found = handlers_.find(method);
    return found == handlers_.end() ? nullptr : &found->second;
}

Result<std::shared_ptr<const mesh::Caller>> GrpcService::admit(const Request& request) const {
    constexpr std::string_view health_path = "/grpc.health.v1.Health/";
    if (!admission_ || request.path.starts_with(health_path)) return nullptr;
    return admission_(request);
}

void GrpcService::handle_stream(std::string method, GrpcStreamHandler handler) {
    stream_handlers_[std::move(method)] = std::move(handler);
}

const GrpcStreamHandler* GrpcService::find_stream(std::string_view method) const {
    const auto found = stream_handlers_.find(method);
    return found == stream_handlers_.end() ? nullptr : &found->second;
}

bool is_grpc(std::string_view content_type) {
    constexpr std::string_view name = "application/grpc";
    if (!content_type.starts_with(name)) return false;
    content_type.remove_prefix(name.size());
    return content_type.empty() || content_type[0] == '+' || content_type[0] == ';';
}

std::unique_ptr<Exchange> make_grpc_exchange(Http2Connection& connection, std::int32_t stream_id,
                                             std::shared_ptr<const GrpcService> service) {
    return std::make_unique<GrpcExchange>(connection, stream_id, std::move(service));
}

struct GrpcServer::Core {
    Core(LoopGroup& loops, GrpcServerOptions options)
        : service(std::make_shared<GrpcService>(options)),
          make(std::make_shared<const Http2Connection::MakeExchange>(
              [shared = std::shared_ptr<const GrpcService>(service)](Http2Connection& connection, std::int32_t id) {
                  return make_grpc_exchange(connection, id, shared);
              })),
          acceptor(loops, options.connections_max, [this](Loop& loop, std::size_t, int fd, std::string peer) {
              const Http2Limits limits{.streams_max = service->options().streams_max};
              return std::make_shared<Http2Connection>(loop, fd, std::move(peer), limits, make, nullptr);
          }) {}
    std::shared_ptr<GrpcService> service;
    std::shared_ptr<const Http2Connection::MakeExchange> make;
    Acceptor acceptor;
};

GrpcServer::GrpcServer(LoopGroup& loops, GrpcServerOptions options) : core_(std::make_shared<Core>(loops, options)) {}
GrpcServer::~GrpcServer() { core_->acceptor.close_all(); }

void GrpcServer::handle(std::string method, GrpcHandler handler) {
    core_->service->handle(std::move(method), std::move(handler));
}
void GrpcServer::set_health(std::string_view service, bool serving) { core_->service->set_health(service, serving); }

Result<void> GrpcServer::listen(std::string_view address) { return core_->acceptor.listen(address); }
Endpoint GrpcServer::local_address() const { return core_->acceptor.local_address(); }
Task<void> GrpcServer::stop(std::int64_t grace_ns) { return core_->acceptor.stop(grace_ns); }

}  // namespace weft::net
