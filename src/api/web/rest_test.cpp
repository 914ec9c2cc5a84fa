#include "api/web/rest.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "api/web/facade.hpp"
#include "api/web/test_chain.hpp"

namespace weft::api::web {
namespace {

struct Got {
    int status = 0;
    std::string body;
    std::string type;
    std::map<std::string, std::string> headers;
};

struct Fixture {
    TestChain chain;
    Facade facade{chain.call()};

    Got send(std::string_view method, std::string_view target, std::string_view body = "",
             std::vector<net::Header> headers = {}) {
        net::Request request;
        request.method = method;
        request.target = target;
        request.path = target.substr(0, target.find('?'));
        request.query = target.find('?') == std::string_view::npos ? "" : target.substr(target.find('?') + 1);
        request.body = body;
        request.headers = headers;
        auto answer = facade.answer(mesh::Context::with_timeout(ns_per_s), request);
        if (!answer) return {};
        const auto response = *run(*std::move(answer));
        return {response.status,
                response.body,
                std::string(response.content_type),
                {response.headers.begin(), response.headers.end()}};
    }
    Got get(std::string_view target) { return send("GET", target); }
    /// Of the problem that is the answer.
    std::string field(std::string_view target) {
        const Got got = get(target);
        EXPECT_EQ(got.status, 400) << got.body;
        EXPECT_EQ(got.type, "application/problem+json");
        return (*json::parse(got.body))["field"].text();
    }
};

TEST(rest, serves_each_resource) {
    struct Case {
        std::string target;
        std::string starts;
    };
    const std::string account = "/v1/accounts/" + TestChain::address(1);
    const std::string block_2 = R"({"block":")" + TestChain::block_hash(2) + R"(",)";
    const Case cases[] = {
        {"/v1/chain", R"({"chainId":"0x7a69","client":"test","head":{"number":"0x2",)"},
        {"/v1/blocks?from=1&limit=1", R"({"blocks":[{"number":"0x1",)"},
        {"/v1/blocks/latest", R"({"number":"0x2",)"},
        {"/v1/blocks/finalized", R"({"number":"0x1",)"},
        {"/v1/blocks/2", R"({"number":"0x2",)"},
        {"/v1/blocks/0x2", R"({"number":"0x2",)"},
        {"/v1/blocks/" + TestChain::block_hash(3) + "/", R"({"number":"0x3",)"},
        {"/v1/blocks/2/transactions?offset=99",
         block_2 + R"("count":100,"transactions":[{"hash":")" + TestChain::tx_hash(99) + "\""},
        {"/v1/blocks/2/transactions/7", R"({"hash":")" + TestChain::tx_hash(7) + "\""},
        {"/v1/blocks/2/receipts?limit=1", block_2 + R"("count":100,"receipts":[{"transactionHash":")"},
        {"/v1/transactions/" + TestChain::tx_hash(0), R"({"hash":")" + TestChain::tx_hash(0) + "\""},
        {"/v1/transactions/" + TestChain::tx_hash(0) + "/receipt", R"({"transactionHash":")"},
        {account, R"({"address":")" + TestChain::address(1) + R"(","block":")" + TestChain::block_hash(2) +
                      R"(","balance":"0x10","nonce":"0x3","codeSize":2})"},
        {account + "/storage/5?block=1",
         R"({"block":")" + TestChain::block_hash(1) + R"(","data":")" + TestChain::word(5) + "\"}"},
        {account + "/code", block_2 + R"("data":"0x6001"})"},
        {"/v1/logs?from=1&span=1", R"({"from":"0x1","to":"0x1","logs":[{"address":)"},
    };
    for (const auto& one : cases) {
        SCOPED_TRACE(one.target);
        Fixture fixture;
        const Got got = fixture.get(one.target);
        EXPECT_EQ(got.status, 200);
        EXPECT_EQ(got.type, "application/json");
        EXPECT_TRUE(got.body.starts_with(one.starts)) << got.body.substr(0, 300);
    }
}

TEST(rest, pages_say_where_the_next_one_begins) {
    Fixture fixture;
    EXPECT_TRUE(fixture.get("/v1/blocks/2/receipts?limit=1").body.ends_with(R"(],"next":1})"));
    EXPECT_TRUE(fixture.get("/v1/blocks/2/receipts?offset=99").body.ends_with(R"(],"next":null})"));
    EXPECT_TRUE(fixture.get("/v1/blocks/2/receipts?offset=1000").body.ends_with(R"("receipts":[],"next":null})"));
    EXPECT_TRUE(fixture.get("/v1/blocks?from=2&limit=2").body.ends_with(R"(],"next":"0x0"})"));
    EXPECT_TRUE(fixture.get("/v1/blocks?from=2&limit=3").body.ends_with(R"(],"next":null})"));
    EXPECT_TRUE(fixture.get("/v1/logs?from=0&to=2&span=2").body.ends_with(R"(],"next":"0x2"})"));
    EXPECT_TRUE(fixture.get("/v1/logs?from=0&to=2").body.ends_with(R"(],"next":null})"));
}

TEST(rest, names_the_parameter_that_is_wrong) {
    Fixture fixture;
    EXPECT_EQ(fixture.field("/v1/blocks/newest"), "block");
    EXPECT_EQ(fixture.field("/v1/blocks/-1"), "block");
    EXPECT_EQ(fixture.field("/v1/blocks/0x"), "block");
    EXPECT_EQ(fixture.field("/v1/blocks/1?full=yes"), "full");
    EXPECT_EQ(fixture.field("/v1/blocks/1?full=true&full=true"), "full");
    EXPECT_EQ(fixture.field("/v1/blocks/1?colour=red"), "colour");
    EXPECT_EQ(fixture.field("/v1/blocks/1?block=2"), "block");
    EXPECT_EQ(fixture.field("/v1/blocks/1/transactions?limit=0"), "limit");
    EXPECT_EQ(fixture.field("/v1/blocks/1/transactions?limit=1001"), "limit");
    EXPECT_EQ(fixture.field("/v1/blocks/1/transactions/x"), "index");
    EXPECT_EQ(fixture.field("/v1/transactions/0x12"), "hash");
    EXPECT_EQ(fixture.field("/v1/accounts/0x12"), "address");
    EXPECT_EQ(fixture.field("/v1/logs?topic0=0x1"), "topic0");
    EXPECT_EQ(fixture.field("/v1/logs?from=3&to=1"), "from");
    EXPECT_EQ(fixture.field("/v1/logs?block=" + TestChain::block_hash(1) + "&from=1"), "block");
    std::string many = "/v1/logs?address=";
    for (std::size_t i = 0; i <= net::RestCall::list_items_max; ++i) many += TestChain::address(i) + ",";
    many.pop_back();
    EXPECT_EQ(fixture.field(many), "address");
    EXPECT_EQ(fixture.get("/v1/blocks/%zz").status, 400);
    EXPECT_EQ(fixture.get("/v1/blocks?a=%").status, 400);
}

TEST(rest, statuses_say_what_happened) {
    Fixture fixture;
    EXPECT_EQ(fixture.get("/v1/blocks/77").status, 404);
    EXPECT_EQ(fixture.get("/v1/transactions/" + TestChain::word(1)).status, 404);
    EXPECT_EQ(fixture.get("/v1/blocks/2/transactions/100").status, 404);
    EXPECT_EQ(fixture.get("/v1/nothing").status, 404);
    EXPECT_EQ(fixture.get("/v1").status, 404);
    EXPECT_EQ(fixture.get("/elsewhere").status, 0) << "not one of these";
    EXPECT_EQ(fixture.get("/v1/validators").status, 501);
    const Got away = fixture.get("/v1/fees");
    EXPECT_EQ(away.status, 501) << "no eth_feeHistory here: " << away.body;
    const Got wrong_method = fixture.send("DELETE", "/v1/blocks/1");
    EXPECT_EQ(wrong_method.status, 405);
    EXPECT_EQ(wrong_method.headers.at("Allow"), "GET, HEAD, OPTIONS");
    EXPECT_EQ(fixture.send("HEAD", "/v1/blocks/1").status, 200);
    EXPECT_EQ(fixture.send("HEAD", "/v1/call").status, 405);
    EXPECT_EQ(fixture.send("GET", "/v1/call").headers.at("Allow"), "POST, OPTIONS");
    EXPECT_EQ(fixture.send("POST", "/v1/call", "{}", {{"content-type", "text/plain"}}).status, 415);
    const auto post = [&](std::string_view target, std::string_view body) {
        return fixture.send("POST", target, body, {{"content-type", "application/json"}});
    };
    const Got sent = post("/v1/transactions", R"({"raw":"0x12"})");
    EXPECT_EQ(sent.status, 202);
    EXPECT_EQ(sent.headers.at("Location"), "/v1/transactions/" + TestChain::tx_hash(0));
    const Got refused = post("/v1/transactions", R"({"raw":"0x00"})");
    EXPECT_EQ(refused.status, 422);
    EXPECT_EQ(refused.body, R"({"type":"about:blank","title":"Unprocessable Content","status":422,)"
                            R"("detail":"nonce too low","code":-32000})");
    EXPECT_EQ(post("/v1/call", R"({"data":"0x","block":"latest"})").body,
              R"({"success":false,"output":"0xab","error":"reverted"})");
    EXPECT_EQ(post("/v1/estimate", R"({"value":5})").body, R"({"gas":"0x5208"})");
    for (const auto* bad : {"", "[]", "{", R"({"raw":3.5})", R"({"raw":"12"})", R"({"other":"0x"})", R"({"raw":null})",
                            R"({"raw":["0x12"]})", "{}"}) {
        SCOPED_TRACE(bad);
        EXPECT_EQ(post("/v1/transactions", bad).status, 400);
    }
}

TEST(rest, caches_keep_what_can_not_change) {
    Fixture fixture;
    const auto cache = [&](std::string_view target) { return fixture.get(target).headers.at("Cache-Control"); };
    const std::string forever = "public, max-age=31536000, immutable";
    EXPECT_EQ(cache("/v1/blocks/1"), forever);
    EXPECT_EQ(cache("/v1/blocks/" + TestChain::block_hash(2)), forever);
    EXPECT_EQ(cache("/v1/blocks/2"), "no-cache");
    EXPECT_EQ(cache("/v1/blocks/finalized"), "no-cache") << "another one tomorrow";
    EXPECT_EQ(cache("/v1/logs?from=0&to=1"), forever);
    EXPECT_EQ(cache("/v1/logs?from=0"), "no-cache");
    EXPECT_EQ(cache("/v1/transactions/" + TestChain::tx_hash(0)), "no-cache") << "its block is not final";
    EXPECT_EQ(cache("/v1/blocks/77"), "no-store");
    const Got first = fixture.get("/v1/blocks/1");
    const std::string etag = first.headers.at("ETag");
    const Got again = fixture.send("GET", "/v1/blocks/1", "", {{"if-none-match", "\"x\", W/" + etag}});
    EXPECT_EQ(again.status, 304);
    EXPECT_TRUE(again.body.empty());
    EXPECT_EQ(fixture.send("GET", "/v1/blocks/0", "", {{"if-none-match", etag}}).status, 200);
}

TEST(rest, the_document_has_every_route) {
    Fixture fixture;
    const Got got = fixture.get("/openapi.json");
    EXPECT_EQ(got.status, 200);
    const auto document = *json::parse(got.body);
    EXPECT_EQ(document["openapi"].text(), "3.1.0");
    const Rest rest(fixture.chain.call());
    for (const auto& route : rest.table().routes) {
        SCOPED_TRACE(route.id);
        const json::Value& operation = document["paths"][route.path][route.method == "GET" ? "get" : "post"];
        EXPECT_EQ(operation["operationId"].text(), route.id);
        EXPECT_EQ(operation["parameters"].items().size(), route.parameters.size());
        EXPECT_TRUE(document["components"]["schemas"].find(route.reply) != nullptr) << route.reply;
    }
}

}  // namespace
}  // namespace weft::api::web
