// Upstreams that come and go, a configuration that is read again, and the end.

#include <gtest/gtest.h>

#include "service/proxy/test_proxy.hpp"

namespace weft::service::proxy {
namespace {

using testing::Gate;
using testing::TestUpstream;

class ProxyLife : public testing::ProxyTest {};

TEST_F(ProxyLife, a_fallback_is_used_while_no_other_can_be_and_left_again) {
    auto& usual = add();
    auto& fallback = add(true);
    begin();
    on_loop([&]() -> Task<void> {
        for (std::size_t i = 1; i <= 20; ++i)
            EXPECT_EQ(co_await call("eth_getBalance", balance_at(i)), quantity_text(i));
        EXPECT_EQ(fallback.count("eth_getBalance"), 0U);
        usual.die();
        for (std::size_t i = 21; i <= 40; ++i) {
            EXPECT_EQ(co_await call("eth_getBalance", balance_at(i)), quantity_text(i));
        }
        EXPECT_EQ(fallback.count("eth_getBalance"), 20U);
        co_await is_usable(usual, false);
        usual.revive();
        co_await is_usable(usual, true);
        std::size_t block = 41;
        // Its breaker lets some calls through first.
        while (usual.count("eth_getBalance") < 23 && block < 80) {
            EXPECT_EQ(co_await call("eth_getBalance", balance_at(block)), quantity_text(block));
            ++block;
        }
        const std::size_t before = fallback.count("eth_getBalance");
        for (std::size_t i = 80; i < 100; ++i)
            EXPECT_EQ(co_await call("eth_getBalance", balance_at(i)), quantity_text(i));
        EXPECT_EQ(fallback.count("eth_getBalance"), before) << "it is left again";
    });
}

TEST_F(ProxyLife, what_is_no_answer_is_asked_for_elsewhere) {
    auto& wrong = add();
    auto& right = add(true);
    begin();
    const std::string html = "<html><body>502 Bad Gateway</body></html>";
    const struct {
        const char* name;
        Said said;
    } table[] = {
        {"a page", {"", "", 200, false, html}},
        {"a page that says so", {"", "", 502, false, html}},
        {"half an answer", {"", "", 200, false, R"({"jsonrpc":"2.0","id":1,"result":"0x)"}},
        {"neither result nor error", {"", "", 200, false, R"({"jsonrpc":"2.0","id":1})"}},
        {"an array", {"", "", 200, false, "[]"}},
        {"a text for an error", {"", "", 200, false, R"({"jsonrpc":"2.0","id":1,"error":"no"})"}},
        {"a fault of its own", {"", R"({"code":-32603,"message":"internal error"})"}},
        {"too many calls", {"", R"({"code":-32005,"message":"rate limit exceeded"})", 429}},
        {"our key is refused", {"", "", 401, false, html}},
        {"half of it, and the end", {"\"0x1\"", "", 200, true}},
        {"an answer, and the end", {"", "", 200, true, html}},
    };
    std::size_t block = 10;
    for (const auto& [name, said] : table) {
        SCOPED_TRACE(name);
        reload();  // so that nothing is known of the failures before
        on_loop([&]() -> Task<void> {
            wrong.on("eth_getBalance", TestUpstream::always(said));
            const std::size_t before = right.count("eth_getBalance");
            ++block;
            EXPECT_EQ(co_await call("eth_getBalance", balance_at(block)), quantity_text(block));
            EXPECT_EQ(wrong.count("eth_getBalance"), block - 10);
            EXPECT_EQ(right.count("eth_getBalance"), before + 1);
        });
    }
}

TEST_F(ProxyLife, when_all_are_gone_the_error_says_so_in_time) {
    config.request_timeout_ns = 300 * ns_per_ms;
    add();
    auto& hangs = add();
    begin();
    Gate never;
    on_loop([&]() -> Task<void> {
        hangs.holds("eth_getBalance", never);
        upstreams_[0]->die();
        for (const char* method : {"eth_getBalance", "vendor_unknown"}) {
            if (method[0] == 'v') hangs.die();
            const std::int64_t begun = monotonic_ns();
            const std::string answer = co_await call(method, balance_at(10));
            EXPECT_NE(answer.find("no upstream could answer: "), std::string::npos) << answer;
            EXPECT_LT(monotonic_ns() - begun, 5 * ns_per_s);
        }
        co_await until("none is in use", [](const json::Value& status) {
            return std::ranges::none_of(status["upstreams"].items(),
                                        [](const auto& one) { return one["usable"].as_boolean(); });
        });
        EXPECT_EQ(co_await call("eth_blockNumber", "[]"), "\"0x64\"") << "what is known is still true";
        for (auto& one : upstreams_) one->revive();
        co_await is_usable(*upstreams_[0], true);
        EXPECT_EQ(co_await call("eth_getBalance", balance_at(11)), quantity_text(11));
        never.open();
    });
}

TEST_F(ProxyLife, a_reload_under_load_loses_no_call) {
    auto& first = add();
    begin();
    Gate gate;
    bool ended = false;
    std::size_t made = 0;
    std::vector<Future<void>> clients;
    Future<std::string> held;
    on_loop([&]() -> Task<void> {
        first.on("trace_block", [&](Call) -> Task<Said> {
            co_await gate.pass();
            co_return Said{"[]"};
        });
        held = start(call("trace_block", R"(["0x1"])"));
        co_await gate.arrivals(1);
        const auto client = [](auto* self, bool* over, std::size_t* count, std::size_t number) -> Task<void> {
            for (std::size_t i = 0; !*over; ++i) {
                const std::size_t block = (number * 31 + i) % 100;
                EXPECT_EQ(co_await self->call("eth_getBalance", balance_at(block)), quantity_text(block));
                ++*count;
            }
        };
        for (std::size_t i = 0; i < 8; ++i) clients.push_back(start(client(this, &ended, &made, i)));
        co_return;
    });
    const auto some_calls = [&] {
        on_loop([&]() -> Task<void> {
            const std::size_t before = made;
            while (made < before + 50) co_await status();
        });
    };
    some_calls();
    add();
    reload();
    some_calls();
    config.upstreams.erase(config.upstreams.begin());
    reload();
    some_calls();
    // What can't be taken changes nothing.
    auto wrong = config;
    wrong.upstreams[0].url = "ftp://nowhere";
    EXPECT_FALSE(proxy_->reload(wrong));
    some_calls();
    on_loop([&]() -> Task<void> {
        ended = true;
        for (auto& client : clients) co_await std::move(client).wait();
        EXPECT_EQ((co_await status())["upstreams"].items().size(), 1U);
        const std::size_t before = first.count("eth_getBalance");
        EXPECT_EQ(co_await call("eth_getBalance", balance_at(50)), quantity_text(50));
        EXPECT_EQ(first.count("eth_getBalance"), before) << "it is asked no more";
        gate.open();
        EXPECT_EQ(co_await std::move(held).wait(), "[]") << "what had begun ends as it began";
    });
}

TEST_F(ProxyLife, calls_under_way_at_the_end_end_with_an_error) {
    for (int i = 0; i < 3; ++i) add();
    upstreams_[0]->is_mute = true;
    config.upstreams[1].connections_max = 1;  // so that some wait for it
    config.attempt_timeout_ns = 2'500 * ns_per_ms;
    begin();
    Gate never;
    std::vector<Future<std::string>> calls;
    on_loop([&]() -> Task<void> {
        for (auto& one : upstreams_) {
            one->holds("eth_getBalance", never);
            one->holds("eth_getTransactionCount", never);
        }
        for (std::size_t i = 0; i < 20; ++i) calls.push_back(start(call("eth_getBalance", balance_at(i))));
        calls.push_back(start(call("eth_getTransactionCount", R"(["0x1","pending"])")));
        co_await never.arrivals(2);
    });
    EXPECT_TRUE(run(proxy_->stop()));
    on_loop([&]() -> Task<void> {
        // The server has closed the connections, and the upstreams' answers come too late for anybody.
        for (auto& one : calls) EXPECT_FALSE(co_await settled(std::move(one).wait()));
        never.open();
        for (auto& one : upstreams_) one->die();
    });
}

}  // namespace
}  // namespace weft::service::proxy
