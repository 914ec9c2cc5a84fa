#include "service/gateway/typed_data.hpp"

#include <gtest/gtest.h>

#include "base/hex.hpp"
#include "crypto/keccak.hpp"
#include "crypto/secp256k1.hpp"

namespace weft::service::gateway {
namespace {

constexpr std::string_view mail = R"({
  "types": {
    "EIP712Domain": [{"name":"name","type":"string"},{"name":"version","type":"string"},
                     {"name":"chainId","type":"uint256"},{"name":"verifyingContract","type":"address"}],
    "Person": [{"name":"name","type":"string"},{"name":"wallet","type":"address"}],
    "Mail": [{"name":"from","type":"Person"},{"name":"to","type":"Person"},{"name":"contents","type":"string"}]
  },
  "primaryType": "Mail",
  "domain": {"name":"Ether Mail","version":"1","chainId":1,
             "verifyingContract":"0xCcCCccccCCCCcCCCCCCcCcCccCcCCCcCcccccccC"},
  "message": {"from":{"name":"Cow","wallet":"0xCD2a3d9F938E13CD947Ec05AbC7FE734Df8DD826"},
              "to":{"name":"Bob","wallet":"0xbBbBBBBbbBBBbbbBbbBbbbbBBbBbbbbBbBbbBBbB"},"contents":"Hello, Bob!"}
})";

std::string with(std::string text, std::string_view from, std::string_view to) {
    const auto at = text.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    return text.replace(at, from.size(), to);
}

Result<Hash> hash_of(std::string_view text) { return typed_data_hash(*json::parse(text)); }

// The example of EIP-712 itself.
TEST(typed_data, hashes_the_standards_example) {
    const auto hash = hash_of(mail);
    ASSERT_TRUE(hash);
    EXPECT_EQ(to_hex(*hash), "0xbe609aee343fb3c4b28e1df9e632fca64fcfaede20f02e86244efddf30957bd2");
    const auto signature = crypto::sign(*hash, crypto::keccak256(as_bytes("cow")));
    EXPECT_EQ(to_hex(signature->r), "0x4355c47d63924e8a72e509b65029052eb6c299d53a04e167c5775fd466751c9d");
    EXPECT_EQ(signature->y_parity, 1);
}

TEST(typed_data, derives_the_domains_type) {
    const std::string without =
        with(std::string(mail), R"("EIP712Domain": [{"name":"name","type":"string"},{"name":"version","type":"string"},
                     {"name":"chainId","type":"uint256"},{"name":"verifyingContract","type":"address"}],)",
             "");
    EXPECT_EQ(*hash_of(without), *hash_of(mail));
}

std::string one_field(std::string_view type, std::string_view value) {
    return R"({"types":{"EIP712Domain":[],"T":[{"name":"a","type":")" + std::string(type) +
           R"("}]},"primaryType":"T","domain":{},"message":{"a":)" + std::string(value) + "}}";
}

TEST(typed_data, takes_numbers_in_any_dress) {
    EXPECT_EQ(*hash_of(one_field("uint256", "16")), *hash_of(one_field("uint256", "\"0x10\"")));
    EXPECT_EQ(*hash_of(one_field("uint256", "16")), *hash_of(one_field("uint256", "\"16\"")));
    EXPECT_TRUE(hash_of(one_field("int8", "-128")));
    EXPECT_TRUE(hash_of(one_field("int8[2][]", "[[1,-1]]")));
    EXPECT_TRUE(hash_of(one_field("bytes", "\"0x\"")));
    EXPECT_TRUE(hash_of(one_field("bool", "true")));
}

TEST(typed_data, refuses_what_does_not_fit) {
    const std::vector<std::array<std::string, 2>> table = {
        {"uint8", "256"},        {"uint8", "-1"},  {"int8", "128"},        {"int8", "-129"},      {"uint256", "1.5"},
        {"uint7", "1"},          {"uint264", "1"}, {"bytes4", "\"0x01\""}, {"bytes33", "\"0x\""}, {"bytes0", "\"0x\""},
        {"address", "\"0x12\""}, {"bool", "1"},    {"string", "1"},        {"Unknown", "{}"},     {"uint8[2]", "[1]"},
        {"uint8[]", "1"},        {"T", "1"},       {"bytes", "\"zz\""},    {"uint256", "null"},
    };
    for (const auto& [type, value] : table) {
        SCOPED_TRACE(type + " " + value);
        EXPECT_FALSE(hash_of(one_field(type, value)));
    }
    EXPECT_FALSE(hash_of("{}"));
    EXPECT_FALSE(hash_of(with(std::string(mail), R"(,"contents":"Hello, Bob!")", "")));
}

TEST(typed_data, ends_recursion_at_null) {
    EXPECT_TRUE(hash_of(one_field("T", "null")));
    EXPECT_NE(*hash_of(one_field("T", "null")), *hash_of(one_field("T", R"({"a":null})")));
}

}  // namespace
}  // namespace weft::service::gateway
