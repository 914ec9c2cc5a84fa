// Upstreams of several chains: one of them is the gateway's, and the others' upstreams are asked for nothing else.

#include <gtest/gtest.h>

#include "net/websocket.hpp"
#include "observe/metric.hpp"
#include "service/proxy/test_proxy.hpp"

namespace weft::service::proxy {
namespace {

using testing::Gate;
using testing::TestUpstream;

class ProxyChain : public testing::ProxyTest {
  protected:
    /// One whose chain is another one, with another head.
    TestUpstream& add_other(bool fallback = false) {
        auto& upstream = add(fallback);
        upstream.says("eth_chainId", "\"0x5\"");
        upstream.head = 70;
        return upstream;
    }
    Task<void> is_of(const TestUpstream& upstream, std::string chain_id, bool usable) {
        return until_of(upstream, "is of chain " + chain_id, [chain_id, usable](const json::Value& one) {
            return one["chain_id"].text() == chain_id && one["usable"].as_boolean() == usable;
        });
    }
    /// Calls for so many balances, each of a block of its own, so that none is kept.
    Task<void> balances(std::size_t first, std::size_t count) {
        for (std::size_t i = first; i < first + count; ++i) {
            EXPECT_EQ(co_await call("eth_getBalance", balance_at(i)), quantity_text(i));
        }
    }
    static std::uint64_t left_out(const TestUpstream& upstream) {
        return observe::metrics()
            .counter("weft_proxy_upstream_other_chain_total", "Times an upstream was found to be of another chain.",
                     {{"upstream", upstream.id()}})
            .value();
    }
};

TEST_F(ProxyChain, who_is_of_another_chain_than_most_is_asked_for_nothing_else) {
    auto& other = add_other();
    other.head = 100'000;
    auto& first = add();
    auto& second = add();
    serve();
    on_loop([&]() -> Task<void> {
        co_await is_of(other, "5", false);
        for (auto* const one : {&first, &second}) co_await shows_head(*one, 100);
        const auto said = co_await status();
        EXPECT_EQ(said["chain_id"].text(), "1");
        EXPECT_EQ(said["head"].text(), "100");
        const auto its = co_await status_of(other);
        EXPECT_EQ(its["why"].text(), "is of chain 5, not 1");
        EXPECT_EQ(its["head"].text(), "0");
        EXPECT_EQ((co_await status_of(first))["chain_id"].text(), "1");
        EXPECT_EQ(co_await call("eth_chainId", "[]"), "\"0x1\"");
        co_await balances(0, 20);
        // Not as the last resort, either.
        first.die();
        second.die();
        co_await is_usable(first, false);
        co_await is_usable(second, false);
        EXPECT_EQ((co_await get("/readyz")).status, 503);
        EXPECT_NE((co_await call("eth_getBalance", balance_at(50))).find("no upstream could answer"),
                  std::string::npos);
        EXPECT_EQ((co_await status())["head"].text(), "100");
        for (auto* const one : {&first, &second}) one->revive();
        co_await is_usable(first, true);
        co_await balances(21, 1);
        EXPECT_EQ(other.calls.size(), other.count("eth_chainId"));
        EXPECT_EQ(left_out(other), 1U);
    });
}

TEST_F(ProxyChain, a_chain_that_is_named_is_the_only_one) {
    config.chain_id = 31'337;
    auto& one = add();
    auto& other = add_other(true);
    serve();
    on_loop([&]() -> Task<void> {
        const std::string said = co_await call("eth_getBalance", balance_at(1));
        EXPECT_NE(said.find("no upstream could answer: " + one.id() + " is of chain 1, not 31337; " + other.id() +
                            " is of chain 5, not 31337"),
                  std::string::npos)
            << said;
        EXPECT_EQ((co_await get("/readyz")).status, 503);
        EXPECT_EQ((co_await status())["chain_id"].text(), "31337");
        EXPECT_EQ(one.count("eth_getBalance") + other.count("eth_getBalance"), 0U);
    });
    // Another one is named: what clients were told of the first is not true of it.
    config.chain_id = 1;
    reload();
    on_loop([&]() -> Task<void> {
        co_await shows_head(one, 100);
        co_await balances(1, 3);
        EXPECT_EQ((co_await get("/readyz")).status, 200);
    });
    config.chain_id = 5;
    reload();
    on_loop([&]() -> Task<void> {
        co_await shows_head(other, 70);
        EXPECT_EQ((co_await status())["head"].text(), "70") << "below the other chain's";
        EXPECT_EQ(co_await call("eth_chainId", "[]"), "\"0x5\"");
    });
}

TEST_F(ProxyChain, one_that_was_away_may_be_another_and_one_that_was_not_is_not_asked_again) {
    auto& steady = add();
    auto& changing = add();
    add();
    begin();
    on_loop([&]() -> Task<void> {
        for (int i = 0; i < 2; ++i) {
            changing.die();
            co_await is_usable(changing, false);
            const bool is_other = i == 0;
            if (is_other) {
                changing.says("eth_chainId", "\"0x5\"");
            } else {
                changing.no_more_says("eth_chainId");
            }
            const std::size_t before = changing.count("eth_getBalance");
            changing.revive();
            co_await is_of(changing, is_other ? "5" : "1", !is_other);
            co_await balances(static_cast<std::size_t>(i) * 30, 30);
            if (is_other) EXPECT_EQ(changing.count("eth_getBalance"), before);
        }
        EXPECT_EQ(left_out(changing), 1U);
        // Its head was asked for every two milliseconds all the time.
        EXPECT_EQ(steady.count("eth_chainId"), 1U);
    });
}

TEST_F(ProxyChain, one_that_takes_anothers_place_unseen_is_known_by_its_blocks) {
    add();
    auto& changing = add();
    begin();
    on_loop([&]() -> Task<void> {
        changing.says("eth_chainId", "\"0x5\"");
        changing.chain = std::make_shared<testing::TestChain>(0);
        changing.chain->grow(100, 0xb);
        co_await is_of(changing, "5", false);
        co_await balances(0, 20);
    });
}

TEST_F(ProxyChain, one_that_takes_anothers_place_with_the_same_blocks_is_known_after_a_while) {
    config.chain_every_ns = 50 * ns_per_ms;
    add();
    auto& changing = add();
    begin();
    on_loop([&]() -> Task<void> {
        changing.says("eth_chainId", "\"0x5\"");
        co_await is_of(changing, "5", false);
        co_await balances(0, 20);
    });
}

TEST_F(ProxyChain, what_clients_were_told_stays_when_all_its_upstreams_are_gone) {
    auto& usual = add();
    auto& fallback = add(true);
    begin();
    on_loop([&]() -> Task<void> {
        for (auto* const one : {&usual, &fallback}) one->die();
        for (auto* const one : {&usual, &fallback}) {
            co_await is_usable(*one, false);
            one->says("eth_chainId", "\"0x5\"");
            one->revive();
        }
        for (auto* const one : {&usual, &fallback}) co_await is_of(*one, "5", false);
        EXPECT_EQ((co_await status())["chain_id"].text(), "1");
        EXPECT_NE((co_await call("eth_getBalance", balance_at(1))).find("is of chain 5, not 1"), std::string::npos);
    });
    // A reload whose upstreams are all of another one goes on there.
    reload();
    on_loop([&]() -> Task<void> {
        co_await is_of(usual, "5", true);
        EXPECT_EQ((co_await status())["chain_id"].text(), "5");
        co_await balances(1, 3);
        usual.no_more_says("eth_chainId");
    });
    // While one is of the chain that was told, the others are not asked.
    reload();
    on_loop([&]() -> Task<void> {
        co_await is_of(fallback, "5", true);
        co_await is_of(usual, "1", false);
        EXPECT_EQ((co_await status())["chain_id"].text(), "5");
    });
}

TEST_F(ProxyChain, subscribers_go_on_at_the_chain_that_a_reload_leads_to) {
    auto& other = add_other();
    other.chain = std::make_shared<testing::TestChain>(70);
    other.head.reset();
    auto& usual = add();
    for (const bool is_named : {true, false}) {
        SCOPED_TRACE(is_named ? "it is named" : "its upstreams are all there are");
        config.chain_id = 1;
        serve();
        std::vector<std::string> told;
        net::SessionPtr session;
        const auto is_told = [&](std::uint64_t number) {
            const std::string want = "\"number\":" + quantity_text(number);
            return until("block " + std::to_string(number) + " is told", [&, want](const json::Value&) {
                return !told.empty() && told.back().find(want) != std::string::npos;
            });
        };
        on_loop([&]() -> Task<void> {
            co_await shows_head(usual, chain->head());
            net::WebSocketHandler handler;
            handler.on_message = [&told](net::SessionPtr, std::string text) -> Task<void> {
                told.push_back(std::move(text));
                co_return;
            };
            session = co_await net::connect_websocket(loop(), mesh::Context::with_timeout(20 * ns_per_s),
                                                      "ws://" + address_.to_string() + "/", std::move(handler));
            session->send(request("eth_subscribe", R"(["newHeads"])"));
            co_await until("the reply", [&](const json::Value&) { return told.size() == 1; });
            chain->grow(1);
            co_await is_told(chain->head());
        });
        // Below what was told, and of an upstream that was not the one that told it.
        const auto all = config.upstreams;
        config.chain_id = is_named ? std::optional<std::uint64_t>(5) : std::nullopt;
        if (!is_named) config.upstreams.pop_back();
        reload();
        on_loop([&]() -> Task<void> {
            co_await shows_head(other, other.chain->head());
            other.chain->grow(1);
            co_await is_told(other.chain->head());
            session->close(net::close_code::normal, "");
            session.reset();
        });
        end();
        config.upstreams = all;
    }
}

TEST_F(ProxyChain, who_wont_say_is_used_where_no_chain_is_named) {
    auto& silent = add();
    silent.refuses("eth_chainId", -32601, "the method is not supported");
    begin();
    on_loop([&]() -> Task<void> {
        co_await balances(1, 3);
        EXPECT_EQ(silent.count("eth_getBalance"), 3U);
        EXPECT_TRUE((co_await status_of(silent))["chain_id"].is_null());
        EXPECT_TRUE((co_await status())["chain_id"].is_null());
    });
    config.chain_id = 1;
    reload();
    on_loop([&]() -> Task<void> {
        co_await is_usable(silent, false);
        EXPECT_EQ((co_await status_of(silent))["why"].text(), "does not say its chain, which must be 1");
        EXPECT_NE((co_await call("eth_getBalance", balance_at(4))).find("does not say its chain, which must be 1"),
                  std::string::npos);
        EXPECT_EQ(silent.count("eth_getBalance"), 3U);
    });
}

TEST_F(ProxyChain, calls_wait_for_a_vote_that_may_change_the_outcome) {
    auto& first = add_other();
    Gate gate;
    first.on("eth_chainId", [&](Call) -> Task<Said> {
        co_await gate.pass();
        co_return Said{"\"0x5\""};
    });
    auto& second = add();
    auto& fallback = add(true);
    serve();
    on_loop([&]() -> Task<void> {
        co_await is_of(second, "1", false);
        EXPECT_EQ((co_await status_of(second))["why"].text(), "has not said its chain yet");
        EXPECT_EQ((co_await get("/readyz")).status, 503);
        auto waiting = start(call("eth_getBalance", balance_at(1)));
        co_await is_of(fallback, "1", false);
        gate.open();
        EXPECT_EQ(co_await std::move(waiting).wait(), quantity_text(1));
        EXPECT_EQ(first.count("eth_getBalance"), 1U) << "it wins a tie";
        EXPECT_EQ(second.count("eth_getBalance") + fallback.count("eth_getBalance"), 0U);
        co_await is_of(second, "1", false);
        EXPECT_EQ((co_await get("/readyz")).status, 200);
    });
}

TEST_F(ProxyChain, a_fallback_is_not_asked_while_another_one_says_its_chain) {
    config.chain_id = 1;
    auto& usual = add();
    Gate gate;
    usual.holds("eth_chainId", gate);
    auto& fallback = add(true);
    serve();
    on_loop([&]() -> Task<void> {
        co_await is_of(fallback, "1", true);
        auto waiting = start(call("eth_getBalance", balance_at(1)));
        // By the time that this one is refused the other, which came before it, was looked at.
        EXPECT_NE((co_await call("admin_peers", "[]")).find("-32601"), std::string::npos);
        gate.open();
        EXPECT_EQ(co_await std::move(waiting).wait(), quantity_text(1));
        EXPECT_EQ(usual.count("eth_getBalance"), 1U);
        EXPECT_EQ(fallback.count("eth_getBalance"), 0U);
    });
}

TEST_F(ProxyChain, who_does_not_answer_is_not_waited_for_longer_than_a_question_takes) {
    auto& hangs = add_other();
    Gate never;
    hangs.holds("eth_chainId", never);
    hangs.is_mute = true;
    auto& usual = add();
    serve();
    on_loop([&]() -> Task<void> {
        const std::int64_t begun = monotonic_ns();
        co_await balances(1, 1);
        EXPECT_LT(monotonic_ns() - begun, 5 * ns_per_s);
        EXPECT_EQ(usual.count("eth_getBalance"), 1U);
        EXPECT_EQ((co_await status())["chain_id"].text(), "1");
        never.open();
    });
}

}  // namespace
}  // namespace weft::service::proxy
