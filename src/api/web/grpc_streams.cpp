// Subscriptions as streams: the notices of eth_subscribe, each as a message.

#include <atomic>

#include "api/web/grpc_json.hpp"
#include "api/web/grpc_parts.hpp"
#include "net/session_id.hpp"
#include "net/websocket.hpp"

namespace weft::api::web {

namespace {

/// How long eth_subscribe may take.
constexpr std::int64_t subscribe_timeout_ns = 10 * ns_per_s;

/// A stream where a WebSocket is expected. T is what it carries.
template <class T>
class StreamSession final : public net::Session {
  public:
    StreamSession(net::Loop& loop, net::GrpcStreamPtr stream) : loop_(loop), stream_(std::move(stream)) {}

    void send(std::string text) override {
        const auto self = std::static_pointer_cast<StreamSession>(shared_from_this());
        loop_.post([self, text = std::move(text)] { self->tell(text); });
    }
    void close(std::uint16_t, std::string_view reason) override {
        end({ErrorCode::unavailable, std::string(reason), {}, 0});
    }
    [[nodiscard]] std::uint64_t id() const override { return id_; }
    [[nodiscard]] bool open() const override { return open_.load(std::memory_order_relaxed); }
    [[nodiscard]] std::size_t pending_bytes() const override { return 0; }  // push() keeps the bound
    [[nodiscard]] const std::string& peer() const override { return nowhere_; }
    [[nodiscard]] const std::string& path() const override { return nowhere_; }
    [[nodiscard]] const net::SessionNote& note() const override { return nothing_; }
    [[nodiscard]] net::Loop& loop() const override { return loop_; }
    void set_closed() { open_.store(false, std::memory_order_relaxed); }

  private:
    void end(Error reason) {
        const auto self = std::static_pointer_cast<StreamSession>(shared_from_this());
        loop_.post([self, why = std::move(reason)] { self->stream_->close(why); });
    }
    void tell(const std::string& text) {
        const json::Value notice = json::parse(text).value_or(json::Value());
        const auto message = from_json<T>(notice["params"]["result"]);
        if (!message) return stream_->close(message.error());
        if (!stream_->closed() && !stream_->push(wire::encode(*message))) {
            stream_->close({ErrorCode::resource_exhausted, "what happens is read too slowly", {}, 0});
        }
    }

    net::Loop& loop_;
    net::GrpcStreamPtr stream_;
    const std::uint64_t id_ = net::next_session_id();
    const std::string nowhere_;
    const net::SessionNote nothing_;
    std::atomic<bool> open_{true};
};

/// From the subscription on until the client leaves.
template <class T>
Task<void> follow(std::shared_ptr<const GrpcHooks> hooks, mesh::Context context, net::GrpcStreamPtr stream,
                  std::string params) {
    const auto held = hooks->hold ? hooks->hold() : nullptr;
    const auto session = std::make_shared<StreamSession<T>>(*net::Loop::current(), stream);
    context.deadline_ns = monotonic_ns() + subscribe_timeout_ns;
    const auto begun = co_await settled(hooks->subscribe(context, session, std::move(params)));
    if (!begun) co_await Result<void>(std::unexpected(to_grpc_error(begun.error())));
    hooks->activate(session->id());
    const auto end = co_await settled(stream->until_closed());
    session->set_closed();
    hooks->unsubscribe(session->id());
    co_await Result<void>(end);
}

template <class Request>
Task<Request> request_of(net::GrpcStreamPtr stream) {
    const auto message = co_await stream->read();
    if (!message) co_return fail(ErrorCode::invalid_argument, "no request");
    co_return wire::decode<Request>(*message);
}

Task<void> heads(std::shared_ptr<const GrpcHooks> hooks, mesh::Context context, net::GrpcStreamPtr stream) {
    co_await request_of<chain_v1::HeadsRequest>(stream);
    co_await follow<chain_v1::BlockHeader>(std::move(hooks), std::move(context), stream, R"(["newHeads"])");
}

Task<void> logs(std::shared_ptr<const GrpcHooks> hooks, mesh::Context context, net::GrpcStreamPtr stream) {
    const auto request = co_await request_of<chain_v1::LogsRequest>(stream);
    json::Writer filter;
    filter.begin_object();
    write_filter(filter, request.filter);
    filter.end_object();
    co_await follow<chain_v1::Log>(std::move(hooks), std::move(context), stream, R"(["logs",)" + filter.text() + "]");
}

}  // namespace

void add_streams(net::GrpcService& service, std::shared_ptr<const GrpcHooks> hooks) {
    const auto with = [&](std::string_view method, auto serve) {
        service.handle_stream(std::string(method), [hooks, serve](mesh::Context context, net::GrpcStreamPtr stream) {
            return serve(hooks, std::move(context), std::move(stream));
        });
    };
    with(chain_v1::HeadsRequest::method, heads);
    with(chain_v1::LogsRequest::method, logs);
}

}  // namespace weft::api::web
