// Calls with streams over HTTP/2.

#include <algorithm>
#include <cstring>

#include "net/grpc_exchange.hpp"
#include "net/grpc_pipe.hpp"
#include "net/nghttp2_util.hpp"

namespace weft::net {

namespace {

class GrpcStreamExchange final : public Exchange {
  public:
    GrpcStreamExchange(Http2Connection& on, std::int32_t stream_id, std::shared_ptr<const GrpcService> service,
                       const mesh::Context& context)
        : Exchange(on, stream_id),
          service_(std::move(service)),
          pipe_(std::make_shared<GrpcPipe>(on.loop(), service_->options().message_bytes_max, context.deadline_ns,
                                           [this] { resume(); })) {}

    void start(const GrpcStreamHandler& handler, const mesh::Context& context) {
        const Http2Field headers[] = {{":status", "200", literal}, {"content-type", "application/grpc", literal}};
        submit(headers, true);
        run(handler(context, pipe_), [this](const Result<void>& result) {
            status_ = result ? GrpcStatus{} : to_grpc_status(result.error(), service_->options().error_message);
            pipe_->close({ErrorCode::cancelled, "the call has ended", {}, 0});
            resume();
        });
    }

    void on_header(std::string_view, std::string_view) override {}
    [[nodiscard]] bool wants_input() const override { return !pipe_->closed(); }
    void on_data(BytesView bytes) override { pipe_->feed(bytes); }
    void on_request_end() override { pipe_->end_input(); }
    void on_stream_closed() override { pipe_->abandon(); }
    std::size_t read_body(std::uint8_t* out, std::size_t size, bool& last, bool& trailers) override;

  private:
    std::shared_ptr<const GrpcService> service_;
    std::shared_ptr<GrpcPipe> pipe_;
    Bytes sending_;  // a prefix and its message
    std::size_t sent_ = 0;
    std::optional<GrpcStatus> status_;
};

std::size_t GrpcStreamExchange::read_body(std::uint8_t* out, std::size_t size, bool& last, bool& trailers) {
    std::size_t done = 0;
    while (done < size) {
        if (sent_ == sending_.size()) {
            const auto message = pipe_->take();
            if (!message) break;
            const auto prefix = grpc_prefix(message->size());
            sending_.assign(prefix.begin(), prefix.end());
            append(sending_, *message);
            sent_ = 0;
        }
        const std::size_t count = std::min(size - done, sending_.size() - sent_);
        std::memcpy(out + done, sending_.data() + sent_, count);
        sent_ += count;
        done += count;
    }
    if (status_ && sent_ == sending_.size() && !pipe_->has_output()) {
        last = trailers = true;
        const Http2Field fields[] = {{"grpc-status", status_->code, NGHTTP2_NV_FLAG_NONE},
                                     {"grpc-message", status_->message, NGHTTP2_NV_FLAG_NO_INDEX},
                                     {status_->details_name, status_->details, NGHTTP2_NV_FLAG_NO_INDEX}};
        submit_trailers(std::span(fields).first(!status_->details.empty() ? 3 : status_->message.empty() ? 1 : 2));
    }
    return done;
}

}  // namespace

void start_grpc_stream(Http2Connection& connection, std::int32_t stream_id, Exchange& instead_of,
                       std::shared_ptr<const GrpcService> service, const GrpcStreamHandler& handler,
                       const mesh::Context& context) {
    auto made = std::make_unique<GrpcStreamExchange>(connection, stream_id, std::move(service), context);
    auto& exchange = *made;
    connection.replace(instead_of, std::move(made));
    exchange.start(handler, context);
}

}  // namespace weft::net
