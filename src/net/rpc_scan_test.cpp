#include "net/rpc_scan.hpp"

#include <gtest/gtest.h>

#include <array>
#include <random>

#include "base/json.hpp"

namespace weft::net {
namespace {

std::int64_t code_of(std::string_view text) {
    const auto out = scan_request(text);
    return out ? 0 : static_cast<std::int64_t>(out.error().detail);
}

TEST(RpcScan, StringsEndWhereTheyEndAtEveryPlace) {
    for (std::size_t size = 0; size < 100; ++size) {
        for (std::size_t at = 0; at <= size; ++at) {
            std::string inner(size, 'x');
            for (const char* const middle : {"\\\"", "\\u00e9", "\\\\"}) {
                const std::string value = "\"" + std::string(inner).insert(at, middle) + "\"";
                EXPECT_EQ(member_of("{\"a\":" + value + "}", "a"), value);
                EXPECT_EQ(member_of("{\"a\":" + value + ",\"b\":1}", "b"), "1");
            }
            const std::string broken = "{\"a\":\"" + std::string(inner).insert(at, "\x1f") + "\",\"b\":1}";
            EXPECT_EQ(member_of(broken, "b"), "") << at << " of " << size;
        }
    }
}

TEST(RpcScan, FindsTheParts) {
    const auto out = scan_request(
        R"( {"jsonrpc":"2.0", "id": "a\"b", "method":"eth_call","params":[{"to":"0x1"}, "latest"],"more":[]} )");
    ASSERT_TRUE(out) << out.error().message;
    EXPECT_EQ(out->id, R"("a\"b")");
    EXPECT_EQ(out->method, "eth_call");
    EXPECT_EQ(out->params, R"([{"to":"0x1"}, "latest"])");
}

TEST(RpcScan, AbsentPartsAreEmpty) {
    const auto out = scan_request(R"({"jsonrpc":"2.0","method":"x","params":null})");
    ASSERT_TRUE(out);
    EXPECT_TRUE(out->id.empty());
    EXPECT_TRUE(out->params.empty());
}

TEST(RpcScan, RefusesWhatIsNoJson) {
    for (const std::string_view text :
         {"", "{", "nul", R"({"jsonrpc":"2.0","id":1,"method":"x")", R"({"jsonrpc":"2.0","id":01,"method":"x"})",
          R"({"jsonrpc":"2.0","id":1,"method":"x"}})", R"({"jsonrpc":"2.0","id":1,"method":"x",})",
          R"({"jsonrpc":"2.0","id":1,"method":"x","params":[1,]})", "{\"jsonrpc\":\"2.0\",\"method\":\"a\nb\"}",
          R"({"jsonrpc":"2.0","id":1,"method":"x","params":["\x"]})", R"({'jsonrpc':"2.0"})",
          "{\"jsonrpc\":\"2.0\",\"method\":\"a\",\"b\xe1\":1}"}) {
        EXPECT_EQ(code_of(text), -32700) << text;
    }
}

TEST(RpcScan, RefusesWhatIsNoRequest) {
    for (const std::string_view text :
         {"1", "[]", R"({"id":1,"method":"x"})", R"({"jsonrpc":"2.0","id":1})",
          R"({"jsonrpc":"2.0","id":1,"method":1})", R"({"jsonrpc":"2.0","id":{},"method":"x"})",
          R"({"jsonrpc":"2.0","id":1,"method":"x","params":"y"})",
          R"({"jsonrpc":"2.0","id":1,"method":"eth_call","method":"debug_traceCall"})",
          R"({"jsonrpc":"2.0","id":1,"method":"eth_call","\u006dethod":"debug_traceCall"})",
          R"({"jsonrpc":"2.0","id":1,"method":"eth\u005fcall"})", R"({"jsonrpc":"1.0","id":1,"method":"x"})"}) {
        EXPECT_EQ(code_of(text), -32600) << text;
    }
}

TEST(RpcScan, NestingIsBounded) {
    const std::string deep = std::string(100'000, '[') + std::string(100'000, ']');
    EXPECT_EQ(code_of(R"({"jsonrpc":"2.0","id":1,"method":"x","params":)" + deep + "}"), -32700);
    const std::string fine = std::string(100, '[') + std::string(100, ']');
    EXPECT_EQ(code_of(R"({"jsonrpc":"2.0","id":1,"method":"x","params":)" + fine + "}"), 0);
}

TEST(RpcScan, WalksOverABatch) {
    BatchScanner batch(" [ {\"a\":[1,2]} , 3,\"x\" ] ");
    EXPECT_EQ(batch.next().value(), R"({"a":[1,2]})");
    EXPECT_EQ(batch.next().value(), "3");
    EXPECT_EQ(batch.next().value(), "\"x\"");
    EXPECT_EQ(batch.next().value(), "");
    EXPECT_EQ(BatchScanner("[]").next().value(), "");
    for (const std::string_view text : {"[1,]", "[1 2]", "[1", "[", "[1]]", "[,1]", "[]x"}) {
        BatchScanner bad(text);
        bool refused = false;
        for (int i = 0; i < 4 && !refused; ++i) refused = !bad.next();
        EXPECT_TRUE(refused) << text;
    }
}

TEST(RpcScan, ReadsReplies) {
    const auto good = scan_reply(R"({"jsonrpc":"2.0","id":7,"result":{"a":"b"}})");
    ASSERT_TRUE(good);
    EXPECT_EQ(good->id, "7");
    EXPECT_EQ(good->result, R"({"a":"b"})");
    const auto bad = scan_reply(R"({"id":7,"error":{"code":-32005,"message":"limit \"x\""},"jsonrpc":"2.0"})");
    ASSERT_TRUE(bad);
    EXPECT_EQ(bad->code, -32005);
    EXPECT_EQ(bad->message, R"(limit \"x\")");
    EXPECT_TRUE(scan_reply(R"({"id":1,"result":null,"error":null})"));
    for (const std::string_view text :
         {"", "null", R"({"id":1})", R"({"id":1,"result":1,"result":2})", R"({"id":1,"result":1)"}) {
        EXPECT_FALSE(scan_reply(text)) << text;
    }
}

TEST(RpcScan, MembersAndItems) {
    EXPECT_EQ(member_of(R"({"a":1,"b":{"c":2}})", "b"), R"({"c":2})");
    EXPECT_EQ(member_of(R"({"a":1})", "b"), "");
    std::array<std::string_view, 2> items;
    EXPECT_EQ(items_of(R"([1,"two",[3]])", items.data(), items.size()), 3U);
    EXPECT_EQ(items[1], "\"two\"");
    EXPECT_EQ(items_of("{}", items.data(), items.size()), std::string_view::npos);
    EXPECT_EQ(without_space("[ {\"a b\" : 1 } ,\n2]"), R"([{"a b":1},2])");
    EXPECT_EQ(rpc_result_text("1", "\"0x2\""), R"({"jsonrpc":"2.0","id":1,"result":"0x2"})");
    EXPECT_EQ(rpc_error_text("", R"({"code":1})"), R"({"jsonrpc":"2.0","id":null,"error":{"code":1}})");
}

/// What the tree reader takes, the scanner takes, and nothing else.
TEST(RpcScan, AgreesWithTheReader) {
    std::mt19937 random(11);
    const std::string alphabet = "{}[]\",:\\ 01-.eEtruefalsn\n\t/u\x01\x7f";
    const std::string seed = R"({"a":[1,-2.5e3,true,null,"x\u00e9\n"],"b":{"c":[[]],"d":""}})";
    int both = 0;
    for (int i = 0; i < 200'000; ++i) {
        std::string text = seed;
        for (unsigned n = random() % 4; n > 0; --n) text[random() % text.size()] = alphabet[random() % alphabet.size()];
        const std::size_t end = skip_value(text, 0, json::depth_max);
        const bool scanned =
            end != std::string_view::npos && first_character(std::string_view(text).substr(end)) == '\0';
        const bool read = json::parse(text).has_value();
        ASSERT_EQ(scanned, read) << text;
        both += scanned;
    }
    EXPECT_GT(both, 20'000);
}

}  // namespace
}  // namespace weft::net
