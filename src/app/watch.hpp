#pragma once
// Follows the registry: the machine of mesh/discovery.hpp, driven by long polls on a loop.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "api/registry.hpp"
#include "mesh/discovery.hpp"
#include "net/loop.hpp"

namespace weft::app {

struct WatchOptions {
    mesh::DiscoveryConfig discovery;
    /// How long the registry may hold back an answer in which nothing is new.
    std::int64_t poll_ns = 20 * ns_per_s;
};

class Watch {
  public:
    /// On the watch's loop: the instances, when they have changed, and the first time the registry has answered.
    using Changed = std::function<void(const std::vector<mesh::Instance>&)>;

    /// @param loops    must outlive the watch.
    /// @param service  which instances; empty: all.
    Watch(net::LoopGroup& loops, mesh::Port<api::registry::List> list, std::string service, Changed changed,
          WatchOptions options = {});
    /// Of a call to @p changed that runs meanwhile the end is not waited for.
    ~Watch();
    Watch(const Watch&) = delete;
    Watch& operator=(const Watch&) = delete;

    /// Whether the registry answered the last time it was asked.
    [[nodiscard]] bool connected() const;

  private:
    struct Core;
    std::shared_ptr<Core> core_;
};

[[nodiscard]] mesh::Instance to_mesh(const api::registry::Instance& instance);
/// "drained version=0.1.0 zone=east".
[[nodiscard]] std::string to_text(const mesh::Instance& instance);

}  // namespace weft::app
