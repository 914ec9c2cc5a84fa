#include "api/web/graphql.hpp"

#include <gtest/gtest.h>

#include "api/web/reader.hpp"
#include "api/web/test_chain.hpp"

namespace weft::api::web {
namespace {

struct Fixture {
    TestChain chain;
    GraphQl graphql{chain.call()};

    std::string ask(const std::string& query) {
        net::graphql::Request request{query, {}, {}};
        const auto root = [&] { return graphql.root(mesh::Context::with_timeout(ns_per_s)); };
        return run(net::graphql::answer(graphql.schema(), root, std::move(request), {}, false))->json;
    }
};

TEST(ethereum_graphql, a_block_with_receipts_costs_two_calls) {
    Fixture fixture;
    const std::string got = fixture.ask(
        "{ block { number transactions { hash status gasUsed from { address } effectiveTip "
        "logs { index topics account { address } transaction { hash } } } } }");
    EXPECT_EQ(got.find("errors"), std::string::npos) << got.substr(0, 500);
    EXPECT_EQ(fixture.chain.asked.size(), 2U);
    EXPECT_NE(got.find(R"("status":"0x1","gasUsed":"0x5208","from":{"address":")" + TestChain::address(1) +
                       R"("},"effectiveTip":"0x5","logs":[{"index":"0x0","topics":[")" + TestChain::word(7)),
              std::string::npos)
        << got.substr(0, 900);
    EXPECT_NE(got.find(R"("index":"0xc7")"), std::string::npos) << "the last log of the last transaction";
}

TEST(ethereum_graphql, the_newest_block_is_one_block) {
    Fixture fixture;
    const std::string got =
        fixture.ask("{ a: block { number } b: block { number account(address: \"" + TestChain::address(1) +
                    "\") { balance } } "
                    "c: blocks(from: 1) { number } "
                    "t: transaction(hash: \"" +
                    TestChain::tx_hash(0) + "\") { from { balance transactionCount } } }");
    EXPECT_EQ(got,
              R"({"data":{"a":{"number":"0x2"},"b":{"number":"0x2","account":{"balance":"0x10"}},)"
              R"("c":[{"number":"0x1"},{"number":"0x2"}],"t":{"from":{"balance":"0x10","transactionCount":"0x3"}}}})");
    EXPECT_EQ(fixture.chain.count("eth_getBalance"), 1U) << "the same account of the same block";
    EXPECT_EQ(fixture.chain.count("eth_getBalance[\"" + TestChain::address(1) + "\",{\"blockHash\":\"" +
                                  TestChain::block_hash(2)),
              1U);
}

TEST(ethereum_graphql, answers_exactly) {
    struct Case {
        std::string query;
        std::string want;
    };
    const Case cases[] = {
        {"{ block(number: 99) { number } }", R"({"data":{"block":null}})"},
        {"{ block(number: \"0x1\") { parent { number parent { number } } } }",
         R"({"data":{"block":{"parent":{"number":"0x0","parent":null}}}})"},
        {"{ block(number: \"2\") { transactionCount ommerCount nextBaseFeePerGas transactionAt(index: 200) { hash } } "
         "}",
         R"({"data":{"block":{"transactionCount":"0x64","ommerCount":"0x0","nextBaseFeePerGas":"0x3c",)"
         R"("transactionAt":null}}})"},
        {"{ blocks(from: 3, to: 1) { number } }", R"({"data":{"blocks":[]}})"},
        {"{ chainID syncing { currentBlock } }", R"({"data":{"chainID":"0x7a69","syncing":null}})"},
        {"{ block { call(data: {data: \"0x12\"}) { data status } } }",
         R"({"data":{"block":{"call":{"data":"0xab","status":"0x0"}}}})"},
        {"{ block { call(data: {data: \"0x12\"}) { data status gasUsed } } }",
         R"({"data":{"block":{"call":{"data":"0x12","status":"0x1","gasUsed":"0x99"}}}})"},
        {"mutation { sendRawTransaction(data: \"0x12\") }",
         R"({"data":{"sendRawTransaction":")" + TestChain::tx_hash(0) + "\"}}"},
        {"{ gasPrice }", R"({"errors":[{"message":"nobody is there","locations":[{"line":1,"column":3}],)"
                         R"("path":["gasPrice"],"extensions":{"errorCode":0,"errorMessage":"nobody is there"}}],)"
                         R"("data":null})"},
    };
    for (const auto& one : cases) {
        SCOPED_TRACE(one.query);
        Fixture fixture;
        EXPECT_EQ(fixture.ask(one.query), one.want);
    }
}

TEST(ethereum_graphql, logs_are_asked_for_as_the_filter_says) {
    Fixture fixture;
    fixture.ask("{ logs(filter: {fromBlock: 1, addresses: [\"" + TestChain::address(9) + "\"], topics: [[], [\"" +
                TestChain::word(7) + "\"]]}) { data } }");
    EXPECT_EQ(fixture.chain.asked.back(), R"(eth_getLogs[{"fromBlock":"0x1","toBlock":"0x2","address":[")" +
                                              TestChain::address(9) + R"("],"topics":[null,[")" + TestChain::word(7) +
                                              R"("]]}])");
    fixture.ask("{ block(number: 2) { logs(filter: {}) { data } } }");
    EXPECT_EQ(fixture.chain.asked.back(), R"(eth_getLogs[{"blockHash":")" + TestChain::block_hash(2) + R"("}])");
}

TEST(ethereum_graphql, refuses_scalars_that_are_none) {
    Fixture fixture;
    for (const auto* bad :
         {"block(hash: \"0x12\") { number }", "block(number: -1) { number }", "block(number: \"0x\") { number }",
          "block(number: 1.5) { number }", "block(number: \"x\") { number }",
          "block(number: \"0x10000000000000000\") { number }", "block(hash: 3) { number }",
          "transaction(hash: null) { hash }", "block { account(address: \"0x123\") { balance } }",
          "block { call(data: {data: \"0x1\"}) { data } }"}) {
        SCOPED_TRACE(bad);
        const std::string got = fixture.ask(std::string("{ ") + bad + " }");
        EXPECT_TRUE(got.starts_with(R"({"errors":[)")) << got;
        EXPECT_EQ(got.find("\"data\""), std::string::npos) << got;
    }
    EXPECT_TRUE(fixture.chain.asked.empty());
}

TEST(ethereum_graphql, the_calls_of_a_request_are_bounded) {
    Fixture fixture;
    std::string query = "{ block {";
    for (int i = 0; i < 100; ++i) {
        query += " a" + std::to_string(i) + ": account(address: \"" + TestChain::address(i) + "\") {";
        for (int slot = 0; slot < 1; ++slot) query += " balance code transactionCount";
        query += " }";
    }
    EXPECT_EQ(fixture.ask(query + " } }").find("errors"), std::string::npos);
    EXPECT_EQ(fixture.chain.asked.size(), 301U);
    Fixture beyond;
    std::string all = "{ blocks(from: 0, to: 3) { ";
    for (int i = 0; i < 99; ++i) {
        all += "a" + std::to_string(i) + ": account(address: \"" + TestChain::address(i) +
               "\") { balance code transactionCount storage(slot: \"" + TestChain::word(1) + "\") } ";
    }
    EXPECT_NE(beyond.ask(all + "} }").find("calls_max"), std::string::npos);
    EXPECT_EQ(beyond.chain.asked.size(), Reader::calls_max);
}

}  // namespace
}  // namespace weft::api::web
