#pragma once
// Quantiles of the latencies seen lately, in bounded space: a histogram with eight buckets for each doubling, whose
// counts are halved now and then, so that the past fades.

#include <array>
#include <cstddef>
#include <cstdint>

namespace weft::mesh {

struct LatencyHistogram {
    /// Buckets reach from 1 us (everything below is in the first) to 2^37 ns = 137 s, above which all is in the last.
    static constexpr int low_bits = 10;
    static constexpr int high_bits = 37;
    static constexpr std::size_t per_doubling = 8;
    static constexpr std::size_t buckets = (high_bits - low_bits) * per_doubling;
    /// At so many all counts are halved: a quantile follows a change within about as many calls.
    static constexpr std::uint32_t count_max = 2'048;

    std::array<std::uint16_t, buckets> counts{};
    std::uint32_t count = 0;
};

void record(LatencyHistogram& histogram, std::int64_t latency_ns);

/// The upper end of the bucket below which @p permille of what was recorded are: at most an eighth too much.
/// @return 0 if nothing is recorded.
[[nodiscard]] std::int64_t quantile_ns(const LatencyHistogram& histogram, std::uint32_t permille);

}  // namespace weft::mesh
