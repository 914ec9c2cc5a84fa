#include "service/proxy/block_ref.hpp"

#include <gtest/gtest.h>

namespace weft::service::proxy {
namespace {

struct Case {
    const char* method;
    const char* params;
    const char* resolved;
    std::optional<std::uint64_t> number;
    bool moving;
};

Heads at_100() {
    Heads heads({}, 1);
    heads.observe(0, 100);
    heads.observe_final(0, 90);
    heads.observe_safe(0, 95);
    return heads;
}

TEST(BlockRef, TagsBecomeNumbers) {
    const Heads heads = at_100();
    for (const auto& one : {
             Case{"eth_getBalance", R"([ "0x1" , "latest" ])", R"(["0x1","0x64"])", 100, false},
             Case{"eth_getBalance", R"(["0x1"])", R"(["0x1","0x64"])", 100, false},
             Case{"eth_getBalance", R"(["0x1",null])", R"(["0x1","0x64"])", 100, false},
             Case{"eth_getBalance", R"(["0x1","safe"])", R"(["0x1","0x5f"])", 95, false},
             Case{"eth_getBalance", R"(["0x1","finalized"])", R"(["0x1","0x5a"])", 90, false},
             Case{"eth_getBalance", R"(["0x1","pending"])", R"(["0x1","pending"])", {}, true},
             Case{"eth_getBalance", R"(["0x1","earliest"])", R"(["0x1","earliest"])", 0, false},
             Case{"eth_getBalance", R"(["0x1","0x20"])", R"(["0x1","0x20"])", 32, false},
             Case{"eth_getBalance", R"(["0x1",{"blockNumber":"0x20"}])", R"(["0x1",{"blockNumber":"0x20"}])", 32,
                  false},
             Case{"eth_getBalance", R"(["0x1",{"blockHash":"0xab"}])", R"(["0x1",{"blockHash":"0xab"}])", {}, false},
             Case{"eth_call", R"([{"to":"0x1"},"latest",{}])", R"([{"to":"0x1"},"0x64",{}])", 100, false},
             Case{"eth_getBlockByNumber", R"(["latest",true])", R"(["0x64",true])", 100, false},
             Case{"eth_getBlockByNumber", "[]", "[]", {}, true},
             Case{"eth_getStorageAt", R"(["0x1","0x0"])", R"(["0x1","0x0","0x64"])", 100, false},
             Case{"eth_getStorageAt", R"(["0x1"])", R"(["0x1"])", {}, true},
             Case{"eth_chainId", "", "[]", {}, false},
             Case{"eth_getLogs", R"([{"address":"0xa"}])", R"([{"fromBlock":"0x64","toBlock":"0x64","address":"0xa"}])",
                  100, false},
             Case{"eth_getLogs", R"([{"fromBlock":"0x1","topics":[]}])",
                  R"([{"fromBlock":"0x1","toBlock":"0x64","topics":[]}])", 100, false},
             Case{"eth_getLogs", R"([{"blockHash":"0xab"}])", R"([{"blockHash":"0xab"}])", {}, false},
             Case{"eth_getLogs",
                  R"([{"toBlock":"pending"}])",
                  R"([{"fromBlock":"0x64","toBlock":"pending"}])",
                  {},
                  true},
         }) {
        const auto out = resolve(method_of(one.method), one.params, &heads);
        EXPECT_EQ(out.params, one.resolved) << one.method << one.params;
        EXPECT_EQ(out.block.number, one.number) << one.method << one.params;
        EXPECT_EQ(out.block.moving, one.moving) << one.method << one.params;
    }
}

TEST(BlockRef, TagsStandAsTheyCameWithoutHeads) {
    const auto out = resolve(method_of("eth_getBalance"), R"(["0x1","latest"])", nullptr);
    EXPECT_EQ(out.params, R"(["0x1","latest"])");
    EXPECT_TRUE(out.block.moving);
    const Heads unknown({}, 2);
    EXPECT_TRUE(resolve(method_of("eth_getBalance"), R"(["0x1","latest"])", &unknown).block.moving);
}

TEST(BlockRef, Quantities) {
    EXPECT_EQ(quantity_of("\"0x0\""), 0U);
    EXPECT_EQ(quantity_of("\"0xffffffffffffffff\""), ~std::uint64_t{0});
    for (const char* bad : {"", "0x1", "\"0x\"", "\"1\"", "\"0x1ffffffffffffffff\"", "\"0xg\"", "\"0x1 \"", "null"}) {
        EXPECT_FALSE(quantity_of(bad)) << bad;
    }
    EXPECT_EQ(quantity_text(0), "\"0x0\"");
    EXPECT_EQ(quantity_text(436), "\"0x1b4\"");
}

}  // namespace
}  // namespace weft::service::proxy
