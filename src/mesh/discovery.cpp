#include "mesh/discovery.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/result.hpp"

namespace weft::mesh {

namespace {

using Instances = std::vector<Instance>;

Instances::iterator place_of(Instances& sorted, const std::string& id) {
    return std::ranges::lower_bound(sorted, id, {}, &Instance::id);
}
const Instance* find(Instances& sorted, const std::string& id) {
    const auto at = place_of(sorted, id);
    return at == sorted.end() || at->id != id ? nullptr : &*at;
}

bool remove(Instances& sorted, const std::string& id) {
    const auto at = place_of(sorted, id);
    if (at == sorted.end() || at->id != id) return false;
    sorted.erase(at);
    return true;
}

/// What was gone for a moment alone has not changed.
bool apply_changes(Instances& sorted, Listed event) {
    bool changed = false;
    std::ranges::sort(event.instances, {}, &Instance::id);
    for (const auto& id : event.removed) {
        const bool back = find(event.instances, id) != nullptr;
        if (!back && remove(sorted, id)) changed = true;
    }
    for (auto& instance : event.instances) {
        const auto at = place_of(sorted, instance.id);
        if (at == sorted.end() || at->id != instance.id) {
            sorted.insert(at, std::move(instance));
        } else if (*at != instance) {
            *at = std::move(instance);
        } else {
            continue;
        }
        changed = true;
    }
    return changed;
}

DiscoveryEffects on_listed(const DiscoveryConfig& config, DiscoveryState& state, Listed event, std::int64_t now_ns) {
    DiscoveryEffects effects;
    if (event.partial) {
        WEFT_ASSERT(wants_changes(state));
        state.index = event.index;
        state.failures = 0;
        effects.changed = apply_changes(state.instances, std::move(event));
        return effects;
    }
    std::ranges::sort(event.instances, {}, &Instance::id);
    if (state.known && event.epoch != state.epoch) state.kept_until_ns = now_ns + config.grace_ns;
    if (now_ns >= state.kept_until_ns) state.kept_until_ns = 0;
    if (state.kept_until_ns != 0) {
        Instances kept;
        for (const auto& old : state.instances) {
            if (find(event.instances, old.id) == nullptr) kept.push_back(old);
        }
        // Registered again but not checked yet: the old registry's word counts until the new one has its own.
        for (auto& fresh : event.instances) {
            const auto* const old = find(state.instances, fresh.id);
            fresh.healthy = fresh.healthy || (old != nullptr && old->healthy && old->address == fresh.address);
        }
        std::ranges::move(kept, std::back_inserter(event.instances));
        std::ranges::sort(event.instances, {}, &Instance::id);
    }
    effects.changed = !state.known || state.instances != event.instances;
    state.instances = std::move(event.instances);
    state.index = event.index;
    state.epoch = event.epoch;
    state.known = true;
    state.failures = 0;
    return effects;
}

}  // namespace

DiscoveryEffects step(const DiscoveryConfig& config, DiscoveryState& state, DiscoveryEvent event, std::int64_t now_ns) {
    if (auto* listed = std::get_if<Listed>(&event)) return on_listed(config, state, std::move(*listed), now_ns);
    const auto random = std::get<ListFailed>(event).random;
    return {.changed = false, .wait_ns = backoff_ns(config.backoff, state.failures++, random)};
}

std::int64_t poll_ns(const DiscoveryState& state, std::int64_t wanted_ns, std::int64_t now_ns) {
    if (state.kept_until_ns == 0) return wanted_ns;
    return std::clamp(state.kept_until_ns - now_ns, std::int64_t{0}, wanted_ns);
}

}  // namespace weft::mesh
