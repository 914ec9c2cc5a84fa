#pragma once
// What every server of this room has: a listening socket on the group's first loop, connections handed to the loops in
// turn, and an end that is either gentle or now.
//
// One listening socket and not one a loop (SO_REUSEPORT): connections spread evenly, and an address in use is noticed,
// which it is not when two programs both ask to share it.

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "net/stream.hpp"

namespace weft::net {

class ConnectionSet;

/// A server's connection.
class ServerStream : public Stream {
  public:
    using Stream::Stream;
    /// Closes as soon as nothing is in flight.
    virtual void wind_down() = 0;

  protected:
    /// Must be called by on_closed().
    void leave_set();

  private:
    friend class ConnectionSet;
    ConnectionSet* set_ = nullptr;
    std::size_t index_ = 0;
};

/// The connections of one server on one loop. Of the loop's thread.
class ConnectionSet {
  public:
    explicit ConnectionSet(std::atomic<std::size_t>& open) : open_(open) {}
    void add(std::shared_ptr<ServerStream> stream);
    void remove(ServerStream& stream);
    void wind_down();
    void close_all();
    [[nodiscard]] bool winding_down() const { return winding_down_; }

  private:
    std::vector<std::shared_ptr<ServerStream>> streams_;
    std::atomic<std::size_t>& open_;
    bool winding_down_ = false;
};

class Acceptor {
  public:
    /// Makes a connection of a socket, on the loop it is for; null if it closed the socket instead.
    using Make = std::function<std::shared_ptr<ServerStream>(Loop&, std::size_t loop_index, int fd, std::string peer)>;

    Acceptor(LoopGroup& loops, std::size_t connections_max, Make make);
    /// Closes everything. Not from one of the loops.
    ~Acceptor();

    [[nodiscard]] Result<void> listen(std::string_view address);
    [[nodiscard]] Endpoint local_address() const { return local_; }
    Task<void> stop(std::int64_t grace_ns);
    /// Listeners and connections, at once. Not from one of the loops.
    void close_all();

    [[nodiscard]] LoopGroup& loops() { return loops_; }
    [[nodiscard]] ConnectionSet& set(std::size_t loop_index) { return *sets_[loop_index]; }
    [[nodiscard]] std::size_t open() const { return open_.load(std::memory_order_relaxed); }
    [[nodiscard]] std::uint64_t accepted() const { return accepted_.load(std::memory_order_relaxed); }
    [[nodiscard]] std::uint64_t refused() const { return refused_.load(std::memory_order_relaxed); }

  private:
    void accepted(int fd, std::string peer);
    void open_on(std::size_t index, int fd, std::string peer);
    void close_listeners();

    LoopGroup& loops_;
    std::size_t connections_max_;
    std::shared_ptr<const Make> make_;
    std::atomic<std::size_t> open_{0};
    std::atomic<std::uint64_t> accepted_{0};
    std::atomic<std::uint64_t> refused_{0};
    std::vector<std::unique_ptr<ConnectionSet>> sets_;
    std::vector<std::uint64_t> stop_hooks_;
    std::vector<std::unique_ptr<Listener>> listeners_;  // of the first loop's thread
    std::vector<std::string> socket_files_;
    std::size_t turn_ = 0;
    bool closed_ = false;
    Endpoint local_;
};

}  // namespace weft::net
