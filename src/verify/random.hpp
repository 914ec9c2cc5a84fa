#pragma once
// Random numbers of simulations: the same seed gives the same numbers everywhere. Each purpose has a stream of its own,
// so that switching off one fault does not change the others.

#include <cstdint>

namespace weft::verify {

/// SplitMix64. @source  G. Steele, D. Lea, C. Flood, Fast Splittable Pseudorandom Number Generators (2014).
class Random {
  public:
    explicit constexpr Random(std::uint64_t seed, std::uint64_t stream = 0)
        : state_(seed ^ (stream + 1) * 0xd1342543de82ef95ULL) {
        static_cast<void>(next());
    }

    constexpr std::uint64_t next() {
        std::uint64_t z = state_ += 0x9e3779b97f4a7c15ULL;
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
        return z ^ (z >> 31);
    }
    /// @param bound  above 0. @return a number below it.
    constexpr std::uint64_t below(std::uint64_t bound) {
        return static_cast<std::uint64_t>(static_cast<unsigned __int128>(next()) * bound >> 64);
    }
    /// Both ends included.
    constexpr std::int64_t between(std::int64_t least, std::int64_t most) {
        return least + static_cast<std::int64_t>(below(static_cast<std::uint64_t>(most - least) + 1));
    }
    /// @param millionths  the chance of true.
    constexpr bool chance(std::uint32_t millionths) { return millionths != 0 && below(1'000'000) < millionths; }

  private:
    std::uint64_t state_;
};

}  // namespace weft::verify
