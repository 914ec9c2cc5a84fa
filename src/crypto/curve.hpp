#pragma once
// Points of y^2 = x^3 + b over any of our fields, for curves of odd order: there no point has y = 0.
//
// Formulas: Bernstein, Lange, Explicit-formulas database, short Weierstrass curves with a = 0, Jacobian coordinates
// (dbl-2009-l, add-2007-bl, madd-2007-bl).

#include <cstddef>
#include <cstdint>
#include <span>

namespace weft::crypto {

/// (0, 0), which is on no curve with b != 0, is the point at infinity.
template <class F>
struct AffinePoint {
    F x, y;

    constexpr bool operator==(const AffinePoint&) const = default;
    [[nodiscard]] constexpr bool is_infinity() const { return x.is_zero() && y.is_zero(); }
    constexpr AffinePoint operator-() const { return {x, -y}; }
    [[nodiscard]] constexpr bool is_on_curve(const F& b) const { return y.square() == x.square() * x + b; }
};

/// (x / z^2, y / z^3); z = 0 is the point at infinity.
template <class F>
struct JacobianPoint {
    F x, y, z;

    static constexpr JacobianPoint infinity() { return {F::one(), F::one(), F::zero()}; }
    static constexpr JacobianPoint from(const AffinePoint<F>& point) {
        if (point.is_infinity()) return infinity();
        return {point.x, point.y, F::one()};
    }
    [[nodiscard]] constexpr bool is_infinity() const { return z.is_zero(); }
    constexpr JacobianPoint operator-() const { return {x, -y, z}; }

    [[nodiscard]] constexpr JacobianPoint doubled() const {
        const F a = x.square();
        const F b = y.square();
        const F c = b.square();
        const F d = ((x + b).square() - a - c).doubled();
        const F e = a.doubled() + a;
        JacobianPoint out;
        out.x = e.square() - d.doubled();
        out.y = e * (d - out.x) - c.doubled().doubled().doubled();
        out.z = (y * z).doubled();
        return out;
    }

    friend constexpr JacobianPoint operator+(const JacobianPoint& p, const JacobianPoint& q) {
        if (p.is_infinity()) return q;
        if (q.is_infinity()) return p;
        const F z1z1 = p.z.square();
        const F z2z2 = q.z.square();
        const F u1 = p.x * z2z2;
        const F u2 = q.x * z1z1;
        const F s1 = p.y * q.z * z2z2;
        const F s2 = q.y * p.z * z1z1;
        if (u1 == u2) return s1 == s2 ? p.doubled() : infinity();
        const F h = u2 - u1;
        const F i = h.doubled().square();
        const F j = h * i;
        const F r = (s2 - s1).doubled();
        const F v = u1 * i;
        JacobianPoint out;
        out.x = r.square() - j - v.doubled();
        out.y = r * (v - out.x) - (s1 * j).doubled();
        out.z = ((p.z + q.z).square() - z1z1 - z2z2) * h;
        return out;
    }

    friend constexpr JacobianPoint operator+(const JacobianPoint& p, const AffinePoint<F>& q) {
        if (q.is_infinity()) return p;
        if (p.is_infinity()) return from(q);
        const F z1z1 = p.z.square();
        const F u2 = q.x * z1z1;
        const F s2 = q.y * p.z * z1z1;
        if (p.x == u2) return p.y == s2 ? p.doubled() : infinity();
        const F h = u2 - p.x;
        const F hh = h.square();
        const F i = hh.doubled().doubled();
        const F j = h * i;
        const F r = (s2 - p.y).doubled();
        const F v = p.x * i;
        JacobianPoint out;
        out.x = r.square() - j - v.doubled();
        out.y = r * (v - out.x) - (p.y * j).doubled();
        out.z = (p.z + h).square() - z1z1 - hh;
        return out;
    }
    constexpr JacobianPoint& operator+=(const JacobianPoint& other) { return *this = *this + other; }
    constexpr JacobianPoint& operator+=(const AffinePoint<F>& other) { return *this = *this + other; }

    [[nodiscard]] AffinePoint<F> to_affine() const {
        if (is_infinity()) return {};
        const F inverse = z.inverse();
        const F squared = inverse.square();
        return {x * squared, y * squared * inverse};
    }

    /// Whether both are the same point, without a division.
    [[nodiscard]] constexpr bool equals(const AffinePoint<F>& other) const {
        if (is_infinity() || other.is_infinity()) return is_infinity() && other.is_infinity();
        const F squared = z.square();
        return x == other.x * squared && y == other.y * squared * z;
    }

    /// This, a number of times. Double and add: for numbers with few bits set, as the curves' parameters are.
    [[nodiscard]] constexpr JacobianPoint times_sparse(std::uint64_t number) const {
        if (number == 0) return infinity();
        JacobianPoint out = *this;
        for (int i = 62 - __builtin_clzll(number); i >= 0; --i) {
            out = out.doubled();
            if ((number >> i & 1) != 0) out += *this;
        }
        return out;
    }
};

/// The sum, by the chord or tangent: one division.
template <class F>
[[nodiscard]] AffinePoint<F> add_affine(const AffinePoint<F>& p, const AffinePoint<F>& q) {
    if (p.is_infinity()) return q;
    if (q.is_infinity()) return p;
    F slope;
    if (p.x == q.x) {
        if (p.y != q.y) return {};
        const F square = p.x.square();
        slope = (square.doubled() + square) * p.y.doubled().inverse();
    } else {
        slope = (q.y - p.y) * (q.x - p.x).inverse();
    }
    const F x = slope.square() - p.x - q.x;
    return {x, slope * (p.x - x) - p.y};
}

/// All points with z = 1, with a single division. @param out  As long as @p points.
/// @source Montgomery, Speeding the Pollard and elliptic curve methods of factorization (1987), section 10.3.1.
template <class F>
void to_affine_all(std::span<const JacobianPoint<F>> points, std::span<AffinePoint<F>> out) {
    // First out[i].x is the product of all z before i, then the division is undone from the end.
    F product = F::one();
    for (std::size_t i = 0; i < points.size(); ++i) {
        out[i].x = product;
        if (!points[i].is_infinity()) product *= points[i].z;
    }
    F inverse = product.inverse();
    for (std::size_t i = points.size(); i-- > 0;) {
        if (points[i].is_infinity()) {
            out[i] = {};
            continue;
        }
        const F own = inverse * out[i].x;
        inverse *= points[i].z;
        const F squared = own.square();
        out[i] = {points[i].x * squared, points[i].y * squared * own};
    }
}

}  // namespace weft::crypto
