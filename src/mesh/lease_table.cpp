#include "mesh/lease_table.hpp"

#include <algorithm>

namespace weft::mesh {

namespace {

struct Machine {
    const LeaseConfig& config;
    LeaseState& state;
    LeaseEffects& effects;
    std::int64_t now_ns;

    void change() {
        ++state.index;
        effects.changed = true;
    }
    void refuse(ErrorCode code, std::string message) { effects.refused = Error{code, std::move(message), {}, 0}; }

    void expire() {
        std::erase_if(state.leases, [&](const auto& entry) {
            if (entry.second.expires_ns > now_ns) return false;
            effects.expired.push_back(entry.first);
            change();
            return true;
        });
    }

    /// Linear: renewals are a few a second and instance, and the table is bounded.
    Lease* find(std::uint64_t lease_id) {
        for (auto& [id, lease] : state.leases) {
            if (lease.id == lease_id) return &lease;
        }
        refuse(ErrorCode::not_found, "no such lease: it has expired or was replaced");
        return nullptr;
    }

    void grant(Lease& lease) {
        lease.expires_ns = now_ns + lease.lease_ns;
        effects.lease_id = lease.id;
        effects.lease_ns = lease.lease_ns;
    }

    /// What a client sees of a lease, changed or not, after its parts were.
    void judge(Lease& lease, std::string detail) {
        const bool healthy = lease.ready && lease.reached;
        if (healthy) detail.clear();
        if (healthy == lease.instance.healthy && detail == lease.detail) return;
        lease.instance.healthy = healthy;
        lease.detail = std::move(detail);
        change();
    }

    void on(const LeaseRegister& event) {
        const auto& instance = event.instance;
        if (instance.id.empty() || instance.service.empty() || instance.address.empty()) {
            return refuse(ErrorCode::invalid_argument, "an instance needs an id, a service and an address");
        }
        const auto held = state.leases.find(instance.id);
        if (held != state.leases.end() && held->second.instance.started_ms > instance.started_ms) {
            // Two processes under one id would otherwise take it from each other for ever.
            return refuse(ErrorCode::already_exists, "a younger process holds the id " + instance.id);
        }
        if (held == state.leases.end() && state.leases.size() >= config.leases_max) {
            return refuse(ErrorCode::resource_exhausted, "the registry is full");
        }
        Lease lease;
        lease.id = state.next_lease_id++;
        lease.instance = instance;
        lease.instance.healthy = false;
        lease.lease_ns = std::clamp(event.lease_ns, config.lease_min_ns, config.lease_max_ns);
        lease.detail = "not checked yet";
        grant(lease);
        state.leases.insert_or_assign(instance.id, std::move(lease));
        change();
    }

    void on(const LeaseRenew& event) {
        Lease* lease = find(event.lease_id);
        if (lease == nullptr) return;
        grant(*lease);
        // Renewals that say the same again leave the checks' word standing.
        if (lease->ready == event.ready && (event.ready || lease->detail == event.detail)) return;
        lease->ready = event.ready;
        judge(*lease, event.ready ? (lease->reached ? "" : "not reached") : event.detail);
    }

    void on(const LeaseDeregister& event) {
        const Lease* lease = find(event.lease_id);
        if (lease == nullptr) return;
        state.leases.erase(lease->instance.id);
        change();
    }

    void on(const LeaseChecked& event) {
        const auto before = effects.refused;
        Lease* lease = find(event.lease_id);
        effects.refused = before;  // a check that ends after its lease is nobody's mistake
        if (lease == nullptr) return;
        if (event.passed) {
            lease->failures = 0;
            lease->reached = true;
            return judge(*lease, lease->ready ? "" : lease->detail);
        }
        lease->failures = std::min(lease->failures + 1, config.failures_max);
        if (!lease->reached || lease->failures < config.failures_max) return;
        lease->reached = false;
        judge(*lease, lease->ready ? event.detail : lease->detail);
    }

    void on(const LeaseTick&) {}
};

}  // namespace

LeaseEffects step(const LeaseConfig& config, LeaseState& state, const LeaseEvent& event, std::int64_t now_ns) {
    LeaseEffects effects;
    Machine machine{config, state, effects, now_ns};
    machine.expire();
    std::visit([&](const auto& which) { machine.on(which); }, event);
    WEFT_ASSERT(state.leases.size() <= config.leases_max);
    return effects;
}

std::optional<std::int64_t> next_expiry_ns(const LeaseState& state) {
    std::optional<std::int64_t> earliest;
    for (const auto& [id, lease] : state.leases) {
        earliest = std::min(earliest.value_or(lease.expires_ns), lease.expires_ns);
    }
    return earliest;
}

}  // namespace weft::mesh
