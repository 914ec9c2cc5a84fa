#include "service/wallet/wallet.hpp"

#include <gtest/gtest.h>

#include "base/hex.hpp"
#include "crypto/secp256k1.hpp"

namespace weft::service::wallet {
namespace {

constexpr std::string_view mnemonic = "test test test test test test test test test test test junk";

TEST(wallet, derives_the_accounts_every_tool_knows) {
    const auto keys = keys_of_mnemonic(mnemonic, 2);
    ASSERT_TRUE(keys);
    EXPECT_EQ(to_hex((*keys)[0].address), "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266");
    EXPECT_EQ(to_hex((*keys)[1].address), "0x70997970c51812dc3a010c7d01b50e0d17dc79c8");
}

TEST(wallet, signs_for_its_accounts_and_for_no_other) {
    Wallet wallet(*keys_of_mnemonic(mnemonic, 1));
    const Address own = run(wallet.accounts({}, {}))->addresses.at(0);
    Hash hash;
    hash.bytes[0] = 7;
    const auto signature = run(wallet.sign({}, {own, hash}));
    ASSERT_TRUE(signature);
    EXPECT_EQ(crypto::recover_address(hash, {signature->r, signature->s, signature->y_parity}), own);
    const auto refused = run(wallet.sign({}, {Address{}, hash}));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::not_found);
}

}  // namespace
}  // namespace weft::service::wallet
