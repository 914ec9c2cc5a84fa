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
    /// Set by the registry: whether it answers and says that it can serve.
    bool healthy = false;
    std::string detail;
    /// How the registry asks: grpc (the health service; also if empty), http PATH, rpc [lag=BLOCKS] [age=SECONDS]
    /// (eth_getBlockByNumber: no more blocks behind the best of its service, no head older), or lease (not at all).
    std::string check;
    /// It is to get no new calls. An instance says so if it was told so, which a new registry has not heard.
    bool drained = false;
    /// Set by the registry: whether it answers, whatever it says.
    bool alive = false;
};

struct RegisterReply {
    std::uint64_t lease_id = 0;
    std::uint64_t lease_ms = 0;
    bool drained = false;
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
    /// The instances are those that have changed since the index that was asked with. First these are to be taken out.
    bool partial = false;
    std::vector<std::string> removed = {};
};
/// Instances of a service (empty: all). With index and wait_ms: replies when something has changed since that index, or
/// when the time is over, so that no update is lost between two calls.
struct List {
    using Reply = ListReply;
    static constexpr std::string_view method = "weft.Registry/List";
    std::string service = {};
    std::uint64_t index = 0;
    std::uint64_t wait_ms = 0;
    std::uint64_t epoch = 0;
    /// Those that have each of these labels; of several with one name, one of them.
    std::vector<Label> labels = {};
    /// The caller has what was listed at the index, and wants what has changed if that is known, or all.
    bool changes = false;
};

/// @errors not_found  no such instance.
struct Drain {
    using Reply = Empty;
    static constexpr std::string_view method = "weft.Registry/Drain";
    std::string id;
    bool drained = true;
};

}  // namespace weft::api::registry
