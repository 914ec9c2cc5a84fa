#include "crypto/bls12_381.hpp"

#include <algorithm>
#include <span>
#include <vector>

#include "crypto/bls12_381_curve.hpp"
#include "crypto/bls12_381_map.hpp"

namespace weft::crypto {

namespace {

using bls::F2;
using bls::Fp;
using bls::G1;
using bls::G2;

constexpr std::size_t fp_size = 64;
constexpr std::size_t fp_padding = fp_size - Fp::byte_size;
constexpr std::size_t f2_size = 2 * fp_size;
constexpr std::size_t scalar_size = 32;

template <class F>
constexpr std::size_t field_size = 0;
template <>
constexpr std::size_t field_size<Fp> = fp_size;
template <>
constexpr std::size_t field_size<F2> = f2_size;
template <class F>
constexpr std::size_t point_size = 2 * field_size<F>;

/// Terms that one point's multiplication is split into by the endomorphisms, and the bits of their numbers.
template <class F>
constexpr std::size_t split_count = 0;
template <>
constexpr std::size_t split_count<Fp> = 2;
template <>
constexpr std::size_t split_count<F2> = 4;
template <class F>
constexpr unsigned split_bits = 256 / split_count<F>;

bool read(const std::uint8_t* bytes, Fp& out) {
    if (std::any_of(bytes, bytes + fp_padding, [](std::uint8_t byte) { return byte != 0; })) return false;
    const auto value = Fp::from_bytes(bytes + fp_padding);
    if (value) out = *value;
    return value.has_value();
}

bool read(const std::uint8_t* bytes, F2& out) { return read(bytes, out.c0) && read(bytes + fp_size, out.c1); }

/// A point of the curve or twist, of any order.
template <class F>
bool read(const std::uint8_t* bytes, AffinePoint<F>& out) {
    return read(bytes, out.x) && read(bytes + field_size<F>, out.y) && bls::is_on_curve(out);
}

void write(const Fp& value, std::uint8_t* bytes) { value.to_bytes(bytes + fp_padding); }

void write(const F2& value, std::uint8_t* bytes) {
    write(value.c0, bytes);
    write(value.c1, bytes + fp_size);
}

template <class F>
Bytes to_bytes(const AffinePoint<F>& point) {
    Bytes out(point_size<F>);
    write(point.x, out.data());
    write(point.y, out.data() + field_size<F>);
    return out;
}

template <class F>
std::optional<Bytes> add_points(BytesView input) {
    if (input.size() != 2 * point_size<F>) return std::nullopt;
    AffinePoint<F> p;
    AffinePoint<F> q;
    if (!read(input.data(), p) || !read(input.data() + point_size<F>, q)) return std::nullopt;
    return to_bytes(add_affine(p, q));
}

template <class F>
std::optional<Bytes> multiply_and_sum(BytesView input) {
    constexpr std::size_t term_size = point_size<F> + scalar_size;
    if (input.empty() || input.size() % term_size != 0) return std::nullopt;
    std::vector<Term<F>> terms;
    terms.reserve(input.size() / term_size * split_count<F>);
    for (; !input.empty(); input = input.subspan(term_size)) {
        AffinePoint<F> point;
        if (!read(input.data(), point) || !bls::is_in_subgroup(point)) return std::nullopt;
        if (point.is_infinity()) continue;
        std::array<Term<F>, split_count<F>> parts;
        bls::split(point, U256::from_big_endian(input.data() + point_size<F>), parts);
        terms.insert(terms.end(), parts.begin(), parts.end());
    }
    if (terms.empty()) return to_bytes(AffinePoint<F>{});
    if (terms.size() == split_count<F>) {
        std::array<Term<F>, split_count<F>> parts;
        std::copy(terms.begin(), terms.end(), parts.begin());
        return to_bytes(multiply_few(parts).to_affine());
    }
    return to_bytes(multiply_many<F>(terms, split_bits<F>).to_affine());
}

}  // namespace

std::optional<Bytes> bls_g1_add(BytesView input) { return add_points<Fp>(input); }
std::optional<Bytes> bls_g2_add(BytesView input) { return add_points<F2>(input); }
std::optional<Bytes> bls_g1_msm(BytesView input) { return multiply_and_sum<Fp>(input); }
std::optional<Bytes> bls_g2_msm(BytesView input) { return multiply_and_sum<F2>(input); }

std::optional<Bytes> bls_pairing(BytesView input) {
    constexpr std::size_t pair_size = point_size<Fp> + point_size<F2>;
    if (input.empty() || input.size() % pair_size != 0) return std::nullopt;
    bls::PairingProduct product;
    for (; !input.empty(); input = input.subspan(pair_size)) {
        bls::Pair pair;
        if (!read(input.data(), pair.p) || !bls::is_in_subgroup(pair.p)) return std::nullopt;
        if (!read(input.data() + point_size<Fp>, pair.q) || !bls::is_in_subgroup(pair.q)) return std::nullopt;
        product.multiply(pair);
    }
    Bytes out(32);
    out.back() = product.is_one() ? 1 : 0;
    return out;
}

std::optional<Bytes> bls_map_fp_to_g1(BytesView input) {
    Fp element;
    if (input.size() != fp_size || !read(input.data(), element)) return std::nullopt;
    return to_bytes(bls::map_to_g1(element));
}

std::optional<Bytes> bls_map_fp2_to_g2(BytesView input) {
    F2 element;
    if (input.size() != f2_size || !read(input.data(), element)) return std::nullopt;
    return to_bytes(bls::map_to_g2(element));
}

}  // namespace weft::crypto
