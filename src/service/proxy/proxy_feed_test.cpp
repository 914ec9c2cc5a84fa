// Subscriptions and filters through the gateway: what is told of the chain, whichever upstream is lost meanwhile.

#include <gtest/gtest.h>

#include "net/websocket.hpp"
#include "service/proxy/test_proxy.hpp"

namespace weft::service::proxy {
namespace {

using testing::TestChain;

/// A client's WebSocket: replies by id, and what each subscription was told.
class Subscriber : public std::enable_shared_from_this<Subscriber> {
  public:
    Task<void> connect(net::Loop& loop, net::Endpoint address) {
        net::WebSocketHandler handler;
        handler.on_message = [weak = weak_from_this()](net::SessionPtr, std::string text) -> Task<void> {
            if (const auto self = weak.lock()) self->take(std::move(text));
            co_return;
        };
        session_ = co_await net::connect_websocket(loop, mesh::Context::with_timeout(20 * ns_per_s),
                                                   "ws://" + address.to_string() + "/", std::move(handler));
    }
    /// The reply's result or error.
    Task<std::string> call(std::string method, std::string params) {
        auto reply = replies_[++last_].future();
        session_->send(R"({"jsonrpc":"2.0","id":)" + std::to_string(last_) + R"(,"method":")" + method +
                       R"(","params":)" + params + "}");
        co_return co_await std::move(reply).wait();
    }
    /// Until the subscription was told of so many.
    Task<void> told(std::string id, std::size_t count) {
        if (told_[id].size() >= count) co_return;
        auto future = expected_.emplace_back(id, count, Promise<void>()).promise.future();
        co_await std::move(future).wait();
    }
    [[nodiscard]] const std::vector<std::string>& all(const std::string& id) { return told_[id]; }
    void close() { session_->close(net::close_code::normal, ""); }

  private:
    struct Expected {
        Expected(std::string of, std::size_t many, Promise<void> then)
            : id(std::move(of)), count(many), promise(std::move(then)) {}
        std::string id;
        std::size_t count;
        Promise<void> promise;
    };

    void take(std::string text) {
        const auto params = net::member_of(text, "params");
        if (params.empty()) {
            const int id = std::stoi(std::string(net::member_of(text, "id")));
            const auto result = net::member_of(text, "result");
            replies_.at(id).set(std::string(result.empty() ? net::member_of(text, "error") : result));
            return;
        }
        const std::string id(net::member_of(params, "subscription"));
        told_[id].emplace_back(net::member_of(params, "result"));
        for (auto& one : std::exchange(expected_, {})) {
            if (told_[one.id].size() >= one.count) {
                one.promise.set({});
            } else {
                expected_.push_back(std::move(one));
            }
        }
    }

    net::SessionPtr session_;
    int last_ = 0;
    std::map<int, Promise<std::string>> replies_;
    std::map<std::string, std::vector<std::string>> told_;
    std::vector<Expected> expected_;
};

class ProxyFeed : public testing::ProxyTest {
  protected:
    ~ProxyFeed() override {
        end();
        on_loop([this]() -> Task<void> {
            subscriber_.reset();
            co_return;
        });
    }

    struct Ids {
        std::string heads;
        std::string logs;
        std::string block_filter;
        std::string log_filter;
    };

    /// Subscribes and makes filters, and sees to it that each has been told of one block, the chain's head.
    Task<Ids> follow_all() {
        co_await subscriber_->connect(loop(), address_);
        Ids out;
        out.heads = co_await subscriber_->call("eth_subscribe", R"(["newHeads"])");
        out.logs = co_await subscriber_->call("eth_subscribe", R"(["logs",{}])");
        out.block_filter = co_await call("eth_newBlockFilter", "[]");
        out.log_filter = co_await call("eth_newFilter", "[{}]");
        chain->grow(1);
        co_await subscriber_->told(out.heads, 1);
        co_await subscriber_->told(out.logs, 1);
        first_ = chain->head();
        co_return out;
    }
    /// The header that newHeads gives: a block without its transactions.
    static std::string header_of(const TestChain::Block& block) {
        std::string text = TestChain::json(block);
        constexpr std::string_view besides = R"(,"transactions":[])";
        return text.erase(text.find(besides), besides.size());
    }
    Task<std::string> changes(std::string id) { return call("eth_getFilterChanges", "[" + id + "]"); }
    static std::string array_of(const std::vector<std::string>& items) {
        std::string out = "[";
        for (const auto& item : items) out.append(out.size() > 1 ? "," : "").append(item);
        return out + "]";
    }

    std::uint64_t first_ = 0;
    std::shared_ptr<Subscriber> subscriber_ = std::make_shared<Subscriber>();
};

TEST_F(ProxyFeed, each_block_and_log_is_told_once_whichever_upstream_is_lost) {
    auto& one = add();
    auto& other = add();
    begin();
    on_loop([&]() -> Task<void> {
        const Ids ids = co_await follow_all();
        std::size_t count = 1;
        for (auto* const lost : {&one, &other, &one}) {
            lost->die();
            // Several blocks between two looks at the head.
            chain->grow(3);
            co_await subscriber_->told(ids.heads, count += 3);
            lost->revive();
            chain->grow(1);
            co_await subscriber_->told(ids.heads, ++count);
            co_await is_usable(*lost, true);
        }
        co_await subscriber_->told(ids.logs, count);
        std::vector<std::string> headers;
        std::vector<std::string> hashes;
        std::vector<std::string> logs;
        for (std::uint64_t number = first_; number <= chain->head(); ++number) {
            headers.push_back(header_of(chain->at(number)));
            hashes.push_back(chain->at(number).hash);
            logs.push_back(TestChain::log_json(chain->at(number)));
        }
        EXPECT_EQ(subscriber_->all(ids.heads), headers);
        EXPECT_EQ(subscriber_->all(ids.logs), logs);
        EXPECT_EQ(co_await changes(ids.block_filter), array_of(hashes));
        EXPECT_EQ(co_await changes(ids.log_filter), array_of(logs));
        EXPECT_EQ(co_await changes(ids.block_filter), "[]") << "each change is given once";
        EXPECT_EQ(co_await call("eth_getFilterLogs", "[" + ids.log_filter + "]"),
                  array_of({TestChain::log_json(chain->at(chain->head()))}));
        EXPECT_EQ(co_await counted("jumps"), 0U);
        subscriber_->close();
    });
}

TEST_F(ProxyFeed, what_a_reorganisation_replaces_is_taken_back) {
    auto& one = add();
    add();
    begin();
    on_loop([&]() -> Task<void> {
        const Ids ids = co_await follow_all();
        chain->grow(2);
        co_await subscriber_->told(ids.logs, 3);
        std::vector<std::string> headers = subscriber_->all(ids.heads);
        std::vector<std::string> logs = subscriber_->all(ids.logs);
        const auto old_last = chain->at(103);
        const auto old_first = chain->at(102);
        // Shown by the one that is left, while the other one is away.
        one.die();
        chain->replace(2, 0xb);
        co_await subscriber_->told(ids.logs, 8);
        logs.push_back(TestChain::log_json(old_last, true));
        logs.push_back(TestChain::log_json(old_first, true));
        for (std::uint64_t number = 102; number <= 104; ++number) {
            headers.push_back(header_of(chain->at(number)));
            logs.push_back(TestChain::log_json(chain->at(number)));
        }
        EXPECT_EQ(subscriber_->all(ids.heads), headers);
        EXPECT_EQ(subscriber_->all(ids.logs), logs);
        EXPECT_EQ(co_await changes(ids.log_filter), array_of(logs));
        EXPECT_EQ(co_await changes(ids.block_filter),
                  array_of({chain->at(101).hash, old_first.hash, old_last.hash, chain->at(102).hash,
                            chain->at(103).hash, chain->at(104).hash}));
        one.revive();
        subscriber_->close();
    });
}

TEST_F(ProxyFeed, a_log_is_taken_back_however_its_upstream_spells_it) {
    auto& upstream = add();
    begin();
    on_loop([&]() -> Task<void> {
        upstream.on("eth_getLogs", [&](Call made) -> Task<Said> {
            const std::string_view criteria = std::string_view(made.params).substr(1);
            const auto named = net::member_of(criteria, "blockHash");
            const auto* const block = chain->with_hash(named);
            const std::string log = "{ \"blockHash\" : " + std::string(named);
            if (block == nullptr || block->number != 101) co_return Said{"[]"};
            co_return Said{"[" + log + " }, " + log + ", \"removed\" : false }]"};
        });
        co_await subscriber_->connect(loop(), address_);
        const std::string id = co_await subscriber_->call("eth_subscribe", R"(["logs",{}])");
        chain->grow(1);
        co_await subscriber_->told(id, 2);
        const std::string hash = chain->at(101).hash;
        chain->replace(1, 0xb);
        co_await subscriber_->told(id, 4);
        EXPECT_EQ(subscriber_->all(id)[2], R"({"blockHash":)" + hash + R"(,"removed":true})");
        EXPECT_EQ(subscriber_->all(id)[3], subscriber_->all(id)[2]);
        subscriber_->close();
    });
}

TEST_F(ProxyFeed, subscriptions_and_filters_outlive_a_reload) {
    add();
    begin();
    Ids ids;
    on_loop([&]() -> Task<void> { ids = co_await follow_all(); });
    config.upstreams.clear();
    auto& other = add();
    reload();
    on_loop([&]() -> Task<void> {
        chain->grow(2);
        co_await subscriber_->told(ids.heads, 3);
        co_await subscriber_->told(ids.logs, 3);
        EXPECT_EQ(subscriber_->all(ids.heads).back(), header_of(chain->at(103)));
        EXPECT_EQ(co_await changes(ids.block_filter),
                  array_of({chain->at(101).hash, chain->at(102).hash, chain->at(103).hash}));
        EXPECT_GT(other.count("eth_getLogs"), 0U);
        // What was ended is told no more, and is somebody's own.
        EXPECT_EQ(co_await subscriber_->call("eth_unsubscribe", "[" + ids.logs + "]"), "true");
        EXPECT_NE((co_await subscriber_->call("eth_unsubscribe", "[" + ids.logs + "]")).find("not found"),
                  std::string::npos);
        EXPECT_EQ(co_await call("eth_uninstallFilter", "[" + ids.log_filter + "]"), "true");
        EXPECT_EQ(co_await call("eth_uninstallFilter", "[" + ids.log_filter + "]"), "false");
        EXPECT_NE((co_await changes(ids.log_filter)).find("filter not found"), std::string::npos);
        chain->grow(1);
        co_await subscriber_->told(ids.heads, 4);
        EXPECT_EQ(subscriber_->all(ids.logs).size(), 3U);
        subscriber_->close();
        co_await until("the subscription ends with its connection",
                       [](const json::Value& status) { return status["subscriptions"].text() == "0"; });
    });
}

TEST_F(ProxyFeed, a_filter_has_the_block_that_its_owner_saw_in_an_answer) {
    config.poll_ns = 3'600 * ns_per_s;
    add();
    add();
    begin();
    on_loop([&]() -> Task<void> {
        const std::string id = co_await call("eth_newBlockFilter", "[]");
        EXPECT_EQ(co_await changes(id), "[]");
        for (int round = 0; round < 5; ++round) {
            chain->grow(1);
            const auto& newest = chain->at(chain->head());
            EXPECT_EQ(co_await call("eth_getBlockByHash", "[" + newest.hash + ",false]"), TestChain::json(newest));
            EXPECT_EQ(co_await changes(id), array_of({newest.hash}));
        }
    });
}

TEST_F(ProxyFeed, transactions_that_wait_are_told_once_by_hash_or_whole) {
    auto& one = add();
    auto& other = add();
    begin();
    on_loop([&]() -> Task<void> {
        const auto hash = [](char digit) { return "\"0x" + std::string(64, digit) + "\""; };
        const auto whole = [&](char digit) { return R"({"hash":)" + hash(digit) + "}"; };
        char newest = '1';
        for (auto& upstream : upstreams_) {
            upstream->says("eth_newPendingTransactionFilter", "\"0x5\"");
            // Both know the same ones, and each call tells of all of them again.
            upstream->on("eth_getFilterChanges", [&](Call) -> Task<Said> {
                std::vector<std::string> all;
                for (char digit = '1'; digit <= newest; ++digit) all.push_back(hash(digit));
                co_return Said{array_of(all)};
            });
            upstream->on("eth_getTransactionByHash", [](Call made) -> Task<Said> {
                co_return Said{R"({"hash":)" + made.params.substr(1, made.params.size() - 2) + "}"};
            });
        }
        co_await subscriber_->connect(loop(), address_);
        const std::string hashes = co_await subscriber_->call("eth_subscribe", R"(["newPendingTransactions"])");
        const std::string wholes = co_await subscriber_->call("eth_subscribe", R"(["newPendingTransactions",true])");
        co_await subscriber_->told(hashes, 1);
        // The filter is made anew at the other one.
        auto& holds_filter = one.count("eth_newPendingTransactionFilter") > 0 ? one : other;
        holds_filter.die();
        newest = '3';
        co_await subscriber_->told(hashes, 3);
        co_await subscriber_->told(wholes, 3);
        EXPECT_EQ(subscriber_->all(hashes), (std::vector{hash('1'), hash('2'), hash('3')}));
        EXPECT_EQ(subscriber_->all(wholes), (std::vector{whole('1'), whole('2'), whole('3')}));
        holds_filter.revive();
        subscriber_->close();
    });
}

}  // namespace
}  // namespace weft::service::proxy
