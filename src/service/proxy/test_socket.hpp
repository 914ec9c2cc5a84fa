#pragma once
// A WebSocket before a TestUpstream, which tells of new heads.

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "net/http.hpp"
#include "net/websocket.hpp"
#include "service/proxy/test_upstream.hpp"

namespace weft::service::proxy::testing {

/// Made and destroyed off the loop; all else is of its thread.
class TestSocket {
  public:
    TestSocket(net::LoopGroup& loops, TestUpstream& upstream)
        : upstream_(upstream),
          server_(loops, [](net::Request) -> Task<net::Response> { co_return net::Response{404}; }) {
        net::WebSocketHandler handler;
        handler.accept = [this](const net::Request&) -> Result<net::SessionNote> {
            if (is_dead_) return fail(ErrorCode::unavailable, "dead");
            return net::SessionNote();
        };
        handler.on_open = [this](const net::SessionPtr& session) { sessions_.push_back(session); };
        handler.on_message = [this](net::SessionPtr session, std::string text) {
            return answer(std::move(session), std::move(text));
        };
        handler.on_close = [this](const net::SessionPtr& session, std::uint16_t) {
            std::erase(sessions_, session);
            std::erase(subscribers_, session);
        };
        server_.websocket("*", std::move(handler));
        EXPECT_TRUE(server_.listen("127.0.0.1:0"));
    }

    [[nodiscard]] std::string url() const { return "ws://" + server_.local_address().to_string(); }

    /// Tells of the upstream's newest block.
    void tell() {
        const std::string block = TestChain::json(upstream_.chain->at(upstream_.seen()));
        for (const auto& session : subscribers_) {
            session->send(
                net::rpc_notification("eth_subscription", R"({"subscription":"0x51","result":)" + block + "}"));
        }
    }
    void die() {
        is_dead_ = true;
        for (const auto& session : std::vector(sessions_)) session->close(net::close_code::going_away, "");
    }
    void revive() { is_dead_ = false; }

  private:
    Task<void> answer(net::SessionPtr session, std::string text) {
        const auto spans = net::scan_request(text);
        EXPECT_TRUE(spans) << text;
        TestUpstream::Call call{std::string(spans->method), std::string(spans->params)};
        if (call.method == "eth_subscribe") {
            subscribers_.push_back(session);
            session->send(net::rpc_result_text(spans->id, "\"0x51\""));
            co_return;
        }
        const bool asks_head = TestUpstream::is_about_head(call);
        const auto said = co_await upstream_.said_to(std::move(call), asks_head);
        session->send(TestUpstream::text_of(said, spans->id));
    }

    TestUpstream& upstream_;
    std::vector<net::SessionPtr> sessions_;
    std::vector<net::SessionPtr> subscribers_;
    bool is_dead_ = false;
    net::HttpServer server_;
};

}  // namespace weft::service::proxy::testing
