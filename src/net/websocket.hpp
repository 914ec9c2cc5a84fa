#pragma once
// WebSocket (RFC 6455), both ends. Text messages; no extensions are offered.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/task.hpp"
#include "mesh/service.hpp"
#include "net/endpoint.hpp"
#include "net/http.hpp"
#include "net/loop.hpp"

namespace weft::net {

/// Close codes of RFC 6455, 7.4.1.
namespace close_code {
inline constexpr std::uint16_t normal = 1000;
inline constexpr std::uint16_t going_away = 1001;
inline constexpr std::uint16_t protocol_error = 1002;
inline constexpr std::uint16_t unsupported = 1003;
inline constexpr std::uint16_t none = 1005;       // never sent: the peer gave no code
inline constexpr std::uint16_t abnormal = 1006;   // never sent: the connection broke
inline constexpr std::uint16_t invalid_text = 1007;
inline constexpr std::uint16_t policy = 1008;
inline constexpr std::uint16_t too_big = 1009;
inline constexpr std::uint16_t try_later = 1013;
}  // namespace close_code

class TlsClient;

struct WebSocketOptions {
    std::size_t message_bytes_max = 15 * 1024 * 1024;
    /// What may wait for a slow reader; one message more closes the connection with 1013.
    std::size_t output_bytes_max = 16 * 1024 * 1024;
    /// Messages of one connection that may be in handlers at once; no more is read until one ends.
    std::size_t handlers_max = 64;
    /// A ping is sent after so long without input, and the connection closed after as long again.
    std::int64_t ping_interval_ns = 30 * ns_per_s;
    std::int64_t close_timeout_ns = 5 * ns_per_s;
    /// What a client of wss:// trusts; null: the system's authorities. See tls_web.hpp.
    std::shared_ptr<const TlsClient> tls = nullptr;
};

class Session;
using SessionPtr = std::shared_ptr<Session>;

/// What a service knows of who opened a session; its type is the service's own.
using SessionNote = std::shared_ptr<const void>;

struct WebSocketHandler {
    /// Before the upgrade is answered; an error refuses it with 403 and its message. What it gives goes with the
    /// session. May be empty.
    std::function<Result<SessionNote>(const Request&)> accept = {};
    std::function<void(const SessionPtr&)> on_open = {};
    /// Several may run at once for one session; what they answer goes out in the order they send it.
    std::function<Task<void>(SessionPtr, std::string)> on_message = {};
    /// Once, on the session's loop, with the code the peer or we gave.
    std::function<void(const SessionPtr&, std::uint16_t code)> on_close = {};
};

/// One connection. Every function may be called from any thread.
class Session : public std::enable_shared_from_this<Session> {
  public:
    virtual ~Session() = default;
    /// Sends a text message; after close() it does nothing.
    virtual void send(std::string text) = 0;
    /// Starts the closing handshake.
    virtual void close(std::uint16_t code, std::string_view reason) = 0;
    /// Never the same twice in a process; from 1.
    [[nodiscard]] virtual std::uint64_t id() const = 0;
    /// False once it closes; may be late.
    [[nodiscard]] virtual bool open() const = 0;
    /// Bytes that wait to leave; may be late.
    [[nodiscard]] virtual std::size_t pending_bytes() const = 0;
    [[nodiscard]] virtual const std::string& peer() const = 0;
    [[nodiscard]] virtual const std::string& path() const = 0;
    /// What `accept` gave.
    [[nodiscard]] virtual const SessionNote& note() const = 0;
    [[nodiscard]] virtual Loop& loop() const = 0;
};

/// Connects to "ws://host:port/path" or "wss://...". The session lives until it closes, whether or not it is held.
/// @errors unavailable  no connection; failed_precondition  the server refused to upgrade; deadline_exceeded.
Task<SessionPtr> connect_websocket(Loop& loop, mesh::Context context, std::string url, WebSocketHandler handler,
                                   WebSocketOptions options = {});

}  // namespace weft::net
