#pragma once
// What may stand between a stream and its socket and turn bytes into other bytes, as TLS does. It knows no socket: the
// stream gives it what has arrived and takes what shall leave, so that every kind of stream works with it or without.

#include <unistd.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace weft::net {

/// Of its stream's thread.
class Filter {
  public:
    enum class Event : std::uint8_t { none, secured, plain, ended, failed };

    Filter() = default;
    virtual ~Filter() = default;
    Filter(const Filter&) = delete;
    Filter& operator=(const Filter&) = delete;

    /// Bytes from the socket. The view must last until next() gives none, or keep() is called.
    virtual void arrived(std::string_view bytes) = 0;
    /// What came of them. @p plain  a view until the next call for any filter of this thread.
    virtual Event next(std::string_view& plain) = 0;
    /// Copies what next() has not looked at.
    virtual void keep() = 0;
    /// Whether next() may have something to do without bytes from the socket.
    [[nodiscard]] virtual bool pending() const = 0;
    /// Whether plain bytes can be sent.
    [[nodiscard]] virtual bool secured() const = 0;
    /// False if it failed.
    [[nodiscard]] virtual bool seal(std::string_view plain) = 0;
    /// Says that nothing follows; false if there is nothing (more) to say.
    virtual bool end() = 0;

    /// Once secured: what the two ends agreed to speak, or empty; and whom the peer proved to be, or empty.
    [[nodiscard]] virtual std::string_view protocol() const = 0;
    [[nodiscard]] virtual std::string_view peer_subject() const = 0;

    /// Why it failed.
    [[nodiscard]] const std::string& reason() const { return reason_; }
    /// Bytes that wait to leave.
    [[nodiscard]] std::size_t sealed_size() const { return sealed_.size() - sealed_sent_; }

  protected:
    std::string reason_;
    std::string sealed_;

  private:
    friend class Stream;
    std::size_t sealed_sent_ = 0;
};

/// A connected socket on its way to a stream, with its filter if it has one.
class Socket {
  public:
    Socket(int fd, std::unique_ptr<Filter> filter = nullptr) : fd_(fd), filter_(std::move(filter)) {}
    Socket(Socket&& other) noexcept : fd_(std::exchange(other.fd_, -1)), filter_(std::move(other.filter_)) {}
    Socket& operator=(Socket&& other) noexcept {
        std::swap(fd_, other.fd_);
        std::swap(filter_, other.filter_);
        return *this;
    }
    ~Socket() {
        if (fd_ >= 0) ::close(fd_);
    }
    [[nodiscard]] const Filter* filter() const { return filter_.get(); }

  private:
    friend class Stream;
    int fd_;
    std::unique_ptr<Filter> filter_;
};

}  // namespace weft::net
