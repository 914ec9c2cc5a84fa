// Making sockets: names, listening, accepting, connecting.

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <arpa/inet.h>

#include <cerrno>
#include <cstring>
#include <system_error>

#include "net/reserved_address.hpp"
#include "net/stream.hpp"

namespace weft::net {

namespace {

struct SocketAddress {
    sockaddr_storage storage{};
    socklen_t size = 0;
    [[nodiscard]] sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
    [[nodiscard]] int family() const { return storage.ss_family; }
};

std::string reason(int error) {
    return error == EADDRINUSE ? "address in use" : std::generic_category().message(error);
}

SocketAddress unix_address(const std::string& path) {
    SocketAddress out;
    auto& address = reinterpret_cast<sockaddr_un&>(out.storage);
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
    out.size = sizeof address;
    return out;
}

/// The address itself if @p host is numeric.
bool numeric_address(const std::string& host, std::uint16_t port, SocketAddress& out) {
    auto& v4 = reinterpret_cast<sockaddr_in&>(out.storage);
    if (inet_pton(AF_INET, host.c_str(), &v4.sin_addr) == 1) {
        v4.sin_family = AF_INET;
        v4.sin_port = htons(port);
        out.size = sizeof v4;
        return true;
    }
    auto& v6 = reinterpret_cast<sockaddr_in6&>(out.storage);
    if (inet_pton(AF_INET6, host.c_str(), &v6.sin6_addr) == 1) {
        v6.sin6_family = AF_INET6;
        v6.sin6_port = htons(port);
        out.size = sizeof v6;
        return true;
    }
    return false;
}

/// Blocks on a name server unless the host is numeric.
Result<SocketAddress> resolve(const Endpoint& endpoint) {
    if (endpoint.is_unix) return unix_address(endpoint.host);
    SocketAddress out;
    if (numeric_address(endpoint.host, endpoint.port, out)) return out;
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* list = nullptr;
    const int error = getaddrinfo(endpoint.host.c_str(), nullptr, &hints, &list);
    if (error != 0 || list == nullptr) {
        return std::unexpected(Error{ErrorCode::unavailable, endpoint.to_string() + ": " + gai_strerror(error), {}, 1});
    }
    // IPv4 first: "localhost" is both, and servers of ours listen on 127.0.0.1 unless told otherwise.
    const addrinfo* chosen = list;
    for (const addrinfo* at = list; at != nullptr; at = at->ai_next) {
        if (at->ai_family == AF_INET) {
            chosen = at;
            break;
        }
    }
    std::memcpy(&out.storage, chosen->ai_addr, chosen->ai_addrlen);
    out.size = chosen->ai_addrlen;
    freeaddrinfo(list);
    if (out.family() == AF_INET) reinterpret_cast<sockaddr_in&>(out.storage).sin_port = htons(endpoint.port);
    if (out.family() == AF_INET6) reinterpret_cast<sockaddr_in6&>(out.storage).sin6_port = htons(endpoint.port);
    return out;
}

std::string numeric_text(const SocketAddress& address) {
    char text[INET6_ADDRSTRLEN] = "";
    if (address.family() == AF_INET) {
        const auto& v4 = reinterpret_cast<const sockaddr_in&>(address.storage);
        inet_ntop(AF_INET, &v4.sin_addr, text, sizeof text);
        return std::string(text) + ":" + std::to_string(ntohs(v4.sin_port));
    }
    if (address.family() == AF_INET6) {
        const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address.storage);
        inet_ntop(AF_INET6, &v6.sin6_addr, text, sizeof text);
        return "[" + std::string(text) + "]:" + std::to_string(ntohs(v6.sin6_port));
    }
    return "unix";
}

void set_no_delay(int fd) {
    const int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);  // fails on Unix sockets, which never delay
}

/// A Unix socket's file that nobody listens on is a leftover of a process that died.
void remove_stale(SocketAddress address, const std::string& path) {
    struct stat status {};
    if (stat(path.c_str(), &status) != 0 || !S_ISSOCK(status.st_mode)) return;
    const int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (probe < 0) return;
    if (connect(probe, address.get(), address.size) != 0 && errno == ECONNREFUSED) unlink(path.c_str());
    close(probe);
}

std::unique_ptr<WorkerPool>& resolver() {
    static auto pool = std::make_unique<WorkerPool>(1, 1'000);
    return pool;
}

/// Waits until a connecting socket is connected or has failed.
class Connecting final : public Pollable {
  public:
    Connecting(Loop& loop, int fd, std::int64_t deadline_ns)
        : loop_(loop),
          fd_(fd),
          timer_(
              loop, [this] { end(true); }, true) {
        loop_.core().add(fd_, EPOLLOUT, *this);
        timer_.set(deadline_ns);
    }
    ~Connecting() { stop_watching(); }
    Connecting(const Connecting&) = delete;
    Connecting& operator=(const Connecting&) = delete;

    /// `co_await connecting.late()`: true if it took too long.
    struct Awaiter {
        Connecting* self;
        bool await_ready() const { return self->ended_ || self->loop_.core().stopped; }
        void await_suspend(std::coroutine_handle<> handle) const { self->waiting_ = handle; }
        bool await_resume() const { return !self->ended_ || self->late_; }
        Awaiter awaiter_in(weft::detail::PromiseBase&) const { return *this; }
    };
    Awaiter late() { return {this}; }

  private:
    void on_ready(std::uint32_t) override { end(false); }
    void stop_watching() {
        if (fd_ >= 0) loop_.core().remove(std::exchange(fd_, -1), *this);
    }
    void end(bool late) {
        if (ended_) return;
        ended_ = true;
        late_ = late;
        stop_watching();
        timer_.cancel();
        if (waiting_) waiting_.resume();
    }

    Loop& loop_;
    int fd_;
    bool ended_ = false;
    bool late_ = false;
    Timer timer_;
    std::coroutine_handle<> waiting_;
};

struct Descriptor {
    int fd = -1;
    ~Descriptor() {
        if (fd >= 0) close(fd);
    }
};

}  // namespace

struct ReservedAddress::Held {
    Descriptor socket;
};

namespace {

std::unexpected<Error> listen_failed(const Endpoint& endpoint, int error) {
    return fail(ErrorCode::unavailable, "listen " + endpoint.to_string() + ": " + reason(error));
}

Result<Bound> bind_to(Endpoint endpoint) {
    WEFT_TRY(SocketAddress address, resolve(endpoint));
    if (endpoint.is_unix) remove_stale(address, endpoint.host);
    Descriptor socket{::socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
    if (socket.fd < 0) return listen_failed(endpoint, errno);
    const int on = 1;
    setsockopt(socket.fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(socket.fd, address.get(), address.size) != 0) return listen_failed(endpoint, errno);
    if (!endpoint.is_unix) {
        address.size = sizeof address.storage;
        getsockname(socket.fd, address.get(), &address.size);
        WEFT_TRY(endpoint, Endpoint::parse(numeric_text(address)));
    }
    return Bound{std::exchange(socket.fd, -1), std::move(endpoint)};
}

}  // namespace

Result<Bound> bind_and_listen(std::string_view address) {
    WEFT_TRY(Endpoint endpoint, Endpoint::parse(address));
    WEFT_TRY(Bound bound, bind_to(std::move(endpoint)));
    Descriptor socket{bound.fd};
    constexpr int waiting_max = 4096;
    if (listen(socket.fd, waiting_max) != 0) return listen_failed(bound.endpoint, errno);
    socket.fd = -1;
    return bound;
}

Result<ReservedAddress> ReservedAddress::make(std::string_view address) {
    WEFT_TRY(Endpoint endpoint, Endpoint::parse(address));
    if (endpoint.is_unix) return ReservedAddress(std::string(address), nullptr);
    WEFT_TRY(const Bound bound, bind_to(std::move(endpoint)));
    auto held = std::make_shared<Held>();
    held->socket.fd = bound.fd;
    return ReservedAddress(bound.endpoint.to_string(), std::move(held));
}

Listener::Listener(Loop& loop, int fd, Accepted accepted)
    : loop_(loop),
      fd_(fd),
      accepted_(std::move(accepted)),
      pause_(loop, [this] { loop_.core().modify(fd_, EPOLLIN, *this); }) {
    loop_.core().add(fd_, EPOLLIN, *this);
}

Listener::~Listener() {
    loop_.core().remove(fd_, *this);
    close(fd_);
}

void Listener::on_ready(std::uint32_t) {
    constexpr int accepts_max = 64;  // in one turn, so that connections don't starve requests
    for (int i = 0; i < accepts_max; ++i) {
        SocketAddress peer;
        peer.size = sizeof peer.storage;
        const int fd = accept4(fd_, peer.get(), &peer.size, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) {
            if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
                // Nothing can be accepted until something closes; asking again at once would only burn the processor.
                constexpr std::int64_t pause_ns = 50 * ns_per_ms;
                loop_.core().modify(fd_, 0, *this);
                pause_.set(loop_.now_ns() + pause_ns);
            }
            return;
        }
        set_no_delay(fd);
        accepted_(fd, numeric_text(peer));
    }
}

Task<int> connect_socket(Loop& loop, Endpoint endpoint, std::int64_t deadline_ns) {
    const auto failed = [&](const std::string& why) {
        return Result<int>(
            std::unexpected(Error{ErrorCode::unavailable, "connect " + endpoint.to_string() + ": " + why, {}, 1}));
    };
    SocketAddress address;
    if (endpoint.is_unix) {
        address = unix_address(endpoint.host);
    } else if (!numeric_address(endpoint.host, endpoint.port, address)) {
        address = co_await within(loop, deadline_ns, run_on(*resolver(), [endpoint] { return resolve(endpoint); }));
    }
    Descriptor socket{::socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
    if (socket.fd < 0) co_return failed(reason(errno));
    set_no_delay(socket.fd);
    if (connect(socket.fd, address.get(), address.size) != 0) {
        if (errno != EINPROGRESS) co_return failed(reason(errno));
        bool late;
        {
            Connecting connecting(loop, socket.fd, deadline_ns);
            late = co_await connecting.late();
        }
        if (late) {
            co_return std::unexpected(
                Error{ErrorCode::deadline_exceeded, "connect " + endpoint.to_string() + ": too late", {}, 1});
        }
        int error = 0;
        socklen_t size = sizeof error;
        getsockopt(socket.fd, SOL_SOCKET, SO_ERROR, &error, &size);
        if (error != 0) co_return failed(reason(error));
    }
    co_return std::exchange(socket.fd, -1);
}

}  // namespace weft::net
