#include "chain/fork_id.hpp"

#include <gtest/gtest.h>

#include "base/hex.hpp"

namespace weft::chain {
namespace {

ForkPoint mainnet_at(std::uint64_t number, std::uint64_t timestamp) {
    return {*fixed_from_hex<Hash>("0xd4e56740f876aef8c010b86a40d5f56745a118d0906a34e69aec8c0db1cb8fa3"), 0, number,
            timestamp};
}

TEST(fork_id, of_mainnet_is_as_the_standard_lists_it) {
    // EIP-2124, "Test cases"; EIP-6122 for those by time.
    const ChainConfig config = mainnet_config();
    struct Case {
        std::uint64_t number;
        std::uint64_t timestamp;
        ForkId want;
    };
    const Case cases[] = {
        {0, 0, {0xfc64ec04, 1'150'000}},         {1'149'999, 0, {0xfc64ec04, 1'150'000}},
        {1'150'000, 0, {0x97c2c34c, 1'920'000}}, {1'920'000, 0, {0x91d1f948, 2'463'000}},
        {2'463'000, 0, {0x7a64da13, 2'675'000}}, {2'675'000, 0, {0x3edd5b10, 4'370'000}},
        {4'370'000, 0, {0xa00bc324, 7'280'000}}, {7'280'000, 0, {0x668db0af, 9'069'000}},
        {9'069'000, 0, {0x879d6e30, 9'200'000}}, {9'200'000, 0, {0xe029e991, 12'244'000}},
        {20'000'000, 1'681'338'455, {0xdce96c2d, 1'710'338'135}},
        {30'000'000, 1'710'338'135, {0x9f3d2254, 1'746'612'311}},
    };
    for (const auto& [number, timestamp, want] : cases) {
        SCOPED_TRACE(number);
        EXPECT_EQ(fork_id(config, mainnet_at(number, timestamp)), want);
    }
}

TEST(fork_id, a_peer_is_compatible_as_the_standard_says) {
    const ChainConfig config = mainnet_config();
    struct Case {
        std::string_view name;
        std::uint64_t number;
        ForkId remote;
        bool want;
    };
    const Case cases[] = {
        {"the same", 7'987'396, {0x668db0af, 9'069'000}, true},
        {"the same, without what comes next", 7'987'396, {0x668db0af, 0}, true},
        {"the same, with another next", 7'987'396, {0x668db0af, ~0ULL}, true},
        {"behind, knows what comes next", 7'987'396, {0xa00bc324, 7'280'000}, true},
        {"behind, does not know what comes next", 7'987'396, {0xa00bc324, 0}, false},
        {"far behind, knows what comes next", 7'987'396, {0x3edd5b10, 4'370'000}, true},
        {"ahead", 7'279'999, {0x668db0af, 0}, true},
        {"ahead by a fork unknown here", 7'987'396, {0x5cddc0e1, 0}, false},
        {"the same, has passed a fork that was here without one", 7'987'396, {0x668db0af, 7'987'396}, false},
        {"another chain", 7'987'396, {0xafec6b27, 0}, false},
    };
    for (const auto& [name, number, remote, want] : cases) {
        SCOPED_TRACE(name);
        EXPECT_EQ(is_compatible(config, mainnet_at(number, 0), remote), want);
    }
}

}  // namespace
}  // namespace weft::chain
