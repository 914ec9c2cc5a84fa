#pragma once
// Outlier ejection, or passive health: each instance of a service has a breaker, and while it is open the instance gets
// no calls. Three rules besides: only a part of the instances may be ejected, for when most look bad the fault is
// elsewhere; when too few are left that are healthy and not ejected, all are called (panic): overloading the last ones
// helps nobody; and who comes back begins slowly.

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <vector>

#include "mesh/balance.hpp"
#include "mesh/breaker.hpp"

namespace weft::mesh {

struct OutlierConfig {
    BreakerConfig breaker;
    /// At most so many may be ejected at once, but always one.
    std::uint32_t ejected_percent_max = 50;
    /// Panic while fewer are available; 0: never.
    std::uint32_t panic_percent = 50;
    std::int64_t slow_start_ns = 10 * ns_per_s;
};

struct OutlierMember {
    Breaker breaker;
    /// What active checks say, or the registry. Set it, then Outlier::due_ns = 0.
    bool healthy = true;
    /// When its slow start began. Set to now for one that has just started.
    std::int64_t warm_since_ns = std::numeric_limits<std::int64_t>::min() / 2;
};

struct Outlier {
    std::vector<OutlierMember> members;  // one for each candidate
    /// refresh() has something to do from then on.
    std::int64_t due_ns = 0;
    bool panic = false;
};

/// Writes what follows from the members into usable and ramp of @p candidates. To be called before each pick: nearly
/// always it only compares the time.
void refresh(const OutlierConfig& config, Outlier& outlier, std::span<Candidate> candidates, std::int64_t now_ns);

/// The picked candidate is called. Its ticket goes to report() or withdraw(). A pick between refresh() and now is
/// always let through.
[[nodiscard]] BreakerTicket admit(const OutlierConfig& config, Outlier& outlier, std::span<Candidate> candidates,
                                  std::size_t index, std::int64_t now_ns);
/// A call has ended. @return whether its instance was ejected or is back by it.
BreakerChange report(const OutlierConfig& config, Outlier& outlier, std::size_t index, BreakerTicket ticket,
                     CallOutcome outcome, std::int64_t now_ns);
void withdraw(Outlier& outlier, std::size_t index, BreakerTicket ticket);

/// Counted anew each time: a count that is kept in step is one that comes out of step.
[[nodiscard]] std::size_t ejected_count(const Outlier& outlier);

}  // namespace weft::mesh
