#pragma once
// BLS12-381 for the files of this room: its fields, groups and pairing. What the EVM sees is in bls12_381.hpp.
//
// All the curve's numbers are polynomials in one parameter x, here -0xd201000000010000:
//     p = (x - 1)^2 (x^4 - x^2 + 1) / 3 + x,   r = x^4 - x^2 + 1.
// G1 is the part of order r of y^2 = x^3 + 4 over Fp, G2 that of the M-twist y^2 = x^3 + 4 (1 + i) over Fp2.

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "base/u256.hpp"
#include "crypto/curve.hpp"
#include "crypto/field.hpp"
#include "crypto/multiply.hpp"
#include "crypto/pairing.hpp"
#include "crypto/tower.hpp"

namespace weft::crypto::bls {

struct Prime {
    static constexpr auto modulus = limbs_from_digits<6>(
        "1a0111ea397fe69a4b1ba7b6434bacd764774b84f38512bf6730d2a0f6b0f6241eabfffeb153ffffb9feffffffffaaab");
};
using Fp = Field<Prime>;
using F2 = Fp2<Fp, 1>;
using F12 = Fp12<F2>;
using G1 = AffinePoint<Fp>;
using G2 = AffinePoint<F2>;

/// The parameter's size; the parameter itself is negative.
inline constexpr std::uint64_t parameter = 0xd201000000010000;
/// The order r of both groups.
inline constexpr U256 order{0x73eda753299d7d48, 0x3339d80809a1d805, 0x53bda402fffe5bfe, 0xffffffff00000001};

[[nodiscard]] bool is_on_curve(const G1& point);
[[nodiscard]] bool is_on_curve(const G2& point);

/// Whether a point of the curve or twist has order r (or is infinity).
[[nodiscard]] bool is_in_subgroup(const G1& point);
[[nodiscard]] bool is_in_subgroup(const G2& point);

/// A generator, the one everybody uses.
[[nodiscard]] const G1& g1_generator();
[[nodiscard]] const G2& g2_generator();

/// The point of G1 in 48 bytes: x, whose top three bits say "compressed", "infinity" and "y is the larger root".
/// @return  nullopt for any other form, a point off the curve or outside G1.
/// @source  Draft irtf-cfrg-pairing-friendly-curves, appendix C (the format of Zcash).
[[nodiscard]] std::optional<G1> decompress_g1(const std::uint8_t* bytes48);
/// The same for the 96 bytes of G2: the imaginary part of x first.
[[nodiscard]] std::optional<G2> decompress_g2(const std::uint8_t* bytes96);

/// Either root, or nullopt for a number that is no square.
[[nodiscard]] std::optional<F2> square_root(const F2& a);

/// number * P as a sum with shorter numbers, of at most 128 bits. @param point  In G1.
void split(const G1& point, const U256& number, std::span<Term<Fp>, 2> out);
/// The same with at most 64 bits. @param point  In G2.
void split(const G2& point, const U256& number, std::span<Term<F2>, 4> out);

[[nodiscard]] JacobianPoint<Fp> multiply(const G1& point, const U256& number);
[[nodiscard]] JacobianPoint<F2> multiply(const G2& point, const U256& number);

/// From any point of the curve or twist to one of the subgroup.
/// @source  RFC 9380, section 8.8.1 (times 1 - x) and appendix G.3.
[[nodiscard]] JacobianPoint<Fp> clear_cofactor(const JacobianPoint<Fp>& point);
[[nodiscard]] JacobianPoint<F2> clear_cofactor(const JacobianPoint<F2>& point);

struct Pair {
    G1 p;
    G2 q;
};

/// What the Miller loop computes of a point of G2 alone: 20 kB that a point used again and again saves the time of.
class PreparedG2 {
  public:
    /// @param point  Of G2, not infinity.
    explicit PreparedG2(const G2& point);
    [[nodiscard]] const Line<F2>& line(std::size_t index) const { return lines_[index]; }

    /// One line for each bit of the parameter after the first, one more for each of these that is set.
    static constexpr std::size_t line_count = 62 + std::popcount(parameter);

  private:
    std::array<Line<F2>, line_count> lines_;
};

/// Adds pairs to a product of pairings and says at the end whether it is 1.
class PairingProduct {
  public:
    /// @param pair  Points of G1 and G2.
    void multiply(const Pair& pair);
    /// @param q  Must live until is_one() has returned.
    void multiply(const G1& p, const PreparedG2& q);
    [[nodiscard]] bool is_one();

  private:
    struct Waiting {
        G1 p;
        G2 q;                       // both unused if prepared
        TwistPoint<F2> t;
        const PreparedG2* prepared = nullptr;

        Line<F2> double_step(std::size_t index);
        Line<F2> add_step(std::size_t index);
    };
    void add(const Waiting& waiting);
    void run_batch();

    /// Pairs whose Miller loops share their squarings.
    static constexpr std::size_t batch_max = 8;
    std::array<Waiting, batch_max> waiting_;
    std::size_t waiting_count_ = 0;
    F12 product_ = F12::one();
};

}  // namespace weft::crypto::bls
