#pragma once
// Load shedding: while requests wait too long before work on them begins, the least important are refused, and which
// are is known before any work is done. Within a priority whole clients are refused, not random requests: a client
// whose page takes ten requests would otherwise hardly ever get all ten.

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/time.hpp"

namespace weft::mesh {

/// @source  H. Zhou et al., "Overload Control for Scaling WeChat Microservices", SoCC 2018 (DAGOR).
struct ShedConfig {
    /// A window in which requests waited longer than that on average was overloaded.
    std::int64_t queued_max_ns = 20 * ns_per_ms;
    std::int64_t window_ns = ns_per_s;
    /// ... or that, if it comes first.
    std::uint32_t window_requests = 2'000;
    /// After an overloaded window so much less of what was admitted is, after another so much more of what came.
    double less = 0.05;
    double more = 0.01;
};

struct Shed {
    /// 0 is the most important.
    static constexpr std::uint32_t priorities = 16;
    static constexpr std::uint32_t clients = 64;  // classes of clients in a priority
    static constexpr std::uint32_t levels = priorities * clients;

    /// Requests of a level below it are admitted.
    std::uint32_t admitted_below = levels;
    std::array<std::uint32_t, levels> came{};  // in the window
    std::uint32_t requests = 0;
    std::uint32_t admitted = 0;
    std::uint32_t started = 0;
    std::int64_t queued_ns = 0;  // sum over those started
    std::int64_t window_end_ns = 0;
};

/// A request has come. @param client  a hash of who sent it. @return whether it is admitted.
[[nodiscard]] bool admit(const ShedConfig& config, Shed& shed, std::uint32_t priority, std::uint64_t client,
                         std::int64_t now_ns);
/// Work on an admitted request begins, which has waited so long.
void on_started(Shed& shed, std::int64_t queued_ns);

}  // namespace weft::mesh
