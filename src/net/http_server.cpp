#include "net/http_connection.hpp"

namespace weft::net {

struct HttpServer::Core {
    Core(LoopGroup& loops, Handler handler, HttpOptions options)
        : shared(std::make_shared<HttpShared>()),
          acceptor(loops, options.connections_max, [this](Loop& loop, std::size_t index, int fd, std::string peer) {
              return std::make_shared<HttpConnection>(loop, fd, std::move(peer), shared, index, acceptor.set(index));
          }) {
        shared->handler = std::move(handler);
        shared->options = options;
        shared->counts = std::vector<HttpShared::Counts>(loops.size());
        shared->heads.resize(loops.size());
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
    return out;
}

}  // namespace weft::net
