#include "service/proxy/http_links.hpp"

#include <algorithm>
#include <limits>

#include "net/http_codec.hpp"
#include "net/stream.hpp"
#include "net/tls_web.hpp"

namespace weft::service::proxy {

namespace {
/// Shorter than the keep-alive of the servers that close soonest (5 s), so that we are not surprised by their end.
constexpr std::int64_t idle_timeout_ns = 4 * ns_per_s;
constexpr std::size_t waiting_max = 4'096;

/// Whatever went wrong, the call was certainly not made.
std::unexpected<Error> unsent(std::string why) {
    return std::unexpected(Error{ErrorCode::unavailable, std::move(why), {}, 1});
}
}  // namespace

struct HttpLinks::Pool : std::enable_shared_from_this<Pool> {
    struct Waiting {
        std::string body;
        std::int64_t deadline_ns;
        Done done;
    };

    net::Loop& loop;
    net::Url url;
    std::shared_ptr<const net::TlsClient> tls;
    net::HttpLinkLimits limits;
    std::size_t connections_max;
    std::string head;  // up to the length of the body
    std::vector<std::shared_ptr<net::HttpLink>> idle;
    std::deque<Waiting> waiting;
    net::Timer waiting_timer;  // of the first deadline among them
    std::int64_t waiting_until_ns = 0;
    std::size_t open = 0;  // connections that live, are being made or are about to be
    bool ended = false;
    std::string scratch_head;
    std::string scratch_body;

    Pool(net::Loop& on, const UpstreamConfig& config, net::Url to, std::shared_ptr<const net::TlsClient> with,
         std::size_t body_bytes_max)
        : loop(on),
          url(std::move(to)),
          tls(std::move(with)),
          connections_max(config.connections_max),
          waiting_timer(on, [this] { drop_late(); }) {
        limits.body_bytes_max = body_bytes_max;
        head = "POST " + url.target +
               " HTTP/1.1\r\nHost: " + (url.endpoint.is_unix ? "localhost" : url.endpoint.to_string()) +
               "\r\nContent-Type: application/json\r\n";
        for (const auto& [name, value] : config.headers) head += name + ": " + value + "\r\n";
        head += "Content-Length: ";
    }

    std::shared_ptr<net::HttpLink> take_idle() {
        while (!idle.empty()) {
            auto link = std::move(idle.back());
            idle.pop_back();
            if (!link->closed()) return link;
            --open;
        }
        return nullptr;
    }

    void send(const std::shared_ptr<net::HttpLink>& link, std::string_view body, std::int64_t deadline_ns, Done done) {
        scratch_head.assign(head);
        net::append_number(scratch_head, body.size());
        scratch_head.append("\r\n\r\n");
        auto* const raw = link.get();
        raw->begin(scratch_head, body, false, deadline_ns,
                   [pool = shared_from_this(), link, done = std::move(done)](Result<net::Reply> reply) mutable {
                       pool->over(std::move(link));
                       done(std::move(reply));
                   });
    }

    void over(std::shared_ptr<net::HttpLink> link) {
        if (!link->reusable() || ended) {
            link->close();
            return gone();
        }
        if (!waiting.empty()) return hand_on(link);
        link->rest(loop.now_ns() + idle_timeout_ns);
        idle.push_back(std::move(link));
    }

    void hand_on(const std::shared_ptr<net::HttpLink>& link) {
        auto next = std::move(waiting.front());
        waiting.pop_front();
        send(link, next.body, next.deadline_ns, std::move(next.done));
    }

    void wait(Waiting call) {
        if (waiting.empty() || call.deadline_ns < waiting_until_ns) set_waiting_timer(call.deadline_ns);
        waiting.push_back(std::move(call));
    }

    void set_waiting_timer(std::int64_t at_ns) {
        waiting_until_ns = at_ns;
        waiting_timer.set(at_ns);
    }

    /// Calls whose time is over before a connection was free.
    void drop_late() {
        std::vector<Done> late;
        std::int64_t next_ns = std::numeric_limits<std::int64_t>::max();
        for (auto& call : waiting) {
            if (call.deadline_ns <= loop.now_ns()) {
                late.push_back(std::move(call.done));
            } else {
                next_ns = std::min(next_ns, call.deadline_ns);
            }
        }
        std::erase_if(waiting, [&](const Waiting& call) { return call.deadline_ns <= loop.now_ns(); });
        if (!waiting.empty()) set_waiting_timer(next_ns);
        const auto self = shared_from_this();
        for (auto& done : late) done(unsent("no connection to this upstream was free in time"));
    }

    /// A connection is no more. Who waits gets another one, in a turn of its own: that one may be refused at once, too,
    /// and so for all who wait.
    void gone() {
        --open;
        if (ended || waiting.empty()) return;
        loop.post([pool = shared_from_this()] {
            if (pool->ended || pool->waiting.empty() || pool->open >= pool->connections_max) return;
            auto next = std::move(pool->waiting.front());
            pool->waiting.pop_front();
            ++pool->open;
            pool->connect(std::move(next));
        });
    }

    /// @pre open counts the connection.
    void connect(Waiting call) {
        const std::int64_t deadline = call.deadline_ns;
        spawn(net::connect_secured(loop, url.endpoint, tls, "http/1.1", deadline),
              [pool = shared_from_this(), call = std::move(call)](Result<net::Socket> socket) mutable {
                  if (!socket) {
                      pool->gone();
                      return call.done(unsent(std::move(socket.error().message)));
                  }
                  auto link = std::make_shared<net::HttpLink>(pool->loop, std::move(*socket), pool->limits);
                  pool->send(link, call.body, call.deadline_ns, std::move(call.done));
              });
    }

    void end() {
        ended = true;
        waiting_timer.cancel();
        for (auto& link : idle) link->close();
        idle.clear();
        auto dropped = std::exchange(waiting, {});
        for (auto& call : dropped) call.done(fail(ErrorCode::cancelled, "the upstream is no longer used"));
    }
};

HttpLinks::HttpLinks(net::Loop& loop, const UpstreamConfig& config, net::Url url,
                     std::shared_ptr<const net::TlsClient> tls, std::size_t body_bytes_max)
    : pool_(std::make_shared<Pool>(loop, config, std::move(url), std::move(tls), body_bytes_max)) {}

HttpLinks::~HttpLinks() { pool_->end(); }

std::size_t HttpLinks::connections() const { return pool_->open; }

void HttpLinks::append_call(std::string& out, const LinkCall& call) {
    out.append(R"({"jsonrpc":"2.0","id":)").append(call.id).append(R"(,"method":")").append(call.method);
    out.append(R"(","params":)").append(call.params).push_back('}');
}

void HttpLinks::call(const LinkCall& call, std::int64_t deadline_ns, Done done) {
    auto& pool = *pool_;
    if (auto link = pool.take_idle()) {
        pool.scratch_body.clear();
        append_call(pool.scratch_body, call);
        pool.send(link, pool.scratch_body, deadline_ns, std::move(done));
        return;
    }
    std::string body;
    append_call(body, call);
    send(std::move(body), deadline_ns, std::move(done));
}

void HttpLinks::send(std::string body, std::int64_t deadline_ns, Done done) {
    auto& pool = *pool_;
    if (auto link = pool.take_idle()) return pool.send(link, body, deadline_ns, std::move(done));
    if (pool.open < pool.connections_max && pool.waiting.empty()) {
        ++pool.open;
        // From the loop, so that a connection refused at once is told later, too.
        pool.loop.post(
            [pool = pool_, waiting = Pool::Waiting{std::move(body), deadline_ns, std::move(done)}]() mutable {
                pool->connect(std::move(waiting));
            });
        return;
    }
    if (pool.waiting.size() < waiting_max) return pool.wait({std::move(body), deadline_ns, std::move(done)});
    pool.loop.post([done = std::move(done)]() mutable { done(unsent("too many calls wait for this upstream")); });
}

}  // namespace weft::service::proxy
