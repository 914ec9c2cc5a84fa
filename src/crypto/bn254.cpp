#include "crypto/bn254.hpp"

#include <algorithm>
#include <array>
#include <span>

#include "base/u256.hpp"
#include "crypto/curve.hpp"
#include "crypto/field.hpp"
#include "crypto/multiply.hpp"
#include "crypto/pairing.hpp"
#include "crypto/tower.hpp"

namespace weft::crypto {

namespace {

// The curve is of the Barreto-Naehrig family: all its numbers are polynomials in one parameter,
//     p = 36 x^4 + 36 x^3 + 24 x^2 + 6 x + 1,   n = 36 x^4 + 36 x^3 + 18 x^2 + 6 x + 1.
// G1 is y^2 = x^3 + 3 over Fp, all of whose points have order n; G2 is the part of order n of the D-twist
// y^2 = x^3 + 3 / (9 + i) over Fp2.
constexpr std::uint64_t parameter = 4965661367192848881;

struct Prime {
    static constexpr auto modulus =
        limbs_from_digits<4>("30644e72e131a029b85045b68181585d97816a916871ca8d3c208c16d87cfd47");
};
using Fp = Field<Prime>;
using F2 = Fp2<Fp, 9>;
using F12 = Fp12<F2>;
using G1 = AffinePoint<Fp>;
using G2 = AffinePoint<F2>;

constexpr U256 order{0x30644e72e131a029, 0xb85045b68181585d, 0x2833e84879b97091, 0x43e1f593f0000001};

constexpr std::size_t word_size = 32;
constexpr std::size_t g1_size = 2 * word_size;
constexpr std::size_t g2_size = 4 * word_size;
constexpr std::size_t pair_size = g1_size + g2_size;

const F2& twist_b() {
    static const F2 b = F2::xi().inverse() * Fp::from_u64(3);
    return b;
}

std::optional<G1> read_g1(const std::uint8_t* bytes) {
    const auto x = Fp::from_bytes(bytes);
    const auto y = Fp::from_bytes(bytes + word_size);
    if (!x || !y) return std::nullopt;
    const G1 point{*x, *y};
    if (!point.is_infinity() && !point.is_on_curve(Fp::from_u64(3))) return std::nullopt;
    return point;
}

std::optional<F2> read_f2(const std::uint8_t* bytes) {
    const auto imaginary = Fp::from_bytes(bytes);
    const auto real = Fp::from_bytes(bytes + word_size);
    if (!imaginary || !real) return std::nullopt;
    return F2{*real, *imaginary};
}

/// Whether a point of the twist has order n. On G2, and nowhere else, the Frobenius map multiplies by 6 x^2, which this
/// tests in a form with one multiplication by x: (x + 1) Q + psi(x Q) + psi^2(x Q) = psi^3(2 x Q).
/// @source El Housni, Guillevic, Piellard, Co-factor clearing and subgroup membership testing (2022), section 4.3.
bool is_in_g2(const G2& point) {
    const auto psi = [](const JacobianPoint<F2>& p) { return frobenius_on_twist<Twist::d>(p); };
    const auto base = JacobianPoint<F2>::from(point);
    const auto multiple = base.times_sparse(parameter);
    const auto psi1 = psi(multiple);
    const auto psi2 = psi(psi1);
    const auto left = multiple + base + psi1 + psi2;
    const auto right = psi(psi2).doubled();
    return (left + -right).is_infinity();
}

std::optional<G2> read_g2(const std::uint8_t* bytes) {
    const auto x = read_f2(bytes);
    const auto y = read_f2(bytes + 2 * word_size);
    if (!x || !y) return std::nullopt;
    const G2 point{*x, *y};
    if (!point.is_infinity() && (!point.is_on_curve(twist_b()) || !is_in_g2(point))) return std::nullopt;
    return point;
}

Bytes to_bytes(const G1& point) {
    Bytes out(g1_size);
    point.x.to_bytes(out.data());
    point.y.to_bytes(out.data() + word_size);
    return out;
}

/// The first N bytes, with zeros after the end.
template <std::size_t N>
std::array<std::uint8_t, N> padded(BytesView input) {
    std::array<std::uint8_t, N> out{};
    std::copy_n(input.begin(), std::min(N, input.size()), out.begin());
    return out;
}

/// A number below n as k1 + k2 lambda, with k1 and k2 of at most 127 bits, where lambda (x, y) = (beta x, y).
///
/// (6x^2 + 2x, -(2x + 1)) and (2x + 1, 6x^2 + 4x + 1) are short vectors (a, b) with a + b lambda = 0 modulo n. The
/// nearest sum of their multiples to (k, 0) is what is left of k.
/// @source Gallant, Lambert, Vanstone, Faster point multiplication on elliptic curves with efficient endomorphisms
/// (2001).
std::array<Term<Fp>, 2> split(const G1& point, const U256& number) {
    static constexpr Fp beta = Fp::from_digits("30644e72e131a0295e6dd9e7e0acccb0c28f069fbb966e3de4bd44e5607cfd48");
    static constexpr U256 a1{0, 0, 0x6f4d8248eeb859fc, 0x8211bbeb7d4f1128};
    static constexpr U256 b1_negated{0x89d3256894d213e3};
    static constexpr U256 a2 = b1_negated;
    static constexpr U256 b2{0, 0, 0x6f4d8248eeb859fd, 0x0be4e1541221250b};
    // floor(2^256 b2 / n) and floor(2^256 (-b1) / n): the quotients come out at most one too small.
    static constexpr Limbs<4> b2_over_n = limbs_from_digits<4>("24ccef014a773d2d25398fd0300ff6565");
    static constexpr Limbs<4> b1_over_n = limbs_from_digits<4>("2d91d232ec7e0b3d7");

    const auto high_half = [&](const Limbs<4>& factor) {
        const auto product = multiply_wide(number.limb, factor);
        return U256{product[7], product[6], product[5], product[4]};
    };
    const U256 c1 = high_half(b2_over_n);
    const U256 c2 = high_half(b1_over_n);
    const U256 k1 = number - c1 * a1 - c2 * a2;
    const U256 k2 = c1 * b1_negated - c2 * b2;
    const auto term = [](const G1& base, const U256& k) {
        const bool negative = k.bit(255);
        const U256 size = negative ? -k : k;
        return Term<Fp>{negative ? -base : base, {size.limb[0], size.limb[1]}};
    };
    return {term(point, k1), term({point.x * beta, point.y}, k2)};
}

struct Pair {
    G1 p;
    G2 q;
    TwistPoint<F2> t;
};

/// Pairs whose Miller loops share their squarings. More would save less than 2 % and take more memory.
constexpr std::size_t batch_max = 8;

/// Digits of 6 x + 2 after the first, which is 1, each -1, 0 or 1 with no two non-zero ones together.
constexpr auto loop_digits = [] {
    std::array<std::int8_t, 65> digits{};
    auto value = static_cast<unsigned __int128>(parameter) * 6 + 2;
    for (std::size_t i = 0; value != 1; ++i) {
        if ((value & 1) != 0) digits[i] = (value & 3) == 3 ? -1 : 1;
        value = (value - static_cast<unsigned __int128>(static_cast<__int128>(digits[i]))) / 2;
    }
    return digits;
}();

/// The product of the pairs' Miller functions of the optimal ate pairing: f_{6x+2, Q}(P) and two lines.
/// @source Vercauteren, Optimal pairings (2010); Aranha et al. (see tower.hpp), algorithm 1.
F12 miller_loop(std::span<Pair> pairs) {
    const F2 b3 = twist_b().doubled() + twist_b();
    F12 f = F12::one();
    const auto absorb = [&f](const Line<F2>& line, const G1& p) { f = times_line<Twist::d>(f, line, p); };
    for (std::size_t i = loop_digits.size(); i-- > 0;) {
        f = f.square();
        for (auto& pair : pairs) absorb(pair.t.double_step(b3), pair.p);
        if (loop_digits[i] == 0) continue;
        for (auto& pair : pairs) absorb(pair.t.add_step(loop_digits[i] > 0 ? pair.q : -pair.q), pair.p);
    }
    for (auto& pair : pairs) {
        const G2 q1 = frobenius_on_twist<Twist::d>(pair.q);
        const G2 q2 = frobenius_on_twist<Twist::d>(q1);
        absorb(pair.t.add_step(q1), pair.p);
        absorb(pair.t.add_step(-q2), pair.p);
    }
    return f;
}

/// Whether f^((p^12 - 1) / n) is 1. The exponent's hard part times 2x (6x^2 + 3x + 1), which is prime to n, is
/// (1 + 6x + 12x^2 + 12x^3) + (4x + 6x^2 + 12x^3) p + (6x + 6x^2 + 12x^3) p^2 + (-1 + 4x + 6x^2 + 12x^3) p^3.
/// @source Fuentes-Castaneda, Knapp, Rodriguez-Henriquez, Faster hashing to G2 (2011), section 5.
bool final_exponentiation_is_one(const F12& f) {
    const F12 t = easy_final_exponentiation(f);
    const F12 x2 = t.cyclotomic_power(parameter).cyclotomic_square();
    const F12 x4 = x2.cyclotomic_square();
    const F12 x6 = x4 * x2;
    const F12 xx6 = x6.cyclotomic_power(parameter);
    const F12 xxx12 = xx6.cyclotomic_square().cyclotomic_power(parameter);
    const F12 second = x6 * xx6 * xxx12;
    const F12 zeroth = second * xx6 * t;
    const F12 first = second * x2.conjugate();
    const F12 third = first * t.conjugate();
    const F12 result =
        zeroth * first.frobenius() * second.frobenius().frobenius() * third.frobenius().frobenius().frobenius();
    return result == F12::one();
}

}  // namespace

std::optional<Bytes> bn254_add(BytesView input) {
    const auto bytes = padded<2 * g1_size>(input);
    const auto p = read_g1(bytes.data());
    const auto q = read_g1(bytes.data() + g1_size);
    if (!p || !q) return std::nullopt;
    return to_bytes(add_affine(*p, *q));
}

std::optional<Bytes> bn254_multiply(BytesView input) {
    const auto bytes = padded<g1_size + word_size>(input);
    const auto p = read_g1(bytes.data());
    if (!p) return std::nullopt;
    U256 number = U256::from_big_endian(bytes.data() + g1_size);
    while (number >= order) number -= order;  // at most five times
    return to_bytes(multiply_few(split(*p, number)).to_affine());
}

std::optional<Bytes> bn254_pairing(BytesView input) {
    if (input.size() % pair_size != 0) return std::nullopt;
    F12 product = F12::one();
    std::array<Pair, batch_max> batch;
    std::size_t waiting = 0;
    for (; !input.empty(); input = input.subspan(pair_size)) {
        const auto p = read_g1(input.data());
        if (!p) return std::nullopt;
        const auto q = read_g2(input.data() + g1_size);
        if (!q) return std::nullopt;
        if (p->is_infinity() || q->is_infinity()) continue;  // the pairing is 1
        batch[waiting++] = {*p, *q, TwistPoint<F2>::from(*q)};
        if (waiting == batch_max) {
            product *= miller_loop(batch);
            waiting = 0;
        }
    }
    if (waiting != 0) product *= miller_loop(std::span(batch).first(waiting));
    Bytes out(word_size);
    out.back() = final_exponentiation_is_one(product) ? 1 : 0;
    return out;
}

}  // namespace weft::crypto
