#include "crypto/kzg_blob.hpp"

#include <array>
#include <vector>

#include "base/hex.hpp"
#include "base/u256.hpp"
#include "crypto/bls12_381_curve.hpp"
#include "crypto/kzg.hpp"
#include "crypto/kzg_setup.hpp"
#include "crypto/sha2.hpp"

namespace weft::crypto {

namespace {

constexpr std::size_t word_size = 32;
constexpr std::size_t g1_size = 48;
constexpr std::size_t values_count = blob_size / word_size;
constexpr std::size_t cell_values = 64;
constexpr unsigned generator_of_field = 7;

// --- the scalar field

const Reducer& field() {
    static const Reducer instance(bls::order);
    return instance;
}
U256 multiply(const U256& a, const U256& b) { return field().multiply(a, b); }
/// Neither sum runs over: the order has 255 bits.
U256 add(const U256& a, const U256& b) {
    const U256 sum = a + b;
    return sum >= bls::order ? sum - bls::order : sum;
}
U256 subtract(const U256& a, const U256& b) { return a >= b ? a - b : a + bls::order - b; }

U256 raised(U256 base, const U256& exponent) {
    U256 out = 1;
    for (unsigned i = 0; i < exponent.bit_length(); ++i) {
        if (exponent.bit(i)) out = multiply(out, base);
        base = multiply(base, base);
    }
    return out;
}
U256 inverse(const U256& value) { return raised(value, bls::order - 2); }

/// A number whose powers are the count-th roots of unity. @param count  a power of two up to 2^32.
U256 root_of_unity(std::size_t count) {
    const auto bits = static_cast<unsigned>(std::countr_zero(count));
    return raised(generator_of_field, (bls::order - 1) >> bits);
}

std::size_t reversed_bits(std::size_t number, std::size_t count) {
    std::size_t out = 0;
    for (; count > 1; count /= 2, number /= 2) out = 2 * out + number % 2;
    return out;
}

using Polynomial = std::vector<U256>;  // coefficients, that of the highest power last

/// The polynomial of a blob, or nothing if a value is not below the order.
///
/// Values in bit-reversed order are what the radix-2 transform (Cooley and Tukey) takes to give coefficients in order.
std::optional<Polynomial> polynomial_of(BytesView blob) {
    Polynomial out(values_count);
    for (std::size_t i = 0; i < values_count; ++i) {
        out[i] = U256::from_big_endian(blob.data() + word_size * i);
        if (out[i] >= bls::order) return std::nullopt;
    }
    static const std::vector<U256> roots = [] {
        std::vector<U256> powers(values_count / 2, U256(1));
        const U256 root = inverse(root_of_unity(values_count));
        for (std::size_t i = 1; i < powers.size(); ++i) powers[i] = multiply(powers[i - 1], root);
        return powers;
    }();
    for (std::size_t half = 1; half < values_count; half *= 2) {
        const std::size_t stride = values_count / (2 * half);
        for (std::size_t start = 0; start < values_count; start += 2 * half) {
            for (std::size_t i = 0; i < half; ++i) {
                U256& even = out[start + i];
                U256& odd = out[start + i + half];
                const U256 turned = multiply(odd, roots[i * stride]);
                odd = subtract(even, turned);
                even = add(even, turned);
            }
        }
    }
    static const U256 scale = inverse(values_count);
    for (auto& coefficient : out) coefficient = multiply(coefficient, scale);
    return out;
}

U256 value_at(const Polynomial& polynomial, const U256& x) {
    U256 out;
    for (std::size_t i = polynomial.size(); i-- > 0;) out = add(multiply(out, x), polynomial[i]);
    return out;
}

void append_number(Bytes& to, std::uint64_t number, std::size_t size) {
    for (std::size_t i = size; i-- > 0;) to.push_back(i < 8 ? static_cast<std::uint8_t>(number >> (8 * i)) : 0);
}

// --- the ceremony's points

const std::array<bls::G1, cell_values>& powers_g1() {
    static const auto points = [] {
        std::array<bls::G1, cell_values> out;
        for (std::size_t i = 0; i < cell_values; ++i)
            out[i] = *bls::decompress_g1(from_hex("0x" + std::string(tau_powers_g1[i]))->data());
        return out;
    }();
    return points;
}
const bls::PreparedG2& power_g2() {
    static const bls::PreparedG2 point(*bls::decompress_g2(from_hex("0x" + std::string(tau_64_g2))->data()));
    return point;
}
const bls::PreparedG2& generator_g2() {
    static const bls::PreparedG2 point(bls::g2_generator());
    return point;
}

/// A sum of points times numbers.
class Sum {
  public:
    void add(const bls::G1& point, const U256& number) {
        if (point.is_infinity() || number.is_zero()) return;
        std::array<Term<bls::Fp>, 2> parts;
        bls::split(point, number, parts);
        terms_.insert(terms_.end(), parts.begin(), parts.end());
    }
    /// The same for a number of 128 bits at most, which needs no splitting.
    void add_short(const bls::G1& point, const U256& number) {
        if (!point.is_infinity()) terms_.push_back({point, {number.limb[0], number.limb[1]}});
    }
    [[nodiscard]] bls::G1 result() const {
        if (terms_.empty()) return {};
        return multiply_many<bls::Fp>(terms_, 128).to_affine();
    }

  private:
    std::vector<Term<bls::Fp>> terms_;
};

/// 128 random bits for each proof, which whoever made the proofs could not know: a hash of everything makes them.
std::array<U256, cells_per_blob> weights(BytesView blob, BytesView commitment, std::span<const Bytes> proofs) {
    Bytes all = to_bytes(sha256(blob));
    append(all, commitment);
    for (const auto& proof : proofs) append(all, proof);
    const Hash seed = sha256(all);
    std::array<U256, cells_per_blob> out;
    for (std::size_t i = 0; i < out.size(); ++i) {
        Bytes input = to_bytes(seed);
        append_number(input, i, 8);
        out[i] = U256::from_bytes(sha256(input)) >> 128;
    }
    return out;
}

}  // namespace

bool kzg_verify_blob_proof(BytesView blob, BytesView commitment48, BytesView proof48) {
    if (blob.size() != blob_size || commitment48.size() != g1_size) return false;
    const auto polynomial = polynomial_of(blob);
    if (!polynomial) return false;
    Bytes input = to_bytes(as_bytes("FSBLOBVERIFY_V1_"));
    append_number(input, values_count, 16);
    append(input, blob);
    append(input, commitment48);
    const U256 z = U256::from_bytes(sha256(input)) % bls::order;
    return kzg_verify_proof(commitment48, z.to_hash(), value_at(*polynomial, z).to_hash(), proof48);
}

bool kzg_verify_cell_proofs(BytesView blob, BytesView commitment48, std::span<const Bytes> proofs) {
    if (blob.size() != blob_size || commitment48.size() != g1_size || proofs.size() != cells_per_blob) return false;
    const auto polynomial = polynomial_of(blob);
    const auto commitment = bls::decompress_g1(commitment48.data());
    if (!polynomial || !commitment) return false;

    // Cell k has the values of p at the 64 points x with x^64 = a[k], where the a[k] are the 128th roots of unity, in
    // bit-reversed order. Its proof is q[k] = (p - i[k]) / (X^64 - a[k]), and i[k], the polynomial through the cell's
    // values, is p modulo X^64 - a[k]: no extended blob is needed. With weights w[k], all 128 at once:
    //     e(sum w[k] (C - i[k]) + sum w[k] a[k] q[k], G2) = e(sum w[k] q[k], tau^64 G2).
    static const U256 root = root_of_unity(cells_per_blob);
    const auto weight = weights(blob, commitment48, proofs);
    Sum left;
    Sum right;
    U256 weight_of_all;
    std::array<U256, cell_values> power_sums{};  // number m: sum of w[k] a[k]^m
    for (std::size_t k = 0; k < cells_per_blob; ++k) {
        if (proofs[k].size() != g1_size) return false;
        const auto proof = bls::decompress_g1(proofs[k].data());
        if (!proof) return false;
        const U256 a = raised(root, reversed_bits(k, cells_per_blob));
        weight_of_all = add(weight_of_all, weight[k]);
        left.add(*proof, multiply(weight[k], a));
        right.add_short(*proof, weight[k]);
        U256 term = weight[k];
        for (auto& sum : power_sums) sum = add(sum, term), term = multiply(term, a);
    }
    left.add(*commitment, weight_of_all);
    for (std::size_t j = 0; j < cell_values; ++j) {  // of sum w[k] i[k], the coefficient of X^j
        U256 coefficient;
        for (std::size_t m = 0; m < cell_values; ++m)
            coefficient = add(coefficient, multiply((*polynomial)[cell_values * m + j], power_sums[m]));
        left.add(powers_g1()[j], subtract(0, coefficient));
    }
    bls::PairingProduct product;
    const bls::G1 sum = left.result();
    const bls::G1 quotients = -right.result();
    if (!sum.is_infinity()) product.multiply(sum, generator_g2());
    if (!quotients.is_infinity()) product.multiply(quotients, power_g2());
    return product.is_one();
}

}  // namespace weft::crypto
