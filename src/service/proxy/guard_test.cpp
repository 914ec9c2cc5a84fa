#include "service/proxy/guard.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>

#include "base/hex.hpp"
#include "crypto/sha2.hpp"

namespace weft::service::proxy {
namespace {

struct Call {
    std::string peer = "10.0.0.1:5000";
    std::string path = "/";
    std::vector<net::Header> headers = {};

    [[nodiscard]] net::Request request() const {
        net::Request out;
        out.method = "POST";
        out.path = path;
        out.peer = peer;
        out.headers = headers;
        return out;
    }
};

GuardConfig with_keys() {
    GuardConfig out;
    out.keys = {{"alice", "secret-a", "", {10, 5, 0}, {"eth_*", "net_version"}}, {"bob", "secret-b", "", {}, {}}};
    return out;
}

TEST(Guard, AKeyInAHeaderOrThePath) {
    const auto guard = *Guard::make(with_keys());
    EXPECT_EQ((*guard->admit(Call{.headers = {{"Authorization", "Bearer secret-a"}}}.request(), 0))->name(), "alice");
    EXPECT_EQ((*guard->admit(Call{.headers = {{"X-API-Key", "secret-b"}}}.request(), 0))->name(), "bob");
    EXPECT_EQ((*guard->admit(Call{.path = "/secret-b"}.request(), 0))->name(), "bob");
    for (const auto& call : {Call{}, Call{.path = "/wrong"}, Call{.headers = {{"X-API-Key", "secret-c"}}},
                             Call{.headers = {{"Authorization", "Basic secret-a"}}}}) {
        const auto out = guard->admit(call.request(), 0);
        ASSERT_FALSE(out);
        EXPECT_EQ(out.error().code, ErrorCode::unauthenticated);
    }
}

TEST(Guard, WhatWasShownIsLookedAtAgain) {
    const auto guard = *Guard::make(with_keys());
    auto later = with_keys();
    later.keys.pop_back();
    const auto without_bob = *Guard::make(later);
    for (const auto& call : {Call{.headers = {{"Authorization", "Bearer secret-b"}}},
                             Call{.headers = {{"X-API-Key", "secret-b"}}}, Call{.path = "/secret-b"}}) {
        const Credentials shown(call.request());
        EXPECT_EQ((*guard->admit(shown, 0))->name(), "bob");
        EXPECT_EQ(without_bob->admit(shown, 0).error().code, ErrorCode::unauthenticated);
    }
    GuardConfig open;
    open.open = true;
    open.open_limits.per_second = 1;
    open.trusted_proxies = {"10.0.0.1"};
    const Call forwarded{.headers = {{"X-Forwarded-For", "192.0.2.7"}}};
    EXPECT_EQ((*(*Guard::make(open))->admit(Credentials(forwarded.request()), 0))->name(), "192.0.2.7");
}

TEST(Guard, AKeyByItsDigest) {
    GuardConfig config;
    const std::string key = "secret-a";
    config.keys = {
        {"alice",
         "",
         to_hex_digits(crypto::sha256({reinterpret_cast<const std::uint8_t*>(key.data()), key.size()}).view()),
         {},
         {}}};
    EXPECT_TRUE((*Guard::make(config))->admit(Call{.path = "/secret-a"}.request(), 0));
    std::ranges::transform(config.keys[0].key_sha256, config.keys[0].key_sha256.begin(), ::toupper);
    EXPECT_TRUE((*Guard::make(config))->admit(Call{.path = "/secret-a"}.request(), 0));
    config.keys[0].key_sha256[0] = 'x';
    EXPECT_FALSE(Guard::make(config));
}

TEST(Guard, RefusesConfigurationsThatCanNotBeMeant) {
    EXPECT_FALSE(Guard::make({.keys = {{"", "x", "", {}, {}}}}));
    EXPECT_FALSE(Guard::make({.keys = {{"a", "", "", {}, {}}}}));
    EXPECT_FALSE(Guard::make({.keys = {{"a", "", "abc", {}, {}}}}));
    EXPECT_FALSE(Guard::make({.keys = {{"a", "x", "", {}, {}}, {"b", "x", "", {}, {}}}}));
}

TEST(Guard, MethodsOfAKey) {
    const auto guard = *Guard::make(with_keys());
    const auto alice = *guard->admit(Call{.path = "/secret-a"}.request(), 0);
    EXPECT_TRUE(alice->may_call("eth_call"));
    EXPECT_TRUE(alice->may_call("net_version"));
    EXPECT_FALSE(alice->may_call("net_peerCount"));
    EXPECT_FALSE(alice->may_call("debug_traceCall"));
}

TEST(Guard, LimitsOfACaller) {
    Caller caller("a", {10, 5, 0}, {});
    std::int64_t now = ns_per_s;
    for (int i = 0; i < 5; ++i) EXPECT_EQ(caller.take(1, now, 0), 0);
    const std::int64_t wait = caller.take(1, now, 0);
    EXPECT_GT(wait, 0);
    EXPECT_LE(wait, 100 * ns_per_ms);
    now += wait;
    EXPECT_EQ(caller.take(1, now, 0), 0);
    Caller daily("b", {0, 0, 3}, {});
    EXPECT_EQ(daily.take(2, now, 100), 0);
    EXPECT_EQ(daily.take(2, now, 100), (86'400 - 100) * ns_per_s);
    EXPECT_EQ(daily.take(1, now, 100), 0);
    EXPECT_EQ(daily.take(3, now, 86'400), 0);
}

TEST(Guard, EachAddressHasItsOwnLimit) {
    GuardConfig config;
    config.open = true;
    config.open_limits = {1, 1, 0};
    const auto guard = *Guard::make(config);
    const auto first = *guard->admit(Call{.peer = "10.0.0.1:1"}.request(), 0);
    EXPECT_TRUE(first->is_anonymous());
    EXPECT_EQ(first, *guard->admit(Call{.peer = "10.0.0.1:2"}.request(), 0));
    EXPECT_NE(first, *guard->admit(Call{.peer = "10.0.0.2:1"}.request(), 0));
    // So many addresses that the first is forgotten: memory is bounded.
    for (std::size_t i = 0; i < Guard::addresses_max; ++i) {
        static_cast<void>(guard->admit(Call{.peer = "a" + std::to_string(i) + ":1"}.request(), 0));
    }
    EXPECT_NE(first, *guard->admit(Call{.peer = "10.0.0.1:3"}.request(), 0));
}

TEST(Guard, ANetworkOfIpv6IsOneCaller) {
    GuardConfig config;
    config.open = true;
    config.open_limits = {1, 1, 0};
    const auto guard = *Guard::make(config);
    const auto caller = [&](const char* peer) { return *guard->admit(Call{.peer = peer}.request(), 0); };
    EXPECT_EQ(caller("[2001:db8::1]:1"), caller("[2001:db8::ffff:1:2:3]:2"));
    EXPECT_NE(caller("[2001:db8::1]:1"), caller("[2001:db8:0:1::1]:1"));
    EXPECT_NE(caller("[::ffff:10.0.0.1]:1"), caller("[::ffff:10.0.0.2]:1")) << "addresses of IPv4";
}

TEST(Guard, ForwardedAddressesCountOnlyFromTrustedProxies) {
    GuardConfig config;
    config.trusted_proxies = {"10.0.0.1", "10.0.0.2", "::1"};
    const auto guard = *Guard::make(config);
    const auto address = [&](std::string peer, std::string_view forwarded) {
        return guard->client_address(
            Call{.peer = std::move(peer), .headers = {{"X-Forwarded-For", forwarded}}}.request());
    };
    EXPECT_EQ(address("9.9.9.9:1", "1.2.3.4"), "9.9.9.9");
    EXPECT_EQ(address("10.0.0.1:1", "1.2.3.4"), "1.2.3.4");
    EXPECT_EQ(address("10.0.0.1:1", "6.6.6.6, 1.2.3.4, 10.0.0.2"), "1.2.3.4");
    EXPECT_EQ(address("10.0.0.1:1", ""), "10.0.0.1");
    EXPECT_EQ(address("10.0.0.1:1", "10.0.0.2"), "10.0.0.2");
    EXPECT_EQ(address("[::1]:1", "1.2.3.4"), "1.2.3.4") << "trusted, as it is written in the list";
    EXPECT_EQ(address("[::2]:1", "1.2.3.4"), "::2");
    EXPECT_EQ(address("[::ffff:10.0.0.1]:1", "1.2.3.4"), "1.2.3.4");
}

}  // namespace
}  // namespace weft::service::proxy
