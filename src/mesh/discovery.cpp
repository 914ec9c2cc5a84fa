#include "mesh/discovery.hpp"

#include <algorithm>
#include <utility>

namespace weft::mesh {

namespace {

bool lists(const std::vector<Instance>& instances, const std::string& id) {
    return std::ranges::any_of(instances, [&](const Instance& instance) { return instance.id == id; });
}

DiscoveryEffects on_listed(const DiscoveryConfig& config, DiscoveryState& state, Listed event, std::int64_t now_ns) {
    if (state.known && event.epoch != state.epoch) state.kept_until_ns = now_ns + config.grace_ns;
    if (now_ns >= state.kept_until_ns) state.kept_until_ns = 0;
    if (state.kept_until_ns != 0) {
        for (const auto& old : state.instances) {
            if (!lists(event.instances, old.id)) event.instances.push_back(old);
        }
        // Registered again but not checked yet: the old registry's word counts until the new one has its own.
        for (auto& fresh : event.instances) {
            fresh.healthy = fresh.healthy || std::ranges::any_of(state.instances, [&](const Instance& old) {
                return old.healthy && old.id == fresh.id && old.address == fresh.address;
            });
        }
    }
    DiscoveryEffects effects;
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
