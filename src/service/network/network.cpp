#include "service/network/network.hpp"

#include <algorithm>

#include "net/endpoint.hpp"

namespace weft::service::network {

Result<StaticPeer> parse_static_peer(std::string_view text) {
    const auto at = text.find('@');
    const auto is_digit = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
    if (at != 64 || !std::ranges::all_of(text.substr(0, at), is_digit)) {
        return fail(ErrorCode::invalid_argument,
                    "peer " + std::string(text) + ": must be ID@HOST:PORT with an id of 64 hexadecimal digits");
    }
    const auto endpoint = net::Endpoint::parse(text.substr(at + 1));
    if (!endpoint) {
        return fail(ErrorCode::invalid_argument, "peer " + std::string(text) + ": " + endpoint.error().message);
    }
    return StaticPeer{std::string(text.substr(0, at)), std::string(text.substr(at + 1))};
}

Network::Network(net::LoopGroup& loops, Config config, Ports) : loops_(loops), network_id_(config.chain.chain_id) {}

Network::~Network() { stop(); }

Result<void> Network::start() { return {}; }

void Network::stop() {}

std::string Network::id() const { return {}; }

std::string Network::address() const { return {}; }

Task<api::network::StatusReply> Network::status(mesh::Context, api::network::Status) {
    api::network::StatusReply reply;
    reply.listening = true;  // as every node answers net_listening while it serves
    reply.network_id = network_id_;
    reply.announced = announced_.load(std::memory_order_relaxed);
    co_return reply;
}

Task<api::Empty> Network::announce(mesh::Context, api::network::Announce request) {
    announced_.fetch_add(request.transactions.size(), std::memory_order_relaxed);
    co_return api::Empty{};
}

Task<api::network::SendReply> Network::send(mesh::Context, api::network::Send) { co_return api::network::SendReply{}; }

Task<api::network::FetchBlocksReply> Network::fetch_blocks(mesh::Context, api::network::FetchBlocks) {
    co_return fail(ErrorCode::unavailable, "there are no peers");
}

Task<api::Empty> Network::penalize(mesh::Context, api::network::Penalize) { co_return api::Empty{}; }

}  // namespace weft::service::network
