#pragma once
// One running copy of a service, as the pure machines of this room see it.

#include <cstdint>
#include <string>

namespace weft::mesh {

struct Instance {
    std::string id;       // unique, chosen by the instance: "node-0"
    std::string service;  // "node"
    std::string address;  // "127.0.0.1:40123"
    std::uint32_t weight = 1;
    /// Tells a process from its predecessor with the same id.
    std::uint64_t started_ms = 0;
    bool healthy = false;

    bool operator==(const Instance&) const = default;
};

}  // namespace weft::mesh
