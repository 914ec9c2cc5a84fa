#pragma once
// How a process finds the services of nodes, wherever they are: in one process a node, or each in its own.
//
// A process of a node registers under what it holds, with an id of its node: instance "storage-2" of service "storage"
// is the storage of node 2. Whoever belongs to a node asks for that one instance, the gateway for any.

#include <algorithm>
#include <array>
#include <concepts>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "api/registry.hpp"
#include "app/config.hpp"
#include "app/discovered.hpp"
#include "net/port.hpp"

namespace weft::app {

class Neighbours {
  public:
    /// @param loops    must outlive the ports.
    /// @param options  `only` is the part of an id after the service's name ("2"), or empty for any node.
    Neighbours(net::LoopGroup& loops, mesh::Port<api::registry::List> list, Layout layout,
               DiscoveredOptions options = {})
        : loops_(loops), list_(std::move(list)), layout_(layout), options_(std::move(options)) {}

    /// Before the first call: the services that the ports lead to are watched from here on.
    template <mesh::Operation R>
    [[nodiscard]] mesh::Port<R> port() {
        if constexpr (std::same_as<R, api::validation::Submit>) {
            return submit_port(of(R::method), of(api::storage::GetTransaction::method));
        } else {
            return discovered_port<R>(of(R::method));
        }
    }
    template <class Ports>
    void fill(Ports& ports) {
        ports.for_each([this]<class R>(mesh::Port<R>& it) { it = this->template port<R>(); });
    }

    /// The service whose process performs an operation.
    [[nodiscard]] std::shared_ptr<Discovered> of(std::string_view method);
    /// @errors unavailable  no instance of one of the services is healthy, of those that nothing works without.
    [[nodiscard]] Result<void> ready() const;

  private:
    net::LoopGroup& loops_;
    const mesh::Port<api::registry::List> list_;
    const Layout layout_;
    const DiscoveredOptions options_;
    std::map<std::string, std::shared_ptr<Discovered>, std::less<>> services_;
};

/// The processes of a node whose services have one each, every one after those that it needs to begin.
inline constexpr auto node_parts =
    std::to_array<std::string_view>({"storage", "validation", "consensus", "network", "monitor"});
[[nodiscard]] constexpr bool is_part_of_node(std::string_view service) {
    return std::ranges::find(node_parts, service) != node_parts.end();
}

/// The name of the process that holds a service when each has one of its own: contract and wallet are validation's.
/// @param method  "weft.Contract/Call".
[[nodiscard]] std::string_view holder_of(std::string_view method);

/// @errors unavailable  "no healthy storage".
[[nodiscard]] Result<void> has_healthy(const Discovered& service, std::string_view name);

}  // namespace weft::app
