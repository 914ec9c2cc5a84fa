#pragma once
// A circuit breaker: after too many calls that failed or were slow, none is made for a while, then a few probes are,
// and if they go well all are again. Before a service it is a circuit breaker; one for each instance of a service, with
// a bound on how many may be open, is outlier ejection (mesh/outlier.hpp).

#include <cstdint>
#include <optional>

#include "base/time.hpp"
#include "mesh/window.hpp"

namespace weft::mesh {

/// The defaults are Envoy's for ejection and Resilience4j's for the rest, where they have any.
struct BreakerConfig {
    /// Opens after so many failures in a row.
    std::uint32_t consecutive_max = 5;
    /// Opens if so many of the calls in the window failed or were slow; above 100: never.
    std::uint32_t failed_percent = 50;
    std::uint32_t slow_percent = 101;
    /// A call that took longer is slow.
    std::int64_t slow_ns = ns_per_s;
    /// With fewer calls in the window a percentage says nothing.
    std::uint32_t calls_min = 20;
    std::int64_t window_ns = 10 * ns_per_s;
    /// How long it stays open; twice as long each time it opens again, up to a bound.
    std::int64_t open_ns = ns_per_s;
    std::int64_t open_max_ns = 60 * ns_per_s;
    /// Each time it was closed for so long, one opening is forgotten.
    std::int64_t forget_ns = 30 * ns_per_s;
    /// Calls let through after that; all must succeed. At least 1.
    std::uint32_t probes = 3;
    /// Probes that have not ended by then are given up and others let through.
    std::int64_t probe_ns = 30 * ns_per_s;
};

enum class BreakerPhase : std::uint8_t { closed, open, half_open };

struct Breaker {
    BreakerPhase phase = BreakerPhase::closed;
    /// Failures in a row.
    std::uint32_t consecutive = 0;
    /// Openings that are not forgotten.
    std::uint32_t openings = 0;
    std::uint32_t probes_running = 0;
    std::uint32_t probes_passed = 0;
    /// Grows with each change of phase.
    std::uint64_t term = 1;
    /// Start of the phase.
    std::int64_t since_ns = 0;
    /// End of the phase open.
    std::int64_t until_ns = 0;
    Window window;
};

/// What a call that was let through is told of when it ends. A reply that comes later than the phase it was made in
/// says nothing about this one.
struct BreakerTicket {
    std::uint64_t term = 0;  // 0: nobody wants to know
};

struct CallOutcome {
    bool failed = false;
    std::int64_t latency_ns = 0;
};

enum class BreakerChange : std::uint8_t { none, opened, closed };

/// Open becomes half open when its time is over.
void advance(const BreakerConfig& config, Breaker& breaker, std::int64_t now_ns);
/// Whether admit() would let a call through. @pre advance() was called for now.
[[nodiscard]] bool admits(const BreakerConfig& config, const Breaker& breaker);
/// Lets a call through, or not. Each ticket goes to report() or withdraw(), once.
[[nodiscard]] std::optional<BreakerTicket> admit(const BreakerConfig& config, Breaker& breaker, std::int64_t now_ns);
/// A call has ended. @param may_open  false holds a closed breaker closed: too many others are open.
BreakerChange report(const BreakerConfig& config, Breaker& breaker, BreakerTicket ticket, CallOutcome outcome,
                     std::int64_t now_ns, bool may_open = true);
/// A call has ended that says nothing about whom it called: it was cancelled.
void withdraw(Breaker& breaker, BreakerTicket ticket);

}  // namespace weft::mesh
