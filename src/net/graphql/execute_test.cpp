#include "net/graphql/execute.hpp"

#include <gtest/gtest.h>

#include "base/time.hpp"
#include "net/graphql/http.hpp"
#include "net/graphql/test_schema.hpp"

namespace weft::net::graphql {
namespace {

std::string ask(const std::string& query, const std::string& variables = "null", const Limits& limits = {}) {
    Request request{query, {}, *json::parse(variables)};
    const auto root = [] { return std::make_shared<TestRoot>(); };
    return run(answer(test_schema(), root, std::move(request), limits, false))->json;
}

TEST(graphql_execute, answers_in_the_order_of_the_query) {
    EXPECT_EQ(ask("{ number(value: 3) { value next { value } list(count: 2) { value late } __typename } __typename }"),
              R"({"data":{"number":{"value":3,"next":{"value":4},"list":[{"value":3,"late":3},{"value":4,"late":4}],)"
              R"("__typename":"Number"},"__typename":"Query"}})");
}

TEST(graphql_execute, puts_fragments_in_and_merges_fields) {
    EXPECT_EQ(ask("{ number(value: 1) { ...A next { old } ... { value } ... on Number { b: value } } }"
                  "fragment A on Number { next { value } ...B } fragment B on Number { value }"),
              R"({"data":{"number":{"next":{"value":2,"old":2},"value":1,"b":1}}})");
}

TEST(graphql_execute, leaves_out_what_is_skipped) {
    const std::string query =
        "query($yes: Boolean!) { number(value: 1) { a: value @skip(if: $yes) "
        "b: value @include(if: $yes) c: value @include(if: $yes) @skip(if: $yes) "
        "... @include(if: $yes) { d: value } } }";
    EXPECT_EQ(ask(query, R"({"yes":true})"), R"({"data":{"number":{"b":1,"d":1}}})");
    EXPECT_EQ(ask(query, R"({"yes":false})"), R"({"data":{"number":{"a":1}}})");
}

TEST(graphql_execute, coerces_what_is_given) {
    struct Case {
        std::string arguments;
        std::string want;
    };
    const Case cases[] = {
        {"int: 3", R"({"int":3})"},
        {"float: 3", R"({"float":3})"},
        {"id: 3", R"({"id":"3"})"},
        {"order: DOWN, flag: false, text: \"t\"", R"({"text":"t","flag":false,"order":"DOWN"})"},
        {"range: {}", R"({"range":{"from":1,"order":"UP"}})"},
        {"range: {to: 3, inner: {order: DOWN}}",
         R"({"range":{"from":1,"to":3,"order":"UP","inner":{"from":1,"order":"DOWN"}}})"},
        {"list: 3", R"({"list":[3]})"},
        {"lists: [1, [2, null]]", R"({"lists":[[1],[2,null]]})"},
        {"int: null", R"({"int":null})"},
        {"even: 2", R"({"even":2})"},
    };
    for (const auto& one : cases) {
        SCOPED_TRACE(one.arguments);
        EXPECT_EQ(ask("{ echo(" + one.arguments + ") }"), R"({"data":{"echo":)" + json::quote(one.want) + "}}");
    }
}

TEST(graphql_execute, variables_are_what_their_types_allow) {
    const std::string query = "query($v: Range, $i: Int = 5, $l: [Int!]) { echo(range: $v, int: $i, list: $l) }";
    EXPECT_EQ(ask(query), R"({"data":{"echo":"{\"int\":5}"}})");
    EXPECT_EQ(ask(query, R"({"v":{"to":2},"i":null,"l":4})"),
              R"({"data":{"echo":"{\"int\":null,\"range\":{\"from\":1,\"to\":2,\"order\":\"UP\"},\"list\":[4]}"}})");
    for (const auto* bad : {R"({"i":"5"})", R"({"i":1.5})", R"({"i":2147483648})", R"({"v":{"from":null}})",
                            R"({"v":{"none":1}})", R"({"v":3})", R"({"l":[null]})", R"({"v":{"order":"SIDE"}})"}) {
        SCOPED_TRACE(bad);
        EXPECT_NE(ask(query, bad).find("got an invalid value"), std::string::npos) << ask(query, bad);
    }
    EXPECT_EQ(ask("query($v: Int!) { required(value: $v) { value } }"),
              R"({"errors":[{"message":"Variable \"$v\" of required type \"Int!\" was not provided.",)"
              R"("locations":[{"line":1,"column":7}]}]})");
}

TEST(graphql_execute, a_null_goes_up_to_where_it_may_be) {
    EXPECT_EQ(ask("{ number(value: 1) { value fails } }"),
              R"({"errors":[{"message":"it fails","locations":[{"line":1,"column":28}],"path":["number","fails"],)"
              R"("extensions":{"errorCode":-32001,"errorMessage":"it fails","errorData":"0xab"}}],)"
              R"("data":{"number":{"value":1,"fails":null}}})");
    EXPECT_NE(ask("{ number { next { failsHard } } }").find(R"("data":{"number":null})"), std::string::npos);
    const std::string in_list = ask("{ numbers { value nothing late } }");
    EXPECT_NE(in_list.find(R"("data":{"numbers":[null,null]})"), std::string::npos) << in_list;
    EXPECT_NE(in_list.find(R"("message":"Cannot return null for non-nullable field Number.nothing.")"),
              std::string::npos);
    EXPECT_NE(in_list.find(R"("path":["numbers",1,"nothing"])"), std::string::npos);
    EXPECT_NE(ask("{ number { previous { list { late failsHard } } value } }")
                  .find(R"("data":{"number":{"previous":null,"value":7}})"),
              std::string::npos);
}

TEST(graphql_execute, mutations_run_one_after_another) {
    EXPECT_EQ(ask("mutation { a: add(value: 1) b: add(value: 2) c: add(value: 3) }"),
              R"({"data":{"a":1,"b":3,"c":6}})");
}

TEST(graphql_execute, introspection_tells_of_types) {
    EXPECT_EQ(
        ask(R"({ __type(name: "Range") { kind inputFields { name defaultValue type { name ofType { name } } } } })"),
        R"({"data":{"__type":{"kind":"INPUT_OBJECT","inputFields":[)"
        R"({"name":"from","defaultValue":"1","type":{"name":null,"ofType":{"name":"Int"}}},)"
        R"({"name":"to","defaultValue":null,"type":{"name":"Int","ofType":null}},)"
        R"({"name":"order","defaultValue":"UP","type":{"name":"Order","ofType":null}},)"
        R"({"name":"inner","defaultValue":null,"type":{"name":"Range","ofType":null}}]}}})");
    EXPECT_EQ(ask(R"({ __type(name: "Nobody") { name } })"), R"({"data":{"__type":null}})");
    EXPECT_EQ(ask(R"({ __type(name: "Even") { specifiedByURL } o: __type(name: "Order") { enumValues { name } } })"),
              R"({"data":{"__type":{"specifiedByURL":"https://even.example"},)"
              R"("o":{"enumValues":[{"name":"UP"},{"name":"DOWN"}]}}})");
    const std::string all =
        R"({ __type(name: "Number") { fields(includeDeprecated: true) { name deprecationReason } } })";
    EXPECT_NE(ask(all).find(R"({"name":"old","deprecationReason":"use value"})"), std::string::npos);
    EXPECT_EQ(ask(R"({ __type(name: "Number") { fields { name } } })").find("\"old\""), std::string::npos);
}

TEST(graphql_execute, bombs_cost_no_more_than_their_limit) {
    std::string doubling = "{ number { ...F0 } }";
    constexpr int levels = 25;
    for (int i = 0; i < levels; ++i) {
        const std::string next = i + 1 == levels ? "value" : "...F" + std::to_string(i + 1);
        doubling +=
            "fragment F" + std::to_string(i) + " on Number { a: next { " + next + " } b: next { " + next + " } }";
    }
    std::string wide = "{ number {";
    for (int i = 0; i < 3'000; ++i) wide += " value";
    std::string lists = "{ number ";
    for (int i = 0; i < 8; ++i) lists += "{ list(count: 100) ";
    Limits small;
    small.resolved_max = 500;
    Limits short_answers;
    short_answers.response_bytes_max = 1'000;
    struct Case {
        std::string name;
        std::string query;
        std::string want;
        Limits limits = {};
    };
    const Case cases[] = {
        {"doubling fragments", doubling, "fields_max"},
        {"a fragment of itself", "{ number { ...A } } fragment A on Number { ...B } fragment B on Number { ...A }",
         "within itself"},
        {"the same field often", wide + "} }", R"({"data":{"number":{"value":7}}})"},
        {"lists in lists", lists + "{ value " + std::string(10, '}'), "cost_max"},
        {"a long list", "{ number { list(count: 100000) { value } } }", "resolved_max", small},
        {"a long answer", "{ number { list(count: 100) { value next { old } } } }", "response_bytes_max",
         short_answers},
    };
    for (const auto& one : cases) {
        SCOPED_TRACE(one.name);
        const std::int64_t start = monotonic_ns();
        EXPECT_NE(ask(one.query, "null", one.limits).find(one.want), std::string::npos)
            << ask(one.query, "null", one.limits).substr(0, 300);
        EXPECT_LT(monotonic_ns() - start, 5 * ns_per_s);
    }
}

// Over HTTP.

struct Got {
    int status;
    std::string body;
    std::string allow;
    std::string type;
};

Got send(std::string_view method, std::string_view query, std::string_view body, std::string_view type,
         std::string_view accept = "") {
    const Header headers[] = {{"Content-Type", type}, {"Accept", accept}};
    net::Request request;
    request.method = method;
    request.path = "/graphql";
    request.query = query;
    request.body = body;
    request.headers = headers;
    const Limits limits;
    const auto response = run(serve(
        test_schema(), [] { return std::make_shared<TestRoot>(); }, std::move(request), limits));
    Got out{response->status, response->body, {}, std::string(response->content_type)};
    for (const auto& [name, value] : response->headers) {
        if (name == "Allow") out.allow = value;
    }
    return out;
}

TEST(graphql_http, takes_what_the_protocol_has) {
    const std::string want = R"({"data":{"number":{"value":7}}})";
    EXPECT_EQ(send("POST", "", R"({"query":"{ number { value } }"})", "application/json").body, want);
    EXPECT_EQ(send("POST", "", R"({"query":"{ number { value } }"})", "Application/JSON; charset=utf-8").body, want);
    EXPECT_EQ(send("POST", "", "{ number { value } }", "application/graphql").body, want);
    EXPECT_EQ(send("GET", "query=%7B+number+%7B+value+%7D+%7D", "", "").body, want);
    EXPECT_EQ(send("GET",
                   "query=query+A($v:Int)%7Bnumber(value:$v)%7Bvalue%7D%7D+query+B%7B__typename%7D"
                   "&operationName=A&variables=%7B%22v%22:9%7D",
                   "", "")
                  .body,
              R"({"data":{"number":{"value":9}}})");
}

TEST(graphql_http, statuses_are_those_of_graphql_over_http) {
    constexpr std::string_view graphql = "application/graphql-response+json";
    const std::string wrong = R"({"query":"{ none }"})";
    EXPECT_EQ(send("POST", "", wrong, "application/json").status, 200);
    EXPECT_EQ(send("POST", "", wrong, "application/json", "text/html, application/json").status, 200);
    const Got strict = send("POST", "", wrong, "application/json", "application/json;q=0.5, " + std::string(graphql));
    EXPECT_EQ(strict.status, 400);
    EXPECT_TRUE(strict.type.starts_with(graphql));
    EXPECT_EQ(send("POST", "", R"({"query":"{ number { fails } }"})", "application/json", graphql).status, 200);
    for (const auto* bad : {"", "{", "[]", R"([{"query":"{ number { value } }"}])", R"({"query":3})", "{}",
                            R"({"query":"{ a }","variables":[]})", R"({"query":"{ a }","operationName":3})"}) {
        SCOPED_TRACE(bad);
        EXPECT_EQ(send("POST", "", bad, "application/json").status, 400);
    }
    EXPECT_EQ(send("GET", "", "", "").status, 400);
    EXPECT_EQ(send("GET", "query=%7Ba%7D&variables=%7B", "", "").status, 400);
    EXPECT_EQ(send("POST", "", "{}", "text/plain").status, 415);
    EXPECT_EQ(send("POST", "", "{}", "").status, 415);
    const Got mutation = send("GET", "query=mutation%7Badd(value:1)%7D", "", "");
    EXPECT_EQ(mutation.status, 405);
    EXPECT_EQ(mutation.allow, "POST");
    EXPECT_EQ(send("PUT", "", "", "").status, 405);
}

}  // namespace
}  // namespace weft::net::graphql
