#pragma once
// A call with streams between its handler and whatever carries it: messages wait here, in bounds, in both directions.
// Of one loop's thread.

#include <deque>
#include <functional>
#include <memory>
#include <optional>

#include "net/grpc.hpp"
#include "net/grpc_codec.hpp"
#include "net/loop.hpp"

namespace weft::net {

class GrpcPipe final : public GrpcStream {
  public:
    /// What may wait: bytes of messages that came, of messages that shall leave before write() waits, and at all.
    static constexpr std::size_t input_bytes_max = 1024 * 1024;
    static constexpr std::size_t input_messages_max = 1'024;
    static constexpr std::size_t output_bytes_high = 256 * 1024;
    static constexpr std::size_t output_bytes_max = 4 * 1024 * 1024;

    /// @param on_output  there is something to take.
    /// @param deadline_ns  when the pipe closes by itself; 0: never.
    GrpcPipe(Loop& loop, std::size_t message_bytes_max, std::int64_t deadline_ns, std::function<void()> on_output);

    // The handler's end.
    Task<std::optional<Bytes>> read() override;
    Task<void> write(Bytes message) override;
    bool push(Bytes message) override;
    [[nodiscard]] bool closed() const override { return reason_.has_value(); }
    Task<void> until_closed() override;
    void close(Error reason) override;

    // The carrier's end.
    /// What has come; wrong input closes the pipe.
    void feed(BytesView bytes);
    /// Nothing more comes; in the middle of a message that closes the pipe.
    void end_input();
    /// The carrier is gone.
    void abandon();
    /// The next message to send, unframed.
    [[nodiscard]] std::optional<Bytes> take();
    [[nodiscard]] bool has_output() const { return !output_.empty(); }

  private:
    void wake(std::optional<Promise<void>>& one);
    [[nodiscard]] static Future<void> wait(std::optional<Promise<void>>& one);

    Loop& loop_;
    std::function<void()> on_output_;
    MessageSplitter splitter_;
    std::size_t message_bytes_max_;
    std::deque<Bytes> input_;
    std::size_t input_bytes_ = 0;
    bool input_ended_ = false;
    std::deque<Bytes> output_;
    std::size_t output_bytes_ = 0;
    std::optional<Error> reason_;
    std::optional<Promise<void>> reader_;
    std::optional<Promise<void>> writer_;
    std::optional<Promise<void>> watcher_;
    Timer deadline_;
};

}  // namespace weft::net
