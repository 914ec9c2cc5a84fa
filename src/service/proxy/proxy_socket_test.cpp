// Upstreams over a WebSocket: many calls on one connection, and heads that are told.

#include <gtest/gtest.h>

#include "service/proxy/test_proxy.hpp"
#include "service/proxy/test_socket.hpp"

namespace weft::service::proxy {
namespace {

using testing::Gate;
using testing::TestSocket;

class ProxySocket : public testing::ProxyTest {
  protected:
    /// One loop: the upstream's connections are of all of them.
    ProxySocket() : ProxyTest(1) { config.poll_ns = 3'600 * ns_per_s; }
    ~ProxySocket() override { end(); }

    /// The last upstream that was added is reached by a WebSocket.
    void use_socket() {
        socket_ = std::make_unique<TestSocket>(loops_, *upstreams_.back());
        config.upstreams.back().url = socket_->url();
    }
    Task<void> is_told() {
        return until_of(*upstreams_.back(), "tells of heads",
                        [](const json::Value& one) { return one["told"].as_boolean(); });
    }

    std::unique_ptr<TestSocket> socket_;
};

TEST_F(ProxySocket, heads_are_told_and_a_lost_connection_is_made_again) {
    auto& other = add();
    add();
    use_socket();
    begin();
    on_loop([&]() -> Task<void> {
        co_await is_told();
        chain->grow(1);
        other.head = 100;
        socket_->tell();
        co_await until("it is heard of", [](const json::Value& status) { return status["head"].text() == "101"; });
        EXPECT_EQ(co_await call("eth_blockNumber", "[]"), "\"0x65\"");
        EXPECT_EQ(co_await call("eth_getBalance", R"(["0x1","latest"])"), "\"0x65\"");
        EXPECT_EQ(other.count("eth_getBalance"), 0U);
        socket_->die();
        EXPECT_EQ(co_await call("eth_blockNumber", "[]"), "\"0x65\"");
        EXPECT_EQ(co_await call("eth_getBalance", R"(["0x1","0x10"])"), "\"0x10\"");
        EXPECT_EQ(other.count("eth_getBalance"), 1U);
        socket_->revive();
        co_await is_told();
        chain->grow(1);
        socket_->tell();
        co_await until("it tells again", [](const json::Value& status) { return status["head"].text() == "102"; });
    });
}

TEST_F(ProxySocket, a_connection_that_is_made_again_may_lead_to_another_chain) {
    auto& other = add();
    auto& upstream = add();
    use_socket();
    begin();
    on_loop([&]() -> Task<void> {
        co_await is_told();
        socket_->die();
        upstream.says("eth_chainId", "\"0x5\"");
        upstream.head = 110;
        chain->grow(10);
        other.head = 100;
        socket_->revive();
        co_await until_of(upstream, "is of the other chain",
                          [](const json::Value& one) { return one["chain_id"].text() == "5"; });
        socket_->tell();
        EXPECT_FALSE((co_await status_of(upstream))["usable"].as_boolean());
        EXPECT_EQ(co_await call("eth_getBalance", R"(["0x1","latest"])"), "\"0x64\"");
        EXPECT_EQ((co_await status())["head"].text(), "100");
        EXPECT_EQ(upstream.count("eth_getBalance"), 0U);
    });
}

TEST_F(ProxySocket, calls_of_a_connection_that_is_lost_are_made_elsewhere_if_they_may_be) {
    auto& other = add();
    auto& upstream = add();
    use_socket();
    begin();
    Gate never;
    on_loop([&]() -> Task<void> {
        co_await is_told();
        const auto asked = [&](const char* method) { return upstream.count(method) + other.count(method); };
        for (const char* method : {"eth_getBalance", "vendor_unknown"}) {
            upstream.holds(method, never);
            other.says(method, "\"other\"");
        }
        // Both upstreams are asked in turn, for the one that is busy is avoided.
        std::vector<Future<std::string>> reads;
        std::vector<Future<std::string>> unknown;
        while (upstream.count("eth_getBalance") < 3) {
            reads.push_back(start(call("eth_getBalance", R"(["0x)" + std::to_string(reads.size()) + R"(","0x10"])")));
            static_cast<void>(co_await status());
        }
        while (upstream.count("vendor_unknown") < 1) {
            unknown.push_back(start(call("vendor_unknown", "[]")));
            static_cast<void>(co_await status());
        }
        const std::size_t made = asked("vendor_unknown");
        socket_->die();
        for (auto& one : reads) EXPECT_EQ(co_await std::move(one).wait(), "\"other\"");
        std::size_t lost = 0;
        for (auto& one : unknown) {
            const std::string answer = co_await std::move(one).wait();
            if (answer != "\"other\"") {
                ++lost;
                EXPECT_NE(answer.find("no upstream could answer"), std::string::npos) << answer;
            }
        }
        EXPECT_EQ(lost, 1U);
        EXPECT_EQ(asked("vendor_unknown"), made) << "none was made a second time";
        never.open();
    });
}

}  // namespace
}  // namespace weft::service::proxy
