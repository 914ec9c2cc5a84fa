#pragma once
// Random choices that repeat for a seed, and the numbers at which programs break.

#include <array>
#include <cstdint>
#include <span>

#include "base/bytes.hpp"
#include "base/u256.hpp"

namespace weft::differential {

class Random {
  public:
    explicit Random(std::uint64_t seed) : state_(mix64(seed ^ 0x9e3779b97f4a7c15ULL)) {}

    std::uint64_t next() { return mix64(state_ += 0x9e3779b97f4a7c15ULL); }
    /// 0 to bound - 1. @pre bound is not 0.
    std::uint64_t below(std::uint64_t bound) { return next() % bound; }
    /// lowest to highest, both included.
    std::uint64_t between(std::uint64_t lowest, std::uint64_t highest) { return lowest + below(highest - lowest + 1); }
    bool chance(unsigned percent) { return below(100) < percent; }
    template <class Range>
    const auto& pick(const Range& range) {
        return range[below(std::size(range))];
    }
    /// An index, as likely as its weight.
    std::size_t weighted(std::span<const unsigned> weights) {
        std::uint64_t sum = 0;
        for (const auto weight : weights) sum += weight;
        std::uint64_t at = below(sum);
        std::size_t index = 0;
        while (at >= weights[index]) at -= weights[index++];
        return index;
    }
    Bytes bytes(std::size_t size) {
        Bytes out(size);
        for (auto& byte : out) byte = static_cast<std::uint8_t>(next());
        return out;
    }

    /// Powers of two and their neighbours, small numbers, and numbers of any length.
    U256 word() {
        static constexpr std::array<unsigned, 14> powers = {7, 8, 15, 16, 31, 32, 63, 64, 127, 128, 160, 192, 255, 256};
        switch (below(8)) {
            case 0: return U256(below(4));
            case 1: return U256(below(300));
            case 2: return -U256(below(4) + 1);
            case 3:
            case 4: return (U256(1) << pick(powers)) + U256(below(3)) - U256(1);
            case 5: return -((U256(1) << pick(powers)) + U256(below(3)) - U256(1));
            default: return U256(next(), next(), next(), next()) >> below(256);
        }
    }

  private:
    std::uint64_t state_;
};

}  // namespace weft::differential
