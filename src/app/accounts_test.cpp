#include "app/accounts.hpp"

#include <gtest/gtest.h>

#include "base/hex.hpp"

namespace weft::app {
namespace {

TEST(accounts, are_those_every_ethereum_tool_knows) {
    const auto accounts = derive_accounts("test test test test test test test test test test test junk", 10);
    ASSERT_TRUE(accounts);
    ASSERT_EQ(accounts->size(), 10U);
    EXPECT_EQ(to_checksum((*accounts)[0].address), "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266");
    EXPECT_EQ(to_hex((*accounts)[0].secret_key), "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80");
    EXPECT_EQ(to_checksum((*accounts)[9].address), "0xa0Ee7A142d267C1f36714E4a8F75612F20a79720");
}

TEST(accounts, checksums_of_eip_55) {
    for (const std::string want : {"0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
                                   "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB", "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
                                   "0x52908400098527886E0F7030069857D2E4169EE7", "0xde709f2102306220921060314715629080e2fb77"}) {
        EXPECT_EQ(to_checksum(*fixed_from_hex<Address>(want)), want);
    }
}

}  // namespace
}  // namespace weft::app
