#include <gtest/gtest.h>

#include "base/hex.hpp"
#include "evm/test_host.hpp"

namespace weft::evm {
namespace {

TEST(execute, adds_and_returns) {
    TestHost host;
    const Address to = Address::from(Bytes{0xaa});
    host.world.accounts[to].code = *from_hex("0x600260030160005260206000f3");
    Environment environment;
    Message message;
    message.recipient = message.code_address = to;
    message.gas = 100000;
    const auto result = execute(host, environment, message);
    EXPECT_EQ(result.status, Status::success);
    EXPECT_EQ(U256::from_bytes(result.output), U256(5));
    EXPECT_EQ(message.gas - result.gas_left, 3U * 3 + 2 * 3 + 3 + 3 + 3);
}

}  // namespace
}  // namespace weft::evm
