#include "crypto/siphash.hpp"

#include <gtest/gtest.h>

namespace weft::crypto {
namespace {

TEST(siphash, agrees_with_the_authors_vectors) {
    // Key 00 01 .. 0f, message 00 01 .. (length - 1); vectors_sip64 of the reference implementation.
    const SipKey key{0x0706050403020100ULL, 0x0f0e0d0c0b0a0908ULL};
    struct Case {
        std::size_t size;
        std::uint64_t want;
    };
    constexpr Case cases[] = {
        {0, 0x726fdb47dd0e0e31ULL}, {1, 0x74f839c593dc67fdULL}, {7, 0xab0200f58b01d137ULL},
        {8, 0x93f5f5799a932462ULL}, {15, 0xa129ca6149be45e5ULL},
    };
    Bytes message;
    for (const auto& [size, want] : cases) {
        SCOPED_TRACE(size);
        while (message.size() < size) message.push_back(static_cast<std::uint8_t>(message.size()));
        EXPECT_EQ(siphash24(key, message), want);
    }
}

TEST(siphash, another_key_gives_another_hash) {
    const Hash message{{1, 2, 3}};
    EXPECT_NE(siphash24({1, 2}, message), siphash24({1, 3}, message));
    EXPECT_NE(siphash24({1, 2}, message), siphash24({2, 2}, message));
}

}  // namespace
}  // namespace weft::crypto
