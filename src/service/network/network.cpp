#include "service/network/network.hpp"

#include <algorithm>
#include <latch>

#include "net/endpoint.hpp"
#include "service/network/core.hpp"

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

namespace {

Result<net::TlsIdentity> identity_of(const Config& config) {
    if (config.key_file.empty()) return net::TlsIdentity::make();
    return net::TlsIdentity::load_or_make(config.key_file);
}

}  // namespace

Network::Network(net::LoopGroup& loops, Config config, Ports ports)
    : loops_(loops), network_id_(config.chain.chain_id), config_(std::move(config)), ports_(std::move(ports)) {}

Network::~Network() { stop(); }

Result<void> Network::start() {
    WEFT_ASSERT(!core_);
    if (config_.listen.empty() && config_.static_peers.empty()) return {};
    for (const auto& peer : config_.static_peers) {
        WEFT_CHECK(parse_static_peer(peer.id + "@" + peer.address));
    }
    WEFT_TRY(auto identity, identity_of(config_));
    auto core = std::make_shared<Core>(loops_.next(), config_, ports_, std::move(identity));
    WEFT_CHECK(core->listen());
    core_ = std::move(core);
    core_->loop().post([core = core_] { core->start(); });
    return {};
}

void Network::stop() {
    if (!core_) return;
    if (!loops_.running()) {
        core_->stop();
    } else {
        WEFT_ASSERT(loops_.here() == nullptr);
        std::latch done(1);
        core_->loop().post([&] {
            core_->stop();
            done.count_down();
        });
        done.wait();
    }
}

std::string Network::id() const { return core_ ? core_->id() : std::string(); }

std::string Network::address() const { return core_ ? core_->address() : std::string(); }

Task<api::network::StatusReply> Network::status(mesh::Context, api::network::Status) {
    api::network::StatusReply reply;
    reply.listening = true;  // as every node answers net_listening while it serves
    reply.network_id = network_id_;
    reply.announced = announced_.load(std::memory_order_relaxed);
    if (const auto core = core_) co_await net::run_at(core->loop(), describe(*core, reply));
    co_return reply;
}

Task<void> Network::describe(const Core& core, api::network::StatusReply& reply) {
    core.describe(reply);
    co_return;
}

Task<api::Empty> Network::announce(mesh::Context, api::network::Announce request) {
    announced_.fetch_add(request.transactions.size(), std::memory_order_relaxed);
    if (core_) {
        core_->loop().post([core = core_, request = std::move(request)]() mutable {
            core->announce(std::move(request));
        });
    }
    co_return api::Empty{};
}

Task<api::network::SendReply> Network::send(mesh::Context, api::network::Send request) {
    const auto core = core_;
    if (!core) co_return api::network::SendReply{};
    co_return co_await net::run_at(core->loop(), core->send(std::move(request)));
}

Task<api::network::FetchBlocksReply> Network::fetch_blocks(mesh::Context context, api::network::FetchBlocks request) {
    const auto core = core_;
    if (!core) co_return fail(ErrorCode::unavailable, "there are no peers");
    co_return co_await net::run_at(core->loop(), core->fetch_blocks(context, std::move(request)));
}

Task<api::network::FetchHeadersReply> Network::fetch_headers(mesh::Context context,
                                                            api::network::FetchHeaders request) {
    const auto core = core_;
    if (!core) co_return fail(ErrorCode::unavailable, "there are no peers");
    co_return co_await net::run_at(core->loop(), core->fetch_headers(context, std::move(request)));
}

Task<api::network::FetchSnapshotReply> Network::fetch_snapshot(mesh::Context context,
                                                            api::network::FetchSnapshot request) {
    const auto core = core_;
    if (!core) co_return fail(ErrorCode::unavailable, "there are no peers");
    co_return co_await net::run_at(core->loop(), core->fetch_snapshot(context, std::move(request)));
}

Task<api::network::FetchChunkReply> Network::fetch_chunk(mesh::Context context,
                                                            api::network::FetchChunk request) {
    const auto core = core_;
    if (!core) co_return fail(ErrorCode::unavailable, "there are no peers");
    co_return co_await net::run_at(core->loop(), core->fetch_chunk(context, std::move(request)));
}

Task<api::Empty> Network::penalize(mesh::Context, api::network::Penalize request) {
    if (core_) {
        core_->loop().post([core = core_, request = std::move(request)] { core->penalize(request); });
    }
    co_return api::Empty{};
}

}  // namespace weft::service::network
