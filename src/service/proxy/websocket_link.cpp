#include "service/proxy/websocket_link.hpp"

#include <charconv>
#include <random>
#include <unordered_map>
#include <vector>

#include "mesh/backoff.hpp"
#include "net/rpc_scan.hpp"
#include "net/websocket.hpp"
#include "observe/log.hpp"

namespace weft::service::proxy {

namespace {
constexpr std::int64_t connect_timeout_ns = 5 * ns_per_s;
constexpr std::int64_t sweep_ns = 50 * ns_per_ms;
constexpr std::size_t pending_max = 65'536;
constexpr mesh::Backoff reconnect{.min_ns = 100 * ns_per_ms, .max_ns = 2 * ns_per_s};
/// Id of the call that asks for new heads; calls begin above it.
constexpr std::uint64_t heads_id = 1;
}  // namespace

struct WebSocketLink::Core : std::enable_shared_from_this<Core> {
    struct Pending {
        std::int64_t deadline_ns;
        Done done;
    };

    net::Loop& loop;
    std::string id;
    std::string url;
    net::WebSocketOptions options;
    std::function<void(std::string_view)> on_head;
    std::function<void()> on_change;
    net::SessionPtr session;
    std::unordered_map<std::uint64_t, Pending> pending;
    std::uint64_t next_id = heads_id + 1;
    std::string subscription;  // raw JSON; empty: not told of heads
    std::uint32_t failures = 0;
    bool ended = false;
    std::minstd_rand random{std::random_device{}()};
    net::Timer reconnect_timer;
    net::Timer sweep_timer;
    std::string scratch;

    Core(net::Loop& on, const UpstreamConfig& config, std::shared_ptr<const net::TlsClient> tls,
         std::size_t body_bytes_max, std::function<void(std::string_view)> head, std::function<void()> change)
        : loop(on),
          id(config.id),
          url(config.url),
          on_head(std::move(head)),
          on_change(std::move(change)),
          reconnect_timer(on, [this] { connect(); }),
          sweep_timer(on, [this] { sweep(); }) {
        options.tls = std::move(tls);
        options.message_bytes_max = body_bytes_max;
        options.output_bytes_max = body_bytes_max;
        options.ping_interval_ns = 10 * ns_per_s;
        options.handlers_max = pending_max;
    }

    void connect() {
        if (ended) return;
        net::WebSocketHandler handler;
        const auto weak = weak_from_this();
        handler.on_message = [weak](net::SessionPtr, std::string text) -> Task<void> {
            if (const auto self = weak.lock()) self->take(std::move(text));
            co_return;
        };
        handler.on_close = [weak](const net::SessionPtr& closed, std::uint16_t code) {
            if (const auto self = weak.lock()) self->lost(closed, code);
        };
        spawn(net::connect_websocket(loop, mesh::Context::with_timeout(connect_timeout_ns), url, std::move(handler),
                                     options),
              [weak](Result<net::SessionPtr> opened) {
                  const auto self = weak.lock();
                  if (!self || self->ended) {
                      if (opened) (*opened)->close(net::close_code::going_away, "");
                      return;
                  }
                  self->opened(std::move(opened));
              });
    }

    void opened(Result<net::SessionPtr> result) {
        if (!result) return again(result.error().message);
        failures = 0;
        session = std::move(*result);
        observe::Log("proxy").info("connected", {{"upstream", id}});
        if (on_head) session->send(R"({"jsonrpc":"2.0","id":1,"method":"eth_subscribe","params":["newHeads"]})");
        on_change();
    }

    void again(const std::string& why) {
        if (failures == 0) observe::Log("proxy").warn("not connected", {{"upstream", id}, {"why", why}});
        reconnect_timer.set(loop.now_ns() + mesh::backoff_ns(reconnect, failures++, random()));
    }

    void lost(const net::SessionPtr& closed, std::uint16_t code) {
        if (session != closed) return;
        session = nullptr;
        subscription.clear();
        auto dropped = std::exchange(pending, {});
        if (!ended) again("closed with code " + std::to_string(code));
        for (auto& [number, call] : dropped) {
            call.done(fail(ErrorCode::unavailable, "connection closed before the answer"));
        }
        if (!ended) on_change();
    }

    void take(std::string text) {
        const std::string_view raw = net::member_of(text, "id");
        if (raw.empty()) return take_notice(text);
        std::uint64_t number = 0;
        std::from_chars(raw.data(), raw.data() + raw.size(), number);
        if (number == heads_id) {
            subscription = net::member_of(text, "result");
            return on_change();
        }
        const auto found = pending.find(number);
        if (found == pending.end()) return;  // came too late
        Done done = std::move(found->second.done);
        pending.erase(found);
        net::Reply reply;
        reply.status = 200;
        reply.body = std::move(text);
        done(std::move(reply));
    }

    void take_notice(std::string_view text) const {
        const std::string_view params = net::member_of(text, "params");
        if (subscription.empty() || net::member_of(params, "subscription") != subscription) return;
        if (const auto header = net::member_of(params, "result"); !header.empty()) on_head(header);
    }

    void sweep() {
        std::vector<Done> late;
        for (auto at = pending.begin(); at != pending.end();) {
            if (at->second.deadline_ns > loop.now_ns()) {
                ++at;
                continue;
            }
            late.push_back(std::move(at->second.done));
            at = pending.erase(at);
        }
        if (!pending.empty()) sweep_timer.set(loop.now_ns() + sweep_ns);
        for (auto& done : late) done(fail(ErrorCode::deadline_exceeded, "no answer in time"));
    }

    void refuse_later(Done done, const char* why) {
        loop.post([done = std::move(done), why]() mutable {
            Error error{ErrorCode::unavailable, why, {}, 1};
            done(std::unexpected(std::move(error)));
        });
    }
};

WebSocketLink::WebSocketLink(net::Loop& loop, const UpstreamConfig& config, std::shared_ptr<const net::TlsClient> tls,
                             std::size_t body_bytes_max, std::function<void(std::string_view header)> on_head,
                             std::function<void()> on_change)
    : core_(std::make_shared<Core>(loop, config, std::move(tls), body_bytes_max, std::move(on_head),
                                   std::move(on_change))) {
    core_->connect();
}

WebSocketLink::~WebSocketLink() {
    core_->ended = true;
    core_->reconnect_timer.cancel();
    core_->sweep_timer.cancel();
    if (core_->session) core_->session->close(net::close_code::going_away, "");
}

bool WebSocketLink::tells_heads() const { return !core_->subscription.empty() && core_->subscription != "null"; }
std::size_t WebSocketLink::connections() const { return core_->session ? 1 : 0; }

void WebSocketLink::call(const LinkCall& call, std::int64_t deadline_ns, Done done) {
    auto& core = *core_;
    if (!core.session) return core.refuse_later(std::move(done), "not connected");
    if (core.pending.size() >= pending_max) return core.refuse_later(std::move(done), "too many calls wait");
    const std::uint64_t number = core.next_id++;
    std::string text = R"({"jsonrpc":"2.0","id":)";
    text.append(std::to_string(number)).append(R"(,"method":")").append(call.method).append(R"(","params":)");
    text.append(call.params).push_back('}');
    core.pending.emplace(number, Core::Pending{deadline_ns, std::move(done)});
    if (!core.sweep_timer.armed()) core.sweep_timer.set(core.loop.now_ns() + sweep_ns);
    core.session->send(std::move(text));
}

}  // namespace weft::service::proxy
