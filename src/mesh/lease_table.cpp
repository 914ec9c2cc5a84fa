#include "mesh/lease_table.hpp"

#include <algorithm>

namespace weft::mesh {

namespace {

struct Machine {
    const LeaseConfig& config;
    LeaseState& state;
    LeaseEffects& effects;
    std::int64_t now_ns;

    void change(Lease& lease) {
        state.changes.erase(lease.changed_index);
        lease.changed_index = ++state.index;
        state.changes.emplace(state.index, lease.instance.id);
        effects.changed = true;
    }
    void remove(std::map<std::string, Lease>::iterator at) {
        const Lease& lease = at->second;
        state.ids.erase(lease.id);
        state.expiries.erase({lease.expires_ns, lease.id});
        state.changes.erase(lease.changed_index);
        state.removals.push_back({++state.index, at->first, lease.instance.service});
        if (state.removals.size() > config.removals_max) {
            state.remembered_from = state.removals.front().index;
            state.removals.pop_front();
        }
        const auto of_service = state.services.find(lease.instance.service);
        of_service->second.erase(at->first);
        if (of_service->second.empty()) state.services.erase(of_service);
        effects.gone.push_back(at->first);
        state.leases.erase(at);
        effects.changed = true;
    }
    void refuse(ErrorCode code, std::string message) { effects.refused = Error{code, std::move(message), {}, 0}; }

    void expire() {
        while (!state.expiries.empty() && state.expiries.begin()->first <= now_ns) {
            const auto at = state.leases.find(state.ids.at(state.expiries.begin()->second));
            effects.expired.push_back(at->first);
            remove(at);
        }
    }

    Lease* look_up(std::uint64_t lease_id) {
        const auto found = state.ids.find(lease_id);
        return found == state.ids.end() ? nullptr : &state.leases.at(found->second);
    }
    Lease* find(std::uint64_t lease_id) {
        Lease* lease = look_up(lease_id);
        if (lease == nullptr) refuse(ErrorCode::not_found, "no such lease: it has expired or was replaced");
        return lease;
    }

    void grant(Lease& lease) {
        state.expiries.erase({lease.expires_ns, lease.id});
        lease.expires_ns = now_ns + lease.lease_ns;
        state.expiries.emplace(lease.expires_ns, lease.id);
        effects.lease_id = lease.id;
        effects.lease_ns = lease.lease_ns;
        effects.drained = lease.drained;
    }

    /// What a client sees of a lease, changed or not, after its parts were.
    void judge(Lease& lease, std::string detail, bool was_reached) {
        const bool healthy = lease.ready && lease.reached && lease.serving;
        if (healthy) detail.clear();
        if (healthy == lease.instance.healthy && detail == lease.detail && lease.reached == was_reached) return;
        lease.instance.healthy = healthy;
        lease.detail = std::move(detail);
        change(lease);
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
        // Not changed in place: who asked for others than this may have seen it, and is to lose sight of it.
        if (held != state.leases.end()) remove(held);
        if (event.drained && state.drained.size() < config.leases_max) state.drained.insert(instance.id);
        Lease lease;
        lease.id = state.next_lease_id++;
        lease.instance = instance;
        lease.instance.healthy = false;
        lease.lease_ns = std::clamp(event.lease_ns, config.lease_min_ns, config.lease_max_ns);
        lease.detail = "not checked yet";
        lease.drained = state.drained.contains(instance.id);
        grant(lease);
        state.ids.emplace(lease.id, instance.id);
        state.services[instance.service].insert(instance.id);
        change(state.leases.emplace(instance.id, std::move(lease)).first->second);
        // Whether replaced or expired in this very step.
        std::erase(effects.gone, instance.id);
    }

    void on(const LeaseRenew& event) {
        Lease* lease = find(event.lease_id);
        if (lease == nullptr) return;
        grant(*lease);
        // Renewals that say the same again leave the checks' word standing.
        if (lease->ready == event.ready && (event.ready || lease->detail == event.detail)) return;
        lease->ready = event.ready;
        const auto* why = !lease->reached ? "not reached" : lease->serving ? "" : "says that it is not serving";
        judge(*lease, event.ready ? why : event.detail, lease->reached);
    }

    void on(const LeaseDeregister& event) {
        const Lease* lease = find(event.lease_id);
        if (lease == nullptr) return;
        remove(state.leases.find(lease->instance.id));
    }

    void on(const LeaseChecked& event) {
        Lease* lease = look_up(event.lease_id);
        if (lease == nullptr) return;  // a check that ends after its lease is nobody's mistake
        const bool was_reached = lease->reached;
        if (event.reached) {
            lease->failures = 0;
            lease->reached = true;
            lease->serving = event.serving;
            const auto& why = event.serving ? "" : event.detail;
            return judge(*lease, lease->ready ? why : lease->detail, was_reached);
        }
        lease->failures = std::min(lease->failures + 1, config.failures_max);
        if (!lease->reached || lease->failures < config.failures_max) return;
        lease->reached = false;
        judge(*lease, lease->ready ? event.detail : lease->detail, was_reached);
    }

    void on(const LeaseDrain& event) {
        const auto at = state.leases.find(event.id);
        // One that is away may be called back, so that the set does not only grow.
        if (at == state.leases.end() && (event.drained || !state.drained.contains(event.id))) {
            return refuse(ErrorCode::not_found, "no such instance: " + event.id);
        }
        if (event.drained && state.drained.size() >= config.leases_max) {
            return refuse(ErrorCode::resource_exhausted, "too many instances are drained");
        }
        if (event.drained) {
            state.drained.insert(event.id);
        } else {
            state.drained.erase(event.id);
        }
        if (at == state.leases.end() || at->second.drained == event.drained) return;
        at->second.drained = event.drained;
        change(at->second);
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

LeaseChanges changes_since(const LeaseState& state, std::uint64_t index) {
    if (index < state.remembered_from || index > state.index) return all_leases(state);
    LeaseChanges out;
    out.partial = true;
    for (auto at = state.changes.upper_bound(index); at != state.changes.end(); ++at) {
        out.leases.push_back(&state.leases.at(at->second));
    }
    const auto missed = std::ranges::upper_bound(state.removals, index, {}, &Removal::index);
    for (auto at = missed; at != state.removals.end(); ++at) out.removed.push_back(&*at);
    return out;
}

LeaseChanges all_leases(const LeaseState& state, const std::string& service) {
    LeaseChanges out;
    if (service.empty()) {
        for (const auto& [id, lease] : state.leases) out.leases.push_back(&lease);
    } else if (const auto of_service = state.services.find(service); of_service != state.services.end()) {
        for (const auto& id : of_service->second) out.leases.push_back(&state.leases.at(id));
    }
    return out;
}

std::optional<std::int64_t> next_expiry_ns(const LeaseState& state) {
    if (state.expiries.empty()) return std::nullopt;
    return state.expiries.begin()->first;
}

}  // namespace weft::mesh
