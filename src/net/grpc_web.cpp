#include "net/grpc_web.hpp"

#include <algorithm>

#include "net/grpc_codec.hpp"
#include "net/grpc_exchange.hpp"
#include "net/grpc_pipe.hpp"
#include "net/http_codec.hpp"
#include "net/websocket_codec.hpp"
#include "observe/trace.hpp"

namespace weft::net {

namespace {

constexpr std::string_view web_type = "application/grpc-web";
constexpr std::string_view text_type = "application/grpc-web-text";
constexpr std::uint8_t trailers_flag = 0x80;

/// How one call's frames are written.
class WebWriter {
  public:
    explicit WebWriter(bool is_text) : is_text_(is_text) {}

    [[nodiscard]] std::string_view content_type() const {
        return is_text_ ? "application/grpc-web-text+proto" : "application/grpc-web+proto";
    }
    void message(std::string& out, BytesView bytes) const { frame(out, 0, as_text(bytes)); }
    void status(std::string& out, const GrpcStatus& status) const {
        std::string text = "grpc-status: " + status.code + "\r\n";
        if (!status.message.empty()) text += "grpc-message: " + status.message + "\r\n";
        if (!status.details.empty()) text.append(status.details_name).append(": ").append(status.details) += "\r\n";
        frame(out, trailers_flag, text);
    }

  private:
    void frame(std::string& out, std::uint8_t flag, std::string_view payload) const {
        auto prefix = grpc_prefix(payload.size());
        prefix[0] = flag;
        std::string whole(as_text(BytesView(prefix)));
        whole += payload;
        out += is_text_ ? to_base64(whole) : whole;
    }
    bool is_text_;
};

/// The answer of a call with streams.
class WebBody final : public BodyStream {
  public:
    WebBody(WebWriter writer, std::shared_ptr<const GrpcService> service)
        : writer_(writer), service_(std::move(service)) {}

    static std::shared_ptr<WebBody> start(WebWriter writer, std::shared_ptr<const GrpcService> service,
                                          const GrpcStreamHandler& handler, const mesh::Context& context,
                                          BytesView messages);

    bool read(std::string& out, std::size_t size_max) override {
        while (ready_.size() < size_max) {
            if (const auto message = pipe_->take()) {
                writer_.message(ready_, *message);
                continue;
            }
            if (!ended_ || told_) break;
            writer_.status(ready_, status_);
            told_ = true;
        }
        const std::size_t count = std::min(size_max, ready_.size());
        out.append(ready_, 0, count);
        ready_.erase(0, count);
        return !told_ || !ready_.empty();
    }
    void abandon() override {
        on_more = nullptr;
        pipe_->abandon();
    }

  private:
    void more() const {
        if (on_more) on_more();
    }
    void end(const Result<void>& result) {
        if (!result) status_ = to_grpc_status(result.error(), service_->options().error_message);
        ended_ = true;
        pipe_->close({ErrorCode::cancelled, "the call has ended", {}, 0});
        more();
    }

    WebWriter writer_;
    std::shared_ptr<const GrpcService> service_;
    std::shared_ptr<GrpcPipe> pipe_;
    std::string ready_;
    GrpcStatus status_;
    bool ended_ = false;
    bool told_ = false;
};

std::shared_ptr<WebBody> WebBody::start(WebWriter writer, std::shared_ptr<const GrpcService> service,
                                        const GrpcStreamHandler& handler, const mesh::Context& context,
                                        BytesView messages) {
    Loop& loop = *Loop::current();
    const std::size_t bytes_max = service->options().message_bytes_max;
    auto body = std::make_shared<WebBody>(writer, std::move(service));
    body->pipe_ = std::make_shared<GrpcPipe>(loop, bytes_max, context.deadline_ns, [weak = std::weak_ptr(body)] {
        if (const auto self = weak.lock()) self->more();
    });
    body->pipe_->feed(messages);
    body->pipe_->end_input();
    spawn(handler(context, body->pipe_), [body, &loop](Result<void> result) {
        if (loop.inside()) return body->end(result);
        loop.post([body, result = std::move(result)] { body->end(result); });
    });
    return body;
}

Task<Bytes> call_unary(const GrpcService& service, std::string_view method, mesh::Context context, BytesView body) {
    const GrpcHandler* handler = service.find(method);
    if (handler == nullptr) co_return std::unexpected(no_such_grpc_method("/" + std::string(method)));
    MessageReader reader(service.options().message_bytes_max);
    co_await reader.feed(body);
    const Bytes message = co_await reader.take();
    co_return co_await (*handler)(context, message);
}

mesh::Context context_of(const Request& request, std::int64_t timeout_ns, std::shared_ptr<const mesh::Caller> caller) {
    mesh::Context out;
    out.caller = std::move(caller);
    timeout_ns = parse_grpc_timeout(request.header("grpc-timeout")).value_or(timeout_ns);
    if (timeout_ns != 0) out.deadline_ns = monotonic_ns() + timeout_ns;
    if (const auto trace = observe::parse_traceparent(request.header("traceparent"))) out.trace_id = trace->trace.low;
    return out;
}

}  // namespace

Result<std::string> from_base64_pieces(std::string_view text) {
    std::string out;
    std::string piece;
    while (!text.empty()) {
        // A piece ends with its padding, if it has any.
        const auto padding = std::min(text.find('='), text.size());
        const std::size_t end = std::min((padding + 3) / 4 * 4, text.size());
        if (end == 0 || !from_base64(text.substr(0, end), piece)) {
            return fail(ErrorCode::invalid_argument, "the body is no base64");
        }
        out += piece;
        text.remove_prefix(end);
    }
    return out;
}

bool is_grpc_web(const Request& request) {
    const std::string_view type = request.header("content-type");
    const std::string_view name = type.substr(0, type.find_first_of("+; "));
    return equal_names(name, web_type) || equal_names(name, text_type);
}

Task<Response> serve_grpc_web(std::shared_ptr<const GrpcService> service, Request request) {
    if (request.method != "POST") co_return Response{405, {}, {}, {{"Allow", "POST, OPTIONS"}}};
    const std::string_view type = request.header("content-type");
    const WebWriter writer(equal_names(type.substr(0, std::min(type.size(), text_type.size())), text_type));
    Response response{200, writer.content_type(), {}, {}};
    response.headers.emplace_back("Access-Control-Expose-Headers",
                                  "grpc-status, grpc-message, grpc-status-details-bin");
    const auto end = [&](const Result<Bytes>& result) {
        if (result) writer.message(response.body, *result);
        writer.status(response.body, result ? GrpcStatus{}
                                            : to_grpc_status(result.error(), service->options().error_message));
    };
    const std::string_view method = request.path.substr(std::min<std::size_t>(request.path.size(), 1));
    std::string decoded;
    std::string_view body = request.body;
    Result<std::shared_ptr<const mesh::Caller>> caller;
    if (writer.content_type().starts_with(text_type)) {
        if (auto bytes = from_base64_pieces(body)) {
            body = decoded = *std::move(bytes);
        } else {
            caller = std::unexpected(std::move(bytes).error());
        }
    }
    if (caller) caller = service->admit(request);
    if (!caller) {
        end(std::unexpected(caller.error()));
    } else if (const auto* handler = service->find_stream(method)) {
        response.stream = WebBody::start(writer, service, *handler, context_of(request, 0, *caller), as_bytes(body));
    } else {
        const auto context = context_of(request, service->options().timeout_ns, *caller);
        end(co_await settled(call_unary(*service, method, context, as_bytes(body))));
    }
    co_return response;
}

}  // namespace weft::net
