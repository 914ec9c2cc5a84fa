#include "net/grpc_pipe.hpp"

namespace weft::net {

GrpcPipe::GrpcPipe(Loop& loop, std::size_t message_bytes_max, std::int64_t deadline_ns,
                   std::function<void()> on_output)
    : loop_(loop),
      on_output_(std::move(on_output)),
      splitter_(message_bytes_max),
      message_bytes_max_(message_bytes_max),
      deadline_(
          loop, [this] { close({ErrorCode::deadline_exceeded, "the stream's deadline has passed", {}, 0}); }, true) {
    if (deadline_ns != 0) deadline_.set(deadline_ns);
}

/// Later: the handler that goes on may end the call, and with it what is in the middle of waking it.
void GrpcPipe::wake(std::optional<Promise<void>>& one) {
    if (!one) return;
    loop_.post([promise = std::move(*one)]() mutable { promise.set({}); });
    one.reset();
}

Future<void> GrpcPipe::wait(std::optional<Promise<void>>& one) {
    WEFT_ASSERT(!one);
    return one.emplace().future();
}

Task<std::optional<Bytes>> GrpcPipe::read() {
    while (input_.empty() && !input_ended_ && !reason_) co_await wait(reader_).wait();
    if (reason_) co_return std::unexpected(*reason_);
    if (input_.empty()) co_return std::optional<Bytes>();
    std::optional<Bytes> out(std::move(input_.front()));
    input_.pop_front();
    input_bytes_ -= out->size();
    co_return out;
}

Task<void> GrpcPipe::write(Bytes message) {
    while (output_bytes_ > output_bytes_high && !reason_) co_await wait(writer_).wait();
    if (!reason_ && message.size() > message_bytes_max_) {
        close({ErrorCode::resource_exhausted, "the reply is longer than the limit", {}, 0});
    }
    if (reason_) co_await Result<void>(std::unexpected(*reason_));
    output_bytes_ += message.size();
    output_.push_back(std::move(message));
    on_output_();
}

bool GrpcPipe::push(Bytes message) {
    if (reason_ || output_bytes_ + message.size() > output_bytes_max) return false;
    output_bytes_ += message.size();
    output_.push_back(std::move(message));
    on_output_();
    return true;
}

Task<void> GrpcPipe::until_closed() {
    if (!reason_) co_await wait(watcher_).wait();
    co_await Result<void>(std::unexpected(*reason_));
}

void GrpcPipe::close(Error reason) {
    if (reason_) return;
    reason_ = std::move(reason);
    deadline_.cancel();
    wake(reader_);
    wake(writer_);
    wake(watcher_);
}

void GrpcPipe::feed(BytesView bytes) {
    while (!bytes.empty() && !reason_) {
        const auto whole = splitter_.feed(bytes);
        if (!whole) return close(whole.error());
        if (!*whole) return;
        Bytes message = splitter_.take();
        if (!input_.empty() && (input_.size() >= input_messages_max || input_bytes_ + message.size() > input_bytes_max))
            return close({ErrorCode::resource_exhausted, "too many messages wait to be read", {}, 0});
        input_bytes_ += message.size();
        input_.push_back(std::move(message));
    }
    if (!input_.empty()) wake(reader_);
}

void GrpcPipe::end_input() {
    if (!splitter_.between()) return close({ErrorCode::internal, "message cut off", {}, 0});
    input_ended_ = true;
    wake(reader_);
}

void GrpcPipe::abandon() {
    output_.clear();
    output_bytes_ = 0;
    on_output_ = [] {};
    close({ErrorCode::cancelled, "the client is gone", {}, 0});
}

std::optional<Bytes> GrpcPipe::take() {
    if (output_.empty()) return std::nullopt;
    std::optional<Bytes> out(std::move(output_.front()));
    output_.pop_front();
    output_bytes_ -= out->size();
    if (output_bytes_ <= output_bytes_high) wake(writer_);
    return out;
}

}  // namespace weft::net
