// Reads through the gateway: whose answer is given, and which block it is of.

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

#include "net/test_peer.hpp"
#include "service/proxy/test_proxy.hpp"

namespace weft::service::proxy {
namespace {

using testing::Gate;
using testing::TestChain;

class ProxyRead : public testing::ProxyTest {};

TEST_F(ProxyRead, the_newest_block_never_goes_back) {
    auto& behind = add();
    auto& ahead = add();
    behind.head = 97;
    begin();
    on_loop([&]() -> Task<void> {
        EXPECT_EQ(co_await call("eth_blockNumber", "[]"), "\"0x64\"");
        chain->grow(1);
        ahead.head = 100;
        ahead.die();
        co_await is_usable(ahead, false);
        EXPECT_EQ(co_await call("eth_blockNumber", "[]"), "\"0x64\"") << "a client was told of it";
        // What the other one can't know yet it is not asked.
        auto asked = start(call("eth_getBalance", R"(["0x1","latest"])"));
        behind.head = 99;
        EXPECT_EQ(co_await call("eth_blockNumber", "[]"), "\"0x64\"");
        EXPECT_EQ(behind.count("eth_getBalance"), 0U);
        behind.head = 101;
        EXPECT_EQ(co_await std::move(asked).wait(), "\"0x64\"");
        co_await shows_head(behind, 101);
        EXPECT_EQ(co_await call("eth_blockNumber", "[]"), "\"0x65\"");
    });
}

TEST_F(ProxyRead, a_block_that_was_shown_is_there_though_an_upstream_went_back) {
    config.poll_ns = 3'600 * ns_per_s;
    auto& went_back = add();
    add();
    begin();
    on_loop([&]() -> Task<void> {
        went_back.head = 50;
        for (int number = 60; number <= 99; ++number) {
            const std::string block = co_await call("eth_getBlockByNumber", "[" + quantity_text(number) + ",false]");
            EXPECT_NE(block, "null") << number;
        }
        EXPECT_GT(went_back.count("eth_getBlockByNumber"), 0U);
    });
}

TEST_F(ProxyRead, the_latest_block_is_asked_for_by_number_and_only_where_it_is) {
    auto& behind = add();
    auto& ahead = add();
    behind.head = 99;
    begin();
    on_loop([&]() -> Task<void> {
        for (int i = 0; i < 20; ++i) {
            const std::string account = "\"0x" + std::to_string(i) + "\"";
            EXPECT_EQ(co_await call("eth_getBalance", "[" + account + ",\"latest\"]"), "\"0x64\"");
            EXPECT_EQ(co_await call("eth_getBalance", "[" + account + "]"), "\"0x64\"");
        }
        EXPECT_EQ(behind.count("eth_getBalance"), 0U);
        EXPECT_EQ(ahead.count("eth_getBalance"), 20U) << "both forms are one call, and the second is in the cache";
        for (const auto& made : ahead.calls) EXPECT_EQ(made.params.find("latest"), std::string::npos);
    });
}

TEST_F(ProxyRead, a_nonce_that_counts_what_waits_is_the_highest_of_all) {
    auto& first = add();
    auto& second = add();
    begin();
    on_loop([&]() -> Task<void> {
        for (const auto& [low, high] : {std::pair(&first, &second), std::pair(&second, &first)}) {
            low->says("eth_getTransactionCount", "\"0x7\"");
            high->says("eth_getTransactionCount", "\"0x8\"");
            for (int i = 0; i < 5; ++i) {
                EXPECT_EQ(co_await call("eth_getTransactionCount", R"(["0x1","pending"])"), "\"0x8\"");
            }
        }
    });
}

TEST_F(ProxyRead, strong_reads_see_what_an_upstream_had_when_they_came) {
    config.poll_ns = 3'600 * ns_per_s;
    add();
    add();
    begin();
    on_loop([&]() -> Task<void> {
        chain->grow(1);
        EXPECT_EQ(co_await call("eth_getBalance", R"(["0x1","latest"])"), "\"0x64\"") << "as it was seen last";
        EXPECT_EQ(co_await call("eth_getBalance", R"(["0x1","latest"])", {{"weft-consistency", "strong"}}), "\"0x65\"");
        const auto bad = co_await post(request("eth_blockNumber", "[]"), {{"weft-consistency", "most"}});
        EXPECT_NE(bad.body.find("-32600"), std::string::npos) << bad.body;
    });
}

TEST_F(ProxyRead, what_an_upstream_lacks_is_learnt_from_its_errors) {
    chain = std::make_shared<TestChain>(1'000);
    auto& pruned = add();
    auto& archive = add();
    begin();
    on_loop([&]() -> Task<void> {
        pruned.refuses("eth_getBalance", -32000, "missing trie node 0xabc (path ) state is not available");
        for (int i = 100; i > 0; --i) EXPECT_FALSE((co_await call("eth_getBalance", balance_at(i))).starts_with('{'));
        EXPECT_LE(pruned.count("eth_getBalance"), 1U) << "older blocks than one that it has no state of";
        pruned.refuses("trace_block", -32601, "the method trace_block does not exist/is not available");
        archive.says("trace_block", "[]");
        for (int i = 0; i < 20; ++i) {
            EXPECT_EQ(co_await call("trace_block", "[\"0x3e" + std::to_string(i % 10) + "\"]"), "[]");
        }
        EXPECT_LE(pruned.count("trace_block"), 1U);
        // Whoever has it is asked for the rest as before.
        EXPECT_TRUE((co_await status_of(pruned))["usable"].as_boolean());
        // A method that nobody has is answered in an upstream's own words.
        EXPECT_NE((co_await call("erigon_unknown", "[]")).find("does not exist"), std::string::npos);
    });
}

TEST_F(ProxyRead, answers_about_final_blocks_are_kept_and_of_replaced_ones_not) {
    config.unfinal_ttl_ns = 3'600 * ns_per_s;
    auto& upstream = add();
    add();
    for (auto& one : upstreams_) one->final = 50;
    begin();
    on_loop([&]() -> Task<void> {
        const std::string final_block = R"(["0x10",false])";
        const std::string young_block = R"(["0x62",false])";
        const std::string by_hash = "[" + chain->at(98).hash + ",false]";
        const std::string final_before = co_await call("eth_getBlockByNumber", final_block);
        const std::string young_before = co_await call("eth_getBlockByNumber", young_block);
        EXPECT_EQ(co_await call("eth_getBlockByHash", by_hash), young_before);
        const auto asked = [&] { return upstreams_[0]->calls.size() + upstreams_[1]->calls.size(); };
        const std::size_t before = asked();
        EXPECT_EQ(co_await call("eth_getBlockByNumber", final_block), final_before);
        EXPECT_EQ(co_await call("eth_getBlockByNumber", young_block), young_before);
        EXPECT_EQ(co_await call("eth_getBlockByHash", by_hash), young_before);
        EXPECT_EQ(asked(), before);
        chain->replace(5, 0xb);
        co_await shows_head(upstream, 101);
        EXPECT_EQ(co_await call("eth_getBlockByNumber", young_block), TestChain::json(chain->at(98)));
        EXPECT_EQ(co_await call("eth_getBlockByHash", by_hash), "null");
        const std::size_t after = asked();
        EXPECT_EQ(co_await call("eth_getBlockByNumber", final_block), final_before);
        EXPECT_EQ(asked(), after) << "what is final is not asked for again";
    });
}

TEST_F(ProxyRead, one_that_stays_on_the_longer_old_branch_is_not_asked_for_what_was_replaced) {
    auto& first = add();
    auto& second = add();
    begin();
    on_loop([&]() -> Task<void> {
        chain->grow(5);
        second.chain = std::make_shared<TestChain>(*chain);
        co_await shows_head(second, 105);
        second.is_mute = true;
        chain->grow(1);
        co_await shows_head(first, 106);  // whoever is ahead is followed back, too
        EXPECT_EQ(co_await call("eth_getBlockByNumber", R"(["0x68",false])"), TestChain::json(chain->at(104)));
        chain->take_back(4);
        chain->grow(1, 0xb);
        co_await shows_head(first, 103);
        auto asked = start(call("eth_getBlockByNumber", R"(["0x68",false])"));
        EXPECT_EQ(co_await call("eth_getBlockByNumber", R"(["0x67",false])"), TestChain::json(chain->at(103)));
        chain->grow(4, 0xb);
        EXPECT_EQ(co_await std::move(asked).wait(), TestChain::json(chain->at(104)));
    });
}

TEST_F(ProxyRead, equal_calls_at_once_are_one_call_whoever_goes_away) {
    auto& upstream = add();
    begin();
    Gate gate;
    on_loop([&]() -> Task<void> {
        upstream.holds("eth_getBlockByNumber", gate);
        const std::uint64_t joined = co_await counted("joined");
        const std::string body = request("eth_getBlockByNumber", R"(["0x10", true])");
        // The one whose call it is goes away.
        auto leaver = std::make_unique<net::TestPeer>(address_);
        leaver->send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
                     body);
        co_await gate.arrivals(1);
        std::vector<Future<net::Reply>> calls;
        for (int i = 0; i < 50; ++i) {
            calls.push_back(start(post(request("eth_getBlockByNumber", R"(["0x10",true])", i))));
        }
        co_await until("all have joined",
                       [&](const json::Value& status) { return std::stoull(status["joined"].text()) == joined + 50; });
        leaver.reset();
        static_cast<void>(co_await status());
        gate.open();
        for (std::size_t i = 0; i < calls.size(); ++i) {
            const auto reply = co_await std::move(calls[i]).wait();
            EXPECT_EQ(net::member_of(reply.body, "id"), std::to_string(i));
            EXPECT_EQ(net::member_of(reply.body, "result"), TestChain::json(chain->at(16)));
        }
        EXPECT_EQ(upstream.count("eth_getBlockByNumber"), 1U);
    });
}

TEST_F(ProxyRead, a_slow_item_of_a_batch_holds_up_no_other_call) {
    config.rules["trace_block"].timeout_ns = 100 * ns_per_ms;
    auto& upstream = add();
    begin();
    Gate slow;
    Gate never;
    on_loop([&]() -> Task<void> {
        upstream.holds("eth_chainId", slow);
        upstream.holds("trace_block", never);
        auto batch = start(post("[" + request("eth_chainId", "[]", 1) + "," + request("trace_block", R"(["0x1"])", 2) +
                                "," + request("eth_getBalance", balance_at(10), 3) +
                                R"(,{"jsonrpc":"2.0","method":"eth_getBalance","params":["0x1","0x11"]},7])"));
        co_await slow.arrivals(1);
        co_await never.arrivals(1);
        EXPECT_EQ(co_await call("eth_getBalance", balance_at(12)), quantity_text(12));
        EXPECT_EQ(upstream.count("eth_getBalance"), 3U);
        EXPECT_FALSE(batch.ready());
        slow.open();
        const auto reply = co_await std::move(batch).wait();
        std::array<std::string_view, 5> items;
        EXPECT_EQ(net::items_of(reply.body, items.data(), items.size()), 4U) << "a notification has no reply";
        EXPECT_EQ(items[0], R"({"jsonrpc":"2.0","id":1,"result":"0x1"})");
        EXPECT_NE(items[1].find("no upstream could answer"), std::string_view::npos) << items[1];
        EXPECT_EQ(items[2], R"({"jsonrpc":"2.0","id":3,"result":"0xa"})");
        EXPECT_NE(items[3].find("-32600"), std::string_view::npos) << items[3];
        never.open();
    });
}

TEST_F(ProxyRead, a_wide_range_of_logs_is_asked_for_in_parts) {
    config.logs_blocks_max = 10;
    auto& upstream = add();
    add();
    begin();
    on_loop([&]() -> Task<void> {
        std::string want;
        for (int i = 0; i <= 34; ++i) want += (i > 0 ? "," : "") + TestChain::log_json(chain->at(i));
        EXPECT_EQ(co_await call("eth_getLogs", R"([{"fromBlock":"0x0","toBlock":"0x22"}])"), "[" + want + "]");
        EXPECT_EQ(upstreams_[0]->count("eth_getLogs") + upstreams_[1]->count("eth_getLogs"), 4U);
        // A part that is still too much for them is halved.
        for (auto& one : upstreams_) {
            one->on("eth_getLogs", [&one = *one](Call made) -> Task<Said> {
                std::string_view criteria;
                static_cast<void>(net::items_of(made.params, &criteria, 1));
                const auto from = *quantity_of(net::member_of(criteria, "fromBlock"));
                const auto to = *quantity_of(net::member_of(criteria, "toBlock"));
                EXPECT_EQ(net::member_of(criteria, "topics"), "[null]");
                if (to - from < 4) co_return one.by_chain(made);
                co_return Said{"", R"({"code":-32005,"message":"query returned more than 10000 results"})"};
            });
        }
        const std::string range = R"([{"toBlock":"0x22","topics":[null],"fromBlock":"0x0"}])";
        EXPECT_EQ(co_await call("eth_getLogs", range), "[" + want + "]");
        // One block can't be asked for in parts: its refusal is the client's.
        upstreams_.back()->refuses("eth_getLogs", -32005, "query returned more than 10000 results");
        upstream.refuses("eth_getLogs", -32005, "query returned more than 10000 results");
        EXPECT_EQ(co_await call("eth_getLogs", R"([{"fromBlock":"0x0","toBlock":"0x1"}])"),
                  R"({"code":-32005,"message":"query returned more than 10000 results"})");
        EXPECT_TRUE((co_await status_of(upstream))["usable"].as_boolean());
    });
}

TEST_F(ProxyRead, a_range_of_logs_has_the_time_of_one_call_for_all_its_parts) {
    config.logs_blocks_max = 1;
    config.request_timeout_ns = 200 * ns_per_ms;
    auto& upstream = add();
    begin();
    on_loop([&]() -> Task<void> {
        upstream.on("eth_getLogs", [&](Call made) -> Task<Said> {
            // What a part takes at this upstream, which is the matter here: the test itself waits for nothing by it.
            co_await loop().sleep_for(20 * ns_per_ms);
            co_return upstream.by_chain(made);
        });
        const std::string answer = co_await call("eth_getLogs", R"([{"fromBlock":"0x0","toBlock":"0x63"}])");
        EXPECT_NE(answer.find("no answer in time"), std::string::npos) << answer.substr(0, 200);
        EXPECT_LT(upstream.count("eth_getLogs"), 15U);
    });
}

TEST_F(ProxyRead, a_quorum_finds_who_is_wrong_and_tells) {
    config.rules["eth_getBalance"].quorum = 2;
    auto& one = add();
    auto& two = add();
    auto& liar = add();
    begin();
    on_loop([&]() -> Task<void> {
        liar.says("eth_getBalance", "\"0xbad\"");
        // White space is no other answer.
        two.on("eth_getBalance",
               [&](Call made) -> Task<Said> { co_return Said{" " + two.by_chain(made).result + " "}; });
        for (int i = 10; i < 60; ++i) {
            const auto balance = net::without_space(co_await call("eth_getBalance", balance_at(i)));
            EXPECT_EQ(balance, quantity_text(i));
        }
        EXPECT_GT(liar.count("eth_getBalance"), 0U);
        EXPECT_EQ((co_await status_of(liar))["disagreements"].text(), std::to_string(liar.count("eth_getBalance")));
        EXPECT_EQ((co_await status_of(one))["disagreements"].text(), "0");
        EXPECT_EQ((co_await status_of(two))["disagreements"].text(), "0");
        two.says("eth_getBalance", "\"0xbee\"");
        const std::uint64_t disagreed = co_await counted("disagreements");
        EXPECT_NE((co_await call("eth_getBalance", balance_at(60))).find("do not agree"), std::string::npos);
        EXPECT_EQ(co_await counted("disagreements"), disagreed + 1);
    });
}

/// Another text that std::hash takes for @p text, 15 characters in quotes: two blocks of MurmurHash64A, the second of
/// which makes up for the first.
std::string same_to_std_hash(const std::string& text) {
    constexpr std::uint64_t m = 0xc6a4a7935bd1e995;
    std::uint64_t inverse = m;  // modulo 2^64, by Newton
    for (int i = 0; i < 6; ++i) inverse *= 2 - m * inverse;
    const auto mix = [](std::uint64_t k) {
        k *= m;
        return (k ^ k >> 47) * m;
    };
    const auto unmix = [&](std::uint64_t k) {
        k *= inverse;
        return (k ^ k >> 47) * inverse;
    };
    std::string out = text;
    std::uint64_t first = 0;
    std::uint64_t second = 0;
    std::memcpy(&first, text.data(), 8);
    std::memcpy(&second, text.data() + 8, 8);
    const std::uint64_t start = 0xc70f6907 ^ (text.size() * m);
    const std::uint64_t want = ((start ^ mix(first)) * m) ^ mix(second);
    for (std::uint64_t i = 1;; ++i) {
        std::uint64_t other = first;
        for (int byte = 1; byte < 8; ++byte) other ^= (i >> (byte * 3) & 7) << (byte * 8);
        if (other == first) continue;
        const std::uint64_t rest = unmix(want ^ ((start ^ mix(other)) * m));
        std::memcpy(out.data(), &other, 8);
        std::memcpy(out.data() + 8, &rest, 8);
        const auto plain = [](char c) { return static_cast<unsigned char>(c) > 0x20 && c != '"' && c != '\\'; };
        if (std::all_of(out.begin() + 1, out.end() - 1, plain)) return out;
    }
}

TEST_F(ProxyRead, an_answer_made_to_look_equal_is_not) {
    config.rules["eth_getBalance"].quorum = 2;
    add();
    add();
    begin();
    on_loop([&]() -> Task<void> {
        const std::string truth = "\"0x123456789abcd\"";
        const std::string lie = same_to_std_hash(truth);
        EXPECT_NE(truth, lie);
        EXPECT_EQ(std::hash<std::string_view>{}(truth), std::hash<std::string_view>{}(lie));
        upstreams_[0]->says("eth_getBalance", truth);
        upstreams_[1]->says("eth_getBalance", lie);
        EXPECT_NE((co_await call("eth_getBalance", balance_at(10))).find("do not agree"), std::string::npos);
    });
}

TEST_F(ProxyRead, a_slow_call_is_made_elsewhere_too_within_the_budget) {
    config.hedge_quantile = 0.95;
    config.hedge_min_ns = config.hedge_max_ns = 10 * ns_per_ms;
    auto& first = add();
    auto& second = add();
    begin();
    Gate gate;
    on_loop([&]() -> Task<void> {
        const std::uint64_t hedges = co_await counted("hedges");
        first.holds("eth_getBalance", gate);
        std::size_t number = 10;
        // Some are begun at the one that does not answer; the answer comes from the other one.
        while (first.count("eth_getBalance") == 0) {
            ++number;
            EXPECT_EQ(co_await call("eth_getBalance", balance_at(number)), quantity_text(number));
        }
        EXPECT_EQ(co_await counted("hedges"), hedges + 1);
        // All are slow: a twentieth of the calls is made twice, and ten that were saved.
        second.holds("eth_getBalance", gate);
        constexpr int calls = 200;
        std::vector<Future<std::string>> slow;
        for (int i = 0; i < calls; ++i) {
            slow.push_back(start(call("eth_getBalance", R"(["0x)" + std::to_string(i + 10) + R"(","0x20"])")));
        }
        co_await until("some are made twice",
                       [&](const json::Value& status) { return std::stoull(status["hedges"].text()) > hedges + 1; });
        gate.open();
        for (auto& one : slow) EXPECT_EQ(co_await std::move(one).wait(), "\"0x20\"");
        EXPECT_LE(co_await counted("hedges"), hedges + 10 + (calls + number) / 20);
    });
}

}  // namespace
}  // namespace weft::service::proxy
