#pragma once
// The network service: the node's connections to its peers.
//
// A chain with one validator has no peers: what is announced is counted and goes nowhere. The peer protocol comes with
// the first engine that needs one.
//
// Owns     the list of peers.
// Serves   weft.Network.
// Calls    nobody.
// Fails    open: a transaction that can't be announced is still sealed here.

#include <atomic>

#include "api/network.hpp"
#include "mesh/service.hpp"

namespace weft::service::network {

class Network {
  public:
    explicit Network(std::uint64_t network_id) : network_id_(network_id) {}

    Task<api::network::StatusReply> status(mesh::Context, api::network::Status);
    Task<api::Empty> announce(mesh::Context, api::network::Announce);

  private:
    std::uint64_t network_id_;
    std::atomic<std::uint64_t> announced_{0};
};

}  // namespace weft::service::network
