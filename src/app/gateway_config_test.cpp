#include "app/gateway_config.hpp"

#include <gtest/gtest.h>

namespace weft::app {
namespace {

std::string error_of(std::string_view text) {
    const auto out = parse_gateway_file("g.yaml", text);
    return out ? "" : out.error().message;
}

TEST(GatewayConfig, ReadsWhatItShows) {
    std::string text(gateway_file_example());
    // The example names a file that is not here.
    const auto jwt = text.find("jwt:");
    text.erase(jwt, text.find('\n', jwt) - jwt + 1);
    const auto out = parse_gateway_file("g.yaml", text);
    ASSERT_TRUE(out) << out.error().message;
    EXPECT_EQ(out->http, std::vector<std::string>{"127.0.0.1:8545"});
    ASSERT_EQ(out->proxy.upstreams.size(), 2U);
    EXPECT_EQ(out->proxy.upstreams[0].weight, 2U);
    EXPECT_TRUE(out->proxy.upstreams[1].fallback);
    EXPECT_EQ(out->proxy.upstreams[1].headers[0].second, "Bearer SECRET");
    EXPECT_EQ(out->proxy.chain_id, 1U);
    EXPECT_EQ(out->proxy.rules.at("eth_getLogs").quorum, 2U);
    EXPECT_EQ(out->proxy.rules.at("eth_getLogs").timeout_ns, 20 * ns_per_s);
    EXPECT_EQ(out->proxy.rules.at("eth_getLogs").cost, 10U);
    EXPECT_FALSE(out->proxy.rules.at("eth_getLogs").denied);
    EXPECT_EQ(out->proxy.rules.at("debug_*").denied, true);
    EXPECT_EQ(out->proxy.guard.keys[0].limits.per_day, 1'000'000U);
    EXPECT_EQ(out->proxy.guard.keys[0].methods.size(), 2U);
    EXPECT_TRUE(out->proxy.guard.open);
    EXPECT_EQ(out->proxy.guard.open_limits.burst, 20U);
    EXPECT_EQ(out->proxy.cache_bytes_max, 256U * 1024 * 1024);
    EXPECT_EQ(out->proxy.logs_blocks_max, 10'000U);
}

TEST(GatewayConfig, ErrorsNameTheLine) {
    EXPECT_EQ(error_of("upstreams:\n  - {url: http://a:1, wait: 3}"),
              "g.yaml:2: unknown key wait; want one of batch-items, batch-window, ca, connections, fallback, headers, "
              "id, url, weight");
    EXPECT_EQ(error_of("upstreams:\n  - id: a"), "g.yaml:2: an upstream needs an url");
    EXPECT_EQ(error_of("timeout: 30"), "g.yaml:1: want a duration like 250ms, 10s or 2m");
    EXPECT_EQ(error_of("\nattempts: 0"), "g.yaml:2: want a number from 1 to 8");
    EXPECT_EQ(error_of("chain-id: mainnet"), "g.yaml:1: want a number from 1 to 9223372036854775771");
    EXPECT_EQ(error_of("chain-id: 9223372036854775772"), "g.yaml:1: want a number from 1 to 9223372036854775771");
    EXPECT_EQ(error_of("open: maybe"), "g.yaml:1: want true or false");
    EXPECT_EQ(error_of("hedge-quantile: 1"), "g.yaml:1: want a share from 0 (never) to below 1, like 0.95");
    EXPECT_EQ(error_of("https: 0.0.0.0:1"), "g.yaml:1: https needs certificate and certificate-key");
    EXPECT_EQ(error_of("jwt: {}"), "g.yaml:1: jwt: want either secret-file or public-key-file");
    EXPECT_EQ(error_of("jwt: {secret-file: nowhere}"), "g.yaml:1: nowhere: can't be read");
    EXPECT_EQ(error_of("- 1"), "g.yaml:1: want a map");
    EXPECT_EQ(error_of("upstreams: [{url: http://a:1, headers: {\"A\\r\\nB\": c}}]"),
              "g.yaml:1: want a header's name and value");
    EXPECT_TRUE(error_of("a: [").starts_with("g.yaml:"));
}

TEST(GatewayConfig, AFileThatIsNotThere) {
    EXPECT_EQ(read_gateway_file("nowhere.yaml").error().code, ErrorCode::not_found);
}

}  // namespace
}  // namespace weft::app
