#include "service/network/network.hpp"

namespace weft::service::network {

Task<api::network::StatusReply> Network::status(mesh::Context, api::network::Status) {
    api::network::StatusReply reply;
    reply.listening = true;  // as every node answers net_listening while it serves
    reply.network_id = network_id_;
    reply.announced = announced_.load(std::memory_order_relaxed);
    co_return reply;
}

Task<api::Empty> Network::announce(mesh::Context, api::network::Announce) {
    announced_.fetch_add(1, std::memory_order_relaxed);
    co_return api::Empty{};
}

}  // namespace weft::service::network
