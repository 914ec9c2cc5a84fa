#include "service/gateway/gateway.hpp"

#include <optional>

#include "net/websocket.hpp"
#include "observe/log.hpp"
#include "observe/metric.hpp"
#include "observe/trace.hpp"
#include "service/gateway/core.hpp"
#include "service/gateway/feed.hpp"
#include "service/gateway/filters.hpp"
#include "service/gateway/subscriptions.hpp"

namespace weft::service::gateway {

struct Gateway::Servers {
    Servers(net::LoopGroup& loops, net::Handler handler, const net::HttpOptions& options)
        : http(loops, handler, options), websocket(loops, std::move(handler), options) {}
    net::HttpServer http;
    net::HttpServer websocket;
};

namespace {

constexpr std::int64_t stop_grace_ns = 2 * ns_per_s;
constexpr std::int64_t ready_timeout_ns = ns_per_s;
constexpr std::string_view text_type = "text/plain; charset=utf-8";
constexpr std::string_view metrics_type = "text/plain; version=0.0.4";

net::Response plain(int status, std::string text) { return {status, text_type, std::move(text), {}}; }

/// The server's own counters, which no registry has.
std::string counters_text(const net::HttpCounters& counters) {
    const auto line = [](std::string_view name, std::string_view kind, std::uint64_t value) {
        std::string out = "# TYPE ";
        out.append(name).append(" ").append(kind).append("\n").append(name).append(" ");
        return out + std::to_string(value) + "\n";
    };
    return line("weft_gateway_http_connections", "gauge", counters.open) +
           line("weft_gateway_http_accepted_total", "counter", counters.accepted) +
           line("weft_gateway_http_refused_total", "counter", counters.refused) +
           line("weft_gateway_http_requests_total", "counter", counters.requests) +
           line("weft_gateway_http_bad_requests_total", "counter", counters.bad_requests);
}

Task<net::Response> health(std::shared_ptr<Core> core, bool readiness) {
    if (const observe::Health* const checks = core->config.health) {
        const bool good = readiness ? checks->ready() : checks->live();
        co_return net::Response{good ? 200 : 503, "application/json", checks->to_json(), {}};
    }
    if (!readiness) co_return net::Response{200, "application/json", R"({"status":"alive"})", {}};
    const auto head = co_await settled(core->ports.head(mesh::Context::with_timeout(ready_timeout_ns), {}));
    if (head) co_return net::Response{200, "application/json", R"({"status":"ready"})", {}};
    co_return net::Response{
        503, "application/json", R"({"status":"not ready","storage":)" + json::quote(head.error().message) + "}", {}};
}

/// Of one call, or, in the request that opens a WebSocket, of all that come over it.
Result<bool> wants_strong(const net::Request& request) {
    const std::string_view level = request.header("weft-consistency");
    if (level.empty() || level == "eventual") return false;
    // Causal reads are answered as strong ones: that is more than they ask for.
    if (level == "strong" || level == "causal") return true;
    return fail(ErrorCode::invalid_argument, "weft-consistency: strong, causal or eventual");
}

Task<net::Response> json_rpc(std::shared_ptr<Core> core, net::Request request) {
    net::CallContext call;
    call.context = mesh::Context::with_timeout(core->config.request_timeout_ns);
    call.peer = request.peer;
    std::optional<observe::Span> span;
    if (const std::string_view parent = request.header("traceparent"); !parent.empty()) {
        if (const auto trace = observe::parse_traceparent(parent)) {
            span.emplace(observe::spans(), "gateway", "json-rpc", *trace);
            call.context.trace_id = trace->trace.low;
        }
    }
    net::Response response;
    if (const auto strong = wants_strong(request)) {
        call.is_strong = *strong;
        response.body = co_await core->dispatch(request.body, std::move(call));
    } else {
        response.body = net::rpc_error(net::rpc_code::invalid_request, strong.error().message);
    }
    core->config.cors.allow(request.header("origin"), response);
    co_return response;
}

/// What a façade answers, readable by the pages that may call.
Task<net::Response> with_origin(std::shared_ptr<Core> core, std::string origin, Task<net::Response> answer) {
    net::Response response = co_await std::move(answer);
    core->config.cors.allow(origin, response);
    co_return response;
}

/// Everything about HTTP that is not JSON-RPC.
template <class Counters>
Task<net::Response> answer_http(const std::shared_ptr<Core>& core, Counters&& counters, net::Request request) {
    if (request.method == "POST" && (request.path == "/" || request.path.empty())) {
        const std::string_view refusal = net::rpc_body_refusal(request);
        if (refusal.empty()) return json_rpc(core, std::move(request));
        return [](net::Response response) -> Task<net::Response> {
            co_return response;
        }(plain(415, std::string(refusal) + "\n"));
    }
    const bool reads = request.method == "GET" || request.method == "HEAD";
    if (reads && (request.path == "/healthz" || request.path == "/readyz")) {
        return health(core, request.path == "/readyz");
    }
    std::string origin(request.header("origin"));
    const auto context = mesh::Context::with_timeout(core->config.request_timeout_ns);
    if (auto answer = core->facade.answer(context, request)) {
        return with_origin(core, std::move(origin), *std::move(answer));
    }
    net::Response response;
    if (request.method == "OPTIONS") {
        response = core->config.cors.preflight(request);
    } else if (reads && request.path == "/metrics") {
        response = {200, metrics_type, observe::metrics().text() + counters_text(counters()), {}};
    } else if (request.path == "/" || request.path == "/metrics" || request.path == "/healthz" ||
               request.path == "/readyz") {
        response = plain(405, "method not allowed\n");
        response.headers.emplace_back("Allow", request.path == "/" ? "POST, OPTIONS" : "GET, HEAD, OPTIONS");
    } else {
        response = plain(404, "not found\n");
    }
    return [](net::Response ready) -> Task<net::Response> { co_return ready; }(std::move(response));
}

Task<void> answer_message(std::shared_ptr<Core> core, net::SessionPtr session, std::string text) {
    net::CallContext call;
    call.context = mesh::Context::with_timeout(core->config.request_timeout_ns);
    call.session = session;
    call.peer = session->peer();
    call.is_strong = *static_cast<const bool*>(session->note().get());
    std::string reply = co_await core->dispatch(text, std::move(call));
    if (!reply.empty()) session->send(std::move(reply));
    core->subscriptions->activate(session->id());
}

net::WebSocketHandler websocket_handler(const std::shared_ptr<Core>& core) {
    net::WebSocketHandler handler;
    handler.accept = [core](const net::Request& request) -> Result<net::SessionNote> {
        const std::string_view origin = request.header("origin");
        if (!origin.empty() && !core->config.cors.allows(origin)) {
            return fail(ErrorCode::permission_denied, "origin not allowed");
        }
        WEFT_TRY(const bool strong, wants_strong(request));
        return std::make_shared<const bool>(strong);
    };
    handler.on_message = [core](net::SessionPtr session, std::string text) {
        return answer_message(core, std::move(session), std::move(text));
    };
    // Later, never inside send(): notices are sent with the subscriptions locked.
    handler.on_close = [core](const net::SessionPtr& session, std::uint16_t) {
        session->loop().post([core, id = session->id()] { core->subscriptions->remove_session(id); });
    };
    return handler;
}

}  // namespace

Gateway::Gateway(net::LoopGroup& loops, Ports ports, GatewayConfig config)
    : core_(std::make_shared<Core>(loops, std::move(ports), std::move(config))) {
    const auto counters = [this] { return servers_->http.counters(); };
    const auto handler = [core = core_, counters](net::Request request) {
        return answer_http(core, counters, std::move(request));
    };
    servers_ = std::make_unique<Servers>(loops, handler, core_->config.http);
    servers_->http.grpc(core_->facade.grpc());
    servers_->http.websocket("/", websocket_handler(core_));
    servers_->websocket.websocket("*", websocket_handler(core_));
}

Gateway::~Gateway() { core_->feed->halt(); }

Result<void> Gateway::listen(std::string_view http_address) {
    WEFT_CHECK(servers_->http.listen(http_address));
    if (!core_->config.websocket_address.empty()) {
        WEFT_CHECK(servers_->websocket.listen(core_->config.websocket_address));
    }
    observe::Log("gateway").info("listening", {{"http", local_address().to_string()}});
    return {};
}

net::Endpoint Gateway::local_address() const { return servers_->http.local_address(); }
net::Endpoint Gateway::local_websocket_address() const { return servers_->websocket.local_address(); }

Task<std::string> Gateway::answer(std::string body) {
    const auto core = core_;
    net::CallContext call;
    call.context = mesh::Context::with_timeout(core->config.request_timeout_ns);
    co_return co_await core->dispatch(body, std::move(call));
}

Task<void> Gateway::stop() {
    co_await core_->feed->stop();
    co_await servers_->http.stop(stop_grace_ns);
    co_await servers_->websocket.stop(stop_grace_ns);
}

}  // namespace weft::service::gateway
