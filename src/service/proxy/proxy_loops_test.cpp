// A gateway of several loops is one gateway: what a client learns over one connection holds on the next, whichever
// loops they are of.

#include <gtest/gtest.h>

#include "net/websocket.hpp"
#include "service/proxy/test_proxy.hpp"

namespace weft::service::proxy {
namespace {

class ProxyLoops : public testing::ProxyTest {
  protected:
    static constexpr std::size_t loops = 3;
    ProxyLoops() : ProxyTest(loops) {}
    ~ProxyLoops() override {
        on_loop([this]() -> Task<void> {
            others_.clear();
            co_return;
        });
    }

    /// Connections are given to the loops in turn: so many clients, each with one of its own, are of all of them.
    void connect_all() {
        on_loop([this]() -> Task<void> {
            for (std::size_t i = 0; i < loops; ++i) {
                others_.push_back(std::make_unique<net::HttpClient>(loop()));
                co_await ask(i, "eth_chainId", "[]");
            }
        });
    }
    Task<std::string> ask(std::size_t client, std::string_view method, std::string params, Headers headers = {}) {
        net::Fetch fetch;
        fetch.method = "POST";
        fetch.endpoint = address_;
        fetch.target = "/";
        fetch.body = request(method, params);
        fetch.headers = std::move(headers);
        const auto reply =
            co_await others_[client]->fetch(mesh::Context::with_timeout(20 * ns_per_s), std::move(fetch));
        const auto result = net::member_of(reply.body, "result");
        co_return std::string(result.empty() ? net::member_of(reply.body, "error") : result);
    }

    std::vector<std::unique_ptr<net::HttpClient>> others_;
    std::size_t sent_ = 0;
};

TEST_F(ProxyLoops, the_newest_block_goes_back_on_none_of_a_clients_connections) {
    for (int i = 0; i < 3; ++i) add();
    begin();
    connect_all();
    on_loop([&]() -> Task<void> {
        std::uint64_t seen = 0;
        for (std::size_t i = 0; i < 600; ++i) {
            // They go on one after the other, so that at each moment some have a block that others have not.
            if (i % 10 == 0) chain->grow(1);
            for (std::size_t j = 0; j < 3; ++j) upstreams_[j]->head = chain->head() - (i / 3 + j) % 3;
            const auto number = quantity_of(co_await ask(i % loops, "eth_blockNumber", "[]"));
            EXPECT_TRUE(number);
            EXPECT_GE(*number, seen) << "call " << i;
            seen = std::max(seen, *number);
            const std::string latest = co_await ask((i + 1) % loops, "eth_getBalance", R"(["0x1","latest"])");
            const auto at = quantity_of(latest);
            EXPECT_TRUE(at) << latest;
            EXPECT_GE(at.value_or(0), seen) << "call " << i;
            seen = std::max(seen, at.value_or(0));
        }
        EXPECT_GT(seen, 140U);
    });
}

TEST_F(ProxyLoops, a_filter_is_the_same_on_every_connection) {
    add();
    add();
    begin();
    connect_all();
    on_loop([&]() -> Task<void> {
        const std::string blocks = co_await ask(0, "eth_newBlockFilter", "[]");
        const std::string logs = co_await ask(1, "eth_newFilter", "[{}]");
        std::string told;
        std::string told_logs;
        for (std::size_t i = 0; i < 12; ++i) {
            chain->grow(1);
            for (auto& one : upstreams_) co_await shows_head(*one, chain->head());
            told += co_await ask(i % loops, "eth_getFilterChanges", "[" + blocks + "]");
            told_logs += co_await ask((i + 1) % loops, "eth_getFilterChanges", "[" + logs + "]");
        }
        for (std::uint64_t number = 101; number <= chain->head(); ++number) {
            const std::string& hash = chain->at(number).hash;
            const auto at = told.find(hash);
            EXPECT_NE(at, std::string::npos) << "block " << number;
            EXPECT_EQ(told.find(hash, at + 1), std::string::npos) << "block " << number << " twice";
            EXPECT_NE(told_logs.find(hash), std::string::npos) << "log of block " << number;
        }
        EXPECT_EQ(co_await ask(2, "eth_uninstallFilter", "[" + blocks + "]"), "true");
        EXPECT_NE((co_await ask(0, "eth_getFilterChanges", "[" + blocks + "]")).find("filter not found"),
                  std::string::npos);
    });
}

TEST_F(ProxyLoops, every_subscriber_has_each_block_once_after_its_reply) {
    add();
    add();
    begin();
    struct Client {
        net::SessionPtr session;
        std::vector<std::string> texts;
    };
    std::vector<Client> clients(2 * loops);
    const std::uint64_t first = chain->head() + 1;
    const std::uint64_t last = chain->head() + 30;
    on_loop([&]() -> Task<void> {
        for (auto& client : clients) {
            net::WebSocketHandler handler;
            handler.on_message = [&client](net::SessionPtr, std::string text) -> Task<void> {
                client.texts.push_back(std::move(text));
                co_return;
            };
            client.session = co_await net::connect_websocket(loop(), mesh::Context::with_timeout(20 * ns_per_s),
                                                             "ws://" + address_.to_string() + "/", std::move(handler));
            client.session->send(request("eth_subscribe", R"(["newHeads"])"));
        }
        const auto wait_for = [&](std::size_t count) -> Task<void> {
            co_await until("messages", [&, count](const json::Value&) {
                return std::ranges::all_of(clients, [&](const Client& one) { return one.texts.size() >= count; });
            });
        };
        co_await wait_for(1);
        while (chain->head() < last) {
            chain->grow(1);
            for (auto& one : upstreams_) co_await shows_head(*one, chain->head());
        }
        co_await wait_for(1 + last - first + 1);
        for (const auto& client : clients) {
            EXPECT_EQ(net::member_of(client.texts[0], "id"), "1") << "the reply comes first";
            EXPECT_EQ(client.texts.size(), 1 + last - first + 1);
            for (std::uint64_t number = first; number <= last; ++number) {
                const auto params = net::member_of(client.texts[1 + number - first], "params");
                EXPECT_EQ(net::member_of(net::member_of(params, "result"), "number"), quantity_text(number));
            }
        }
        // Who has gone is forgotten, whichever loop it was of.
        for (auto& client : clients) client.session->close(net::close_code::normal, "");
        co_await until("no subscription is left",
                       [](const json::Value& status) { return status["subscriptions"].text() == "0"; });
    });
}

TEST_F(ProxyLoops, what_is_kept_or_asked_is_so_for_all) {
    auto& upstream = add();
    begin();
    connect_all();
    on_loop([&]() -> Task<void> {
        for (std::size_t i = 0; i < 3 * loops; ++i) {
            EXPECT_EQ(co_await ask(i % loops, "eth_getBalance", R"(["0x1","0x5"])"), "\"0x5\"");
        }
        testing::Gate gate;
        upstream.holds("eth_getBalance", gate);
        std::vector<Future<std::string>> calls;
        for (std::size_t i = 0; i < 3 * loops; ++i) {
            calls.push_back(start(ask(i % loops, "eth_getBalance", R"(["0x1","0x6"])")));
        }
        co_await gate.arrivals(1);
        gate.open();
        for (auto& one : calls) EXPECT_EQ(co_await std::move(one).wait(), "\"0x6\"");
        EXPECT_EQ(upstream.count("eth_getBalance"), 2U);
    });
}

TEST_F(ProxyLoops, an_upstream_of_another_chain_is_asked_by_none) {
    auto& other = add();
    other.says("eth_chainId", "\"0x5\"");
    add();
    add();
    serve();
    connect_all();
    on_loop([&]() -> Task<void> {
        for (std::size_t i = 0; i < 10 * loops; ++i) {
            EXPECT_EQ(co_await ask(i % loops, "eth_getBalance", balance_at(i)), quantity_text(i));
        }
        EXPECT_EQ(other.count("eth_getBalance"), 0U);
    });
}

TEST_F(ProxyLoops, limits_are_the_gateways_and_not_a_loops) {
    add();
    KeyConfig key{.name = "shop", .key = "secret", .key_sha256 = {}, .limits = {.per_day = 7}, .methods = {}};
    config.guard.keys.push_back(std::move(key));
    begin();
    on_loop([&]() -> Task<void> {
        std::size_t answered = 0;
        for (std::size_t i = 0; i < loops; ++i) {
            others_.push_back(std::make_unique<net::HttpClient>(loop()));
            for (std::size_t j = 0; j < 5; ++j) {
                const std::string answer = co_await ask(i, "eth_chainId", "[]", {{"x-api-key", "secret"}});
                answered += answer == "\"0x1\"" ? 1 : 0;
            }
        }
        EXPECT_EQ(answered, 7U);
    });
}

TEST_F(ProxyLoops, who_changes_the_chain_over_one_connection_sees_it_over_the_next) {
    for (int i = 0; i < 2; ++i) add();
    begin();
    connect_all();
    on_loop([&]() -> Task<void> {
        // A block for each transaction, at once and on both.
        for (auto& one : upstreams_) {
            one->on("eth_sendRawTransaction", [this](Call) -> Task<Said> {
                if (++sent_ % 2 == 1) chain->grow(1);
                co_return Said{"\"0x" + std::string(64, '1') + "\""};
            });
        }
        for (std::size_t i = 0; i < 30; ++i) {
            co_await ask(i % loops, "eth_sendRawTransaction", R"(["0x02aabbcc"])");
            const std::string at = co_await ask((i + 1) % loops, "eth_getBalance", R"(["0x1","latest"])");
            EXPECT_EQ(at, quantity_text(chain->head())) << "after transaction " << i;
        }
    });
}

}  // namespace
}  // namespace weft::service::proxy
