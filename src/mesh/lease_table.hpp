#pragma once
// The registry's rules as a pure state machine: who is registered, until when, and whether calls should go there.
//
// An instance stays while its lease is renewed. It is healthy while it calls itself ready and the registry's own checks
// reach it: renewals alone would keep a process that can no longer be reached, checks alone would lose one to a single
// dropped packet.
//
// Invariants:
//   1. An id has at most one lease; a lease id is never given out twice, and never 0.
//   2. The index grows by one with each change that a client could see, and with nothing else.
//   3. No lease outlives its expiry by a step: every step begins by removing what has expired.
//   4. There are at most leases_max leases.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/result.hpp"
#include "base/time.hpp"
#include "mesh/instance.hpp"

namespace weft::mesh {

struct LeaseConfig {
    std::size_t leases_max = 10'000;
    /// What is asked for is brought into this range.
    std::int64_t lease_min_ns = 500 * ns_per_ms;
    std::int64_t lease_max_ns = 60 * ns_per_s;
    /// Failed checks in a row after which an instance is unhealthy. One is not enough: a busy machine misses one.
    std::uint32_t failures_max = 2;
};

struct Lease {
    std::uint64_t id = 0;
    Instance instance;
    std::int64_t lease_ns = 0;
    std::int64_t expires_ns = 0;
    /// The instance's word, and the checks'.
    bool ready = true;
    bool reached = false;
    std::uint32_t failures = 0;
    /// Why it is not healthy; empty if it is.
    std::string detail;
};

struct LeaseState {
    std::map<std::string, Lease> leases;  // by instance id
    std::uint64_t index = 0;
    /// Starts at a value that an earlier registry did not reach, or a lease of then could renew a stranger's of now.
    std::uint64_t next_lease_id = 1;
};

// Events. Each happens at a time, in nanoseconds of any clock that does not go back.
struct LeaseRegister {
    Instance instance;
    std::int64_t lease_ns = 0;
};
struct LeaseRenew {
    std::uint64_t lease_id = 0;
    bool ready = true;
    std::string detail;
};
struct LeaseDeregister {
    std::uint64_t lease_id = 0;
};
/// A health check has ended.
struct LeaseChecked {
    std::uint64_t lease_id = 0;
    bool passed = false;
    std::string detail;
};
/// Time has passed.
struct LeaseTick {};
using LeaseEvent = std::variant<LeaseRegister, LeaseRenew, LeaseDeregister, LeaseChecked, LeaseTick>;

struct LeaseEffects {
    /// Of a register or renew that was granted.
    std::uint64_t lease_id = 0;
    std::int64_t lease_ns = 0;
    /// already_exists  a younger process holds the id; not_found  no such lease; resource_exhausted  the table is full;
    /// invalid_argument  the instance has no id, service or address.
    std::optional<Error> refused;
    /// The index has grown: whoever waits for a change is to be told.
    bool changed = false;
    /// Ids of instances whose lease was not renewed in time.
    std::vector<std::string> expired;
};

[[nodiscard]] LeaseEffects step(const LeaseConfig& config, LeaseState& state, const LeaseEvent& event,
                                std::int64_t now_ns);

/// When the next lease expires if nothing happens, or nothing.
[[nodiscard]] std::optional<std::int64_t> next_expiry_ns(const LeaseState& state);

}  // namespace weft::mesh
