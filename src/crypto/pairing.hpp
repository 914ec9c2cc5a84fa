#pragma once
// The Miller loop's steps, shared by both pairing-friendly curves.
//
// T runs through multiples of Q on the twist in homogeneous coordinates (X / Z, Y / Z). Each doubling or addition gives
// the line through its points, whose value at P goes into f. Factors from Fp2 and smaller fields are dropped: the final
// exponentiation makes them 1. So lines come without denominators.
//
// Source: Costello, Lange, Naehrig, Faster pairing computations on curves with high-degree twists (2010), section 5,
// for y^2 = x^3 + b.

#include <cstdint>

#include "crypto/curve.hpp"
#include "crypto/tower.hpp"

namespace weft::crypto {

/// How the twist is mapped onto the curve over Fp12: (x w^2, y w^3) for D, (x / w^2, y / w^3) for M.
enum class Twist : std::uint8_t { d, m };

/// y yP + x xP w + constant w^3 on a D-twist; constant + x xP w^2 + y yP w^3 on an M-twist.
template <class F2>
struct Line {
    F2 y, x, constant;
};

template <class F2>
struct TwistPoint {
    F2 x, y, z;

    static TwistPoint from(const AffinePoint<F2>& point) { return {point.x, point.y, F2::one()}; }

    /// T = 2 T. @param b3  Three times the twist's b. @return the tangent at T.
    Line<F2> double_step(const F2& b3) {
        const F2 xx = x.square();
        const F2 yy = y.square();
        const F2 zz = z.square();
        const F2 e = zz * b3;
        const F2 f = e.doubled() + e;
        const F2 yz2 = (y + z).square() - yy - zz;
        const F2 xy2 = (x + y).square() - xx - yy;
        const Line<F2> line{-yz2, xx.doubled() + xx, e - yy};
        // Scaled by four to avoid halves.
        const F2 ee = e.square();
        const F2 ee4 = ee.doubled().doubled();
        x = xy2 * (yy - f);
        y = (yy + f).square() - (ee4.doubled() + ee4);
        z = (yy * yz2).doubled().doubled();
        return line;
    }

    /// T = T + Q for a Q other than T and -T. @return the line through both.
    Line<F2> add_step(const AffinePoint<F2>& q) {
        const F2 theta = y - q.y * z;
        const F2 lambda = x - q.x * z;
        const Line<F2> line{lambda, -theta, theta * q.x - lambda * q.y};
        const F2 d = lambda.square();
        const F2 e = lambda * d;
        const F2 g = x * d;
        const F2 h = e + z * theta.square() - g.doubled();
        x = lambda * h;
        y = theta * (g - h) - e * y;
        z = z * e;
        return line;
    }
};

/// f times the line's value at @p p.
template <Twist twist, class F2, class Fp>
[[nodiscard]] Fp12<F2> times_line(const Fp12<F2>& f, const Line<F2>& line, const AffinePoint<Fp>& p) {
    if constexpr (twist == Twist::d) return f.times_013(line.y * p.y, line.x * p.x, line.constant);
    return f.times_023(line.constant, line.x * p.x, line.y * p.y);
}

/// f^((p^6 - 1) (p^2 + 1)), after which the inverse is the conjugate and squares are cheap.
template <class F2>
[[nodiscard]] Fp12<F2> easy_final_exponentiation(const Fp12<F2>& f) {
    const Fp12<F2> t = f.conjugate() * f.inverse();
    return t.frobenius().frobenius() * t;
}

/// Image of a point of the twist under the curve's Frobenius map: (x, y) becomes (x^p, y^p) up to the twist's
/// constants.
template <Twist twist, class F2>
[[nodiscard]] AffinePoint<F2> frobenius_on_twist(const AffinePoint<F2>& point) {
    static const AffinePoint<F2> factor = [] {
        const auto& w = Fp12<F2>::frobenius_factors();
        if constexpr (twist == Twist::d) return AffinePoint<F2>{w[2], w[3]};
        return AffinePoint<F2>{w[2].inverse(), w[3].inverse()};
    }();
    return {point.x.conjugate() * factor.x, point.y.conjugate() * factor.y};
}

/// The same in Jacobian coordinates.
template <Twist twist, class F2>
[[nodiscard]] JacobianPoint<F2> frobenius_on_twist(const JacobianPoint<F2>& point) {
    const auto image = frobenius_on_twist<twist>(AffinePoint<F2>{point.x, point.y});
    return {image.x, image.y, point.z.conjugate()};
}

}  // namespace weft::crypto
