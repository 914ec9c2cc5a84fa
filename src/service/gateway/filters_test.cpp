// Filters and subscriptions: each event once, in order, across reorganisations and restarts of storage.

#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>

#include "base/hex.hpp"
#include "net/http_client.hpp"
#include "net/websocket.hpp"
#include "service/gateway/fake_node.hpp"

namespace weft::service::gateway {
namespace {

using testing::Fixture;

std::string id_params(const std::string& id_json) { return "[" + id_json + "]"; }
std::string hashes(const std::vector<api::SealedBlockPtr>& blocks) {
    json::Writer out;
    out.begin_array();
    for (const auto& block : blocks) out.data(block->hash);
    out.end_array();
    return out.take();
}

TEST(filters, give_each_block_once) {
    Fixture fixture;
    const std::string filter = fixture.result("eth_newBlockFilter");
    EXPECT_EQ(fixture.result("eth_getFilterChanges", id_params(filter)), "[]");
    const auto one = fixture.node.grow({});
    const auto two = fixture.node.grow({});
    EXPECT_EQ(fixture.result("eth_getFilterChanges", id_params(filter)), hashes({one, two}));
    EXPECT_EQ(fixture.result("eth_getFilterChanges", id_params(filter)), "[]");
    EXPECT_EQ(fixture.result("eth_uninstallFilter", id_params(filter)), "true");
    EXPECT_EQ(fixture.result("eth_uninstallFilter", id_params(filter)), "false");
    EXPECT_EQ(fixture.error("eth_getFilterChanges", id_params(filter)), "-32000 filter not found");
}

TEST(filters, take_logs_back_that_a_reorganisation_removed) {
    Fixture fixture;
    const std::string filter =
        fixture.result("eth_newFilter", "[{\"address\":\"" + to_hex(fixture.node.account) + "\"}]");
    fixture.node.grow({fixture.node.transaction(0)});
    fixture.node.shrink();
    fixture.node.grow({fixture.node.transaction(1)}, 1);
    const auto logs = json::parse(fixture.result("eth_getFilterChanges", id_params(filter)));
    ASSERT_EQ(logs->items().size(), 3U);
    const bool removed[] = {false, true, false};
    for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(logs->items()[i]["removed"].as_boolean(), removed[i]) << i;
    EXPECT_EQ(logs->items()[0]["transactionHash"].text(), logs->items()[1]["transactionHash"].text());
}

TEST(filters, match_addresses_and_topics_by_position) {
    Fixture fixture;
    const auto tx = fixture.node.transaction(0);
    const std::string topic = "\"" + to_hex(tx->hash) + "\"";
    const std::string other = "\"0x" + std::string(64, '7') + "\"";
    const std::vector<std::pair<std::string, std::size_t>> table = {
        {"{}", 1},
        {"{\"topics\":[" + topic + "]}", 1},
        {"{\"topics\":[null]}", 1},
        {"{\"topics\":[[" + other + "," + topic + "]]}", 1},
        {"{\"topics\":[[" + other + ",null]]}", 1},
        {"{\"topics\":[[]]}", 1},
        {"{\"topics\":[" + other + "]}", 0},
        {"{\"topics\":[null,null]}", 0},
        {"{\"address\":[]}", 1},
        {"{\"address\":\"0x0000000000000000000000000000000000000001\"}", 0},
        {"{\"fromBlock\":\"0x2\"}", 0},
        {"{\"toBlock\":\"0x0\"}", 0},
    };
    std::vector<std::string> ids;
    for (const auto& [query, count] : table) ids.push_back(fixture.result("eth_newFilter", "[" + query + "]"));
    fixture.node.grow({tx});
    for (std::size_t i = 0; i < table.size(); ++i) {
        SCOPED_TRACE(table[i].first);
        EXPECT_EQ(json::parse(fixture.result("eth_getFilterChanges", id_params(ids[i])))->items().size(),
                  table[i].second);
    }
}

TEST(filters, lose_and_repeat_nothing_when_storage_restarts) {
    Fixture fixture;
    const std::string filter = fixture.result("eth_newBlockFilter");
    const auto one = fixture.node.grow({});
    EXPECT_EQ(fixture.result("eth_getFilterChanges", id_params(filter)), hashes({one}));
    const auto two = fixture.node.grow({});
    const auto three = fixture.node.grow({});
    fixture.node.restart();
    EXPECT_EQ(fixture.result("eth_getFilterChanges", id_params(filter)), hashes({two, three}));
    const auto four = fixture.node.grow({});
    EXPECT_EQ(fixture.result("eth_getFilterChanges", id_params(filter)), hashes({four}));
}

TEST(filters, see_a_reorganisation_that_happened_while_storage_restarted) {
    Fixture fixture;
    const std::string blocks = fixture.result("eth_newBlockFilter");
    const std::string logs = fixture.result("eth_newFilter", "[{}]");
    fixture.node.grow({fixture.node.transaction(0)});
    EXPECT_NE(fixture.result("eth_getFilterChanges", id_params(logs)), "[]");
    EXPECT_NE(fixture.result("eth_getFilterChanges", id_params(blocks)), "[]");
    fixture.node.shrink();
    const auto replaced = fixture.node.grow({fixture.node.transaction(1)}, 1);
    const auto next = fixture.node.grow({}, 1);
    fixture.node.restart();
    EXPECT_EQ(fixture.result("eth_getFilterChanges", id_params(blocks)), hashes({replaced, next}));
    const auto changes = json::parse(fixture.result("eth_getFilterChanges", id_params(logs)));
    ASSERT_EQ(changes->items().size(), 2U);
    EXPECT_TRUE(changes->items()[0]["removed"].as_boolean());
    EXPECT_FALSE(changes->items()[1]["removed"].as_boolean());
}

TEST(filters, are_forgotten_when_nobody_asks) {
    GatewayConfig config;
    config.filter_timeout_ns = -1;
    Fixture fixture(config);
    const std::string filter = fixture.result("eth_newBlockFilter");
    EXPECT_EQ(fixture.error("eth_getFilterChanges", id_params(filter)), "-32000 filter not found");
}

TEST(filters, give_pending_transactions_once_whole_or_by_hash) {
    Fixture fixture;
    const std::string by_hash = fixture.result("eth_newPendingTransactionFilter");
    const std::string whole = fixture.result("eth_newPendingTransactionFilter", "[true]");
    const auto tx = fixture.node.transaction(0);
    {
        const std::lock_guard lock(fixture.node.mutex);
        fixture.node.pending_events.push_back(tx);
    }
    EXPECT_EQ(fixture.result("eth_getFilterChanges", id_params(by_hash)), "[\"" + to_hex(tx->hash) + "\"]");
    EXPECT_EQ((json::parse(fixture.result("eth_getFilterChanges", id_params(whole)))->items().at(0))["hash"].text(),
              to_hex(tx->hash));
    EXPECT_EQ(fixture.result("eth_getFilterChanges", id_params(by_hash)), "[]");
}

TEST(logs, past_the_head_are_none_yet) {
    Fixture fixture;
    EXPECT_EQ(fixture.result("eth_getLogs", R"([{"fromBlock":"0x5"}])"), "[]");
    EXPECT_EQ(json::parse(fixture.result("eth_getLogs", R"([{"fromBlock":"0x0"}])"))->items().size(), 1U);
}

/// What a WebSocket client has got so far.
class Inbox {
  public:
    void add(std::string text) {
        const std::lock_guard lock(mutex_);
        messages_.push_back(std::move(text));
        changed_.notify_all();
    }
    std::string wait_for(std::size_t index) {
        std::unique_lock lock(mutex_);
        changed_.wait_for(lock, std::chrono::seconds(20), [&] { return messages_.size() > index; });
        return messages_.size() > index ? messages_[index] : "nothing came";
    }

  private:
    std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<std::string> messages_;
};

TEST(subscriptions, send_heads_after_the_answer_that_names_them) {
    Fixture fixture;
    ASSERT_TRUE(fixture.gateway.listen("127.0.0.1:0"));
    const auto inbox = std::make_shared<Inbox>();
    net::WebSocketHandler handler;
    handler.on_message = [inbox](net::SessionPtr, std::string text) -> Task<void> {
        inbox->add(std::move(text));
        co_return;
    };
    const auto session =
        run(net::connect_websocket(fixture.loop(), mesh::Context::with_timeout(5 * ns_per_s),
                                   "ws://" + fixture.gateway.local_address().to_string() + "/", handler));
    ASSERT_TRUE(session) << session.error().message;
    (*session)->send(R"({"jsonrpc":"2.0","id":7,"method":"eth_subscribe","params":["newHeads"]})");
    const auto answer = json::parse(inbox->wait_for(0));
    ASSERT_TRUE(answer);
    EXPECT_EQ((*answer)["id"].text(), "7");
    const std::string id = (*answer)["result"].text();
    const auto block = fixture.node.grow({});
    const auto notice = json::parse(inbox->wait_for(1));
    ASSERT_TRUE(notice);
    EXPECT_EQ((*notice)["method"].text(), "eth_subscription");
    EXPECT_EQ((*notice)["params"]["subscription"].text(), id);
    EXPECT_EQ((*notice)["params"]["result"]["hash"].text(), to_hex(block->hash));
    EXPECT_EQ((*notice)["params"]["result"].find("transactions"), nullptr);
    (*session)->send(R"({"jsonrpc":"2.0","id":8,"method":"eth_unsubscribe","params":[")" + id + "\"]}");
    EXPECT_EQ(inbox->wait_for(2), R"({"jsonrpc":"2.0","id":8,"result":true})");
    (*session)->send(R"({"jsonrpc":"2.0","id":9,"method":"eth_subscribe","params":["newspaper"]})");
    EXPECT_NE(inbox->wait_for(3).find(R"(no \"newspaper\" subscription in eth namespace)"), std::string::npos);
    (*session)->close(net::close_code::normal, "");
}

TEST(http, serves_health_metrics_and_the_rules_of_browsers) {
    Fixture fixture;
    ASSERT_TRUE(fixture.gateway.listen("127.0.0.1:0"));
    const std::string base = "http://" + fixture.gateway.local_address().to_string();
    net::HttpClient client(fixture.loop());
    const auto fetch = [&](std::string method, std::string target, std::string body, std::string type,
                           std::vector<std::pair<std::string, std::string>> headers = {}) {
        net::Fetch request = *net::Fetch::post(base + target, std::move(body));
        request.method = std::move(method);
        request.content_type = std::move(type);
        request.headers = std::move(headers);
        return *run(client.fetch(mesh::Context::with_timeout(5 * ns_per_s), request));
    };
    const std::string ask = R"({"jsonrpc":"2.0","id":"a","method":"eth_chainId"})";
    EXPECT_EQ(fetch("POST", "/", ask, "application/json; charset=utf-8").body,
              R"({"jsonrpc":"2.0","id":"a","result":"0x7a69"})");
    EXPECT_EQ(fetch("POST", "/", ask, "text/plain").status, 415);
    EXPECT_EQ(fetch("POST", "/", ask, "application/json", {{"Content-Encoding", "gzip"}}).status, 415);
    EXPECT_EQ(fetch("PUT", "/", ask, "application/json").status, 405);
    EXPECT_EQ(fetch("POST", "/nowhere", ask, "application/json").status, 404);
    EXPECT_EQ(fetch("GET", "/healthz", "", "").status, 200);
    EXPECT_EQ(fetch("GET", "/readyz", "", "").status, 200);
    fixture.node.storage_error = Error{ErrorCode::unavailable, "gone", {}, 0};
    EXPECT_EQ(fetch("GET", "/readyz", "", "").status, 503);
    const auto metrics = fetch("GET", "/metrics", "", "");
    EXPECT_NE(metrics.body.find(R"(weft_gateway_requests_total{method="eth_chainId"})"), std::string::npos);
    EXPECT_NE(metrics.body.find("weft_gateway_http_connections"), std::string::npos);
    const auto preflight =
        fetch("OPTIONS", "/", "", "", {{"Origin", "http://page"}, {"Access-Control-Request-Headers", "content-type"}});
    EXPECT_EQ(preflight.status, 204);
    EXPECT_EQ(preflight.header("access-control-allow-origin"), "*");
    EXPECT_EQ(preflight.header("access-control-allow-headers"), "content-type");
}

TEST(http, lets_in_only_the_origins_it_is_told) {
    GatewayConfig config;
    config.cors.origins = {"http://good"};
    Fixture fixture(config);
    ASSERT_TRUE(fixture.gateway.listen("127.0.0.1:0"));
    net::HttpClient client(fixture.loop());
    const auto allowed = [&](std::string origin) {
        net::Fetch request = *net::Fetch::post("http://" + fixture.gateway.local_address().to_string() + "/", "{}");
        request.headers = {{"Origin", std::move(origin)}};
        const auto reply = *run(client.fetch(mesh::Context::with_timeout(5 * ns_per_s), request));
        return std::string(reply.header("access-control-allow-origin"));
    };
    EXPECT_EQ(allowed("http://good"), "http://good");
    EXPECT_EQ(allowed("http://evil"), "");
}

}  // namespace
}  // namespace weft::service::gateway
