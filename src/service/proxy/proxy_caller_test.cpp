// Who calls, how much, and with what: keys, tokens, limits, and bodies that nobody means well with.

#include <gtest/gtest.h>

#include "base/time.hpp"
#include "crypto/sha2.hpp"
#include "net/grpc.hpp"
#include "net/test_peer.hpp"
#include "net/websocket.hpp"
#include "net/websocket_codec.hpp"
#include "service/proxy/test_proxy.hpp"

namespace weft::service::proxy {
namespace {

const std::string secret = "0123456789abcdef0123456789abcdef";

std::string_view as_text(BytesView bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }
Hash sha256_of(std::string_view text) {
    return crypto::sha256({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
}

/// @source RFC 2104.
std::string hmac(std::string key, const std::string& text) {
    key.resize(64, '\0');
    std::string inner = key;
    std::string outer = key;
    for (char& c : inner) c ^= 0x36;
    for (char& c : outer) c ^= 0x5c;
    return std::string(as_text(sha256_of(outer + std::string(as_text(sha256_of(inner + text).view()))).view()));
}

std::string url64(std::string_view bytes) {
    std::string out = net::to_base64(bytes);
    std::ranges::replace(out, '+', '-');
    std::ranges::replace(out, '/', '_');
    while (out.ends_with('=')) out.pop_back();
    return out;
}

std::string token(const std::string& header, const std::string& claims, const std::string& key = secret) {
    const std::string text = url64(header) + "." + url64(claims);
    return "Bearer " + text + "." + url64(hmac(key, text));
}

class ProxyCaller : public testing::ProxyTest {
  protected:
    Task<int> status_for(Headers headers, std::string path = "/") {
        co_return (co_await post(request("eth_chainId", "[]"), std::move(headers), std::move(path))).status;
    }
    /// Over grpc-web, where an ordinary client can send a key; gRPC's own calls are admitted by the same function.
    Task<std::string> grpc_status(std::string method, std::string key) {
        net::Fetch fetch;
        fetch.method = "POST";
        fetch.endpoint = address_;
        fetch.target = "/weft.chain.v1.Chain/" + method;
        fetch.content_type = "application/grpc-web+proto";
        fetch.body = std::string(5, '\0');
        fetch.headers = {{"Origin", "https://app.example"}};
        if (!key.empty()) fetch.headers.emplace_back("X-API-Key", std::move(key));
        const auto reply = co_await client_->fetch(mesh::Context::with_timeout(20 * ns_per_s), std::move(fetch));
        EXPECT_EQ(reply.status, 200);
        EXPECT_EQ(header_of(reply, "Access-Control-Allow-Origin"), "*");
        const auto at = reply.body.find("grpc-status: ");
        co_return at == std::string::npos ? "" : reply.body.substr(at + 13, reply.body.find('\r', at) - at - 13);
    }
    static std::string header_of(const net::Reply& reply, std::string_view name) {
        return std::string(reply.header(name));
    }
};

TEST_F(ProxyCaller, a_key_has_its_own_limits_and_is_told_when_to_come_again) {
    config.rules["eth_getLogs"].cost = 5;
    config.guard.keys = {{"slow", "key-of-slow", "", {1, 3, 0}, {}},
                         {"daily", "key-of-daily", "", {0, 0, 4}, {}},
                         {"few", "key-of-few", "", {}, {"eth_chain*", "eth_blockNumber"}},
                         {"all", "key-of-all", "", {}, {}}};
    add();
    begin();
    on_loop([&]() -> Task<void> {
        EXPECT_EQ(co_await status_for({}), 401);
        EXPECT_EQ(co_await status_for({{"X-API-Key", "key-of-slo"}}), 401);
        const Headers slow = {{"X-API-Key", "key-of-slow"}};
        for (int i = 0; i < 3; ++i) EXPECT_EQ(co_await status_for(slow), 200);
        const auto refused = co_await post(request("eth_chainId", "[]"), slow);
        EXPECT_EQ(refused.status, 429);
        EXPECT_EQ(header_of(refused, "Retry-After"), "1");
        EXPECT_NE(refused.body.find("-32005"), std::string::npos) << refused.body;
        // Of a batch each call is counted, and told.
        const auto batch = co_await post("[" + request("eth_chainId", "[]") + "]", slow);
        EXPECT_EQ(batch.status, 200);
        EXPECT_NE(batch.body.find("-32005"), std::string::npos) << batch.body;
        // The same key in the path is the same caller.
        EXPECT_EQ(co_await status_for({}, "/key-of-slow"), 429);
        const Headers daily = {{"Authorization", "Bearer key-of-daily"}};
        const auto costly = co_await post(request("eth_getLogs", R"([{"fromBlock":"0x1","toBlock":"0x1"}])"), daily);
        EXPECT_EQ(costly.status, 429) << "it costs five of four";
        for (int i = 0; i < 4; ++i) EXPECT_EQ(co_await status_for(daily), 200);
        const auto tomorrow = co_await post(request("eth_chainId", "[]"), daily);
        EXPECT_EQ(tomorrow.status, 429);
        EXPECT_LE(std::stoll(header_of(tomorrow, "Retry-After")), 86'401);
        EXPECT_EQ(co_await call("eth_chainId", "[]", {{"X-API-Key", "key-of-few"}}), "\"0x1\"");
        EXPECT_NE((co_await call("eth_getBalance", R"(["0x1"])", {{"X-API-Key", "key-of-few"}})).find("-32601"),
                  std::string::npos);
        // What is no method can't be on its list.
        for (const char* path : {"/graphql", "/v1/accounts/0x1111111111111111111111111111111111111111"}) {
            const std::string query = R"({"query":"{ chainID }"})";
            EXPECT_EQ((co_await post(query, {{"X-API-Key", "key-of-few"}}, path)).status, 403);
            EXPECT_NE((co_await post(query, {{"X-API-Key", "key-of-all"}}, path)).status, 403);
        }
    });
}

TEST_F(ProxyCaller, keys_and_limits_are_those_of_grpc_too) {
    config.guard.keys = {{"slow", "key-of-slow", "", {1, 3, 0}, {}}, {"few", "key-of-few", "", {}, {"eth_chain*"}}};
    add();
    begin();
    on_loop([&]() -> Task<void> {
        EXPECT_EQ(co_await grpc_status("GetHead", ""), "16");
        EXPECT_EQ(co_await grpc_status("GetHead", "key-of-nobody"), "16");
        EXPECT_EQ(co_await grpc_status("GetHead", "key-of-few"), "7");
        for (int i = 0; i < 3; ++i) EXPECT_EQ(co_await grpc_status("GetHead", "key-of-slow"), "0");
        EXPECT_EQ(co_await grpc_status("GetHead", "key-of-slow"), "8");
    });
    net::GrpcClient client(loops_, address_.to_string());
    const auto ask = [&](std::string_view method) {
        return run(client.call(mesh::Context::with_timeout(20 * ns_per_s), method, {}));
    };
    EXPECT_EQ(ask("weft.chain.v1.Chain/GetHead").error().code, ErrorCode::unauthenticated);
    EXPECT_TRUE(ask("grpc.health.v1.Health/Check")) << "how the gateway is needs no key";
}

TEST_F(ProxyCaller, what_is_asked_by_a_facade_costs_what_its_methods_cost) {
    config.rules["eth_getBlockByNumber"].cost = 4;
    for (const char* method : {"eth_chainId", "web3_clientVersion"}) config.rules[method].cost = 0;
    // A block by REST asks for the block and for the one that is final.
    config.guard.keys = {{"rest", "key-of-rest", "", {0, 0, 18}, {}},
                         {"graphql", "key-of-graphql", "", {0, 0, 10}, {}},
                         {"grpc", "key-of-grpc", "", {0, 0, 10}, {}},
                         {"free", "key-of-free", "", {0, 0, 10}, {}}};
    add().says("web3_clientVersion", "\"test\"");
    begin();
    on_loop([&]() -> Task<void> {
        for (int i = 0; i < 4; ++i) {
            SCOPED_TRACE(i);
            // Two requests cost most of it; those that follow are let in as one call and stopped at their methods.
            const auto rest = co_await get("/v1/blocks/5", {{"X-API-Key", "key-of-rest"}});
            EXPECT_EQ(rest.status, i < 2 ? 200 : 429) << rest.body;
            EXPECT_EQ(header_of(rest, "Retry-After"), i < 2 ? "" : "1");
            const auto graph = co_await post(R"({"query":"{ block(number: 5) { hash } }"})",
                                             {{"X-API-Key", "key-of-graphql"}}, "/graphql");
            EXPECT_EQ(graph.body.find("too many calls") != std::string::npos, i >= 2) << graph.body;
            EXPECT_EQ(co_await grpc_status("GetHead", "key-of-grpc"), i < 2 ? "0" : "8");
        }
        for (int i = 0; i < 10; ++i) EXPECT_EQ(co_await grpc_status("GetChainId", "key-of-free"), "0") << i;
        EXPECT_EQ(co_await grpc_status("GetChainId", "key-of-free"), "8") << "a request is one call at least";
    });
}

TEST_F(ProxyCaller, only_a_token_that_was_signed_and_holds_now_is_one) {
    config.guard.jwt = std::make_shared<net::JwtKey>(*net::JwtKey::secret(secret));
    config.guard.jwt_limits = {1, 2, 0};
    add();
    begin();
    const std::string hs256 = R"({"alg":"HS256","typ":"JWT"})";
    const std::string alice = R"({"sub":"alice"})";
    const std::string long_ago = R"({"sub":"alice","exp":1000})";
    const std::string unsigned_text = url64(R"({"alg":"none"})") + "." + url64(alice);
    on_loop([&]() -> Task<void> {
        for (const auto& bad :
             {std::string("Bearer x.y.z"), "Bearer " + unsigned_text + ".", "Bearer " + unsigned_text,
              token(R"({"alg":"none"})", alice), token(hs256, alice, "another secret of thirty-two bytes"),
              token(hs256, long_ago), token(hs256, R"({"sub":"alice","nbf":99999999999})"), token(hs256, "{}"),
              token(R"({"alg":"RS256"})", alice), std::string("Basic YWxpY2U6")}) {
            const auto reply = co_await post(request("eth_chainId", "[]"), {{"Authorization", bad}});
            EXPECT_EQ(reply.status, 401) << bad;
            EXPECT_EQ(header_of(reply, "WWW-Authenticate"), "Bearer");
        }
        EXPECT_EQ(upstreams_[0]->calls.size(), 1U) << "the gateway's own question";
        const auto now = static_cast<std::int64_t>(unix_seconds());
        const std::string good = token(hs256, R"({"sub":"alice","exp":)" + std::to_string(now + 600) + "}");
        EXPECT_EQ(co_await status_for({{"Authorization", good}}), 200);
        // Limits are the subject's, whatever tokens he has.
        EXPECT_EQ(co_await status_for({{"Authorization", token(hs256, alice)}}), 200);
        EXPECT_EQ(co_await status_for({{"Authorization", good}}), 429);
        EXPECT_EQ(co_await status_for({{"Authorization", token(hs256, R"({"sub":"bob"})")}}), 200);
    });
}

/// A client's WebSocket, whose key is its path.
struct Socket {
    Task<void> connect(net::Loop& loop, net::Endpoint address, std::string key) {
        net::WebSocketHandler handler;
        handler.on_message = [this](net::SessionPtr, std::string text) -> Task<void> {
            texts.push_back(std::move(text));
            co_return;
        };
        handler.on_close = [this](const net::SessionPtr&, std::uint16_t with) { code = with; };
        session = co_await net::connect_websocket(loop, mesh::Context::with_timeout(20 * ns_per_s),
                                                  "ws://" + address.to_string() + "/" + key, std::move(handler));
    }
    net::SessionPtr session;
    std::vector<std::string> texts;
    std::uint16_t code = 0;
};

TEST_F(ProxyCaller, a_reload_closes_the_sockets_of_those_who_may_come_no_more) {
    const std::string alice = token(R"({"alg":"HS256"})", R"({"sub":"alice"})").substr(7);
    config.guard.keys = {{"gone", "key-of-gone", "", {}, {}}, {"stays", "key-of-stays", "", {}, {}}};
    config.guard.jwt = std::make_shared<net::JwtKey>(*net::JwtKey::secret(secret));
    auto& upstream = add();
    begin();
    testing::Gate gate;
    constexpr std::size_t each = 6;  // so that all loops have some
    std::vector<Socket> gone(each);
    std::vector<Socket> stays(each);
    std::vector<Socket> tokens(each);
    on_loop([&]() -> Task<void> {
        for (std::size_t i = 0; i < each; ++i) {
            co_await gone[i].connect(loop(), address_, "key-of-gone");
            co_await stays[i].connect(loop(), address_, "key-of-stays");
            co_await tokens[i].connect(loop(), address_, alice);
            for (auto* const one : {&gone[i], &stays[i], &tokens[i]}) {
                one->session->send(request("eth_subscribe", R"(["newHeads"])"));
            }
        }
        co_await until("all have subscribed",
                       [](const json::Value& status) { return status["subscriptions"].text() == "18"; });
        upstream.holds("vendor_slow", gate);
        for (auto* const one : {&gone[0], &stays[0]}) one->session->send(request("vendor_slow", "[]", 2));
        co_await gate.arrivals(2);
    });
    // What else is read again closes nothing.
    reload();
    const auto closed = [](const std::vector<Socket>& sockets, std::uint16_t code) {
        return std::ranges::all_of(sockets, [&](const Socket& one) { return one.code == code; });
    };
    on_loop([&]() -> Task<void> {
        co_await status();
        for (const auto* const some : {&gone, &stays, &tokens}) EXPECT_TRUE(closed(*some, 0));
    });
    config.guard.keys.erase(config.guard.keys.begin());
    config.guard.keys[0].methods = {"eth_chainId"};
    config.guard.jwt = std::make_shared<net::JwtKey>(*net::JwtKey::secret("another secret of thirty-two bytes"));
    reload();
    on_loop([&]() -> Task<void> {
        co_await until("they are closed", [&](const json::Value& status) {
            return closed(gone, net::close_code::policy) && closed(tokens, net::close_code::policy) &&
                   status["subscriptions"].text() == "6";
        });
        gate.open();
        EXPECT_TRUE(closed(stays, 0));
        for (auto& one : stays) one.session->send(request("eth_getBalance", balance_at(1), 3));
        co_await until("the others are answered", [&](const json::Value&) {
            return stays[0].texts.size() == 3 &&
                   std::ranges::all_of(stays, [](const Socket& one) { return one.texts.size() >= 2; });
        });
        for (const auto& one : stays) EXPECT_NE(one.texts.back().find("-32601"), std::string::npos) << one.texts.back();
        EXPECT_EQ(gone[0].texts.size(), 1U) << "what was under way is not answered";
        for (auto& one : stays) one.session->close(net::close_code::normal, "");
        co_await until("no subscription is left",
                       [](const json::Value& status) { return status["subscriptions"].text() == "0"; });
    });
}

TEST_F(ProxyCaller, an_address_that_is_only_claimed_has_no_limits_of_its_own) {
    config.guard.open_limits = {1, 2, 0};
    add();
    begin();
    on_loop([&]() -> Task<void> {
        for (int i = 0; i < 6; ++i) {
            const std::string claimed = "10.0.0." + std::to_string(i);
            EXPECT_EQ(co_await status_for({{"X-Forwarded-For", claimed}}), i < 2 ? 200 : 429) << i;
        }
    });
    config.guard.trusted_proxies = {"127.0.0.1"};
    reload();
    on_loop([&]() -> Task<void> {
        // Of a proxy that is trusted the last one counts: what is before it the caller may have written himself.
        for (int i = 0; i < 6; ++i) {
            const std::string chain = "10.0.0." + std::to_string(i) + ", 10.1.1.1";
            EXPECT_EQ(co_await status_for({{"X-Forwarded-For", chain}}), i < 2 ? 200 : 429) << i;
        }
        EXPECT_EQ(co_await status_for({{"X-Forwarded-For", "10.1.1.2"}}), 200);
    });
}

TEST_F(ProxyCaller, what_nobody_should_reach_is_closed_unless_a_rule_opens_it) {
    config.rules["admin_peers"].denied = false;
    config.rules["trace_*"].denied = true;
    auto& upstream = add();
    begin();
    on_loop([&]() -> Task<void> {
        for (const char* method : {"admin_peers", "admin_addPeer", "engine_newPayloadV3", "trace_block"}) {
            upstream.says(method, "\"reached\"");
            const bool is_open = method == std::string_view("admin_peers");
            EXPECT_EQ((co_await call(method, "[]")) == "\"reached\"", is_open) << method;
            EXPECT_EQ(upstream.count(method), is_open ? 1U : 0U) << method;
        }
    });
}

TEST_F(ProxyCaller, bodies_that_mean_no_good_are_refused_and_the_next_call_is_served) {
    config.http.body_bytes_max = 2 * 1024 * 1024;
    auto& upstream = add();
    begin();
    const std::string deep(100'000, '[');
    std::string bomb = "[";
    for (int i = 0; i <= 1'000; ++i) bomb += "1,";
    bomb.back() = ']';
    const std::string long_text(1024 * 1024, 'a');
    const struct {
        const char* name;
        std::string body;
        const char* status;
        const char* says;
        std::string headers = {};
    } table[] = {
        {"no JSON", "{\"", "200", "-32700"},
        {"nothing", "", "200", "-32700"},
        {"a name twice", R"({"jsonrpc":"2.0","id":1,"method":"eth_chainId","method":"admin_peers"})", "200", "-32600"},
        {"an escaped name", R"({"jsonrpc":"2.0","id":1,"m\u0065thod":"eth_chainId"})", "200", "-32600"},
        {"an escaped method", R"({"jsonrpc":"2.0","id":1,"method":"\u0061dmin_peers"})", "200", "-32600"},
        {"deep arrays", deep, "200", "-32700"},
        {"deep params", R"({"jsonrpc":"2.0","id":1,"method":"eth_chainId","params":)" + deep, "200", "-32700"},
        {"deep and closed",
         R"({"jsonrpc":"2.0","id":1,"method":"eth_chainId","params":)" + deep + std::string(100'000, ']') + "}", "200",
         "-32700"},
        {"too many items", bomb, "200", "batch too large"},
        {"no item", "[]", "200", "empty batch"},
        {"an object as id", R"({"jsonrpc":"2.0","id":{},"method":"eth_chainId"})", "200", "-32600"},
        {"a long method", R"({"jsonrpc":"2.0","id":1,"method":")" + long_text + "\"}", "200", "-32601"},
        {"too long", "\"" + long_text + long_text + "\"", "413", ""},
        {"text", request("eth_chainId", "[]"), "415", "content type", "Content-Type: text/plain\r\n"},
        {"of a page, without a type", request("eth_chainId", "[]"), "415", "", "Origin: https://a.example\r\n"},
        {"compressed", request("eth_chainId", "[]"), "415", "compressed", "Content-Encoding: gzip\r\n"},
        {"too long a header", "", "431", "", "X: " + std::string(40'000, 'x') + "\r\n"},
    };
    for (const auto& [name, body, status, says, headers] : table) {
        SCOPED_TRACE(name);
        net::TestPeer peer(address_);
        peer.send("POST / HTTP/1.1\r\nHost: a\r\n" + headers + "Content-Length: " + std::to_string(body.size()) +
                  "\r\n\r\n" + body);
        const std::string reply = peer.response();
        EXPECT_EQ(reply.substr(9, 3), status);
        EXPECT_NE(reply.find(says), std::string::npos) << reply.substr(0, 500);
        net::TestPeer next(address_);
        const std::string good = request("eth_getBalance", R"(["0x1","0x10"])");
        net::TestPeer& same = std::string_view(status) == "200" ? peer : next;
        same.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(good.size()) + "\r\n\r\n" + good);
        EXPECT_NE(same.response().find(R"("result":"0x10")"), std::string::npos);
    }
    on_loop([&]() -> Task<void> {
        EXPECT_EQ(upstream.count("eth_chainId"), 1U) << "the gateway's own question";
        // A huge id is the client's own, and comes back.
        const std::string id = "\"" + long_text + "\"";
        const auto reply =
            co_await post(R"({"jsonrpc":"2.0","id":)" + id + R"(,"method":"eth_getBalance","params":["0x1","0x10"]})");
        EXPECT_EQ(net::member_of(reply.body, "id"), id);
        EXPECT_EQ(net::member_of(reply.body, "result"), "\"0x10\"");
    });
}

TEST_F(ProxyCaller, a_batch_of_very_many_items_takes_no_more_stack_than_one) {
    config.limits.batch_items_max = 1'000'000;
    add();
    begin();
    on_loop([&]() -> Task<void> {
        constexpr std::size_t count = 200'000;
        std::string body = "[";
        for (std::size_t i = 0; i < count; ++i) body += "1,";
        body.back() = ']';
        const auto reply = co_await post(body);
        std::string_view none;
        EXPECT_EQ(net::items_of(reply.body, &none, 1), count) << reply.body.substr(0, 200);
    });
}

TEST_F(ProxyCaller, names_of_no_method_leave_room_to_learn_what_upstreams_lack) {
    auto& lacking = add();
    auto& other = add();
    begin();
    on_loop([&]() -> Task<void> {
        for (int i = 0; i < 300; ++i) static_cast<void>(co_await call("none_" + std::to_string(i), "[]"));
        other.says("trace_block", "[]");
        for (int i = 10; i < 30; ++i) {
            EXPECT_EQ(co_await call("trace_block", "[\"0x" + std::to_string(i) + "\"]"), "[]");
        }
        EXPECT_LE(lacking.count("trace_block"), 1U);
    });
}

}  // namespace
}  // namespace weft::service::proxy
