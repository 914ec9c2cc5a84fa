#include "net/jsonrpc.hpp"

#include <gtest/gtest.h>

#include <map>

#include "net/loop.hpp"

namespace weft::net {
namespace {

struct jsonrpc : testing::Test {
    std::map<std::string, RpcMethod, std::less<>> methods;
    RpcLookup lookup = [this](std::string_view name) -> const RpcMethod* {
        const auto found = methods.find(name);
        return found == methods.end() ? nullptr : &found->second;
    };
    std::vector<std::string> called;
    std::vector<Promise<void>> gates;
    std::size_t running = 0;
    std::size_t running_most = 0;

    void SetUp() override {
        methods["echo"] = [this](const json::Value& params, CallContext& call) -> Task<std::string> {
            called.emplace_back(call.method);
            co_return json::to_string(params);
        };
        methods["b\"ck"] = methods["echo"];
        methods["long"] = [](const json::Value& params, CallContext&) -> Task<std::string> {
            co_return "\"" + std::string(std::stoul(params.items().at(0).text()), 'x') + "\"";
        };
        methods["fail"] = [](const json::Value& params, CallContext&) -> Task<std::string> {
            Error error{static_cast<ErrorCode>(std::stoi(params.items().at(0).text())), "what \"happened\"", {}, 0};
            if (params.items().size() > 1) error.detail = std::stoi(params.items()[1].text());
            if (params.items().size() > 2) error.data = {0xde, 0xad};
            co_return std::unexpected(error);
        };
        methods["gate"] = [this](const json::Value& params, CallContext&) { return gate(params.items().at(0).text()); };
    }
    Task<std::string> gate(std::string text) {
        running_most = std::max(running_most, ++running);
        auto open = gates.emplace_back().future();
        co_await std::move(open).wait();
        --running;
        co_return text;
    }
    std::string answer(std::string_view body, RpcLimits limits = {}) {
        return *run(dispatch(body, lookup, {}, limits));
    }
};

TEST_F(jsonrpc, answers_as_geth_does) {
    const struct {
        const char* name;
        const char* body;
        const char* want;
    } table[] = {
        {"number id", R"({"jsonrpc":"2.0","id":1,"method":"echo","params":[1,"a"]})",
         R"({"jsonrpc":"2.0","id":1,"result":[1,"a"]})"},
        {"string id", R"({"jsonrpc":"2.0","id":"a\u0041","method":"echo","params":[]})",
         R"({"jsonrpc":"2.0","id":"a\u0041","result":[]})"},
        {"large id", R"({"id":123456789012345678901234567890,"jsonrpc":"2.0","method":"echo"})",
         R"({"jsonrpc":"2.0","id":123456789012345678901234567890,"result":[]})"},
        {"fraction id", R"({"id":-1.50e3,"jsonrpc":"2.0","method":"echo"})",
         R"({"jsonrpc":"2.0","id":-1.50e3,"result":[]})"},
        {"null id", R"({"id":null,"jsonrpc":"2.0","method":"echo"})", R"({"jsonrpc":"2.0","id":null,"result":[]})"},
        {"white space", " \r\n{ \"jsonrpc\" : \"2.0\" ,\t\"id\" : 7 , \"method\" : \"echo\" , \"params\" : [ ] } \n",
         R"({"jsonrpc":"2.0","id":7,"result":[]})"},
        {"null params", R"({"jsonrpc":"2.0","id":1,"method":"echo","params":null})",
         R"({"jsonrpc":"2.0","id":1,"result":[]})"},
        {"named params", R"({"jsonrpc":"2.0","id":1,"method":"echo","params":{"a":[]}})",
         R"({"jsonrpc":"2.0","id":1,"result":{"a":[]}})"},
        {"unknown members", R"({"jsonrpc":"2.0","x":{"id":[2,"}"]},"id":1,"method":"echo"})",
         R"({"jsonrpc":"2.0","id":1,"result":[]})"},
        {"escaped method", R"({"jsonrpc":"2.0","id":1,"method":"b\"ck"})", R"({"jsonrpc":"2.0","id":1,"result":[]})"},
        {"method escaped needlessly", R"({"jsonrpc":"2.0","id":1,"method":"\u0065cho"})",
         R"({"jsonrpc":"2.0","id":1,"result":[]})"},
        {"first of equal keys",
         R"({"jsonrpc":"2.0","id":1,"id":2,"method":"echo","method":"x","params":[1],"params":[2]})",
         R"({"jsonrpc":"2.0","id":1,"result":[1]})"},
        {"notification", R"({"jsonrpc":"2.0","method":"echo"})", ""},
        {"failing notification", R"({"jsonrpc":"2.0","method":"none"})", ""},
        {"id that is none", R"({"jsonrpc":"2.0","id":[1],"method":"echo"})",
         R"({"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"invalid request"}})"},
        {"unknown method", R"({"jsonrpc":"2.0","id":1,"method":"eth_no\"ne"})",
         R"({"jsonrpc":"2.0","id":1,"error":{"code":-32601,)"
         R"("message":"the method eth_no\"ne does not exist/is not available"}})"},
        {"no method", R"({"jsonrpc":"2.0","id":1})",
         R"({"jsonrpc":"2.0","id":1,"error":{"code":-32600,"message":"invalid request"}})"},
        {"no version", R"({"id":1,"method":"echo"})",
         R"({"jsonrpc":"2.0","id":1,"error":{"code":-32600,"message":"invalid request"}})"},
        {"version 1", R"({"jsonrpc":"1.0","id":1,"method":"echo"})",
         R"({"jsonrpc":"2.0","id":1,"error":{"code":-32600,"message":"invalid request"}})"},
        {"number as method", R"({"jsonrpc":"2.0","id":1,"method":1})",
         R"({"jsonrpc":"2.0","id":1,"error":{"code":-32600,"message":"invalid request"}})"},
        {"empty object", "{}", R"({"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"invalid request"}})"},
        {"a string", R"("x")", R"({"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"invalid request"}})"},
        {"scalar params", R"({"jsonrpc":"2.0","id":1,"method":"echo","params":"x"})",
         R"({"jsonrpc":"2.0","id":1,"error":{"code":-32602,"message":"non-array args"}})"},
        {"empty batch", " [ ] ", R"({"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"empty batch"}})"},
        {"batch",
         R"([{"jsonrpc":"2.0","id":1,"method":"echo"},{"jsonrpc":"2.0","method":"echo"},1,)"
         R"({"jsonrpc":"2.0","id":"2","method":"none"}])",
         R"([{"jsonrpc":"2.0","id":1,"result":[]},)"
         R"({"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"invalid request"}},)"
         R"({"jsonrpc":"2.0","id":"2","error":{"code":-32601,)"
         R"("message":"the method none does not exist/is not available"}}])"},
        {"batch in a batch", R"([[{"jsonrpc":"2.0","id":1,"method":"echo"}]])",
         R"([{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"invalid request"}}])"},
        {"batch of notifications", R"([{"jsonrpc":"2.0","method":"echo"}])", ""},
    };
    for (const auto& row : table) {
        SCOPED_TRACE(row.name);
        EXPECT_EQ(answer(row.body), row.want);
    }
}

TEST_F(jsonrpc, what_is_no_json_is_a_parse_error) {
    const char* const bodies[] = {
        "", " ", "{", "}", "[", "]", "{]", "[}", "[,]", "[1,]", "[1 2]", "[1]x", "{}x", "tru", "\"", "\"\\", "nul",
        "\xff",
        "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{a:1}", "{\"a\" 1}", "{\"id\":01}", "{\"id\":tru}", "{\"id\":\"\\x\"}",
        "{\"id\":\"\n\"}", "{\"id\":\"\xff\"}", "{\"method\":\"\\ud800\"}",
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"echo\",\"params\":[tru]}",
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"echo\",\"params\":[1}]}",
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"echo\",\"params\":[]}]",
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"echo\",\"x\":-}",
        "[{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"echo\"},{]",
    };
    for (const char* body : bodies) {
        SCOPED_TRACE(body);
        const std::string got = answer(body);
        EXPECT_TRUE(got.starts_with(R"({"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":")")) << got;
        EXPECT_TRUE(json::parse(got));
    }
    EXPECT_TRUE(called.empty());
}

TEST_F(jsonrpc, errors_by_their_code) {
    const struct {
        const char* params;
        const char* error;
    } table[] = {
        {"[3]", R"({"code":-32602,"message":"what \"happened\""})"},
        {"[5]", R"({"code":-32000,"message":"what \"happened\""})"},
        {"[14]", R"({"code":-32000,"message":"what \"happened\""})"},
        {"[4]", R"({"code":-32000,"message":"what \"happened\""})"},
        {"[8]", R"({"code":-32005,"message":"what \"happened\""})"},
        {"[13]", R"({"code":-32603,"message":"what \"happened\""})"},
        {"[14,1]", R"({"code":-32000,"message":"what \"happened\""})"},
        {"[9,-32010]", R"({"code":-32010,"message":"what \"happened\""})"},
        {"[9,3,1]", R"({"code":3,"message":"what \"happened\"","data":"0xdead"})"},
    };
    for (const auto& row : table) {
        SCOPED_TRACE(row.params);
        EXPECT_EQ(answer(R"({"jsonrpc":"2.0","id":1,"method":"fail","params":)" + std::string(row.params) + "}"),
                  R"({"jsonrpc":"2.0","id":1,"error":)" + std::string(row.error) + "}");
    }
    EXPECT_EQ(rpc_code_of(rpc_fail(-32601, "x").error()), -32601);
}

TEST_F(jsonrpc, batches_have_a_limit) {
    const std::string item = R"({"jsonrpc":"2.0","method":"echo"})";
    std::string body = "[" + item;
    for (int i = 1; i < 1'000; ++i) body += "," + item;
    EXPECT_EQ(answer(body + "]"), "");
    EXPECT_EQ(called.size(), 1'000U);
    EXPECT_EQ(answer(body + "," + item + "]"),
              R"({"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"batch too large"}})");
    EXPECT_EQ(called.size(), 1'000U);
}

TEST_F(jsonrpc, responses_have_a_limit) {
    const RpcLimits limits{.response_bytes_max = 1'000};
    const auto item = [](int id, int size) {
        return R"({"jsonrpc":"2.0","id":)" + std::to_string(id) + R"(,"method":"long","params":[)" +
               std::to_string(size) + "]}";
    };
    EXPECT_EQ(answer(item(1, 2'000), limits),
              R"({"jsonrpc":"2.0","id":1,"error":{"code":-32003,"message":"response too large"}})");
    const std::string batch = answer("[" + item(1, 400) + "," + item(2, 900) + "," + item(3, 1) + "]", limits);
    EXPECT_NE(batch.find(R"("id":1,"result")"), std::string::npos);
    EXPECT_NE(batch.find(R"({"jsonrpc":"2.0","id":2,"error":{"code":-32003)"), std::string::npos);
    EXPECT_NE(batch.find(R"({"jsonrpc":"2.0","id":3,"error":{"code":-32003)"), std::string::npos);
}

TEST_F(jsonrpc, batch_items_run_at_once_and_answers_keep_their_order) {
    LoopGroup loops(1);
    loops.start();
    std::string body = "[";
    for (int i = 0; i < 10; ++i)
        body += (i > 0 ? "," : "") + (R"({"jsonrpc":"2.0","id":)" + std::to_string(i) +
                                      R"(,"method":"gate","params":[)" + std::to_string(i * 11) + "]}");
    body += "]";
    const auto on_loop = [&]() -> Task<std::string> {
        co_await switch_to(loops.loop(0));
        // Opens the gates, the last one first, whenever nothing else is to be done.
        std::move_only_function<void()> open = [&] {
            if (!gates.empty()) {
                Promise<void> last = std::move(gates.back());
                gates.pop_back();
                last.set({});
            }
            if (called.empty()) loops.loop(0).post([&] { open(); });
        };
        loops.loop(0).post([&] { open(); });
        std::string out = co_await dispatch(body, lookup, {}, {.concurrent_max = 4});
        called.emplace_back("done");
        co_await loops.loop(0).sleep_for(0);
        co_return out;
    };
    std::string want = "[";
    for (int i = 0; i < 10; ++i)
        want += (i > 0 ? "," : "") +
                (R"({"jsonrpc":"2.0","id":)" + std::to_string(i) + R"(,"result":)" + std::to_string(i * 11) + "}");
    EXPECT_EQ(*run(on_loop()), want + "]");
    EXPECT_EQ(running_most, 4U);
}

TEST_F(jsonrpc, notification_text) {
    EXPECT_EQ(rpc_notification("eth_subscription", R"({"subscription":"0x1","result":{}})"),
              R"({"jsonrpc":"2.0","method":"eth_subscription","params":{"subscription":"0x1","result":{}}})");
}

TEST(jsonrpc_body, is_json_and_named_so_where_a_page_sends_it) {
    const struct {
        const char* name;
        std::vector<Header> headers;
        bool taken;
    } table[] = {
        {"JSON", {{"content-type", "application/json"}}, true},
        {"with a parameter", {{"Content-Type", "application/json; charset=utf-8"}}, true},
        {"in capitals", {{"content-type", "Application/JSON"}}, true},
        {"JSON-RPC", {{"content-type", "application/json-rpc"}}, true},
        {"JSON request", {{"content-type", "application/jsonrequest"}}, true},
        {"JSON of a page", {{"origin", "https://a.example"}, {"content-type", "application/json"}}, true},
        {"no type", {}, true},
        {"no type, of a page", {{"origin", "https://a.example"}}, false},
        {"text", {{"content-type", "text/plain"}}, false},
        {"JSON in a text's parameter", {{"content-type", "text/plain; application/json"}}, false},
        {"a form", {{"content-type", "application/x-www-form-urlencoded"}}, false},
        {"a longer name", {{"content-type", "application/jsonp"}}, false},
        {"no media type", {{"content-type", ";"}}, false},
    };
    for (const auto& [name, headers, taken] : table) {
        SCOPED_TRACE(name);
        Request request;
        request.headers = headers;
        EXPECT_EQ(rpc_body_refusal(request).empty(), taken);
    }
}

}  // namespace
}  // namespace weft::net
