#include "precompile_input.hpp"

#include <algorithm>

#include "base/hex.hpp"
#include "crypto/bls12_381_curve.hpp"
#include "crypto/bn254.hpp"
#include "crypto/kzg.hpp"
#include "crypto/secp256k1.hpp"

namespace weft::differential {

namespace {

namespace bls = crypto::bls;

void append_word(Bytes& to, const U256& value) { append(to, value.to_hash()); }

Bytes recovery(Random& random) {
    const Hash message = Hash::from(random.bytes(32));
    const auto signature = *crypto::sign(message, U256(random.between(1, 1000)).to_hash());
    Bytes out = to_bytes(message);
    U256 s = U256::from_bytes(signature.s);
    std::uint64_t parity = signature.y_parity;
    if (random.chance(20)) s = crypto::secp256k1_order() - s, parity ^= 1;  // the high one, as good here
    append_word(out, random.chance(90) ? U256(27 + parity) : random.chance(50) ? U256(parity) : random.word());
    append(out, signature.r);
    append_word(out, s);
    if (random.chance(10)) {
        const U256 edge = random.chance(50) ? U256{} : crypto::secp256k1_order() - U256(random.below(2));
        edge.to_big_endian(out.data() + (random.chance(50) ? 64 : 96));
    }
    return out;
}

/// Lengths around a hash function's block.
Bytes message(Random& random) {
    const auto block = 64 * random.below(4);
    return random.bytes(random.chance(50) ? random.below(200) : block + random.below(12) + (block == 0 ? 0 : 52));
}

Bytes modexp(Random& random) {
    static constexpr std::array<std::uint64_t, 14> sizes = {0, 1, 2, 8, 31, 32, 33, 40, 63, 64, 65, 96, 128, 257};
    std::array<std::uint64_t, 3> size{};
    for (auto& each : size) each = random.pick(sizes);
    if (random.chance(4)) size[random.below(3)] = random.between(1023, 1025);
    Bytes out;
    for (const auto each : size) append_word(out, random.chance(98) ? U256(each) : random.word());
    for (std::size_t i = 0; i < 3; ++i) {
        Bytes operand = random.bytes(size[i]);
        if (random.chance(10)) std::ranges::fill(operand, random.chance(50) ? 0 : 0xff);
        if (random.chance(20) && !operand.empty()) {  // short numbers, and even moduli down to powers of two
            const auto zeros = random.below(operand.size());
            std::fill_n(random.chance(50) ? operand.begin() : operand.end() - static_cast<std::ptrdiff_t>(zeros),
                        zeros, std::uint8_t{0});
        }
        append(out, operand);
    }
    return out;
}

// --- BN254

const U256 bn254_prime{0x30644e72e131a029, 0xb85045b68181585d, 0x97816a916871ca8d, 0x3c208c16d87cfd47};
const U256 bn254_order{0x30644e72e131a029, 0xb85045b68181585d, 0x2833e84879b97091, 0x43e1f593f0000001};
const Bytes bn254_g2 = *from_hex(
    "0x198e9393920d483a7260bfb731fb5d25f1aa493335a9e71297e485b7aef312c2"
    "1800deef121f1e76426a00665e5c4479674322d4f75edadd46debd5cd992f6ed"
    "090689d0585ff075ec9e99ad690c3395bc4b313370b38ef355acdadcd122975b"
    "12c85ea5db8c6deb4aab71808dcb408fe3d1e7690c43d37b4ce6cc0166fa7daa");
/// Of the twist, not of the subgroup: x = 2 + i.
const Bytes bn254_g2_outside = *from_hex(
    "0x0000000000000000000000000000000000000000000000000000000000000001"
    "0000000000000000000000000000000000000000000000000000000000000002"
    "2b76c179599bb92a963dac85546a005a777f7c13f6a7b75d5918b6b5808f5fde"
    "101f7278419308b95099eca02dcee0c5381f4d26d1d62313f057167f064101ce");

Bytes bn254_times(const U256& number) {
    Bytes input;
    append_word(input, 1), append_word(input, 2), append_word(input, number);
    return *crypto::bn254_multiply(input);
}
Bytes bn254_point(Random& random) {
    if (random.chance(10)) return Bytes(64);
    Bytes out = bn254_times(random.chance(30) ? U256(random.below(4)) : random.word());
    if (random.chance(6)) {  // not below the prime, or not on the curve
        const auto at = 32 * random.below(2);
        const U256 value = U256::from_big_endian(out.data() + at) + (random.chance(50) ? bn254_prime : U256(1));
        value.to_big_endian(out.data() + at);
    }
    return out;
}
Bytes bn254_pairs(Random& random) {
    Bytes out;
    if (random.chance(50)) {  // e(aP, Q) e(bP, Q) e(-(a + b)P, Q) = 1
        const U256 a(random.below(1000)), b(random.below(1000));
        for (const auto& number : {a, b, bn254_order - a - b}) append(out, bn254_times(number)), append(out, bn254_g2);
    }
    for (auto count = random.below(out.empty() ? 4 : 2); count > 0; --count) {
        append(out, bn254_point(random));
        append(out, random.chance(75) ? bn254_g2 : random.chance(50) ? Bytes(128) : bn254_g2_outside);
    }
    return out;
}

Bytes blake2(Random& random) {
    const std::array<std::uint64_t, 6> rounds = {0, 1, 10, 12, 13, 300};
    const auto count = random.pick(rounds);
    Bytes out{0, 0, static_cast<std::uint8_t>(count >> 8), static_cast<std::uint8_t>(count)};
    if (random.chance(3)) out[random.below(2)] = 0xff;
    append(out, random.bytes(208));
    out.push_back(static_cast<std::uint8_t>(random.below(random.chance(90) ? 2 : 4)));
    return out;
}

// --- BLS12-381

Bytes encode(const bls::Fp& value) {
    Bytes out(64);
    value.to_bytes(out.data() + 16);
    return out;
}
Bytes encode(const bls::G1& point) {
    Bytes out = encode(point.x);
    append(out, encode(point.y));
    return out;
}
Bytes encode(const bls::G2& point) {
    Bytes out;
    for (const auto& coordinate : {point.x.c0, point.x.c1, point.y.c0, point.y.c1}) append(out, encode(coordinate));
    return out;
}
Bytes compress(const bls::G1& point) {
    Bytes out(48);
    if (point.is_infinity()) {
        out[0] = 0xc0;
        return out;
    }
    point.x.to_bytes(out.data());
    out[0] |= 0x80;
    if (bls::decompress_g1(out.data()) != point) out[0] |= 0x20;
    return out;
}

bls::G1 g1_times(const U256& number) { return bls::multiply(bls::g1_generator(), number).to_affine(); }
bls::G2 g2_times(const U256& number) { return bls::multiply(bls::g2_generator(), number).to_affine(); }

/// On the twist, hardly ever in the subgroup.
bls::G2 g2_outside(Random& random) {
    for (;;) {
        const bls::F2 x{bls::Fp::from_u64(random.below(100)), bls::Fp::from_u64(random.below(100))};
        const bls::F2 four{bls::Fp::from_u64(4), bls::Fp::from_u64(4)};
        if (const auto y = bls::square_root(x.square() * x + four)) return {x, *y};
    }
}
U256 scalar(Random& random) {
    if (random.chance(20)) return bls::order + U256(random.below(3)) - U256(1);
    return random.word();
}
Bytes g1_point(Random& random) {
    if (random.chance(8)) return Bytes(128);
    if (random.chance(6)) return encode(bls::G1{bls::Fp::zero(), bls::Fp::from_u64(2)});  // of order 3
    return encode(g1_times(random.chance(30) ? U256(random.between(1, 3)) : random.word()));
}
Bytes g2_point(Random& random) {
    if (random.chance(8)) return Bytes(256);
    if (random.chance(6)) return encode(g2_outside(random));
    return encode(g2_times(random.chance(30) ? U256(random.between(1, 3)) : random.word()));
}
Bytes bls_pairs(Random& random) {
    Bytes out;
    if (random.chance(60)) {  // e(aP, bQ) e(-abP, Q) = 1
        const std::uint64_t a = random.below(1000), b = random.below(1000);
        append(out, encode(g1_times(a))), append(out, encode(g2_times(b)));
        append(out, encode(-g1_times(a * b))), append(out, encode(g2_times(1)));
    }
    if (out.empty() || random.chance(20)) append(out, g1_point(random)), append(out, g2_point(random));
    return out;
}
Bytes field_elements(Random& random, int count) {
    Bytes out;
    for (int i = 0; i < count; ++i) {
        Bytes element(64);
        const Bytes value = random.bytes(random.chance(20) ? random.below(3) : 48);
        std::ranges::copy(value, element.end() - static_cast<std::ptrdiff_t>(value.size()));
        if (value.size() == 48 && random.chance(90)) element[16] &= 0x0f;  // below the prime
        append(out, element);
    }
    return out;
}
template <class Point>
Bytes repeated(Random& random, Point&& point, std::size_t most) {
    Bytes out;
    for (auto count = random.between(1, most); count > 0; --count) append(out, point(random));
    return out;
}

/// The value of a polynomial of degree 0 or, by the setup's secret being unknown, a wrong claim about it.
Bytes point_evaluation(Random& random) {
    const std::uint64_t constant = random.below(4);
    const Bytes commitment = compress(constant == 0 ? bls::G1{} : g1_times(constant));
    Bytes out = to_bytes(crypto::kzg_to_versioned_hash(commitment));
    append_word(out, random.chance(80) ? U256(random.below(1000)) : bls::order - U256(random.below(2)));
    append_word(out, U256(constant + (random.chance(10) ? 1 : 0)));
    append(out, commitment);
    append(out, random.chance(90) ? compress(bls::G1{}) : compress(g1_times(random.between(1, 3))));
    return out;
}

/// RFC 6979, A.2.5: SHA-256 of "sample", its signature and key.
const Bytes p256_sample = *from_hex(
    "0xaf2bdbe1aa9b6ec1e2ade1d694f41fc71a831d0268e9891562113d8a62add1bf"
    "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716"
    "f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8"
    "60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6"
    "7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299");
const U256 p256_order{0xffffffff00000000, 0xffffffffffffffff, 0xbce6faada7179e84, 0xf3b9cac2fc632551};

Bytes p256(Random& random) {
    Bytes out = p256_sample;
    const U256 s = U256::from_big_endian(out.data() + 64);
    if (random.chance(30)) (p256_order - s).to_big_endian(out.data() + 64);
    if (random.chance(20)) {
        const U256 edge = random.chance(50) ? random.word() : p256_order - U256(random.below(2));
        edge.to_big_endian(out.data() + 32 * random.below(5));
    }
    return out;
}

Bytes well_formed(Random& random, std::uint16_t number) {
    const auto g1_term = [](Random& source) {
        Bytes out = g1_point(source);
        append_word(out, scalar(source));
        return out;
    };
    const auto g2_term = [](Random& source) {
        Bytes out = g2_point(source);
        append_word(out, scalar(source));
        return out;
    };
    switch (number) {
        case 1: return recovery(random);
        case 2:
        case 3: return message(random);
        case 4: return random.bytes(random.below(300));
        case 5: return modexp(random);
        case 6: return repeated(random, bn254_point, 2);
        case 7: {
            Bytes out = bn254_point(random);
            append_word(out, random.chance(20) ? bn254_order + U256(random.below(2)) : random.word());
            return out;
        }
        case 8: return bn254_pairs(random);
        case 9: return blake2(random);
        case 10: return point_evaluation(random);
        case 11: return repeated(random, g1_point, 2);
        case 12: return repeated(random, g1_term, random.chance(80) ? 3 : 9);
        case 13: return repeated(random, g2_point, 2);
        case 14: return repeated(random, g2_term, random.chance(80) ? 2 : 6);
        case 15: return bls_pairs(random);
        case 16: return field_elements(random, 1);
        case 17: return field_elements(random, 2);
        case 0x100: return p256(random);
        default: return random.bytes(random.below(100));
    }
}

}  // namespace

Bytes make_precompile_input(Random& random, std::uint16_t number) {
    Bytes out = well_formed(random, number);
    switch (random.below(20)) {
        case 0:
            if (!out.empty()) out[random.below(out.size())] ^= static_cast<std::uint8_t>(1U << random.below(8));
            break;
        case 1: out.resize(random.below(out.size() + 1)); break;
        case 2: append(out, random.bytes(random.between(1, 40))); break;
        case 3: out.resize(out.size() + random.between(1, 200)); break;
        default: break;
    }
    return out;
}

}  // namespace weft::differential
