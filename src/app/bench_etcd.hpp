#pragma once
// etcd as a registry, for `weft bench registry`: a process on free loopback ports with its data in a temporary folder.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "app/process.hpp"
#include "base/result.hpp"
#include "mesh/service.hpp"
#include "net/endpoint.hpp"
#include "net/reserved_address.hpp"

namespace weft::app {

// As far as they are used; see etcd's api/etcdserverpb/rpc.proto.
struct EtcdPut {
    struct Reply {
        std::string header;
    };
    static constexpr std::string_view method = "etcdserverpb.KV/Put";
    std::string key;
    std::string value;
    std::int64_t lease = 0;
};
struct EtcdGrant {
    struct Reply {
        std::string header;
        std::int64_t id = 0;
    };
    static constexpr std::string_view method = "etcdserverpb.Lease/LeaseGrant";
    std::int64_t ttl_s = 0;
};
struct EtcdRange {
    struct Reply {
        std::string header;
    };
    static constexpr std::string_view method = "etcdserverpb.KV/Range";
    std::string key;
    std::string range_end;
};

class Etcd {
  public:
    /// @errors unavailable  it can't be started, or does not answer.
    [[nodiscard]] static Result<std::unique_ptr<Etcd>> start(const std::string& program);
    ~Etcd();
    Etcd(const Etcd&) = delete;
    Etcd& operator=(const Etcd&) = delete;
    /// HOST:PORT, where it speaks gRPC, and JSON over HTTP.
    [[nodiscard]] const std::string& address() const { return address_.text(); }

  private:
    Etcd(net::ReservedAddress address, net::ReservedAddress peer, std::string folder, Process process)
        : address_(std::move(address)),
          peer_(std::move(peer)),
          folder_(std::move(folder)),
          process_(std::move(process)) {}
    net::ReservedAddress address_;
    net::ReservedAddress peer_;
    std::string folder_;
    Process process_;
};

/// Watches of all keys that begin with "/", each on a connection of its own, read by the caller's thread. Over etcd's
/// JSON gateway: a watch is a stream of chunks of one response.
class EtcdWatchers {
  public:
    /// @errors unavailable  no connection, or no stream.
    [[nodiscard]] static Result<EtcdWatchers> open(const std::string& address, std::size_t count);
    /// Until each has been told of one more event.
    /// @errors deadline_exceeded, unavailable
    [[nodiscard]] Result<void> wait_for_all(std::int64_t deadline_ns);

  private:
    std::vector<Descriptor> sockets_;
};

}  // namespace weft::app
