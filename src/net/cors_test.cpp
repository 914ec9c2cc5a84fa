#include "net/cors.hpp"

#include <gtest/gtest.h>

namespace weft::net {
namespace {

std::string header_of(const Response& response, std::string_view name) {
    for (const auto& [key, value] : response.headers) {
        if (key == name) return value;
    }
    return "";
}

Request from(const std::vector<Header>& headers) {
    Request out;
    out.headers = headers;
    return out;
}

TEST(Cors, AnyOriginOrSome) {
    Response any;
    Cors{}.allow("https://a.example", any);
    EXPECT_EQ(header_of(any, "Access-Control-Allow-Origin"), "*");
    Response some;
    Cors{{"https://a.example"}}.allow("https://a.example", some);
    EXPECT_EQ(header_of(some, "Access-Control-Allow-Origin"), "https://a.example");
    EXPECT_EQ(header_of(some, "Vary"), "Origin");
    Response other;
    Cors{{"https://b.example"}}.allow("https://a.example", other);
    EXPECT_TRUE(other.headers.empty());
    Response no_page;
    Cors{}.allow("", no_page);
    EXPECT_TRUE(no_page.headers.empty());
}

TEST(Cors, Preflight) {
    const std::vector<Header> asks{{"Origin", "https://a.example"},
                                   {"Access-Control-Request-Headers", "x-api-key, content-type"}};
    const auto response = Cors{}.preflight(from(asks));
    EXPECT_EQ(response.status, 204);
    EXPECT_EQ(header_of(response, "Access-Control-Allow-Headers"), "x-api-key, content-type");
    EXPECT_TRUE(Cors{{"https://b.example"}}.preflight(from(asks)).headers.empty());
}

}  // namespace
}  // namespace weft::net
