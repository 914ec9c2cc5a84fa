#include "crypto/kdf.hpp"

#include <gtest/gtest.h>

#include "base/hex.hpp"
#include "crypto/secp256k1.hpp"

namespace weft::crypto {
namespace {

constexpr std::string_view dev_mnemonic = "test test test test test test test test test test test junk";

TEST(kdf, pbkdf2_known_answers) {
    EXPECT_EQ(to_hex_digits(pbkdf2_hmac_sha256(as_bytes("passwd"), as_bytes("salt"), 1, 64)),  // RFC 7914, section 11
              "55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc"
              "49ca9cccf179b645991664b39d77ef317c71b845b1e30bd509112041d3a19783");
    EXPECT_EQ(to_hex_digits(pbkdf2_hmac_sha512(as_bytes("password"), as_bytes("salt"), 1, 64)),
              "867f70cf1ade02cff3752599a3a53dc4af34c7a669815ae5d513554e1c8cf252"
              "c02d470a285a0501bad999bfe943c08f050235d7d68b1da55e63f73b60a57fce");
}

TEST(kdf, scrypt_known_answers_of_rfc_7914) {
    EXPECT_EQ(to_hex_digits(*scrypt({}, {}, 16, 1, 1, 64)),
              "77d6576238657b203b19ca42c18a0497f16b4844e3074ae8dfdffa3fede21442"
              "fcd0069ded0948f8326a753a0fc81f17e8d3e0fb2e0d3628cf35e20c38d18906");
    EXPECT_EQ(to_hex_digits(*scrypt(as_bytes("password"), as_bytes("NaCl"), 1024, 8, 16, 64)),
              "fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b373162"
              "2eaf30d92e22a3886ff109279d9830dac727afb94a83ee6d8360cbdfa2cc0640");
}

TEST(kdf, scrypt_refuses_parameters) {
    const auto code = [](std::uint64_t n, std::uint32_t r, std::uint32_t p) {
        const auto result = scrypt(as_bytes("x"), as_bytes("y"), n, r, p, 32);
        return result ? 0 : static_cast<int>(result.error().code);
    };
    const int invalid = static_cast<int>(ErrorCode::invalid_argument);
    const int too_much = static_cast<int>(ErrorCode::resource_exhausted);
    EXPECT_EQ(code(0, 8, 1), invalid);
    EXPECT_EQ(code(1, 8, 1), invalid);
    EXPECT_EQ(code(3, 8, 1), invalid);
    EXPECT_EQ(code(1024, 0, 1), invalid);
    EXPECT_EQ(code(1024, 8, 0), invalid);
    EXPECT_EQ(code(1024, 1 << 15, 1 << 15), invalid);
    EXPECT_EQ(code(std::uint64_t{1} << 20, 8, 1), too_much);
    EXPECT_EQ(code(std::uint64_t{1} << 63, 8, 1), too_much);
    EXPECT_EQ(code(2, 1, 1 << 29), too_much);
    EXPECT_EQ(code(2, 1, 1), 0);
}

TEST(kdf, mnemonic_seed_of_bip_39) {
    EXPECT_EQ(to_hex_digits(mnemonic_to_seed("abandon abandon abandon abandon abandon abandon abandon abandon abandon "
                                             "abandon abandon about",
                                             "TREZOR")),
              "c55257c360c07c72029aebc1b53c05ed0362ada38ead3e3e9efa3708e5349553"
              "1f09a6987599d18264c1e1c92f2cf141630c7a3c4ab7c81b2f001698e7463b04");
}

TEST(kdf, derived_keys_of_bip_32_vector_1) {
    const auto seed = *from_hex("0x000102030405060708090a0b0c0d0e0f");
    const struct {
        const char* path;
        const char* want;
    } table[] = {
        {"m", "e8f32e723decf4051aefac8e2c93c9c5b214313817cdb01a1494b917c8436b35"},
        {"m/0'", "edb2e14f9ee77d26dd93b4ecede8d16ed408ce149b6cd80b0715a2d911a0afea"},
        {"m/0h", "edb2e14f9ee77d26dd93b4ecede8d16ed408ce149b6cd80b0715a2d911a0afea"},
        {"m/0'/1", "3c6cb8d0f6a264c91ea8b5030fadaa8e538b020f0a387421a12de9319dc93368"},
        {"m/0'/1/2'", "cbce0d719ecf7431d88e6a89fa1483e02e35092af60c042b1df2ff59fa424dca"},
        {"m/0'/1/2'/2", "0f479245fb19a38a1954c5c7c0ebab2f9bdfd96a17563ef28a6a4b1a2a764ef4"},
        {"m/0'/1/2'/2/1000000000", "471b76e389e528d6de6d816857e012c5455051cad6660850e58372a6c3e6e7c8"},
    };
    for (const auto& [path, want] : table) {
        SCOPED_TRACE(path);
        EXPECT_EQ(to_hex_digits(*derive_key(seed, path)), want);
    }
}

TEST(kdf, accounts_that_every_development_tool_has) {
    const Bytes seed = mnemonic_to_seed(dev_mnemonic, "");
    const auto first = *derive_key(seed, "m/44'/60'/0'/0/0");
    EXPECT_EQ(to_hex(first), "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80");
    EXPECT_EQ(to_hex(*address_of(first)), "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266");
    EXPECT_EQ(to_hex(*address_of(*derive_key(seed, "m/44'/60'/0'/0/1"))), "0x70997970c51812dc3a010c7d01b50e0d17dc79c8");
}

TEST(kdf, refuses_malformed_paths_and_seeds) {
    const Bytes seed(32, 1);
    std::string deep = "m";
    for (int i = 0; i < 256; ++i) deep += "/0";
    for (const std::string path : {"", "/0", "0/1", "n/0", "m/", "m0", "m/'", "m/h", "m/-1", "m/+1", "m/2147483648",
                                   "m/0''", "m/0x1", "m/0//1", "m/0/", "m/ 0", "m/4294967296", deep.c_str()}) {
        SCOPED_TRACE(path);
        const auto key = derive_key(seed, path);
        ASSERT_FALSE(key);
        EXPECT_EQ(key.error().code, ErrorCode::invalid_argument);
    }
    EXPECT_TRUE(derive_key(seed, deep.substr(0, 1 + 2 * 255)));
    EXPECT_TRUE(derive_key(seed, "m/2147483647'"));
    EXPECT_FALSE(derive_key(Bytes(15), "m"));
    EXPECT_FALSE(derive_key(Bytes(65), "m"));
}

}  // namespace
}  // namespace weft::crypto
