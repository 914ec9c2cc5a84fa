#include "net/url.hpp"

#include <gtest/gtest.h>

namespace weft::net {
namespace {

TEST(url, decodes_what_is_encoded_and_nothing_else) {
    EXPECT_EQ(*url_decode("a%20b+c%2fd"), "a b+c/d");
    EXPECT_EQ(*url_decode("a+b%2B", true), "a b+");
    EXPECT_EQ(*url_decode("%41"), "A");
    for (const auto* bad : {"%", "%4", "a%4", "%g0", "%0g", "x%%41"}) {
        SCOPED_TRACE(bad);
        EXPECT_FALSE(url_decode(bad));
    }
}

TEST(url, a_path_has_segments) {
    const auto segments = [](std::string_view path) { return *url_segments(path); };
    EXPECT_EQ(segments("/v1/blocks/latest"), (std::vector<std::string>{"v1", "blocks", "latest"}));
    EXPECT_EQ(segments("/v1/"), (std::vector<std::string>{"v1"}));
    EXPECT_EQ(segments("//a"), (std::vector<std::string>{"", "a"}));
    EXPECT_EQ(segments("/a%2Fb"), (std::vector<std::string>{"a/b"})) << "a slash that is encoded parts nothing";
    EXPECT_TRUE(segments("/").empty());
    EXPECT_FALSE(url_segments("/a/%"));
    std::string deep;
    for (std::size_t i = 0; i < url_segments_max; ++i) deep += "/a";
    EXPECT_EQ(segments(deep).size(), url_segments_max);
    EXPECT_EQ(url_segments(deep + "/a").error().code, ErrorCode::resource_exhausted);
}

TEST(url, a_query_has_parameters) {
    const auto parameters = *url_parameters("a=1&b=x%26y&&c&d=1=2&a=3&e=");
    EXPECT_EQ(parameters, (UrlParameters{{"a", "1"}, {"b", "x&y"}, {"c", ""}, {"d", "1=2"}, {"a", "3"}, {"e", ""}}));
    EXPECT_EQ(find(parameters, "a"), "1");
    EXPECT_EQ(find(parameters, "c"), "");
    EXPECT_EQ(find(parameters, "z"), std::nullopt);
    std::string many;
    for (std::size_t i = 0; i < url_parameters_max; ++i) many += "a&";
    EXPECT_TRUE(url_parameters(many));
    EXPECT_EQ(url_parameters(many + "a").error().code, ErrorCode::resource_exhausted);
    EXPECT_FALSE(url_parameters("a=%zz"));
}

}  // namespace
}  // namespace weft::net
