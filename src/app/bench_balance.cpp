#include "app/bench_balance.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <limits>
#include <optional>
#include <string_view>
#include <vector>

#include "app/cpu_time.hpp"
#include "mesh/balance.hpp"
#include "mesh/balance/edf.hpp"
#include "mesh/balance/maglev.hpp"
#include "mesh/balance/peak_ewma.hpp"
#include "mesh/balance/ring.hpp"
#include "mesh/outlier.hpp"
#include "verify/random.hpp"

namespace weft::app {

namespace {

using Pick = std::optional<std::size_t>;

/// Instances with a few calls each and weights from 1 to 4.
struct Pool {
    explicit Pool(std::size_t count) : candidates(count), members(count) {
        for (std::size_t i = 0; i < count; ++i) {
            candidates[i].weight = members[i].weight = 1 + static_cast<std::uint32_t>(random.below(4));
            candidates[i].outstanding = static_cast<std::uint32_t>(random.below(8));
            members[i].id = mesh::stable_hash(fmt::format("node-{}", i));
            const auto cost_ns = static_cast<double>(random.between(ns_per_ms, 20 * ns_per_ms));
            latencies.push_back({cost_ns, static_cast<std::int64_t>(random.below(ns_per_s))});
        }
        outlier.members.resize(count);
        ring = mesh::make_ring(members);
        maglev = mesh::make_maglev(members);
        total = mesh::load_total(candidates);
    }
    verify::Random random{1};
    std::vector<mesh::Candidate> candidates;
    std::vector<mesh::Hashed> members;
    std::vector<mesh::PeakEwma> latencies;
    std::vector<std::int64_t> credits;
    mesh::Edf edf;
    mesh::HashRing ring;
    mesh::Maglev maglev;
    mesh::LoadTotal total;
    mesh::Outlier outlier;
    std::int64_t now_ns = ns_per_s;
};

template <class Choose>
double ns_per_pick(const BenchBalanceOptions& options, Pool& pool, Choose choose) {
    double best = std::numeric_limits<double>::max();
    std::size_t sum = 0;
    for (int repetition = 0; repetition < options.repetitions; ++repetition) {
        const auto began_ns = thread_cpu_ns();
        for (std::uint32_t i = 0; i < options.picks; ++i) sum += choose(pool).value_or(0);
        best = std::min(best, static_cast<double>(thread_cpu_ns() - began_ns) / options.picks);
    }
    volatile std::size_t sink = sum;  // the picks are wanted
    static_cast<void>(sink);
    return best;
}

template <class Choose>
void row(const BenchBalanceOptions& options, std::string_view name, Choose choose) {
    fmt::print("{:<40}", name);
    for (const std::size_t count : {16, 100, 1'000}) {
        Pool pool(count);
        fmt::print("{:>9.1f}", ns_per_pick(options, pool, choose));
    }
    fmt::print("\n");
}

}  // namespace

void bench_balance(const BenchBalanceOptions& options) {
    const mesh::PeakEwmaConfig peak;
    const mesh::OutlierConfig health;
    fmt::print("{:<40}{:>9}{:>9}{:>9}\n", "ns of CPU time for a pick, of", 16, 100, 1'000);
    row(options, "two choices, least outstanding",
        [](Pool& pool) { return mesh::pick_of_two(pool.candidates, pool.random.next()); });
    row(options, "two choices, peak EWMA", [&](Pool& pool) {
        return mesh::pick_peak_ewma(peak, pool.candidates, pool.latencies, pool.random.next(), pool.now_ns += 100);
    });
    row(options, "two choices, peak EWMA, and ejection", [&](Pool& pool) -> Pick {
        refresh(health, pool.outlier, pool.candidates, pool.now_ns += 100);
        const auto picked =
            mesh::pick_peak_ewma(peak, pool.candidates, pool.latencies, pool.random.next(), pool.now_ns);
        const auto ticket = admit(health, pool.outlier, pool.candidates, *picked, pool.now_ns);
        observe(peak, pool.latencies[*picked], ns_per_ms, false, pool.now_ns);
        report(health, pool.outlier, *picked, ticket, {.failed = false, .latency_ns = ns_per_ms}, pool.now_ns);
        return picked;
    });
    row(options, "least outstanding of all",
        [](Pool& pool) { return mesh::pick_least_outstanding(pool.candidates, pool.random.next()); });
    row(options, "weighted round robin, EDF", [](Pool& pool) { return mesh::pick_edf(pool.edf, pool.candidates); });
    row(options, "weighted round robin, smooth",
        [](Pool& pool) { return mesh::pick_round_robin(pool.credits, pool.candidates); });
    row(options, "Maglev",
        [](Pool& pool) { return mesh::pick_maglev(pool.maglev, pool.candidates, pool.random.next()); });
    row(options, "hash ring",
        [](Pool& pool) { return mesh::pick_ring(pool.ring, pool.candidates, pool.random.next()); });
    row(options, "hash ring, bounded load",
        [](Pool& pool) { return mesh::pick_bounded(pool.ring, pool.candidates, pool.total, pool.random.next()); });
}

}  // namespace weft::app
