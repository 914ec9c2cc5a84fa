#pragma once
// gRPC over HTTP/2: what lets services live in processes of their own, and what clients of any language speak. Messages
// are bytes here; port.hpp gives them types. Clients of ours make unary calls; servers have streams, too.
//
// A weft::Error crosses unchanged: the code as grpc-status, the text as grpc-message, detail and data as
// weft-error-bin. Other implementations of gRPC see an ordinary status.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.hpp"
#include "base/task.hpp"
#include "mesh/service.hpp"
#include "net/endpoint.hpp"
#include "net/loop.hpp"

namespace weft::net {

/// The view lives until the task ends.
using GrpcHandler = std::function<Task<Bytes>(mesh::Context, BytesView request)>;

/// The messages of a call that has streams. Of its connection's loop, on which its handler begins.
class GrpcStream {
  public:
    virtual ~GrpcStream() = default;
    /// The client's next message; nothing after its last. One at a time.
    /// @errors cancelled  the client is gone; deadline_exceeded; and what is wrong with what it sent.
    virtual Task<std::optional<Bytes>> read() = 0;
    /// Waits while much waits to leave. One at a time.
    /// @errors as read().
    virtual Task<void> write(Bytes message) = 0;
    /// The same for who can't wait: false if the stream is closed or so much waits already that it is not sent.
    virtual bool push(Bytes message) = 0;
    [[nodiscard]] virtual bool closed() const = 0;
    /// Ends when the stream is closed, with the reason: for who only pushes. One at a time.
    virtual Task<void> until_closed() = 0;
    /// Closes it: until_closed(), read() and write() end with @p reason.
    virtual void close(Error reason) = 0;
};
using GrpcStreamPtr = std::shared_ptr<GrpcStream>;
/// The call ends with the task.
using GrpcStreamHandler = std::function<Task<void>(mesh::Context, GrpcStreamPtr)>;

struct GrpcServerOptions {
    std::size_t message_bytes_max = 64 * 1024 * 1024;
    std::size_t connections_max = 10'000;
    /// Calls of one connection that may run at once; HTTP/2 tells the peer.
    std::uint32_t streams_max = 4096;
    /// For calls that bring no grpc-timeout; streams have no end of their own.
    std::int64_t timeout_ns = 60 * ns_per_s;
    /// Name of a message {int32 code = 1; bytes data = 2;} that carries an error's detail and data to clients of any
    /// kind, as the detail of a google.rpc.Status in grpc-status-details-bin. Empty: weft-error-bin carries them.
    std::string error_message = {};
};

struct Request;
/// Whether somebody may call, and who it is, for the call's context (null: nobody asks); asked before each call, on the
/// connection's thread. The request has no body.
using GrpcAdmission = std::function<Result<std::shared_ptr<const mesh::Caller>>(const Request&)>;

/// The methods of a server, and what it says of its health.
class GrpcService {
  public:
    explicit GrpcService(GrpcServerOptions options = {});

    /// @param method  full name, "weft.Storage/Account"; before a server listens.
    void handle(std::string method, GrpcHandler handler);
    [[nodiscard]] const GrpcHandler* find(std::string_view method) const;
    /// The same for methods with streams.
    void handle_stream(std::string method, GrpcStreamHandler handler);
    [[nodiscard]] const GrpcStreamHandler* find_stream(std::string_view method) const;
    /// Before a server listens; health checks are for everybody.
    void set_admission(GrpcAdmission admission) { admission_ = std::move(admission); }
    [[nodiscard]] bool has_admission() const { return admission_ != nullptr; }
    /// @errors as the admission.
    [[nodiscard]] Result<std::shared_ptr<const mesh::Caller>> admit(const Request& request) const;
    /// As GrpcServer::set_health.
    void set_health(std::string_view service, bool serving) const;
    /// Asked by health checks besides; before a server listens.
    void set_ready(std::function<Task<bool>()> ready);
    [[nodiscard]] const GrpcServerOptions& options() const { return options_; }

  private:
    struct Health;
    GrpcServerOptions options_;
    GrpcAdmission admission_;
    std::map<std::string, GrpcHandler, std::less<>> handlers_;
    std::map<std::string, GrpcStreamHandler, std::less<>> stream_handlers_;
    std::shared_ptr<Health> health_;
};

/// A service on a port of its own; on one port with HTTP see HttpServer::grpc.
class GrpcServer {
  public:
    /// @param loops  must outlive the server and run before listen().
    explicit GrpcServer(LoopGroup& loops, GrpcServerOptions options = {});
    /// Closes everything at once. Not from one of the loops.
    ~GrpcServer();
    GrpcServer(const GrpcServer&) = delete;
    GrpcServer& operator=(const GrpcServer&) = delete;

    /// @param method  full name, "weft.Storage/Account"; before listen().
    void handle(std::string method, GrpcHandler handler);
    /// What grpc.health.v1.Health/Check says of a service; "" is the whole server. From any thread. Not set: NOT_FOUND,
    /// but "" starts as serving.
    void set_health(std::string_view service, bool serving);

    /// "127.0.0.1:9090" (port 0: a free one) or "unix:/path". May be called for several addresses.
    /// @errors unavailable  "listen 127.0.0.1:9090: address in use"; invalid_argument  no address.
    [[nodiscard]] Result<void> listen(std::string_view address);
    /// Of the first listen().
    [[nodiscard]] Endpoint local_address() const;

    /// Stops listening, tells the peers (GOAWAY), lets calls end, and closes what is left after @p grace_ns.
    Task<void> stop(std::int64_t grace_ns);

  private:
    struct Core;
    std::shared_ptr<Core> core_;
};

struct GrpcChannelOptions {
    std::size_t message_bytes_max = 64 * 1024 * 1024;
    std::int64_t connect_timeout_ns = 5 * ns_per_s;
    std::int64_t backoff_min_ns = 20 * ns_per_ms;
    std::int64_t backoff_max_ns = 5 * ns_per_s;
    /// A ping after so long without input while calls wait; no answer for as long again breaks the connection.
    std::int64_t keepalive_ns = 20 * ns_per_s;
    /// Calls that may wait for a connection or a free stream.
    std::size_t calls_max = 100'000;
};

/// A client's connection to one address, shared by all calls (multiplexed). Connects at the first call; connects again
/// after a loss, waiting longer each time. Calls that find no connection wait for one until the address has refused.
class GrpcChannel {
  public:
    /// @param address  "127.0.0.1:9090" or "unix:/path".
    GrpcChannel(Loop& loop, std::string address, GrpcChannelOptions options = {});
    /// Calls in flight end with unavailable.
    ~GrpcChannel();
    GrpcChannel(GrpcChannel&&) noexcept;

    /// From any thread; goes on where it was called. @p method and @p request must live until the task ends.
    /// @errors what the handler gave; deadline_exceeded, kept here too; unavailable  the connection was refused or lost
    ///         (Error.detail is 1 if the request was certainly not handled, 0 if it may have been);
    ///         resource_exhausted  the reply or the queue is too long.
    Task<Bytes> call(mesh::Context context, std::string_view method, BytesView request);
    [[nodiscard]] const std::string& address() const;

  private:
    struct Core;
    std::shared_ptr<Core> core_;
};

/// A channel for each loop of a group to one address, so that no call changes threads. Copies share the channels.
class GrpcClient {
  public:
    GrpcClient() = default;
    /// @param loops  must outlive the last copy's calls.
    GrpcClient(LoopGroup& loops, std::string address, GrpcChannelOptions options = {});

    /// As GrpcChannel::call; a caller that is on no loop of the group borrows one.
    Task<Bytes> call(mesh::Context context, std::string_view method, BytesView request) const;
    [[nodiscard]] const std::string& address() const;
    [[nodiscard]] explicit operator bool() const { return state_ != nullptr; }

  private:
    struct State;
    std::shared_ptr<State> state_;
};

}  // namespace weft::net
