#include "service/proxy/proxy.hpp"

#include <algorithm>
#include <array>

#include "api/web/facade.hpp"
#include "net/grpc_web.hpp"
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

/// Of one call, or, in the request that opens a WebSocket, of all that come over it.
Result<bool> wants_strong(const net::Request& request) {
    const std::string_view level = request.header("weft-consistency");
    if (level.empty() || level == "eventual" || level == "causal") return false;
    if (level == "strong") return true;
    return fail(ErrorCode::invalid_argument, "weft-consistency: strong, causal or eventual");
}

/// Who asks by a façade, in its calls' context. Of the loop of its request.
struct Asking : mesh::Caller {
    explicit Asking(CallerPtr of) : who(std::move(of)) {}
    const CallerPtr who;
    /// The request was admitted for one call; what its methods cost besides is taken when it asks them.
    mutable std::uint32_t paid = 1;
};

/// Who is at the other end of a WebSocket: its note. Of the session's loop.
struct Visitor {
    Visitor(CallerPtr admitted, const net::Request& request, bool strong)
        : caller(std::move(admitted)), shown(request), came_s(unix_seconds()), is_strong(strong) {}
    mutable CallerPtr caller;
    const Credentials shown;
    const std::int64_t came_s;
    const bool is_strong;
};
const Visitor& visitor_of(const net::Session& session) { return *static_cast<const Visitor*>(session.note().get()); }

}  // namespace

struct Proxy::State : std::enable_shared_from_this<State> {
    /// What a reload replaces; calls that began with it end with it. One for each loop.
    struct Generation {
        Generation(net::Loop& loop, std::shared_ptr<const ProxyConfig> with, std::shared_ptr<Guard> guarded,
                   std::shared_ptr<Common> common, Hub& hub)
            : config(std::move(with)), guard(std::move(guarded)), engine(loop, config, std::move(common), hub) {}
        const std::shared_ptr<const ProxyConfig> config;
        const std::shared_ptr<Guard> guard;
        Engine engine;
    };
    using GenerationPtr = std::shared_ptr<Generation>;

    /// What its loop's thread alone touches.
    struct Worker {
        explicit Worker(net::Loop& of) : loop(&of) {}
        net::Loop* loop;
        GenerationPtr now;
        std::vector<GenerationPtr> retired;
        /// WebSockets, by their ids.
        std::unordered_map<std::uint64_t, std::weak_ptr<net::Session>> sessions = {};
    };

    State(net::LoopGroup& group, ProxyConfig with)
        : loops(group),
          config(std::make_shared<const ProxyConfig>(std::move(with))),
          workers(workers_of(group)),
          hub(*lead().loop,
              [this](std::string method, std::string params) {
                  return call({}, std::move(method), std::move(params));
              }),
          facade(
              [this](mesh::Context context, std::string_view method, std::string params) {
                  return call(std::move(context), std::string(method), std::move(params));
              },
              {.hold = [this] { return shared_from_this(); },
               .admission = [this](const net::Request& request) { return admit_call(request); },
               .ready = [this] { return any_usable(); },
               .subscribe =
                   [this](mesh::Context context, net::SessionPtr session, std::string params) {
                       return call(std::move(context), "eth_subscribe", std::move(params), std::move(session));
                   },
               .activate = [this](std::uint64_t session) { at_hub([session](Hub& of) { of.activate(session); }); },
               .unsubscribe =
                   [this](std::uint64_t session) { at_hub([session](Hub& of) { of.remove_session(session); }); },
               .timeout_ns = config->request_timeout_ns}) {}

    net::LoopGroup& loops;
    const std::shared_ptr<const ProxyConfig> config;  // what the first generation begins with
    std::vector<Worker> workers;
    Hub hub;
    api::web::Facade facade;
    std::vector<std::unique_ptr<net::HttpServer>> servers;

    static std::vector<Worker> workers_of(net::LoopGroup& group) {
        std::vector<Worker> out;
        for (std::size_t i = 0; i < group.size(); ++i) out.emplace_back(group.loop(i));
        return out;
    }
    Worker& lead() { return workers.front(); }
    /// Of the loop whose thread this is.
    Worker& here() {
        const auto found = std::ranges::find_if(workers, [](const Worker& one) { return one.loop->inside(); });
        WEFT_ASSERT(found != workers.end());
        return *found;
    }

    /// The gateway itself asks where the context has no caller.
    Task<std::string> call(mesh::Context context, std::string method, std::string params,
                           net::SessionPtr session = {}) {
        const GenerationPtr with = here().now;
        Client client{.session = std::move(session)};
        if (const auto* const asking = static_cast<const Asking*>(context.caller.get())) {
            client.caller = asking->who;
            client.paid = &asking->paid;
        }
        co_return co_await with->engine.call(std::move(method), std::move(params), std::move(client));
    }

    // What follows is done on the loop that it is about.

    static Task<GenerationPtr> open(std::shared_ptr<State> self, std::size_t index,
                                    std::shared_ptr<const ProxyConfig> with, std::shared_ptr<Guard> guard,
                                    std::shared_ptr<Common> common) {
        auto made = std::make_shared<Generation>(*self->workers[index].loop, std::move(with), std::move(guard),
                                                 std::move(common), self->hub);
        auto opened = made->engine.open();
        if (!opened) made.reset();  // here, and not where the error is looked at
        co_await std::move(opened);
        co_return std::move(made);
    }
    static Task<void> drop(GenerationPtr made) {
        made->engine.stop();
        made.reset();
        co_return;
    }
    static Task<void> take(std::shared_ptr<State> self, std::size_t index, GenerationPtr next) {
        Worker& worker = self->workers[index];
        next->engine.start(worker.now ? &worker.now->engine : nullptr);
        if (worker.now) {
            // Ends when its last call must have ended.
            worker.retired.push_back(worker.now);
            const std::int64_t end_ns = worker.loop->now_ns() + worker.now->config->request_timeout_ns + ns_per_s;
            spawn(worker.loop->sleep_until(end_ns), [self, index, old = worker.now](const Result<void>&) {
                old->engine.stop();
                std::erase(self->workers[index].retired, old);
            });
        }
        worker.now = std::move(next);
        look_again(worker);
        co_return;
    }
    /// By the rules that hold now: who may come no more goes at once, and the others have the limits that they have
    /// now. A token counts as of when it came: that it has run out since is no change of the rules.
    static void look_again(Worker& worker) {
        for (const auto& [id, weak] : worker.sessions) {
            const auto session = weak.lock();
            if (!session) continue;
            const Visitor& visitor = visitor_of(*session);
            auto caller = worker.now->guard->admit(visitor.shown, visitor.came_s);
            if (caller) {
                visitor.caller = *std::move(caller);
                continue;
            }
            observe::Log("proxy").info("a WebSocket's caller may come no more",
                                       {{"caller", visitor.caller->name()}, {"why", caller.error().message}});
            session->close(net::close_code::policy, caller.error().message);
        }
    }
    static Task<void> end(Worker& worker) {
        for (auto& old : std::exchange(worker.retired, {})) old->engine.stop();
        if (worker.now) worker.now->engine.stop();
        co_return;
    }

    static Task<void> end_hub(Hub& hub) {
        hub.stop();
        co_return;
    }
    static Task<void> end_all(std::shared_ptr<State> self) {
        for (auto& worker : self->workers) co_await net::run_at(*worker.loop, end(worker));
        co_await net::run_at(self->hub.loop(), end_hub(self->hub));
    }

    /// All loops' next generation, or none's.
    static Task<void> begin(std::shared_ptr<State> self, std::shared_ptr<const ProxyConfig> with) {
        auto& workers = self->workers;
        const std::shared_ptr<Guard> guard = co_await Guard::make(with->guard);
        const auto common = std::make_shared<Common>(*with, *self->lead().loop, workers.size());
        std::vector<GenerationPtr> next;
        for (std::size_t i = 0; i < workers.size(); ++i) {
            auto made = co_await settled(net::run_at(*workers[i].loop, open(self, i, with, guard, common)));
            if (made) {
                next.push_back(*std::move(made));
                continue;
            }
            for (std::size_t j = 0; j < i; ++j) co_await net::run_at(*workers[j].loop, drop(std::move(next[j])));
            co_await Result<void>(std::unexpected(std::move(made).error()));
        }
        for (std::size_t i = 0; i < workers.size(); ++i) {
            co_await net::run_at(*workers[i].loop, take(self, i, std::move(next[i])));
        }
    }

    void allow_origin(const net::Request& request, net::Response& response) {
        here().now->config->cors.allow(request.header("origin"), response);
    }

    Task<net::Response> json_rpc(net::Request request, CallerPtr caller) {
        const auto self = shared_from_this();
        const auto with = here().now;
        net::Response response;
        const auto strong = wants_strong(request);
        std::int64_t wait_ns = 0;
        if (strong) {
            response.body =
                co_await with->engine.answer(request.body, {{}, std::move(caller), *strong, nullptr, &wait_ns});
        } else {
            response.body = net::rpc_error(net::rpc_code::invalid_request, strong.error().message);
        }
        // A batch of which a part was answered is an answer; one call that was refused is a refusal.
        if (wait_ns > 0 && net::first_character(request.body) != '[') {
            response.status = 429;
            response.headers.emplace_back("Retry-After", std::to_string(wait_ns / ns_per_s + 1));
        }
        allow_origin(request, response);
        co_return response;
    }

    static Task<std::vector<UpstreamStatus>> upstreams_of(Worker& worker) {
        co_return worker.now->engine.upstreams().status();
    }
    static Task<std::string> status_of(State& self, std::vector<UpstreamStatus> upstreams) {
        co_return self.lead().now->engine.status_json(upstreams);
    }
    /// What all loops see of the upstreams.
    static Task<net::Response> status(std::shared_ptr<State> self) {
        std::vector<UpstreamStatus> all;
        for (auto& worker : self->workers) {
            const auto seen = co_await net::run_at(*worker.loop, upstreams_of(worker));
            if (&worker == &self->lead()) {
                all = seen;
                continue;
            }
            // Between two loops' generations they may be others.
            for (std::size_t i = 0; i < std::min(all.size(), seen.size()); ++i) {
                all[i].usable = all[i].usable || seen[i].usable;
                all[i].latency_us = std::max(all[i].latency_us, seen[i].latency_us);
                all[i].outstanding += seen[i].outstanding;
                all[i].connections += seen[i].connections;
                all[i].state_from = std::max(all[i].state_from, seen[i].state_from);
            }
        }
        net::Response response;
        response.body = co_await net::run_at(*self->lead().loop, status_of(*self, std::move(all)));
        co_return response;
    }

    /// What needs no key: how the gateway is.
    std::optional<net::Response> plain_page(const net::Request& request) {
        constexpr auto pages = std::to_array<std::string_view>({"/status", "/healthz", "/readyz", "/metrics"});
        auto& now = here().now;
        net::Response response;
        if (request.method == "OPTIONS") {
            response = now->config->cors.preflight(request);
        } else if (std::ranges::find(pages, request.path) == pages.end()) {
            return std::nullopt;
        } else if (request.method != "GET" && request.method != "HEAD") {
            response = plain(405, "method not allowed\n");
            response.headers.emplace_back("Allow", "GET, HEAD, OPTIONS");
        } else if (request.path == "/healthz") {
            response.body = R"({"status":"alive"})";
        } else if (request.path == "/readyz") {
            const bool usable = now->engine.upstreams().any_usable();
            response.status = usable ? 200 : 503;
            response.body = usable ? R"({"status":"ready"})" : R"({"status":"no upstream can be used"})";
        } else {
            response = {200, "text/plain; version=0.0.4", observe::metrics().text(), {}};
        }
        return response;
    }

    /// Whether a gRPC call may be made, and who makes it.
    Result<std::shared_ptr<const mesh::Caller>> admit_call(const net::Request& request) {
        auto& worker = here();
        WEFT_TRY(const CallerPtr caller, worker.now->guard->admit(request, unix_seconds()));
        if (caller->is_restricted()) {
            return fail(ErrorCode::permission_denied, "this key is for some JSON-RPC methods only");
        }
        if (caller->take(1, worker.loop->now_ns(), unix_seconds()) == 0) return std::make_shared<Asking>(caller);
        return fail(ErrorCode::resource_exhausted, "too many calls");
    }

    Task<bool> any_usable() { co_return here().now->engine.upstreams().any_usable(); }

    Task<net::Response> handle(net::Request request) {
        if (request.path == "/status" && (request.method == "GET" || request.method == "HEAD")) {
            return status(shared_from_this());
        }
        if (auto page = plain_page(request)) return ready(std::move(*page));
        // Its calls are admitted as those of gRPC are, and refused in its own words.
        if (net::is_grpc_web(request)) return with_origin(*facade.answer({}, request), request);
        const auto& now = here().now;
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
            std::int64_t wait = (*caller)->take(1, here().loop->now_ns(), unix_seconds());
            if (wait > 0) {
                net::Response refusal = plain(429, "too many calls\n");
                refusal.headers.emplace_back("Retry-After", std::to_string(wait / ns_per_s + 1));
                return ready(std::move(refusal));
            }
            auto context = mesh::Context::with_timeout(now->config->request_timeout_ns);
            context.caller = std::make_shared<Asking>(*caller);
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

    /// Does something to the hub, which is the lead's.
    template <class Work>
    void at_hub(Work work) {
        if (hub.loop().inside()) return work(hub);
        hub.loop().post([self = shared_from_this(), work] { work(self->hub); });
    }

    Task<void> message(net::SessionPtr session, std::string text) {
        const auto self = shared_from_this();
        const auto with = here().now;
        const Visitor& visitor = visitor_of(*session);
        bool subscribed = false;
        std::string reply =
            co_await with->engine.answer(text, {session, visitor.caller, visitor.is_strong, &subscribed, nullptr});
        if (!reply.empty()) session->send(std::move(reply));
        if (subscribed) at_hub([id = session->id()](Hub& of) { of.activate(id); });
    }

    net::WebSocketHandler websocket() {
        const auto weak = weak_from_this();
        net::WebSocketHandler handler;
        handler.accept = [weak](const net::Request& request) -> Result<net::SessionNote> {
            const auto self = weak.lock();
            if (!self) return fail(ErrorCode::unavailable, "shutting down");
            const std::string_view origin = request.header("origin");
            if (!origin.empty() && !self->here().now->config->cors.allows(origin)) {
                return fail(ErrorCode::permission_denied, "origin not allowed");
            }
            WEFT_TRY(const bool strong, wants_strong(request));
            WEFT_TRY(auto caller, self->here().now->guard->admit(request, unix_seconds()));
            return std::make_shared<const Visitor>(std::move(caller), request, strong);
        };
        handler.on_open = [weak](const net::SessionPtr& session) {
            if (const auto self = weak.lock()) self->here().sessions.emplace(session->id(), session);
        };
        handler.on_message = [weak](net::SessionPtr session, std::string text) -> Task<void> {
            if (const auto self = weak.lock()) co_await self->message(std::move(session), std::move(text));
        };
        handler.on_close = [weak](const net::SessionPtr& session, std::uint16_t) {
            // Later, never inside send().
            session->loop().post([weak, id = session->id()] {
                const auto self = weak.lock();
                if (!self) return;
                self->here().sessions.erase(id);
                self->at_hub([id](Hub& of) { of.remove_session(id); });
            });
        };
        return handler;
    }
};

Proxy::Proxy(net::LoopGroup& loops, ProxyConfig config) : state_(std::make_shared<State>(loops, std::move(config))) {}

Proxy::~Proxy() {
    // Here, and not where the last call ends that holds the rest: a server must not end on its own loop.
    state_->servers.clear();
    // What has timers ends on their loops; the rest is memory, which may end anywhere.
    if (state_->loops.running()) static_cast<void>(run(State::end_all(state_)));
}

Result<void> Proxy::reload(ProxyConfig config) {
    auto with = std::make_shared<const ProxyConfig>(std::move(config));
    return run(net::run_at(*state_->lead().loop, State::begin(state_, std::move(with))));
}

Result<void> Proxy::listen(std::string_view address, std::shared_ptr<net::TlsServer> tls) {
    const auto state = state_;
    if (!state->lead().now) WEFT_CHECK(reload(*state->config));
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
    co_await State::end_all(state);
}

}  // namespace weft::service::proxy
