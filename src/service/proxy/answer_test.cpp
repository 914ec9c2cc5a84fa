#include "service/proxy/answer.hpp"

#include <gtest/gtest.h>

#include "service/proxy/cache.hpp"

namespace weft::service::proxy {
namespace {

using enum mesh::AttemptOutcome;

Verdict of(const char* method, std::string body, bool is_current = true) {
    return judge_text(method_of(method), std::move(body), is_current);
}
std::string error(int code, const std::string& message) {
    return R"({"jsonrpc":"2.0","id":1,"error":{"code":)" + std::to_string(code) + R"(,"message":")" + message + "\"}}";
}

TEST(Answer, JudgesWhatNodesSay) {
    struct Case {
        const char* method;
        int code;
        const char* message;
        mesh::AttemptOutcome outcome;
        Hint hint;
    };
    for (const auto& one : {
             Case{"eth_call", 3, "execution reverted: no", refused, Hint::none},
             Case{"eth_call", -32000, "insufficient funds for gas * price + value", refused, Hint::none},
             Case{"eth_call", -32000, "header not found", unable, Hint::lagging},
             Case{"eth_call", -32000, "missing trie node 0xab (path )", unable, Hint::pruned},
             Case{"eth_call", -32000, "required historical state unavailable (reexec=128)", unable, Hint::pruned},
             Case{"eth_call", -32601, "the method eth_call does not exist/is not available", unable, Hint::no_method},
             Case{"eth_call", -32005, "daily request count exceeded", overloaded, Hint::limited},
             Case{"eth_call", -32603, "Internal error", unable, Hint::none},
             Case{"eth_sendTransaction", -32603, "Internal error", refused, Hint::none},
             Case{"eth_call", -32602, "invalid argument 0", refused, Hint::none},
             Case{"eth_getLogs", -32602, "block range extends beyond current head block", unable, Hint::lagging},
             Case{"eth_getLogs", -32602, "BlockOutOfRangeError: block height is 37 but requested was 38", unable,
                  Hint::lagging},
             Case{"eth_getBalance", -32602, "Received invalid block tag 31. Latest block number is 29", unable,
                  Hint::lagging},
             Case{"eth_getLogs", -32005, "query returned more than 10000 results", refused, Hint::too_wide},
             Case{"eth_getLogs", -32600, "block range is too wide", refused, Hint::too_wide},
             Case{"eth_sendRawTransaction", -32000, "already known", refused, Hint::known},
             Case{"eth_sendRawTransaction", -32000, "nonce too low", refused, Hint::spent},
         }) {
        const auto verdict = of(one.method, error(one.code, one.message));
        EXPECT_EQ(verdict.outcome, one.outcome) << one.message;
        EXPECT_EQ(verdict.hint, one.hint) << one.message;
        ASSERT_TRUE(verdict.answer);
        EXPECT_EQ(verdict.answer->parts.code, one.code);
    }
}

TEST(Answer, WhatIsNoJsonRpcErrorIsNoAnswer) {
    const auto verdict = judge_text(method_of("eth_call"), R"({"error":"the server is busy"})", true);
    EXPECT_EQ(verdict.outcome, mesh::AttemptOutcome::lost);
    EXPECT_EQ(verdict.answer, nullptr);
}

TEST(Answer, NothingIsNothingOnlyIfTheNodeIsCurrent) {
    const std::string nothing = R"({"jsonrpc":"2.0","id":1,"result":null})";
    EXPECT_EQ(of("eth_getTransactionReceipt", nothing, true).outcome, good);
    EXPECT_EQ(of("eth_getTransactionReceipt", nothing, false).outcome, unable);
    EXPECT_EQ(of("eth_sendRawTransaction", nothing, false).outcome, good);
}

TEST(Answer, WhatIsNoReplyIsALostCall) {
    for (const char* text : {"", "<html>", "{}", "[]", R"({"id":1,"result":1}x)"}) {
        EXPECT_EQ(of("eth_call", text).outcome, lost) << text;
        EXPECT_FALSE(of("eth_call", text).answer);
    }
}

TEST(Answer, HttpStatuses) {
    const auto with = [](int status, std::string body = "oops") {
        net::Reply reply;
        reply.status = status;
        reply.body = std::move(body);
        return judge(method_of("eth_call"), std::move(reply), true);
    };
    EXPECT_EQ(with(429).outcome, overloaded);
    EXPECT_EQ(with(403).hint, Hint::denied);
    EXPECT_EQ(with(502).outcome, lost);
    EXPECT_EQ(with(404).outcome, unable);
    EXPECT_EQ(with(400, error(3, "execution reverted")).outcome, refused);
    EXPECT_EQ(judge(method_of("eth_call"), std::unexpected(Error{ErrorCode::unavailable, "", {}, 1}), true).outcome,
              unsent);
    EXPECT_EQ(judge(method_of("eth_call"), fail(ErrorCode::unavailable, ""), true).outcome, lost);
}

TEST(Answer, RendersUnderTheClientsId) {
    auto answer = of("eth_chainId", R"({"id":1,"jsonrpc":"2.0","result":"0x1"})").answer;
    const auto shared = answer;
    EXPECT_EQ(render(answer, "\"me\""), R"({"jsonrpc":"2.0","id":"me","result":"0x1"})");
    EXPECT_EQ(render(shared, "1"), R"({"jsonrpc":"2.0","id":1,"result":"0x1"})");
    EXPECT_EQ(render(of("eth_chainId", R"({"id":7,"result":"0x1"})").answer, "7"), R"({"id":7,"result":"0x1"})");
    EXPECT_EQ(render(make_error(-32000, "a \"b\""), "2"),
              R"({"jsonrpc":"2.0","id":2,"error":{"code":-32000,"message":"a \"b\""}})");
}

TEST(Cache, KeepsUpToItsBytesAndForgetsTheOldest) {
    Cache cache(64 * 1024);
    const auto answer = [] { return make_answer("\"" + std::string(1'000, 'x') + "\""); };
    for (int i = 0; i < 100; ++i) {
        cache.put("key" + std::to_string(i), answer(), 0, true, 0);
        ASSERT_LE(cache.bytes(), 64U * 1024);
        ASSERT_TRUE(cache.find("key0", 1, 0)) << "it is used all the time";
    }
    EXPECT_FALSE(cache.find("key1", 1, 0));
    EXPECT_TRUE(cache.find("key99", 1, 0));
    cache.put("big", make_answer("\"" + std::string(32 * 1024, 'x') + "\""), 0, true, 0);
    EXPECT_FALSE(cache.find("big", 1, 0)) << "one answer shall not push out all others";
}

TEST(Cache, TimeAndEpoch) {
    Cache cache(64 * 1024);
    cache.put("a", make_answer("1"), 100, false, 5);
    EXPECT_TRUE(cache.find("a", 99, 5));
    EXPECT_FALSE(cache.find("a", 100, 5));
    cache.put("a", make_answer("1"), 0, false, 5);
    EXPECT_FALSE(cache.find("a", 1, 6)) << "the chain has changed its mind";
    cache.put("a", make_answer("1"), 0, true, 5);
    EXPECT_TRUE(cache.find("a", 1, 6)) << "what is final is not touched by it";
    cache.clear(8);
    EXPECT_EQ(cache.bytes(), 0U);
    cache.put("a", make_answer("1"), 0, true, 7);
    EXPECT_FALSE(cache.find("a", 1, 8)) << "asked for before all was forgotten";
    cache.put("a", make_answer("1"), 0, true, 8);
    EXPECT_TRUE(cache.find("a", 1, 8));
}

}  // namespace
}  // namespace weft::service::proxy
