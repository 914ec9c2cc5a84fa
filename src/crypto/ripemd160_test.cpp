#include "crypto/ripemd160.hpp"

#include <gtest/gtest.h>

#include "base/hex.hpp"

namespace weft::crypto {
namespace {

TEST(ripemd160, known_answers_of_its_authors) {
    const struct {
        std::string message;
        const char* want;
    } table[] = {
        {"", "9c1185a5c5e9fc54612808977ee8f548b2258d31"},
        {"a", "0bdc9d2d256b3ee9daae347be6f4dc835a467ffe"},
        {"abc", "8eb208f7e05d987a9b044a8e98c6b087f15a0bfc"},
        {"message digest", "5d0689ef49d2fae572b881b123a85ffa21595f36"},
        {"abcdefghijklmnopqrstuvwxyz", "f71c27109c692c1b56bbdceb5b9d2865b3708dbc"},
        {std::string(1'000'000, 'a'), "52783243c1697bdbe16d37f97f68f08325dc1528"},
    };
    for (const auto& [message, want] : table) {
        SCOPED_TRACE(message.substr(0, 16));
        EXPECT_EQ(to_hex_digits(ripemd160(as_bytes(message))), want);
    }
}

}  // namespace
}  // namespace weft::crypto
