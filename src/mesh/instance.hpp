#pragma once
// One running copy of a service, as the pure machines of this room see it.

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace weft::mesh {

struct Instance {
    std::string id;       // unique, chosen by the instance: "node-0"
    std::string service;  // "node"
    std::string address;  // "127.0.0.1:40123"
    /// Its share of the calls; 0: it is drained.
    std::uint32_t weight = 1;
    /// Tells a process from its predecessor with the same id.
    std::uint64_t started_ms = 0;
    bool healthy = false;
    /// What else it says of itself: version, zone, what it can.
    std::vector<std::pair<std::string, std::string>> labels = {};

    /// A label's value; empty if it has none of the name.
    [[nodiscard]] const std::string& label(std::string_view name) const {
        static const std::string none;
        const auto found = std::ranges::find(labels, name, [](const auto& it) { return std::string_view(it.first); });
        return found == labels.end() ? none : found->second;
    }
    [[nodiscard]] const std::string& zone() const { return label("zone"); }

    bool operator==(const Instance&) const = default;
};

}  // namespace weft::mesh
