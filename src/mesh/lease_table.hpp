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
//   5. Whoever has the instances of an index and takes changes_since() it has those of now, or is told to take all.

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
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
    /// Removals that are remembered, for who asks what has changed.
    std::size_t removals_max = 10'000;
};

struct Lease {
    std::uint64_t id = 0;
    Instance instance;
    std::int64_t lease_ns = 0;
    std::int64_t expires_ns = 0;
    /// The instance's word, and the checks': it is alive, and says that it can serve.
    bool ready = true;
    bool reached = false;
    bool serving = false;
    std::uint32_t failures = 0;
    /// Why it is not healthy; empty if it is.
    std::string detail;
    /// Of the last change to it.
    std::uint64_t changed_index = 0;
    /// An operator's word: it is to get no new calls. Stays with the id.
    bool drained = false;
};

struct Removal {
    std::uint64_t index = 0;
    std::string id;
    std::string service;
};

/// Only step() writes it: what follows the leases is in step with them.
struct LeaseState {
    std::map<std::string, Lease> leases;  // by instance id
    std::unordered_map<std::uint64_t, std::string> ids;  // by lease id
    std::set<std::pair<std::int64_t, std::uint64_t>> expiries;  // and lease id
    std::map<std::string, std::set<std::string>> services;  // ids by service
    std::map<std::uint64_t, std::string> changes;  // by index, of the last change to each
    std::deque<Removal> removals;
    /// Changes since an earlier index than this are not known any more.
    std::uint64_t remembered_from = 0;
    /// Ids that an operator has drained, whether they are there or not.
    std::set<std::string> drained;
    std::uint64_t index = 0;
    /// Starts at a value that an earlier registry did not reach, or a lease of then could renew a stranger's of now.
    std::uint64_t next_lease_id = 1;
};

// Events. Each happens at a time, in nanoseconds of any clock that does not go back.
struct LeaseRegister {
    Instance instance;
    std::int64_t lease_ns = 0;
    /// It remembers that it was drained, which this table may not.
    bool drained = false;
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
    /// It answers. One miss is forgiven.
    bool reached = false;
    std::string detail;
    /// It says that it can serve, which counts at once.
    bool serving = true;
};
/// An operator wants no new calls to go to an instance, or wants them again.
struct LeaseDrain {
    std::string id;
    bool drained = true;
};
/// Time has passed.
struct LeaseTick {};
using LeaseEvent = std::variant<LeaseRegister, LeaseRenew, LeaseDeregister, LeaseChecked, LeaseDrain, LeaseTick>;

struct LeaseEffects {
    /// Of a register or renew that was granted.
    std::uint64_t lease_id = 0;
    std::int64_t lease_ns = 0;
    bool drained = false;
    /// already_exists  a younger process holds the id; not_found  no such lease or instance; resource_exhausted  the
    /// table is full; invalid_argument  the instance has no id, service or address.
    std::optional<Error> refused;
    /// The index has grown: whoever waits for a change is to be told.
    bool changed = false;
    /// Ids of instances whose lease was not renewed in time.
    std::vector<std::string> expired;
    /// Ids that have no lease any more.
    std::vector<std::string> gone;
};

[[nodiscard]] LeaseEffects step(const LeaseConfig& config, LeaseState& state, const LeaseEvent& event,
                                std::int64_t now_ns);

/// Valid until the next step.
struct LeaseChanges {
    /// Those of now that have changed; if it is not `partial`, all.
    std::vector<const Lease*> leases;
    /// Of those that have gone, or were gone for a moment. To be taken out before the leases are put in.
    std::vector<const Removal*> removed;
    bool partial = false;
};
/// What who has the instances of @p index has missed.
[[nodiscard]] LeaseChanges changes_since(const LeaseState& state, std::uint64_t index);

/// Of a service; empty: of all.
[[nodiscard]] LeaseChanges all_leases(const LeaseState& state, const std::string& service = "");

/// When the next lease expires if nothing happens, or nothing.
[[nodiscard]] std::optional<std::int64_t> next_expiry_ns(const LeaseState& state);

}  // namespace weft::mesh
