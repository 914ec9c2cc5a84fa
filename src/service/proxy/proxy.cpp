#include "service/proxy/proxy.hpp"

#include <algorithm>

#include "api/web/facade.hpp"
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

/// Nothing if the header asks for what is not known.
std::optional<bool> wants_strong(const net::Request& request) {
    const std::string_view level = request.header("weft-consistency");
    if (level.empty() || level == "eventual" || level == "causal") return false;
    if (level == "strong") return true;
    return std::nullopt;
}

}  // namespace

struct Proxy::State : std::enable_shared_from_this<State> {
    /// What a reload replaces; calls that began with it end with it.
    struct Generation {
        Generation(net::Loop& loop, std::shared_ptr<const ProxyConfig> with, Hub& hub)
            : config(std::move(with)), engine(loop, config, hub) {}
        std::shared_ptr<const ProxyConfig> config;
        std::unique_ptr<Guard> guard;
        Engine engine;
    };
    using GenerationPtr = std::shared_ptr<Generation>;

    State(net::LoopGroup& group, ProxyConfig with)
        : loops(group),
          loop(group.loop(0)),
          config(std::make_shared<const ProxyConfig>(std::move(with))),
          hub(loop, [this](std::string method,
                           std::string params) { return call(now, std::move(method), std::move(params)); }),
          facade(
              [this](mesh::Context, std::string_view method, std::string params) {
                  return call(now, std::string(method), std::move(params));
              },
              {.admission = [this](const net::Request& request) { return admit_call(request); },
               .timeout_ns = config->request_timeout_ns}) {}

    net::LoopGroup& loops;
    net::Loop& loop;
    std::shared_ptr<const ProxyConfig> config;  // what the next generation begins with
    Hub hub;
    GenerationPtr now;
    std::vector<GenerationPtr> retired;
    api::web::Facade facade;
    std::vector<std::unique_ptr<net::HttpServer>> servers;
    CallerPtr admitted;                                    // of the WebSocket handshake under way
    std::unordered_map<std::uint64_t, CallerPtr> callers;  // by session

    static Task<std::string> call(GenerationPtr with, std::string method, std::string params) {
        co_return co_await with->engine.call(std::move(method), std::move(params));
    }

    /// Of the loop's thread.
    Result<void> begin(std::shared_ptr<const ProxyConfig> with) {
        auto next = std::make_shared<Generation>(loop, std::move(with), hub);
        WEFT_TRY(next->guard, Guard::make(next->config->guard));
        WEFT_CHECK(next->engine.open());
        next->engine.start(now ? &now->engine : nullptr);
        if (now) {
            // Ends when its last call must have ended.
            retired.push_back(now);
            const std::int64_t end_ns = loop.now_ns() + now->config->request_timeout_ns + ns_per_s;
            spawn(loop.sleep_until(end_ns), [self = shared_from_this(), old = now](const Result<void>&) {
                old->engine.stop();
                std::erase(self->retired, old);
            });
        }
        now = std::move(next);
        return {};
    }

    void allow_origin(const net::Request& request, net::Response& response) const {
        now->config->cors.allow(request.header("origin"), response);
    }

    Task<net::Response> json_rpc(net::Request request, CallerPtr caller) {
        const auto self = shared_from_this();
        const auto with = now;
        net::Response response;
        const auto strong = wants_strong(request);
        std::int64_t wait_ns = 0;
        if (strong) {
            response.body = co_await with->engine.answer(request.body, {{}, std::move(caller), *strong, &wait_ns});
        } else {
            response.body =
                net::rpc_error(net::rpc_code::invalid_request, "weft-consistency: strong, causal or eventual");
        }
        // A batch of which a part was answered is an answer; one call that was refused is a refusal.
        if (wait_ns > 0 && net::first_character(request.body) != '[') {
            response.status = 429;
            response.headers.emplace_back("Retry-After", std::to_string(wait_ns / ns_per_s + 1));
        }
        allow_origin(request, response);
        co_return response;
    }

    /// What needs no key: how the gateway is.
    std::optional<net::Response> plain_page(const net::Request& request) {
        const bool reads = request.method == "GET" || request.method == "HEAD";
        net::Response response;
        if (request.method == "OPTIONS") {
            response = now->config->cors.preflight(request);
        } else if (request.path == "/status" && reads) {
            response.body = now->engine.status_json();
        } else if (request.path == "/healthz" && reads) {
            response.body = R"({"status":"alive"})";
        } else if (request.path == "/readyz" && reads) {
            const bool usable = now->engine.upstreams().any_usable();
            response.status = usable ? 200 : 503;
            response.body = usable ? R"({"status":"ready"})" : R"({"status":"no upstream can be used"})";
        } else if (request.path == "/metrics" && reads) {
            response = {200, "text/plain; version=0.0.4", observe::metrics().text(), {}};
        } else {
            return std::nullopt;
        }
        return response;
    }

    /// Whether a gRPC call may be made: it costs as much as a request of REST.
    Result<void> admit_call(const net::Request& request) {
        WEFT_TRY(const CallerPtr caller, now->guard->admit(request, unix_seconds()));
        if (caller->is_restricted()) {
            return fail(ErrorCode::permission_denied, "this key is for some JSON-RPC methods only");
        }
        if (caller->take(1, loop.now_ns(), unix_seconds()) == 0) return {};
        return fail(ErrorCode::resource_exhausted, "too many calls");
    }

    Task<net::Response> handle(net::Request request) {
        if (auto page = plain_page(request)) return ready(std::move(*page));
        auto caller = now->guard->admit(request, unix_seconds());
        if (!caller) {
            net::Response refusal;
            refusal.status = 401;
            refusal.body = net::rpc_error(net::rpc_code::invalid_request, caller.error().message);
            refusal.headers.emplace_back("WWW-Authenticate", "Bearer");
            allow_origin(request, refusal);
            return ready(std::move(refusal));
        }
        const bool is_rest =
            request.path == "/graphql" || request.path == "/openapi.json" || request.path.starts_with("/v1");
        if (is_rest) {
            if ((*caller)->is_restricted()) return ready(plain(403, "this key is for some JSON-RPC methods only\n"));
            std::int64_t wait = (*caller)->take(1, loop.now_ns(), unix_seconds());
            if (wait > 0) {
                net::Response refusal = plain(429, "too many calls\n");
                refusal.headers.emplace_back("Retry-After", std::to_string(wait / ns_per_s + 1));
                return ready(std::move(refusal));
            }
            const auto context = mesh::Context::with_timeout(now->config->request_timeout_ns);
            if (auto answer = facade.answer(context, request)) return with_origin(std::move(*answer), request);
        }
        // A key may stand as the path.
        if (request.path != "/" && (*caller)->is_anonymous()) return ready(plain(404, "not found\n"));
        if (request.method != "POST") {
            net::Response refusal = plain(405, "method not allowed\n");
            refusal.headers.emplace_back("Allow", "POST, OPTIONS");
            return ready(std::move(refusal));
        }
        if (const auto why = net::rpc_body_refusal(request); !why.empty()) {
            return ready(plain(415, std::string(why) + "\n"));
        }
        return json_rpc(std::move(request), std::move(*caller));
    }

    Task<net::Response> with_origin(Task<net::Response> answer, const net::Request& request) {
        net::Response headers;
        allow_origin(request, headers);
        return [](std::shared_ptr<State>, Task<net::Response> task, net::Response more) -> Task<net::Response> {
            net::Response response = co_await std::move(task);
            for (auto& header : more.headers) response.headers.push_back(std::move(header));
            co_return response;
        }(shared_from_this(), std::move(answer), std::move(headers));
    }

    Task<void> message(net::SessionPtr session, std::string text) {
        const auto self = shared_from_this();
        const auto with = now;
        const auto caller = callers.find(session->id());
        std::string reply = co_await with->engine.answer(
            text, {session, caller == callers.end() ? CallerPtr() : caller->second, false, nullptr});
        if (!reply.empty()) session->send(std::move(reply));
        hub.activate(session->id());
    }

    void left(std::uint64_t session) {
        hub.remove_session(session);
        callers.erase(session);
    }

    net::WebSocketHandler websocket() {
        const auto weak = weak_from_this();
        net::WebSocketHandler handler;
        handler.accept = [weak](const net::Request& request) -> Result<void> {
            const auto self = weak.lock();
            if (!self) return fail(ErrorCode::unavailable, "shutting down");
            const std::string_view origin = request.header("origin");
            if (!origin.empty() && !self->now->config->cors.allows(origin)) {
                return fail(ErrorCode::permission_denied, "origin not allowed");
            }
            WEFT_TRY(self->admitted, self->now->guard->admit(request, unix_seconds()));
            return {};
        };
        handler.on_open = [weak](const net::SessionPtr& session) {
            if (const auto self = weak.lock()) self->callers[session->id()] = std::move(self->admitted);
        };
        handler.on_message = [weak](net::SessionPtr session, std::string text) -> Task<void> {
            if (const auto self = weak.lock()) co_await self->message(std::move(session), std::move(text));
        };
        handler.on_close = [weak](const net::SessionPtr& session, std::uint16_t) {
            // Later, never inside send().
            session->loop().post([weak, id = session->id()] {
                if (const auto self = weak.lock()) self->left(id);
            });
        };
        return handler;
    }
};

Proxy::Proxy(net::LoopGroup& loops, ProxyConfig config) : state_(std::make_shared<State>(loops, std::move(config))) {}

Proxy::~Proxy() {
    // Here, and not where the last call ends that holds the rest: a server must not end on its own loop.
    state_->servers.clear();
    // What has timers ends on their loop.
    if (!state_->loop.running()) return;
    const auto drop = [](std::shared_ptr<State>) -> Task<void> { co_return; };
    auto& loop = state_->loop;
    static_cast<void>(run(net::run_at(loop, drop(std::move(state_)))));
}

Result<void> Proxy::reload(ProxyConfig config) {
    const auto begin = [](std::shared_ptr<State> state, std::shared_ptr<const ProxyConfig> with) -> Task<void> {
        co_await state->begin(std::move(with));
    };
    return run(net::run_at(state_->loop, begin(state_, std::make_shared<const ProxyConfig>(std::move(config)))));
}

Result<void> Proxy::listen(std::string_view address, std::shared_ptr<net::TlsServer> tls) {
    const auto state = state_;
    if (!state->now) WEFT_CHECK(reload(*state->config));
    net::HttpOptions options = state->config->http;
    options.tls = std::move(tls);
    const auto weak = std::weak_ptr(state);
    auto server = std::make_unique<net::HttpServer>(
        state->loops,
        [weak](net::Request request) {
            const auto self = weak.lock();
            return self ? self->handle(std::move(request)) : ready(plain(503, "shutting down\n"));
        },
        options);
    server->grpc(state->facade.grpc());
    server->websocket("*", state->websocket());
    WEFT_CHECK(server->listen(address));
    observe::Log("proxy").info("listening", {{"address", server->local_address().to_string()}});
    state->servers.push_back(std::move(server));
    return {};
}

net::Endpoint Proxy::local_address() const { return state_->servers.front()->local_address(); }

Task<void> Proxy::stop() {
    const auto state = state_;
    for (auto& server : state->servers) co_await server->stop(stop_grace_ns);
    const auto end = [](std::shared_ptr<State> of) -> Task<void> {
        for (auto& old : std::exchange(of->retired, {})) old->engine.stop();
        if (of->now) of->now->engine.stop();
        co_return;
    };
    co_await net::run_at(state->loop, end(state));
}

}  // namespace weft::service::proxy
