#pragma once
// A connected socket on a loop, and a listening one. Bytes come in as they arrive, in memory that all connections of
// the loop share; bytes go out at the end of the turn that wrote them.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/task.hpp"
#include "net/endpoint.hpp"
#include "net/filter.hpp"
#include "net/loop.hpp"
#include "net/loop_core.hpp"

namespace weft::net {

/// Owned by shared_ptr. Of its loop's thread. With a filter, what is written and what arrives is plain, and what is
/// written before the filter is secured waits.
class Stream : public Pollable, public Flushable, public std::enable_shared_from_this<Stream> {
  public:
    Stream(Loop& loop, Socket socket);
    virtual ~Stream();
    Stream(const Stream&) = delete;
    Stream& operator=(const Stream&) = delete;

    [[nodiscard]] Loop& loop() const { return loop_; }
    [[nodiscard]] bool closed() const { return fd_ < 0; }
    /// Bytes that wait to leave.
    [[nodiscard]] std::size_t output_size() const {
        return output_size_ + (filter_ == nullptr ? 0 : filter_->sealed_size());
    }

    void write(std::string_view bytes);
    /// Keeps the string instead of copying it if it is long.
    void write(std::string&& bytes);
    /// Where output may be appended in place; tell by output_grew().
    [[nodiscard]] std::string& output();
    void output_grew();

    void pause_reading();
    void resume_reading();
    /// Once what was written has left: sends the end (FIN), drops input until the peer ends too, and closes; at the
    /// latest after @p linger_ns. Closing at once would make the kernel discard an answer the peer has not read, if the
    /// peer still sends; 0 closes at once all the same.
    void close_after_output(std::int64_t linger_ns = 2 * ns_per_s);
    /// Now. on_closed() is called, once in the stream's life.
    void close();

  protected:
    /// The view is the loop's; what is needed later must be copied. May close.
    virtual void on_input(std::string_view bytes) = 0;
    /// The peer sends no more. Closes unless overridden.
    virtual void on_input_end() { close(); }
    virtual void on_closed() = 0;
    /// The filter is ready for plain bytes; unless it was when the stream was made.
    virtual void on_secured() {}
    /// The filter failed for this reason, and the stream is being closed; on_closed() follows.
    virtual void on_failed(const std::string&) {}
    /// What was written has left.
    virtual void on_drained() {}
    /// Before a turn's output leaves, for one who gathers it himself.
    virtual void on_flush() {}

    /// Takes what has not left yet, for whoever takes over the socket.
    [[nodiscard]] std::string take_output();
    /// Gives up the socket: neither on_input() nor on_closed() is called any more.
    [[nodiscard]] Socket release();
    /// Gives up a filter that can do no more: drops what waits, and closes.
    void filter_failed(const std::string& reason);
    [[nodiscard]] Filter* filter() const { return filter_.get(); }
    [[nodiscard]] bool reading() const { return reading_; }
    [[nodiscard]] bool closing() const { return closing_; }
    /// Time of the last byte that left, for whoever watches slow readers; of the loop's turn.
    [[nodiscard]] std::int64_t output_progress_ns() const { return output_progress_ns_; }
    void mark_dirty();

  private:
    void on_ready(std::uint32_t events) final;
    void flush() final;
    void receive();
    void read_filtered();
    bool send_all();
    bool send_some();
    bool send_sealed();
    bool seal_some();
    bool send_failed();
    void sent(std::size_t count);
    void output_empty();
    void set_interest();

    Loop& loop_;
    int fd_;
    bool reading_ = true;
    bool waiting_for_output_ = false;  // EPOLLOUT is asked for
    bool dirty_ = false;
    bool closing_ = false;
    bool ended_output_ = false;
    bool input_ended_ = false;
    std::size_t output_size_ = 0;            // of queue_ and output_
    std::size_t front_sent_ = 0;             // of the first of queue_, or of output_ if there is none
    std::vector<std::string> queue_;         // leaves before output_
    std::size_t queue_at_ = 0;
    std::string output_;
    std::int64_t output_progress_ns_ = 0;
    std::unique_ptr<Timer> linger_;
    std::unique_ptr<Filter> filter_;
};

/// A listening socket on one loop. @p accepted gets connected sockets, which are its own from then on.
class Listener final : public Pollable {
  public:
    using Accepted = std::move_only_function<void(int fd, std::string peer)>;

    Listener(Loop& loop, int fd, Accepted accepted);
    ~Listener();
    Listener(const Listener&) = delete;
    Listener& operator=(const Listener&) = delete;

  private:
    void on_ready(std::uint32_t events) override;
    Loop& loop_;
    int fd_;
    Accepted accepted_;
    Timer pause_;
};

/// A bound, listening socket.
/// @errors unavailable  "listen ADDRESS: address in use", or another reason; invalid_argument  no address.
struct Bound {
    int fd;
    Endpoint endpoint;
};
[[nodiscard]] Result<Bound> bind_and_listen(std::string_view address);

/// A connected socket; names are looked up on a thread of their own. Of the loop's thread.
/// @errors unavailable  (detail 1) refused, unreachable or unknown; deadline_exceeded.
Task<int> connect_socket(Loop& loop, Endpoint endpoint, std::int64_t deadline_ns);

/// Waits until every loop has run @p function on its thread; at once, here, if the group isn't running. Not from a loop
/// of the group.
void run_on_all(LoopGroup& loops, const std::function<void(Loop&, std::size_t index)>& function);

}  // namespace weft::net
