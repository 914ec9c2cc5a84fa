#pragma once
// What the sockets of this room need from a loop: readiness, the end of a turn, and memory that connections share
// because most of them are idle. Another way to wait (io_uring) would replace this file and stream.cpp, nothing else.

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "net/loop.hpp"
#include "net/timer_wheel.hpp"

struct epoll_event;

namespace weft::net {

/// Something with a file descriptor.
class Pollable {
  public:
    /// @param events  EPOLLIN, EPOLLOUT, ...
    virtual void on_ready(std::uint32_t events) = 0;

  protected:
    ~Pollable() = default;
};

/// Something that gathered output in this turn.
class Flushable {
  public:
    virtual void flush() = 0;

  protected:
    ~Flushable() = default;
};

class LoopCore {
  public:
    explicit LoopCore(Loop& loop);
    ~LoopCore();
    LoopCore(const LoopCore&) = delete;
    LoopCore& operator=(const LoopCore&) = delete;

    // Of the loop's thread, all of them.

    /// Level-triggered. The pollable must be removed before it ends.
    void add(int fd, std::uint32_t events, Pollable& pollable);
    void modify(int fd, std::uint32_t events, Pollable& pollable);
    void remove(int fd, Pollable& pollable);

    /// Calls flush() once at the end of this turn.
    void flush_later(Flushable& flushable) { dirty_.push_back(&flushable); }
    void forget_flush(Flushable& flushable);
    /// Keeps an object until the end of this turn: it may be running.
    void bury(std::shared_ptr<void> object) { graves_.push_back(std::move(object)); }

    /// Bytes just received; theirs who reads, until the turn goes on.
    [[nodiscard]] std::span<char> read_buffer() { return {read_buffer_.get(), read_buffer_size}; }
    /// An empty string with some capacity, and back.
    [[nodiscard]] std::string take_buffer();
    void give_buffer(std::string buffer);

    void run();
    void post(std::move_only_function<void()> work);
    void stop();
    bool drain();

    Loop& loop;
    TimerWheel wheel;
    std::int64_t now_ns = 0;
    std::atomic<bool> running{false};
    std::atomic<bool> stop_asked{false};
    bool stopped = false;  // the stop hooks run, or have run
    std::vector<std::pair<std::uint64_t, std::move_only_function<void()>>> stop_hooks;
    std::uint64_t last_hook = 0;

  private:
    static constexpr std::size_t read_buffer_size = 64 * 1024;
    /// In one turn. What a turn writes is sent at its end: with as many events as spare buffers the same few are used
    /// again and again, and are still near the processor.
    static constexpr std::size_t events_max = 64;
    static constexpr std::size_t spare_buffers_max = events_max;
    static constexpr std::size_t spare_buffer_bytes_max = 64 * 1024;

    void turn(bool may_wait);
    void wait(int timeout_ms);
    bool run_posted();
    void end_turn();
    [[nodiscard]] int timeout_ms() const;
    void shut_down();
    void wake() const;

    int epoll_ = -1;
    int wake_ = -1;
    std::unique_ptr<epoll_event[]> events_;
    std::size_t event_count_ = 0;
    std::size_t event_at_ = 0;
    std::vector<Flushable*> dirty_;
    std::vector<std::shared_ptr<void>> graves_;
    std::unique_ptr<char[]> read_buffer_;
    std::vector<std::string> spare_buffers_;

    std::vector<std::move_only_function<void()>> posted_here_;
    std::vector<std::move_only_function<void()>> running_now_;
    std::mutex mutex_;
    std::vector<std::move_only_function<void()>> posted_elsewhere_;
    std::atomic<bool> something_posted_{false};
    std::atomic<bool> asleep_{false};
};

}  // namespace weft::net
