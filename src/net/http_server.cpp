#include "net/http_connection.hpp"
#include "net/tls_web.hpp"

namespace weft::net {

TlsGreeting::TlsGreeting(Loop& loop, int fd, std::string peer, std::shared_ptr<HttpShared> shared,
                         std::size_t loop_index, ConnectionSet& set)
    : ServerStream(loop, {fd, shared->options.tls->filter(shared->options.http2)}),
      shared_(std::move(shared)),
      set_(set),
      peer_(std::move(peer)),
      loop_index_(loop_index),
      deadline_(loop, [this] { close(); }) {
    deadline_.set(loop.now_ns() + shared_->options.tls->options().handshake_timeout_ns);
}

TlsGreeting::~TlsGreeting() { shared_->options.tls->handshake_ended(); }

void TlsGreeting::on_secured() {
    deadline_.cancel();
    const auto self = shared_from_this();
    leave_set();
    if (filter()->protocol() == "h2") {
        set_.add(open_http2(loop(), release(), std::move(peer_), shared_, loop_index_));
    } else {
        set_.add(std::make_shared<HttpConnection>(loop(), release(), std::move(peer_), shared_, loop_index_, set_));
    }
}

void TlsGreeting::on_closed() {
    deadline_.cancel();
    leave_set();
}

struct HttpServer::Core {
    Core(LoopGroup& loops, Handler handler, HttpOptions options)
        : shared(std::make_shared<HttpShared>()),
          acceptor(loops, options.connections_max, [this](Loop& loop, std::size_t index, int fd, std::string peer) {
              return open(loop, index, fd, std::move(peer));
          }) {
        shared->handler = std::move(handler);
        shared->options = options;
        shared->counts = std::vector<HttpShared::Counts>(loops.size());
        shared->heads.resize(loops.size());
    }
    std::shared_ptr<ServerStream> open(Loop& loop, std::size_t index, int fd, std::string peer) {
        ConnectionSet& set = acceptor.set(index);
        if (shared->options.tls == nullptr)
            return std::make_shared<HttpConnection>(loop, fd, std::move(peer), shared, index, set);
        if (!shared->options.tls->handshake_begins()) {
            ::close(fd);
            return nullptr;
        }
        return std::make_shared<TlsGreeting>(loop, fd, std::move(peer), shared, index, set);
    }

    std::shared_ptr<HttpShared> shared;
    Acceptor acceptor;
};

HttpServer::HttpServer(LoopGroup& loops, Handler handler, HttpOptions options)
    : core_(std::make_shared<Core>(loops, std::move(handler), options)) {}

HttpServer::~HttpServer() { core_->acceptor.close_all(); }

void HttpServer::websocket(std::string path, WebSocketHandler handler, WebSocketOptions options) {
    core_->shared->routes.push_back({std::move(path), std::move(handler), options});
}
void HttpServer::websocket(std::string path, WebSocketHandler handler) {
    websocket(std::move(path), std::move(handler), {});
}

void HttpServer::grpc(std::shared_ptr<const GrpcService> service) { core_->shared->grpc = std::move(service); }

Result<void> HttpServer::listen(std::string_view address) { return core_->acceptor.listen(address); }
Endpoint HttpServer::local_address() const { return core_->acceptor.local_address(); }
Task<void> HttpServer::stop(std::int64_t grace_ns) { return core_->acceptor.stop(grace_ns); }

HttpCounters HttpServer::counters() const {
    HttpCounters out;
    out.accepted = core_->acceptor.accepted();
    out.refused = core_->acceptor.refused();
    out.open = core_->acceptor.open();
    for (const auto& counts : core_->shared->counts) {
        out.requests += counts.requests.load(std::memory_order_relaxed);
        out.bad_requests += counts.bad_requests.load(std::memory_order_relaxed);
    }
    out.abusive = core_->shared->abusive.load(std::memory_order_relaxed);
    return out;
}

}  // namespace weft::net
