#pragma once
// registry: which instances of which service are there.

#include "api/types.hpp"

namespace weft::api::registry {

struct Label {
    std::string name;
    std::string value;
};
struct Instance {
    std::string id;       // unique, chosen by the instance: "node-0"
    std::string service;  // "node", "gateway"
    std::string address;  // "127.0.0.1:40123", where its gRPC server listens
    std::uint64_t pid = 0;
    std::vector<Label> labels;  // version, zone, capabilities
    std::uint32_t weight = 1;
    std::uint64_t started_unix_ms = 0;
    /// Set by the registry: whether the last health check passed.
    bool healthy = false;
    std::string detail;
};

struct RegisterReply {
    std::uint64_t lease_id = 0;
    std::uint64_t lease_ms = 0;
};
/// Adds or replaces the instance with this id; it stays while its lease is renewed.
struct Register {
    using Reply = RegisterReply;
    static constexpr std::string_view method = "weft.Registry/Register";
    Instance instance;
    std::uint64_t lease_ms = 3000;
};
/// @errors not_found  the lease has expired: register again.
struct Renew {
    using Reply = RegisterReply;
    static constexpr std::string_view method = "weft.Registry/Renew";
    std::uint64_t lease_id = 0;
    /// What the instance says of itself: whether it is ready to serve.
    bool ready = true;
    std::string detail;
};
struct Deregister {
    using Reply = Empty;
    static constexpr std::string_view method = "weft.Registry/Deregister";
    std::uint64_t lease_id = 0;
};

struct ListReply {
    std::vector<Instance> instances;
    /// Grows with each change.
    std::uint64_t index = 0;
    /// Differs when the registry has restarted.
    std::uint64_t epoch = 0;
};
/// Instances of a service (empty: all). With index and wait_ms: replies when something has changed since that index, or
/// when the time is over, so that no update is lost between two calls.
struct List {
    using Reply = ListReply;
    static constexpr std::string_view method = "weft.Registry/List";
    std::string service;
    std::uint64_t index = 0;
    std::uint64_t wait_ms = 0;
    std::uint64_t epoch = 0;
};

}  // namespace weft::api::registry
