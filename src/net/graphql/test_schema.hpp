#pragma once
// A small schema to try the engine with: numbers, that know their neighbours, and fields that fail.

#include <string>

#include "net/graphql/execute.hpp"

namespace weft::net::graphql {

inline constexpr std::string_view test_sdl = R"(
schema { query: Query mutation: Mutation }
"A number."
type Number {
    value: Int!
    next: Number!
    previous: Number
    list(count: Int! = 3): [Number!]!
    fails: String
    failsHard: String!
    nothing: String!
    late: Int!
    old: Int! @deprecated(reason: "use value")
}
enum Order { UP DOWN }
input Range { from: Int! = 1, to: Int, order: Order = UP, inner: Range }
scalar Even @specifiedBy(url: "https://even.example")
type Query {
    number(value: Int): Number
    required(value: Int!): Number
    echo(int: Int, float: Float, text: String, id: ID, flag: Boolean, order: Order, range: Range, list: [Int!],
         lists: [[Int]], even: Even): String
    numbers(range: Range): [Number]
}
type Mutation { add(value: Int!): Int! }
)";

struct Number : Object {
    explicit Number(std::int64_t the_value) : value(the_value) {}
    std::int64_t value;
};
struct TestRoot : Object {
    std::int64_t sum = 0;
};

inline Resolved number(std::int64_t value) { return Resolved::of(std::make_shared<Number>(value)); }
inline std::int64_t int_of(const json::Value& value, std::int64_t otherwise) {
    return value.is_number() ? std::stoll(value.text()) : otherwise;
}
inline Resolved numbers(std::int64_t first, std::int64_t count) {
    std::vector<Resolved> out;
    for (std::int64_t i = 0; i < count; ++i) out.push_back(number(first + i));
    return Resolved::list(std::move(out));
}
inline Task<Resolved> late(Number& of, FieldCall) { co_return Resolved::leaf(std::to_string(of.value)); }
inline Task<Resolved> add(TestRoot& root, FieldCall call) {
    root.sum += int_of(call.arguments["value"], 0);
    co_return Resolved::leaf(std::to_string(root.sum));
}

inline void bind_number(Schema& schema) {
    const auto wrong = [](Number&, const FieldCall&) -> Result<Resolved> {
        return std::unexpected(Error{ErrorCode::unavailable, "it fails", {0xab}, -32001});
    };
    const auto value = [](Number& of, const FieldCall&) { return Resolved::leaf(std::to_string(of.value)); };
    schema.now<Number>("Number", "value", value);
    schema.now<Number>("Number", "old", value);
    schema.now<Number>("Number", "next", [](Number& of, auto&) { return number(of.value + 1); });
    schema.now<Number>("Number", "previous",
                       [](Number& of, auto&) { return of.value == 0 ? Resolved{} : number(of.value - 1); });
    schema.now<Number>("Number", "list", [](Number& of, const FieldCall& call) {
        return numbers(of.value, int_of(call.arguments["count"], 0));
    });
    schema.now<Number>("Number", "fails", wrong);
    schema.now<Number>("Number", "failsHard", wrong);
    schema.now<Number>("Number", "nothing", [](auto&, auto&) { return Resolved{}; });
    schema.later<Number>("Number", "late", late);
}

/// The schema with its resolvers; made once.
inline const Schema& test_schema() {
    static const std::unique_ptr<Schema> schema = [] {
        auto out = std::make_unique<Schema>(test_sdl);
        out->scalar("Even", [](const json::Value& value) -> Result<json::Value> {
            if (!value.is_number() || (value.text().back() - '0') % 2 != 0) {
                return fail(ErrorCode::invalid_argument, "Even is no " + json::to_string(value));
            }
            return value;
        });
        bind_number(*out);
        const auto of_argument = [](TestRoot&, const FieldCall& call) {
            return number(int_of(call.arguments["value"], 7));
        };
        out->now<TestRoot>("Query", "number", of_argument);
        out->now<TestRoot>("Query", "required", of_argument);
        out->now<TestRoot>("Query", "echo", [](TestRoot&, const FieldCall& call) {
            return Resolved::text(json::to_string(call.arguments));
        });
        out->now<TestRoot>("Query", "numbers", [](TestRoot&, const FieldCall& call) {
            return numbers(int_of(call.arguments["range"]["from"], 1), int_of(call.arguments["range"]["to"], 2));
        });
        out->later<TestRoot>("Mutation", "add", add);
        out->check();
        return out;
    }();
    return *schema;
}

}  // namespace weft::net::graphql
