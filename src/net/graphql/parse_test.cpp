#include <gtest/gtest.h>

#include "net/graphql/document.hpp"

namespace weft::net::graphql {
namespace {

/// The first argument's value in `{f(a: TEXT)}`.
std::expected<Value, Problem> value_of(const std::string& text) {
    auto document = parse("{f(a: " + text + ")}");
    if (!document) return std::unexpected(document.error());
    return document->operations[0].selections[0].arguments[0].value;
}

TEST(graphql_parse, reads_every_form_of_the_language) {
    const auto document = parse(R"(
        # a comment
        query Q($a: Int! = 3 @skip(if: true), $b: [[String!]]! = ["x"]) @include(if: $a) {
            alias: field(int: -12, float: 1.5e3, text: "t", enum: UP, null: null, v: $a, list: [1, 2], object: {k: {}})
            ... on T @skip(if: false) { x }
            ... @include(if: true) { y }
            ...F
        }
        mutation { m }
        subscription S { s }
        fragment F on T { on: fragment, query, null }
    )");
    ASSERT_TRUE(document) << document.error().message;
    EXPECT_EQ(to_text(*document),
              "query Q($a: Int! = 3 @skip(if: true), $b: [[String!]]! = [\"x\"]) @include(if: $a) { "
              "alias: field(int: -12, float: 1.5e3, text: \"t\", enum: UP, null: null, v: $a, list: [1, 2], "
              "object: {k: {}}) ... on T @skip(if: false) { x } ... @include(if: true) { y } ...F }\n"
              "mutation { m }\n"
              "subscription S { s }\n"
              "fragment F on T { on: fragment query null }\n");
    EXPECT_EQ(document->operations[0].selections[0].at, (Location{4, 13}));
    EXPECT_EQ(document->aliases, 2U);
}

TEST(graphql_parse, strings_mean_what_their_escapes_say) {
    struct Case {
        std::string text;
        std::string want;
    };
    const Case cases[] = {
        {R"("a\"\\\/\b\f\n\r\tz")", "a\"\\/\b\f\n\r\tz"},
        {R"("\u00e9\u20AC")", "\xc3\xa9\xe2\x82\xac"},
        {R"("\u{1F600}\uD83D\uDE00")", "\xf0\x9f\x98\x80\xf0\x9f\x98\x80"},
        {R"("")", ""},
        {"\"\"\"\"\"\"", ""},
        {"\"\"\"one\"\"\"", "one"},
        {"\"\"\"\n    a\n      b\n\n    c\n  \"\"\"", "a\n  b\n\nc"},
        {"\"\"\"a\r\n  b\r  c\"\"\"", "a\nb\nc"},
        {R"("""raw \n \""" end""")", "raw \\n \"\"\" end"},
        {"\"\xf0\x9f\x98\x80\"", "\xf0\x9f\x98\x80"},
    };
    for (const auto& one : cases) {
        SCOPED_TRACE(one.text);
        const auto value = value_of(one.text);
        ASSERT_TRUE(value) << value.error().message;
        EXPECT_EQ(value->text, one.want);
    }
}

TEST(graphql_parse, says_what_is_wrong_and_where) {
    struct Case {
        std::string text;
        std::string message;
        Location at;
    };
    const Case cases[] = {
        {"", "Syntax Error: Unexpected <EOF>.", {1, 1}},
        {"{", "Syntax Error: Expected Name, found <EOF>.", {1, 2}},
        {"{ f( }", "Syntax Error: Expected Name, found \"}\".", {1, 6}},
        {"{ f {} }", "Syntax Error: Expected Name, found \"}\".", {1, 6}},
        {"query ($a: Int = $b) { f }", "Syntax Error: Unexpected \"$\".", {1, 18}},
        {"fragment on on T { f }", "Syntax Error: Unexpected Name \"on\".", {1, 10}},
        {"type T { f: Int }", "Syntax Error: Unexpected Name \"type\".", {1, 1}},
        {"{\n  f ? }", "Syntax Error: Unexpected character: \"?\".", {2, 5}},
        {"{ a: }", "Syntax Error: Expected Name, found \"}\".", {1, 6}},
        {"{ \xc3\xa9 }", "Syntax Error: Unexpected character: \"\xc3\xa9\".", {1, 3}},
        {"{ \xff }", "Syntax Error: Invalid character.", {1, 3}},
    };
    for (const auto& one : cases) {
        SCOPED_TRACE(one.text);
        const auto document = parse(one.text);
        ASSERT_FALSE(document);
        EXPECT_EQ(document.error().message, one.message);
        ASSERT_FALSE(document.error().at.empty());
        EXPECT_EQ(document.error().at[0], one.at)
            << document.error().at[0].line << ":" << document.error().at[0].column;
    }
}

TEST(graphql_parse, refuses_bad_literals) {
    for (const auto* bad : {"01",
                            "1.",
                            ".5",
                            "1e",
                            "-",
                            "1a",
                            "1.0.0",
                            "0x1",
                            "\"",
                            "\"\n\"",
                            R"("\x")",
                            R"("\u12")",
                            R"("\uD800")",
                            R"("\uDC00")",
                            R"("\u{}")",
                            R"("\u{110000}")",
                            R"("\u{D800}")",
                            "\"\x01\"",
                            "\"\"\"",
                            "\"\xed\xa0\x80\"",
                            "\"\xc0\x80\"",
                            "$",
                            "[1",
                            "{a}",
                            "{a: }"}) {
        SCOPED_TRACE(bad);
        EXPECT_FALSE(value_of(bad));
    }
}

TEST(graphql_parse, every_limit_is_named) {
    const auto error = [](const std::string& text) {
        const auto document = parse(text);
        return document ? std::string("none") : document.error().message;
    };
    const Limits limits;
    EXPECT_NE(error(std::string(limits.document_bytes_max + 1, ' ')).find("document_bytes_max"), std::string::npos);
    std::string many = "{";
    for (std::size_t i = 0; i < limits.tokens_max; ++i) many += "a ";
    EXPECT_NE(error(many + "}").find("tokens_max"), std::string::npos);
    std::string deep;
    for (std::size_t i = 0; i <= limits.depth_max; ++i) deep += "{a";
    EXPECT_NE(error(deep + std::string(limits.depth_max + 1, '}')).find("depth_max"), std::string::npos);
    std::string aliases = "{";
    for (std::size_t i = 0; i <= limits.aliases_max; ++i) aliases += "a" + std::to_string(i) + ":a ";
    EXPECT_NE(error(aliases + "}").find("aliases_max"), std::string::npos);
    for (const auto* open : {"[", "{a:"}) {
        std::string value = "{f(a:";
        for (std::size_t i = 0; i < 10'000; ++i) value += open;
        EXPECT_NE(error(value).find("depth_max"), std::string::npos);
    }
    EXPECT_NE(error("query($a:" + std::string(20'000, '[')).find("depth_max"), std::string::npos);
}

}  // namespace
}  // namespace weft::net::graphql
