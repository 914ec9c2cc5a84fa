// What changes the chain, through the gateway: sent to several where that does no harm, and else made once.

#include <gtest/gtest.h>

#include "base/hex.hpp"
#include "crypto/keccak.hpp"
#include "service/proxy/test_proxy.hpp"

namespace weft::service::proxy {
namespace {

using testing::TestUpstream;

class ProxyWrite : public testing::ProxyTest {
  protected:
    const std::string raw_ = R"(["0x02aabbcc"])";
    const std::string hash_ = "\"" + to_hex(crypto::keccak256(*from_hex("0x02aabbcc")).view()) + "\"";

    std::size_t asked(std::string_view method) {
        std::size_t out = 0;
        for (const auto& one : upstreams_) out += one->count(method);
        return out;
    }
};

TEST_F(ProxyWrite, a_transaction_goes_to_several_and_the_first_that_takes_it_counts) {
    for (int i = 0; i < 4; ++i) add();
    begin();
    on_loop([&]() -> Task<void> {
        for (auto& one : upstreams_) one->refuses("eth_sendRawTransaction", -32000, "already known");
        upstreams_[0]->says("eth_sendRawTransaction", hash_);
        upstreams_[1]->says("eth_sendRawTransaction", hash_);
        EXPECT_EQ(co_await call("eth_sendRawTransaction", raw_), hash_);
        EXPECT_EQ(asked("eth_sendRawTransaction"), 3U);
        for (auto& one : upstreams_) EXPECT_LE(one->count("eth_sendRawTransaction"), 1U);
    });
}

TEST_F(ProxyWrite, already_known_is_an_answer_where_another_answer_was_lost) {
    auto& first = add();
    auto& second = add();
    begin();
    on_loop([&]() -> Task<void> {
        const std::string known = R"({"code":-32000,"message":"already known"})";
        first.refuses("eth_sendRawTransaction", -32000, "already known");
        second.refuses("eth_sendRawTransaction", -32000, "already known");
        EXPECT_EQ(co_await call("eth_sendRawTransaction", raw_), known) << "the client's own doing";
        first.on("eth_sendRawTransaction", TestUpstream::always({hash_, "", 200, true}));
        EXPECT_EQ(co_await call("eth_sendRawTransaction", raw_), hash_);
        // It got in and into a block at once: the nonce is used, by this transaction.
        second.refuses("eth_sendRawTransaction", -32000, "nonce too low");
        second.says("eth_getTransactionByHash", R"({"hash":)" + hash_ + R"(,"blockNumber":"0x64"})");
        EXPECT_EQ(co_await call("eth_sendRawTransaction", raw_), hash_);
        // ... by another one.
        second.says("eth_getTransactionByHash", "null");
        EXPECT_NE((co_await call("eth_sendRawTransaction", raw_)).find("nonce too low"), std::string::npos);
    });
}

TEST_F(ProxyWrite, what_was_taken_is_found_though_only_one_has_it) {
    auto& one = add();
    auto& other = add();
    begin();
    on_loop([&]() -> Task<void> {
        const std::string transaction = R"({"hash":)" + hash_ + R"(,"blockNumber":null})";
        one.says("eth_sendRawTransaction", hash_);
        one.says("eth_getTransactionByHash", transaction);
        other.refuses("eth_sendRawTransaction", -32000, "txpool is full");
        other.says("eth_getTransactionByHash", "null");
        EXPECT_EQ(co_await call("eth_sendRawTransaction", raw_), hash_);
        for (int i = 0; i < 20; ++i) {
            EXPECT_EQ(co_await call("eth_getTransactionByHash", "[" + hash_ + "]"), transaction);
        }
    });
    reload();
    on_loop([&]() -> Task<void> {
        for (int i = 0; i < 20; ++i) {
            EXPECT_NE(co_await call("eth_getTransactionByHash", "[" + hash_ + "]"), "null") << "after a reload, too";
        }
    });
}

TEST_F(ProxyWrite, what_may_not_be_repeated_is_made_once) {
    add();
    add();
    add();
    begin();
    on_loop([&]() -> Task<void> {
        for (const std::string method : {"vendor_unknown", "eth_sendTransaction"}) {
            for (auto& one : upstreams_) one->on(method, TestUpstream::always({"\"0x1\"", "", 200, true}));
            const std::string answer = co_await call(method, "[]");
            EXPECT_NE(answer.find("no upstream could answer: connection closed"), std::string::npos) << answer;
            EXPECT_EQ(asked(method), 1U);
        }
        // What reads is made again.
        upstreams_[0]->on("eth_getBalance", TestUpstream::always({"\"0x1\"", "", 200, true}));
        upstreams_[1]->on("eth_getBalance", TestUpstream::always({"\"0x1\"", "", 502}));
        for (int i = 10; i < 20; ++i) {
            const std::string block = "\"0x" + std::to_string(i) + "\"";
            EXPECT_EQ(co_await call("eth_getBalance", "[\"0x1\"," + block + "]"), block);
        }
    });
}

TEST_F(ProxyWrite, what_was_surely_not_handled_is_made_elsewhere) {
    auto& first = add();
    auto& second = add();
    begin();
    on_loop([&]() -> Task<void> {
        // Too many calls: each says so before it does anything.
        first.on("vendor_unknown", TestUpstream::always({"", R"({"code":-32005,"message":"rate limit"})", 429}));
        second.says("vendor_unknown", "\"done\"");
        for (int i = 0; i < 5; ++i) EXPECT_EQ(co_await call("vendor_unknown", "[]"), "\"done\"");
        EXPECT_EQ(second.count("vendor_unknown"), 5U);
        EXPECT_LE(first.count("vendor_unknown"), 1U) << "it rests for a second";
    });
}

TEST_F(ProxyWrite, who_changes_the_chain_sees_the_change) {
    config.poll_ns = 3'600 * ns_per_s;
    add();
    add();
    begin();
    on_loop([&]() -> Task<void> {
        for (auto& one : upstreams_) {
            one->on("eth_sendRawTransaction", [&](Call) -> Task<Said> {
                // In a block before it is answered, and seen there by all.
                if (chain->head() == 100) chain->grow(1);
                co_return Said{hash_};
            });
        }
        EXPECT_EQ(co_await call("eth_sendRawTransaction", raw_), hash_);
        EXPECT_EQ(co_await call("eth_getBalance", R"(["0x1","latest"])"), "\"0x65\"");
        EXPECT_EQ(co_await call("eth_blockNumber", "[]"), "\"0x65\"");
    });
}

}  // namespace
}  // namespace weft::service::proxy
