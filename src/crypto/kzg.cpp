#include "crypto/kzg.hpp"

#include <algorithm>

#include "base/u256.hpp"
#include "crypto/bls12_381_curve.hpp"
#include "crypto/sha2.hpp"

namespace weft::crypto {

namespace {

constexpr std::uint8_t version = 1;
constexpr std::size_t field_elements_per_blob = 4096;
constexpr std::size_t word_size = 32;
constexpr std::size_t g1_size = 48;

/// tau times the generator of G2, for the secret tau that the public ceremony made and nobody knows. Verifying a proof
/// needs nothing else of the ceremony's output.
/// @source Consensus specification, presets/mainnet/trusted_setups/trusted_setup_4096.json, g2_monomial[1].
constexpr std::uint8_t tau_g2_bytes[96] = {
    0xb5, 0xbf, 0xd7, 0xdd, 0x8c, 0xde, 0xb1, 0x28, 0x84, 0x3b, 0xc2, 0x87, 0x23, 0x0a, 0xf3, 0x89,
    0x26, 0x18, 0x70, 0x75, 0xcb, 0xfb, 0xef, 0xa8, 0x10, 0x09, 0xa2, 0xce, 0x61, 0x5a, 0xc5, 0x3d,
    0x29, 0x14, 0xe5, 0x87, 0x0c, 0xb4, 0x52, 0xd2, 0xaf, 0xaa, 0xab, 0x24, 0xf3, 0x49, 0x9f, 0x72,
    0x18, 0x5c, 0xbf, 0xee, 0x53, 0x49, 0x27, 0x14, 0x73, 0x44, 0x29, 0xb7, 0xb3, 0x86, 0x08, 0xe2,
    0x39, 0x26, 0xc9, 0x11, 0xcc, 0xec, 0xea, 0xc9, 0xa3, 0x68, 0x51, 0x47, 0x7b, 0xa4, 0xc6, 0x0b,
    0x08, 0x70, 0x41, 0xde, 0x62, 0x10, 0x00, 0xed, 0xc9, 0x8e, 0xda, 0xda, 0x20, 0xc1, 0xde, 0xf2,
};

const bls::PreparedG2& tau_g2() {
    static const bls::PreparedG2 point(*bls::decompress_g2(tau_g2_bytes));
    return point;
}

const bls::PreparedG2& generator_g2() {
    static const bls::PreparedG2 point(bls::g2_generator());
    return point;
}

}  // namespace

Hash kzg_to_versioned_hash(BytesView commitment48) {
    Hash out = sha256(commitment48);
    out.bytes[0] = version;
    return out;
}

bool kzg_verify_proof(BytesView commitment48, BytesView z32, BytesView y32, BytesView proof48) {
    if (commitment48.size() != g1_size || z32.size() != word_size || y32.size() != word_size ||
        proof48.size() != g1_size) {
        return false;
    }
    const U256 z = U256::from_big_endian(z32.data());
    const U256 y = U256::from_big_endian(y32.data());
    if (z >= bls::order || y >= bls::order) return false;
    const auto commitment = bls::decompress_g1(commitment48.data());
    if (!commitment) return false;
    const auto proof = bls::decompress_g1(proof48.data());
    if (!proof) return false;

    // The polynomial less y is a multiple q (X - z), with q in the proof: e(C - y G1, G2) = e(q, (tau - z) G2). With z
    // moved to the other side no point of G2 has to be multiplied: e(C - y G1 + z q, G2) = e(q, tau G2).
    std::array<Term<bls::Fp>, 4> terms;
    bls::split(-bls::g1_generator(), y, std::span(terms).first<2>());
    bls::split(*proof, z, std::span(terms).last<2>());
    const auto left = (multiply_few(terms) + *commitment).to_affine();
    bls::PairingProduct product;
    product.multiply(left, generator_g2());
    product.multiply(-*proof, tau_g2());
    return product.is_one();
}

std::optional<Bytes> kzg_point_evaluation(BytesView input192) {
    if (input192.size() != 3 * word_size + 2 * g1_size) return std::nullopt;
    const auto z = input192.subspan(word_size, word_size);
    const auto y = input192.subspan(2 * word_size, word_size);
    const auto commitment = input192.subspan(3 * word_size, g1_size);
    const auto proof = input192.subspan(3 * word_size + g1_size, g1_size);
    if (!std::ranges::equal(input192.first(word_size), kzg_to_versioned_hash(commitment).view())) return std::nullopt;
    if (!kzg_verify_proof(commitment, z, y, proof)) return std::nullopt;
    Bytes out(2 * word_size);
    U256(field_elements_per_blob).to_big_endian(out.data());
    bls::order.to_big_endian(out.data() + word_size);
    return out;
}

}  // namespace weft::crypto
