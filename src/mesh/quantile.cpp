#include "mesh/quantile.hpp"

#include <algorithm>
#include <bit>

namespace weft::mesh {

namespace {

constexpr int sub_bits = std::countr_zero(LatencyHistogram::per_doubling);

std::size_t bucket_of(std::int64_t latency_ns) {
    constexpr std::int64_t least = std::int64_t{1} << LatencyHistogram::low_bits;
    constexpr std::int64_t most = (std::int64_t{1} << LatencyHistogram::high_bits) - 1;
    const auto value = static_cast<std::uint64_t>(std::clamp(latency_ns, least, most));
    const int top = std::bit_width(value) - 1;
    const auto within = static_cast<std::size_t>(value >> (top - sub_bits)) % LatencyHistogram::per_doubling;
    return static_cast<std::size_t>(top - LatencyHistogram::low_bits) * LatencyHistogram::per_doubling + within;
}

std::int64_t end_of(std::size_t bucket) {
    const auto shift =
        static_cast<int>(bucket / LatencyHistogram::per_doubling) + LatencyHistogram::low_bits - sub_bits;
    const auto within = static_cast<std::int64_t>(bucket % LatencyHistogram::per_doubling);
    return (static_cast<std::int64_t>(LatencyHistogram::per_doubling) + within + 1) << shift;
}

}  // namespace

void record(LatencyHistogram& histogram, std::int64_t latency_ns) {
    ++histogram.counts[bucket_of(latency_ns)];
    if (++histogram.count < LatencyHistogram::count_max) return;
    histogram.count = 0;
    for (auto& count : histogram.counts) {
        count /= 2;
        histogram.count += count;
    }
}

std::int64_t quantile_ns(const LatencyHistogram& histogram, std::uint32_t permille) {
    if (histogram.count == 0) return 0;
    const std::uint64_t wanted = (std::uint64_t{histogram.count} * std::min(permille, 1'000U) + 999) / 1'000;
    std::uint64_t below = 0;
    for (std::size_t i = 0; i < histogram.counts.size(); ++i) {
        below += histogram.counts[i];
        if (below >= wanted && below > 0) return end_of(i);
    }
    return end_of(LatencyHistogram::buckets - 1);
}

}  // namespace weft::mesh
