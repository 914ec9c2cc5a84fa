#include "service/proxy/proxy.hpp"

#include <algorithm>

#include "net/jsonrpc.hpp"
#include "net/websocket.hpp"
#include "observe/log.hpp"
#include "observe/metric.hpp"
#include "service/proxy/engine.hpp"

namespace weft::service::proxy {

namespace {
constexpr std::int64_t stop_grace_ns = 2 * ns_per_s;
constexpr std::string_view text_type = "text/plain; charset=utf-8";

Task<net::Response> ready(net::Response response) { co_return response; }
net::Response plain(int status, std::string text) { return {status, text_type, std::move(text), {}}; }
}  // namespace

struct Proxy::State : std::enable_shared_from_this<State> {
    State(net::LoopGroup& group, ProxyConfig config) : loops(group), engine(group.loop(0), std::move(config)) {}

    net::LoopGroup& loops;
    Engine engine;
    std::unique_ptr<net::HttpServer> http;

    void allow_origin(const net::Request& request, net::Response& response) const {
        const auto& origins = engine.config().cors_origins;
        const std::string_view origin = request.header("origin");
        if (origin.empty()) return;
        const bool any = std::ranges::find(origins, "*") != origins.end();
        if (!any && std::ranges::find(origins, origin) == origins.end()) return;
        response.headers.emplace_back("Access-Control-Allow-Origin", any ? "*" : std::string(origin));
        if (!any) response.headers.emplace_back("Vary", "Origin");
    }

    Task<net::Response> json_rpc(net::Request request) {
        const auto self = shared_from_this();
        net::Response response;
        response.body = co_await engine.answer(request.body, {nullptr, request.peer});
        allow_origin(request, response);
        co_return response;
    }

    Task<net::Response> other(const net::Request& request) {
        net::Response response;
        if (request.method == "OPTIONS") {
            response = {204, {}, {}, {}};
            allow_origin(request, response);
            response.headers.emplace_back("Access-Control-Allow-Methods", "GET, POST, OPTIONS");
            response.headers.emplace_back("Access-Control-Allow-Headers", "Content-Type, Authorization");
            response.headers.emplace_back("Access-Control-Max-Age", "600");
        } else if (request.path == "/" && request.method != "GET") {
            response = plain(405, "method not allowed\n");
            response.headers.emplace_back("Allow", "POST, OPTIONS");
        } else if (request.method != "GET" && request.method != "HEAD") {
            response = plain(405, "method not allowed\n");
            response.headers.emplace_back("Allow", "GET, OPTIONS");
        } else if (request.path == "/status") {
            response.body = engine.status_json();
        } else if (request.path == "/healthz") {
            response.body = R"({"status":"alive"})";
        } else if (request.path == "/readyz") {
            const bool usable = engine.upstreams().any_usable();
            response.status = usable ? 200 : 503;
            response.body = usable ? R"({"status":"ready"})" : R"({"status":"no upstream can be used"})";
        } else if (request.path == "/metrics") {
            response = {200, "text/plain; version=0.0.4", observe::metrics().text(), {}};
        } else {
            response = plain(404, "not found\n");
        }
        return ready(std::move(response));
    }

    Task<net::Response> handle(net::Request request) {
        if (request.method == "POST" && request.path == "/") {
            const std::string_view encoding = request.header("content-encoding");
            if (!encoding.empty() && encoding != "identity") {
                return ready(plain(415, "content encodings are not supported\n"));
            }
            return json_rpc(std::move(request));
        }
        return other(request);
    }

    Task<void> message(net::SessionPtr session, std::string text) {
        const auto self = shared_from_this();
        std::string reply = co_await engine.answer(text, {session, session->peer()});
        if (!reply.empty()) session->send(std::move(reply));
        engine.replied(session->id());
    }
};

Proxy::Proxy(net::LoopGroup& loops, ProxyConfig config) : state_(std::make_shared<State>(loops, std::move(config))) {
    const auto state = state_;
    const auto weak = std::weak_ptr(state);
    state->http = std::make_unique<net::HttpServer>(
        loops,
        [weak](net::Request request) {
            const auto self = weak.lock();
            return self ? self->handle(std::move(request)) : ready(plain(503, "shutting down\n"));
        },
        state->engine.config().http);
    net::WebSocketHandler handler;
    handler.on_message = [weak](net::SessionPtr session, std::string text) -> Task<void> {
        if (const auto self = weak.lock()) co_await self->message(std::move(session), std::move(text));
    };
    handler.on_close = [weak](const net::SessionPtr& session, std::uint16_t) {
        // Later, never inside send().
        session->loop().post([weak, id = session->id()] {
            if (const auto self = weak.lock()) self->engine.left(id);
        });
    };
    state->http->websocket("/", std::move(handler));
}

Proxy::~Proxy() = default;

Result<void> Proxy::listen(std::string_view http_address) {
    const auto open = [](std::shared_ptr<State> state) -> Task<void> {
        co_await state->engine.open();
        state->engine.start();
    };
    WEFT_CHECK(run(net::run_at(state_->loops.loop(0), open(state_))));
    WEFT_CHECK(state_->http->listen(http_address));
    observe::Log("proxy").info("listening", {{"http", local_address().to_string()}});
    return {};
}

net::Endpoint Proxy::local_address() const { return state_->http->local_address(); }

Task<void> Proxy::stop() {
    const auto state = state_;
    co_await state->http->stop(stop_grace_ns);
    const auto end = [](std::shared_ptr<State> of) -> Task<void> {
        of->engine.stop();
        co_return;
    };
    co_await net::run_at(state->loops.loop(0), end(state));
}

}  // namespace weft::service::proxy
