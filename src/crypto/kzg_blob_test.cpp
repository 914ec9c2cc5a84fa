#include "crypto/kzg_blob.hpp"

#include <gtest/gtest.h>

#include "base/hex.hpp"
#include "base/u256.hpp"
#include "crypto/bls12_381_curve.hpp"
#include "crypto/kzg_blob_vectors.hpp"
#include "crypto/kzg_setup.hpp"
#include "crypto/sha2.hpp"

namespace weft::crypto {
namespace {

Bytes bytes_of(std::string_view digits) { return *from_hex("0x" + std::string(digits)); }

const Bytes commitment = bytes_of(vector_commitment);
const Bytes blob_proof = bytes_of(vector_blob_proof);
const Bytes infinity = bytes_of("c0" + std::string(94, '0'));

Bytes vector_blob() {
    Bytes out;
    for (std::uint32_t i = 0; i < 4096; ++i) {
        const Bytes number{static_cast<std::uint8_t>(i >> 24), static_cast<std::uint8_t>(i >> 16),
                           static_cast<std::uint8_t>(i >> 8), static_cast<std::uint8_t>(i)};
        Hash value = sha256(number);
        value.bytes[0] = 0;
        append(out, value);
    }
    return out;
}
std::vector<Bytes> vector_proofs() {
    std::vector<Bytes> out;
    for (const auto digits : vector_cell_proofs) out.push_back(bytes_of(digits));
    return out;
}
Bytes constant_blob(const U256& value) {
    Bytes out;
    for (int i = 0; i < 4096; ++i) append(out, value.to_hash());
    return out;
}
Bytes compress(const bls::G1& point) {
    if (point.is_infinity()) return infinity;
    Bytes out(48);
    point.x.to_bytes(out.data());
    out[0] |= 0x80;
    if (bls::decompress_g1(out.data()) != point) out[0] |= 0x20;
    return out;
}

TEST(kzg_blob, the_setup_is_powers_of_one_number) {
    const auto g1 = [](std::size_t i) { return *bls::decompress_g1(bytes_of(tau_powers_g1[i]).data()); };
    const bls::G2 tau = *bls::decompress_g2(
        bytes_of("b5bfd7dd8cdeb128843bc287230af38926187075cbfbefa81009a2ce615ac53d2914e5870cb452d2afaaab24f3499f72"
                 "185cbfee53492714734429b7b38608e23926c911cceceac9a36851477ba4c60b087041de621000edc98edada20c1def2")
            .data());
    const auto same = [](const bls::G1& p, const bls::G2& q, const bls::G1& r, const bls::G2& s) {
        bls::PairingProduct product;
        product.multiply({p, q});
        product.multiply({-r, s});
        return product.is_one();
    };
    EXPECT_EQ(g1(0), bls::g1_generator());
    for (std::size_t i = 1; i < tau_powers_g1.size(); ++i)
        EXPECT_TRUE(same(g1(i), bls::g2_generator(), g1(i - 1), tau)) << i;
    EXPECT_TRUE(same(bls::g1_generator(), *bls::decompress_g2(bytes_of(tau_64_g2).data()), g1(63), tau));
}

TEST(kzg_blob, proofs_of_another_implementation_hold) {
    EXPECT_TRUE(kzg_verify_blob_proof(vector_blob(), commitment, blob_proof));
    EXPECT_TRUE(kzg_verify_cell_proofs(vector_blob(), commitment, vector_proofs()));
}

TEST(kzg_blob, any_change_is_refused) {
    Bytes blob = vector_blob();
    for (const std::size_t value : {0, 1, 2048, 4095}) {
        blob[32 * value + 31] ^= 1;
        EXPECT_FALSE(kzg_verify_blob_proof(blob, commitment, blob_proof)) << value;
        EXPECT_FALSE(kzg_verify_cell_proofs(blob, commitment, vector_proofs())) << value;
        blob[32 * value + 31] ^= 1;
    }
    for (const Bytes& other : {blob_proof, infinity, compress(bls::g1_generator())}) {
        EXPECT_FALSE(kzg_verify_blob_proof(blob, other, blob_proof));
        EXPECT_FALSE(kzg_verify_cell_proofs(blob, other, vector_proofs()));
    }
    EXPECT_FALSE(kzg_verify_blob_proof(blob, commitment, infinity));
    for (const std::size_t cell : {0, 1, 63, 64, 127}) {
        auto proofs = vector_proofs();
        proofs[cell] = infinity;
        EXPECT_FALSE(kzg_verify_cell_proofs(blob, commitment, proofs)) << cell;
        proofs = vector_proofs();
        std::swap(proofs[cell], proofs[(cell + 1) % cells_per_blob]);
        EXPECT_FALSE(kzg_verify_cell_proofs(blob, commitment, proofs)) << cell;
    }
}

TEST(kzg_blob, a_constant_has_quotients_of_zero) {
    const std::vector<Bytes> no_quotients(cells_per_blob, infinity);
    for (const U256& constant : {U256(0), U256(1), U256(77), bls::order - 1}) {
        SCOPED_TRACE(to_quantity(constant));
        const Bytes blob = constant_blob(constant);
        const Bytes its = compress(bls::multiply(bls::g1_generator(), constant).to_affine());
        EXPECT_TRUE(kzg_verify_blob_proof(blob, its, infinity));
        EXPECT_TRUE(kzg_verify_cell_proofs(blob, its, no_quotients));
        const Bytes another = constant_blob(constant == U256(1) ? U256(2) : U256(1));
        EXPECT_EQ(kzg_verify_blob_proof(another, its, infinity), another == blob);
        EXPECT_EQ(kzg_verify_cell_proofs(another, its, no_quotients), another == blob);
    }
}

TEST(kzg_blob, refuses_what_is_malformed) {
    const Bytes blob = constant_blob(0);
    const std::vector<Bytes> proofs(cells_per_blob, infinity);
    ASSERT_TRUE(kzg_verify_blob_proof(blob, infinity, infinity));
    ASSERT_TRUE(kzg_verify_cell_proofs(blob, infinity, proofs));
    const Bytes outside = bytes_of("80" + std::string(94, '0'));  // (0, 2), of order 3
    const struct {
        const char* name;
        Bytes blob, commitment, proof;
    } table[] = {
        {"short blob", Bytes(blob_size - 1), infinity, infinity},
        {"long blob", Bytes(blob_size + 1), infinity, infinity},
        {"no blob", {}, infinity, infinity},
        {"a value that is the order", constant_blob(bls::order), infinity, infinity},
        {"a value of ones", constant_blob(~U256(0)), infinity, infinity},
        {"short commitment", blob, Bytes(47), infinity},
        {"commitment of zeros", blob, Bytes(48), infinity},
        {"commitment outside the group", blob, outside, infinity},
        {"short proof", blob, infinity, Bytes(47)},
        {"proof of zeros", blob, infinity, Bytes(48)},
        {"proof outside the group", blob, infinity, outside},
    };
    for (const auto& test : table) {
        SCOPED_TRACE(test.name);
        EXPECT_FALSE(kzg_verify_blob_proof(test.blob, test.commitment, test.proof));
        auto with_one = proofs;
        with_one[5] = test.proof;
        EXPECT_FALSE(kzg_verify_cell_proofs(test.blob, test.commitment, with_one));
    }
    EXPECT_FALSE(kzg_verify_cell_proofs(blob, infinity, std::vector<Bytes>(127, infinity)));
    EXPECT_FALSE(kzg_verify_cell_proofs(blob, infinity, std::vector<Bytes>(129, infinity)));
    EXPECT_FALSE(kzg_verify_cell_proofs(blob, infinity, {}));
}

}  // namespace
}  // namespace weft::crypto
