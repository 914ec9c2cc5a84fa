#pragma once
// Two choices by expected latency: the cost of an instance is an average of its latencies that jumps up at once and
// comes down slowly, times the calls it has. It finds instances that are slow for any reason, and a failure counts as
// slow, or an instance that fails at once would look best of all.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "base/time.hpp"
#include "mesh/balance.hpp"

namespace weft::mesh {

struct PeakEwmaConfig {
    /// In this time an old latency loses all but 1/e of its say.
    std::int64_t tau_ns = 10 * ns_per_s;
    /// What an instance is thought to take before anything is known.
    std::int64_t start_ns = 30 * ns_per_ms;
    /// A failed call counts as one that took at least so long.
    std::int64_t penalty_ns = 5 * ns_per_s;
};

/// Of one instance.
struct PeakEwma {
    double cost_ns = 0;
    std::int64_t at_ns = 0;
};

[[nodiscard]] PeakEwma make_peak_ewma(const PeakEwmaConfig& config, std::int64_t now_ns);
/// A call has ended after @p latency_ns.
void observe(const PeakEwmaConfig& config, PeakEwma& state, std::int64_t latency_ns, bool failed, std::int64_t now_ns);
/// The cost of a call now. It falls while nothing is heard, so an instance that was slow is tried again.
[[nodiscard]] double cost_ns(const PeakEwmaConfig& config, const PeakEwma& state, std::int64_t now_ns);

/// @param states  One for each candidate.
/// @param random  64 uniform bits.
/// @source        Finagle, "PeakEwma"; Linkerd's default with tau 10 s and a first guess of 30 ms.
[[nodiscard]] std::optional<std::size_t> pick_peak_ewma(const PeakEwmaConfig& config,
                                                        std::span<const Candidate> candidates,
                                                        std::span<const PeakEwma> states, std::uint64_t random,
                                                        std::int64_t now_ns);

}  // namespace weft::mesh
