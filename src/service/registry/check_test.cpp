#include "service/registry/check.hpp"

#include <gtest/gtest.h>

#include <fmt/format.h>

#include "net/http.hpp"

namespace weft::service::registry {
namespace {

TEST(registry_check, is_read_or_refused) {
    EXPECT_EQ(parse_check("")->kind, CheckKind::grpc);
    EXPECT_EQ(parse_check("grpc")->kind, CheckKind::grpc);
    EXPECT_EQ(parse_check("lease")->kind, CheckKind::lease);
    EXPECT_EQ(parse_check("http /health/ready")->path, "/health/ready");
    const auto rpc = parse_check("rpc lag=3  age=60");
    ASSERT_TRUE(rpc);
    EXPECT_EQ(rpc->lag_blocks, 3U);
    EXPECT_EQ(rpc->age_s, 60U);
    for (const auto* wrong : {"http", "http health", "rpc lag", "rpc lag=x", "rpc lag=-1", "tcp", "grpc now",
                              "http / x", "lease 3"}) {
        EXPECT_EQ(parse_check(wrong).error().code, ErrorCode::invalid_argument) << wrong;
    }
}

std::string head(std::uint64_t number, std::uint64_t time_s) {
    return fmt::format(R"({{"jsonrpc":"2.0","id":1,"result":{{"number":"{:#x}","timestamp":"{:#x}"}}}})", number,
                       time_s);
}

TEST(registry_check, a_head_is_fresh_enough_or_says_why_not) {
    const Check check{.kind = CheckKind::rpc, .lag_blocks = 8, .age_s = 60};
    const auto judged = [&](const std::string& body, std::uint64_t best) {
        return judge_head(check, body, best, 1'000);
    };
    EXPECT_TRUE(judged(head(100, 990), 100)->serving);
    EXPECT_TRUE(judged(head(92, 990), 100)->serving);
    EXPECT_TRUE(judged(head(101, 1'005), 100)->serving);  // its clock is before ours
    const auto behind = judged(head(91, 990), 100);
    EXPECT_FALSE(behind->serving);
    EXPECT_EQ(behind->detail, "9 blocks behind");
    EXPECT_EQ(behind->head, 91U);
    EXPECT_EQ(judged(head(100, 900), 100)->detail, "its head is 100 s old");
    EXPECT_TRUE(judge_head({.kind = CheckKind::rpc}, head(100, 1), 100, 1'000)->serving);
    EXPECT_EQ(judged(R"({"id":1,"error":{"code":-32000,"message":"syncing"}})", 0)->detail, "syncing");
    for (const auto* wrong : {"", "<html>", R"({"result":null})", R"({"result":{"number":"x"}})"}) {
        EXPECT_FALSE(judged(wrong, 0)) << wrong;
    }
}

}  // namespace
}  // namespace weft::service::registry
