#include "crypto/bls12_381_curve.hpp"

#include <algorithm>
#include <array>

namespace weft::crypto::bls {

namespace {

constexpr std::size_t coordinate_size = Fp::byte_size;

constexpr Fp g1_b = Fp::from_u64(4);
constexpr F2 g2_b{Fp::from_u64(4), Fp::from_u64(4)};

/// A cube root of 1 in Fp: (beta x, y) is the point times -x^2.
constexpr Fp beta = Fp::from_digits("5f19672fdf76ce51ba69c6076a0f77eaddb3a93be6f89688de17d813620a00022e01fffffffefffe");

template <class Point>
auto frobenius(const Point& point) {
    return frobenius_on_twist<Twist::m>(point);
}

/// Whether y is the larger of y and -y as numbers below p.
bool is_larger_root(const Fp& y) { return is_less((-y).to_number(), y.to_number()); }
bool is_larger_root(const F2& y) { return y.c1.is_zero() ? is_larger_root(y.c0) : is_larger_root(y.c1); }

std::optional<Fp> square_root(const Fp& a) { return a.square_root(); }

struct Flags {
    bool compressed, infinity, larger;
};

/// Takes the three flag bits off a compressed point's first byte.
template <std::size_t N>
Flags take_flags(std::array<std::uint8_t, N>& bytes) {
    const Flags flags{(bytes[0] & 0x80) != 0, (bytes[0] & 0x40) != 0, (bytes[0] & 0x20) != 0};
    bytes[0] &= 0x1f;
    return flags;
}

/// @param x  nullopt if its number was not below p.
template <class F, std::size_t N>
std::optional<AffinePoint<F>> decompress(const Flags& flags, const std::array<std::uint8_t, N>& bytes,
                                         const std::optional<F>& x, const F& b) {
    if (!flags.compressed || !x) return std::nullopt;
    if (flags.infinity) {
        const bool zero = std::all_of(bytes.begin(), bytes.end(), [](std::uint8_t byte) { return byte == 0; });
        if (!zero || flags.larger) return std::nullopt;
        return AffinePoint<F>{};
    }
    const auto root = square_root(x->square() * *x + b);
    if (!root) return std::nullopt;
    const AffinePoint<F> point{*x, is_larger_root(*root) == flags.larger ? *root : -*root};
    if (!is_in_subgroup(point)) return std::nullopt;
    return point;
}

}  // namespace

// By two roots in Fp: that of the norm, n, gives the real part as a root of (c0 + n) / 2 or (c0 - n) / 2.
std::optional<F2> square_root(const F2& a) {
    static const Fp half = Fp::from_u64(2).inverse();
    if (a.c1.is_zero()) {
        if (const auto root = a.c0.square_root()) return F2{*root, {}};
        return F2{{}, *(-a.c0).square_root()};  // -1 is no square, so one of both is
    }
    const auto norm_root = a.norm().square_root();
    if (!norm_root) return std::nullopt;
    auto real = ((a.c0 + *norm_root) * half).square_root();
    if (!real) real = ((a.c0 - *norm_root) * half).square_root();
    if (!real) return std::nullopt;
    return F2{*real, a.c1 * real->doubled().inverse()};
}

bool is_on_curve(const G1& point) { return point.is_infinity() || point.is_on_curve(g1_b); }
bool is_on_curve(const G2& point) { return point.is_infinity() || point.is_on_curve(g2_b); }

// Both tests: the endomorphism multiplies by the right number on the subgroup, and on no other point of the curve.
// Source: Scott, A note on group membership tests for G1, G2 and GT on BLS pairing-friendly curves (2021).

bool is_in_subgroup(const G1& point) {
    if (point.is_infinity()) return true;
    const auto multiple = JacobianPoint<Fp>::from(point).times_sparse(parameter).times_sparse(parameter);
    return multiple.equals({point.x * beta, -point.y});
}

bool is_in_subgroup(const G2& point) {
    if (point.is_infinity()) return true;
    const auto multiple = JacobianPoint<F2>::from(point).times_sparse(parameter);
    return multiple.equals(-frobenius(point));
}

const G1& g1_generator() {
    static constexpr G1 generator{
        Fp::from_digits(
            "17f1d3a73197d7942695638c4fa9ac0fc3688c4f9774b905a14e3a3f171bac586c55e83ff97a1aeffb3af00adb22c6bb"),
        Fp::from_digits(
            "08b3f481e3aaa0f1a09e30ed741d8ae4fcf5e095d5d00af600db18cb2c04b3edd03cc744a2888ae40caa232946c5e7e1")};
    return generator;
}

const G2& g2_generator() {
    static constexpr G2 generator{
        {Fp::from_digits(
             "024aa2b2f08f0a91260805272dc51051c6e47ad4fa403b02b4510b647ae3d1770bac0326a805bbefd48056c8c121bdb8"),
         Fp::from_digits(
             "13e02b6052719f607dacd3a088274f65596bd0d09920b61ab5da61bbdc7f5049334cf11213945d57e5ac7d055d042b7e")},
        {Fp::from_digits(
             "0ce5d527727d6e118cc9cdc6da2e351aadfd9baa8cbdd3a76d429a695160d12c923ac9cc3baca289e193548608b82801"),
         Fp::from_digits(
             "0606c4a02ea734cc32acd2b02bc28b99cb3e287e85a763af267492ab572e99ab3f370d275cec1da1aaa9075ff05f79be")}};
    return generator;
}

std::optional<G1> decompress_g1(const std::uint8_t* bytes48) {
    std::array<std::uint8_t, coordinate_size> bytes;
    std::copy_n(bytes48, bytes.size(), bytes.begin());
    const Flags flags = take_flags(bytes);
    return decompress(flags, bytes, Fp::from_bytes(bytes.data()), g1_b);
}

std::optional<G2> decompress_g2(const std::uint8_t* bytes96) {
    std::array<std::uint8_t, 2 * coordinate_size> bytes;
    std::copy_n(bytes96, bytes.size(), bytes.begin());
    const Flags flags = take_flags(bytes);
    const auto imaginary = Fp::from_bytes(bytes.data());
    const auto real = Fp::from_bytes(bytes.data() + coordinate_size);
    std::optional<F2> x;
    if (imaginary && real) x = F2{*real, *imaginary};
    return decompress(flags, bytes, x, g2_b);
}

// On G1 the endomorphism multiplies by -x^2, so the digits of the number to the base x^2 do.
void split(const G1& point, const U256& number, std::span<Term<Fp>, 2> out) {
    static const U256 base = U256(parameter) * U256(parameter);
    const auto [high, low] = divide(number % order, base);
    out[0] = {point, {low.limb[0], low.limb[1]}};
    out[1] = {{point.x * beta, -point.y}, {high.limb[0], high.limb[1]}};
}

// On G2 the Frobenius map multiplies by x, so the digits to the base |x| do, with alternating signs.
void split(const G2& point, const U256& number, std::span<Term<F2>, 4> out) {
    U256 rest = number % order;
    G2 image = point;
    for (auto& term : out) {
        const auto [quotient, digit] = divide(rest, parameter);
        term = {image, {digit.limb[0], 0}};
        rest = quotient;
        image = -frobenius(image);
    }
}

JacobianPoint<Fp> multiply(const G1& point, const U256& number) {
    std::array<Term<Fp>, 2> terms;
    split(point, number, terms);
    return multiply_few(terms);
}

JacobianPoint<F2> multiply(const G2& point, const U256& number) {
    std::array<Term<F2>, 4> terms;
    split(point, number, terms);
    return multiply_few(terms);
}

JacobianPoint<Fp> clear_cofactor(const JacobianPoint<Fp>& point) { return point.times_sparse(parameter) + point; }

// (x^2 - x - 1) P + (x - 1) psi(P) + psi^2(2 P), where x is negative.
JacobianPoint<F2> clear_cofactor(const JacobianPoint<F2>& point) {
    const auto x_point = -point.times_sparse(parameter);
    const auto image = frobenius(point);
    const auto x_sum = -(x_point + image).times_sparse(parameter);
    return x_sum + frobenius(frobenius(point.doubled())) + -(x_point + image + point);
}

namespace {

constexpr F2 g2_b3 = g2_b.doubled() + g2_b;

/// Whether f^((p^12 - 1) / r) is 1. The exponent's hard part times 3 is (x - 1)^2 (x + p) (x^2 + p^2 - 1) + 3.
/// @source Hayashida, Hayasaka, Teruya, Efficient final exponentiation via cyclotomic structure for pairings over
/// families
///         of elliptic curves (2020).
bool final_exponentiation_is_one(const F12& f) {
    const auto power_x = [](const F12& a) { return a.cyclotomic_power(parameter).conjugate(); };
    const F12 t = easy_final_exponentiation(f);
    const F12 t1 = power_x(t) * t.conjugate();
    const F12 t2 = power_x(t1) * t1.conjugate();
    const F12 t3 = power_x(t2) * t2.frobenius();
    const F12 t4 = power_x(power_x(t3)) * t3.frobenius().frobenius() * t3.conjugate();
    return t4 * t.cyclotomic_square() * t == F12::one();
}

}  // namespace

PreparedG2::PreparedG2(const G2& point) {
    auto t = TwistPoint<F2>::from(point);
    std::size_t index = 0;
    for (int bit = 62; bit >= 0; --bit) {
        lines_[index++] = t.double_step(g2_b3);
        if ((parameter >> bit & 1) != 0) lines_[index++] = t.add_step(point);
    }
    WEFT_ASSERT(index == line_count);
}

Line<F2> PairingProduct::Waiting::double_step(std::size_t index) {
    return prepared != nullptr ? prepared->line(index) : t.double_step(g2_b3);
}

Line<F2> PairingProduct::Waiting::add_step(std::size_t index) {
    return prepared != nullptr ? prepared->line(index) : t.add_step(q);
}

void PairingProduct::multiply(const Pair& pair) {
    if (pair.p.is_infinity() || pair.q.is_infinity()) return;  // the pairing is 1
    add({pair.p, pair.q, TwistPoint<F2>::from(pair.q), nullptr});
}

void PairingProduct::multiply(const G1& p, const PreparedG2& q) {
    if (p.is_infinity()) return;
    add({p, {}, {}, &q});
}

void PairingProduct::add(const Waiting& waiting) {
    waiting_[waiting_count_++] = waiting;
    if (waiting_count_ == batch_max) run_batch();
}

// The product of the pairs' Miller functions of the optimal ate pairing, f_{x, Q}(P).
// Source: Vercauteren, Optimal pairings (2010).
void PairingProduct::run_batch() {
    const auto pairs = std::span(waiting_).first(waiting_count_);
    F12 f = F12::one();
    std::size_t index = 0;
    for (int bit = 62; bit >= 0; --bit) {
        f = f.square();
        for (auto& pair : pairs) f = times_line<Twist::m>(f, pair.double_step(index), pair.p);
        ++index;
        if ((parameter >> bit & 1) == 0) continue;
        for (auto& pair : pairs) f = times_line<Twist::m>(f, pair.add_step(index), pair.p);
        ++index;
    }
    product_ *=
        f.conjugate();  // the parameter is negative; the conjugate is the inverse after the final exponentiation
    waiting_count_ = 0;
}

bool PairingProduct::is_one() {
    if (waiting_count_ != 0) run_batch();
    return final_exponentiation_is_one(product_);
}

}  // namespace weft::crypto::bls
