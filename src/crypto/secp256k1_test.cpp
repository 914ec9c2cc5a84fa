#include "crypto/secp256k1.hpp"

#include <gtest/gtest.h>

#include "base/fixtures.hpp"
#include "base/hex.hpp"
#include "crypto/keccak.hpp"
#include "crypto/sha2.hpp"
#include "crypto/vectors.hpp"

namespace weft::crypto {
namespace {

Hash hash(std::string_view digits) { return *fixed_from_hex<Hash>("0x" + std::string(digits)); }
Hash number(std::uint64_t value) { return U256(value).to_hash(); }
Hash order_plus(std::uint64_t value) { return (secp256k1_order() + U256(value)).to_hash(); }

TEST(secp256k1, public_key_and_address_of_key_one_is_the_generator) {
    EXPECT_EQ(to_hex_digits(*public_key_of(number(1))),
              "79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798"
              "483ada7726a3c4655da4fbfc0e1108a8fd17b448a68554199c47d08ffb10d4b8");
    EXPECT_EQ(to_hex(*address_of(number(1))), "0x7e5f4552091a69125d5dfcb7b8c2659029395bdf");
}

TEST(secp256k1, signature_is_that_of_rfc_6979) {
    const auto signature = sign(sha256(as_bytes("Satoshi Nakamoto")), number(1));
    ASSERT_TRUE(signature);
    EXPECT_EQ(to_hex_digits(signature->r), "934b1ea10a4b3c1757e2b0c017d0b6143ce3c9a7e6a4a49860d7a6ab210ee3d8");
    EXPECT_EQ(to_hex_digits(signature->s), "2442ce9d2b916064108014783e923ec36b49743e2ffa1c4496f01a512aafd9e5");
}

TEST(secp256k1, signature_and_sender_of_the_example_in_eip_155) {
    const Hash key = hash("4646464646464646464646464646464646464646464646464646464646464646");
    const Hash message = hash("daf5a779ae972f972197303d7b574746c7ef83eadac0f2791ad23db92e4c8e53");
    const auto signature = sign(message, key);
    ASSERT_TRUE(signature);
    EXPECT_EQ(to_hex_digits(signature->r), "28ef61340bd939bc2195fe537567866003e1a15d3c71ff63e1590620aa636276");
    EXPECT_EQ(to_hex_digits(signature->s), "67cbe9d8997f761aecb703304b3800ccf555c9f3dc64214b297fb1966a3b6d83");
    EXPECT_EQ(signature->y_parity, 0);
    EXPECT_EQ(to_hex(*recover_address(message, *signature)), "0x9d8a62f656a8d1615c1294fd71e9cfb3e4855a4f");
}

TEST(secp256k1, what_is_signed_is_recovered_with_either_s) {
    Hash seed = number(42);
    for (int i = 0; i < 50; ++i) {
        seed = keccak256(seed);
        const Hash message = keccak256(as_bytes("message " + std::to_string(i)));
        const auto signature = sign(message, seed);
        ASSERT_TRUE(signature);
        EXPECT_LE(U256::from_bytes(signature->s), secp256k1_half_order());
        EXPECT_EQ(recover_address(message, *signature), address_of(seed));
        EXPECT_EQ(recover_public_key(message, *signature), public_key_of(seed));

        auto high = *signature;
        high.s = (secp256k1_order() - U256::from_bytes(signature->s)).to_hash();
        high.y_parity ^= 1;
        EXPECT_EQ(recover_address(message, high), address_of(seed));

        auto other = *signature;
        other.y_parity ^= 1;
        EXPECT_NE(recover_address(message, other), address_of(seed));
    }
}

TEST(secp256k1, refuses_numbers_out_of_range) {
    const Hash message = keccak256({});
    const Signature good = *sign(message, number(1));
    const struct {
        const char* name;
        Signature signature;
    } table[] = {
        {"r = 0", {number(0), good.s, 0}},
        {"s = 0", {good.r, number(0), 0}},
        {"r = n", {order_plus(0), good.s, 0}},
        {"s = n", {good.r, order_plus(0), 0}},
        {"s = n + 1", {good.r, order_plus(1), 0}},
        {"r = 2^256 - 1", {(~U256(0)).to_hash(), good.s, 0}},
        {"parity 2", {good.r, good.s, 2}},
        {"parity 27", {good.r, good.s, 27}},
        {"no point has x = 5", {number(5), good.s, 0}},
    };
    for (const auto& [name, signature] : table) {
        SCOPED_TRACE(name);
        EXPECT_FALSE(recover_address(message, signature));
        EXPECT_FALSE(recover_public_key(message, signature));
    }
    for (const auto& key : {number(0), order_plus(0), order_plus(1), (~U256(0)).to_hash()}) {
        EXPECT_FALSE(sign(message, key));
        EXPECT_FALSE(address_of(key));
        EXPECT_FALSE(public_key_of(key));
    }
    EXPECT_TRUE(address_of((secp256k1_order() - U256(1)).to_hash()));
}

TEST(secp256k1, half_order_is_the_largest_low_s) {
    EXPECT_EQ(to_quantity(secp256k1_half_order()),
              "0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0");
}

TEST(secp256k1, precompile_vectors) {
    const auto archive = fixture("precompile-vectors");
    if (!archive) GTEST_SKIP() << no_fixtures;
    for (const auto& vector : read_precompile_vectors(*archive, "ecRecover.json")) {
        SCOPED_TRACE(vector.name);
        Bytes input = vector.input;
        input.resize(128);
        const auto word = [&](std::size_t i) { return Hash::from(BytesView(input).subspan(32 * i, 32)); };
        const U256 v = U256::from_bytes(word(1));
        std::optional<Address> address;
        if (v == U256(27) || v == U256(28)) {
            address = recover_address(word(0), {word(2), word(3), static_cast<std::uint8_t>(v.low() - 27)});
        }
        Bytes got;
        if (address) got = to_bytes(Hash::from(*address));
        EXPECT_EQ(got, vector.expected);
    }
}

}  // namespace
}  // namespace weft::crypto
