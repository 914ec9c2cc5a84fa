#include "app/bench_origin.hpp"

#include <fmt/format.h>

#include <mutex>
#include <set>

#include "base/task.hpp"
#include "net/http.hpp"
#include "net/loop.hpp"
#include "net/rpc_scan.hpp"
#include "net/websocket.hpp"

namespace weft::app {

struct BenchOrigin::State {
    net::LoopGroup loops{1};
    std::uint64_t head = 1'000;
    std::set<net::SessionPtr> subscribers;
    std::unique_ptr<net::HttpServer> server;

    static std::string hash(std::uint64_t number) { return fmt::format("\"0x{:064x}\"", number + 1); }

    [[nodiscard]] std::string header() const {
        return fmt::format(R"({{"number":"0x{:x}","hash":{},"parentHash":{},"timestamp":"0x{:x}"}})", head, hash(head),
                           hash(head - 1), 1'700'000'000 + head);
    }

    [[nodiscard]] std::string result(std::string_view method) const {
        if (method == "eth_getBlockByNumber") return header();
        if (method == "eth_blockNumber") return fmt::format("\"0x{:x}\"", head);
        if (method == "eth_chainId") return "\"0x1\"";
        if (method == "eth_subscribe") return "\"0x5\"";
        // About 100 bytes with what stands around it.
        return R"("0x00000000000000000000000000000000000000000000021e19e0c9bab2400000")";
    }

    [[nodiscard]] std::string answer(std::string_view body) const {
        const auto parts = net::scan_request(body);
        return parts ? net::rpc_result_text(parts->id, result(parts->method)) : net::rpc_error_text("null", "{}");
    }
};

Result<std::unique_ptr<BenchOrigin>> BenchOrigin::start() {
    auto state = std::make_shared<State>();
    state->loops.start();
    auto* const raw = state.get();
    net::HttpOptions options;
    options.idle_timeout_ns = 600 * ns_per_s;
    state->server = std::make_unique<net::HttpServer>(
        state->loops,
        [raw](net::Request request) -> Task<net::Response> {
            net::Response out;
            out.body = raw->answer(request.body);
            co_return out;
        },
        options);
    net::WebSocketHandler handler;
    handler.on_message = [raw](net::SessionPtr session, std::string text) -> Task<void> {
        if (text.find("eth_subscribe") != std::string::npos) raw->subscribers.insert(session);
        session->send(raw->answer(text));
        co_return;
    };
    handler.on_close = [raw](const net::SessionPtr& session, std::uint16_t) { raw->subscribers.erase(session); };
    state->server->websocket("/", std::move(handler));
    WEFT_CHECK(state->server->listen("127.0.0.1:0"));
    return std::unique_ptr<BenchOrigin>(new BenchOrigin(std::move(state)));
}

BenchOrigin::BenchOrigin(std::shared_ptr<State> state) : state_(std::move(state)) {}

BenchOrigin::~BenchOrigin() {
    state_->server.reset();
    state_->loops.stop();
    state_->subscribers.clear();
}

net::Endpoint BenchOrigin::address() const { return state_->server->local_address(); }

void BenchOrigin::make_head() {
    const auto tell = [](std::shared_ptr<State> state) -> Task<void> {
        ++state->head;
        const std::string text =
            R"({"jsonrpc":"2.0","method":"eth_subscription","params":{"subscription":"0x5","result":)" +
            state->header() + "}}";
        for (const auto& session : state->subscribers) session->send(text);
        co_return;
    };
    static_cast<void>(run(net::run_at(state_->loops.loop(0), tell(state_))));
}

}  // namespace weft::app
