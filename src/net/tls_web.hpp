#pragma once
// TLS as the public web has it: a server shows a certificate that an authority has signed, and a client checks the
// signatures and the host's name. Between nodes that know one another's keys see tls.hpp.

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>

#include "base/result.hpp"
#include "base/task.hpp"
#include "net/endpoint.hpp"
#include "net/filter.hpp"
#include "net/loop.hpp"

struct ssl_ctx_st;

namespace weft::net {

struct TlsServerOptions {
    std::string certificate_file;  // PEM: the server's own, then those that lead to the authority
    std::string key_file;          // PEM; for its owner alone
    /// Clients must show a certificate that one of these has signed (mutual TLS); empty: none is asked for.
    std::string client_ca_file = {};
    std::int64_t handshake_timeout_ns = 10 * ns_per_s;
    /// Handshakes that may be under way at once; a connection more is closed unanswered.
    std::size_t handshakes_max = 4096;
};

/// A server's certificate. Any thread may use it; held by shared_ptr.
class TlsServer {
  public:
    /// @errors invalid_argument  a file can't be read, or holds no certificate or no key, or they don't belong
    /// together;
    ///         permission_denied  others than the owner may read the key.
    [[nodiscard]] static Result<std::shared_ptr<TlsServer>> make(TlsServerOptions options);
    /// Reads the files again. Connections go on with what they began with, new ones begin with what was read; sessions
    /// of before can't be taken up again. After an error nothing has changed.
    [[nodiscard]] Result<void> reload();

    [[nodiscard]] const TlsServerOptions& options() const { return options_; }
    /// @param http2  whether a client that speaks it shall.
    [[nodiscard]] std::unique_ptr<Filter> filter(bool http2) const;
    /// False if there are too many; otherwise handshake_ended() must follow.
    [[nodiscard]] bool handshake_begins();
    void handshake_ended() { handshakes_.fetch_sub(1, std::memory_order_relaxed); }

  private:
    explicit TlsServer(TlsServerOptions options) : options_(std::move(options)) {}
    const TlsServerOptions options_;
    mutable std::mutex mutex_;
    std::shared_ptr<ssl_ctx_st> context_;
    std::atomic<std::size_t> handshakes_{0};
};

struct TlsClientOptions {
    /// PEM: the authorities to trust; empty: the system's.
    std::string ca_file = {};
    /// Shown to servers that ask for one; both or none.
    std::string certificate_file = {};
    std::string key_file = {};
};

/// What a client trusts and shows. Any thread may use it; held by shared_ptr.
class TlsClient {
  public:
    /// @errors as TlsServer::make.
    [[nodiscard]] static Result<std::shared_ptr<const TlsClient>> make(const TlsClientOptions& options);
    /// Trusts the system's authorities and shows nothing; one for the process.
    [[nodiscard]] static const std::shared_ptr<const TlsClient>& system();

    /// For a connection to @p host, whose certificate must name it.
    [[nodiscard]] std::unique_ptr<Filter> filter(const std::string& host, std::string_view protocol) const;

  private:
    explicit TlsClient(std::shared_ptr<ssl_ctx_st> context) : context_(std::move(context)) {}
    std::shared_ptr<ssl_ctx_st> context_;
};

/// As connect_socket, and then the handshake, if there is a @p tls to secure it with. Of the loop's thread.
/// @param protocol  offered by ALPN: "http/1.1" or "h2"; a server that chooses none is taken to speak it.
/// @errors unavailable  (detail 1) no connection, or "tls HOST: why the handshake failed"; deadline_exceeded.
Task<Socket> connect_secured(Loop& loop, Endpoint endpoint, std::shared_ptr<const TlsClient> tls,
                             std::string_view protocol, std::int64_t deadline_ns);

}  // namespace weft::net
