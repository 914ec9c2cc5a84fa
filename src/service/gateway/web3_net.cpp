// What a client asks of the node itself: who it is, whom it knows, what it can do.

#include <algorithm>

#include "crypto/keccak.hpp"
#include "service/gateway/core.hpp"
#include "service/gateway/format.hpp"

namespace weft::service::gateway {

namespace {

Task<std::string> client_version(Call& call) { co_return json::quote(call.core.config.client_version); }

Task<std::string> sha3(Call& call) {
    const Bytes data = co_await call.params.data(0);
    co_return data_json(crypto::keccak256(data));
}

Task<std::string> net_version(Call& call) {
    const ChainFacts facts = co_await call.core.facts(call.context);
    co_return json::quote(std::to_string(facts.chain_id));
}

Task<std::string> listening(Call& call) {
    const auto status = co_await call.ports().network_status(call.context, {});
    co_return std::string(status.listening ? "true" : "false");
}

Task<std::string> peer_count(Call& call) {
    const auto status = co_await call.ports().network_status(call.context, {});
    co_return quantity_json(status.peers.size());
}

Task<std::string> rpc_modules(Call& call) {
    const ChainFacts facts = co_await call.core.facts(call.context);
    json::Writer out;
    out.begin_object();
    std::vector<std::string_view> seen;
    for (const Method* method : call.core.methods.list()) {
        if (method->access == Access::development && !facts.development) continue;
        const std::string_view name = method->name.substr(0, method->name.find_first_of("_."));
        if (std::find(seen.begin(), seen.end(), name) != seen.end()) continue;
        seen.push_back(name);
        out.string(name, "1.0");
    }
    out.end_object();
    co_return out.take();
}

Task<std::string> discover(Call& call) {
    co_return openrpc_document(call.core.methods, call.core.config.client_version);
}

Task<std::string> node_info(Call& call) {
    const auto status = co_await call.ports().network_status(call.context, {});
    const auto head = co_await call.ports().head(call.context, {});
    const ChainFacts facts = co_await call.core.facts(call.context);
    json::Writer out;
    out.begin_object();
    out.string("name", call.core.config.client_version).string("listenAddr", status.address);
    out.key("protocols").begin_object().key("eth").begin_object();
    out.key("network").unsigned_integer(facts.chain_id).data("head", head.hash);
    out.end_object().end_object();
    out.end_object();
    co_return out.take();
}

Task<std::string> peers(Call& call) {
    const auto status = co_await call.ports().network_status(call.context, {});
    json::Writer out;
    out.begin_array();
    for (const auto& peer : status.peers) {
        out.begin_object();
        out.string("id", peer.id).string("name", peer.id);
        out.key("network").begin_object();
        out.string("remoteAddress", peer.address).boolean("inbound", peer.inbound);
        out.end_object();
        out.quantity("height", peer.height);
        out.end_object();
    }
    out.end_array();
    co_return out.take();
}

}  // namespace

void add_web3_methods(MethodTable& table) {
    table.add({
        {"web3_clientVersion", "Name and version of this program.", {}, client_version},
        {"web3_sha3", "Keccak-256 of bytes.", {{"data", Type::data}}, sha3},
        {"net_version", "The network's id, in decimal.", {}, net_version},
        {"net_listening", "Whether peers can connect.", {}, listening},
        {"net_peerCount", "How many peers are connected.", {}, peer_count},
        {"rpc_modules", "The families of methods that are served.", {}, rpc_modules},
        {"rpc.discover", "The OpenRPC document of the methods that are served.", {}, discover},
        {"admin_nodeInfo", "This node.", {}, node_info},
        {"admin_peers", "The peers that are connected.", {}, peers},
    });
}

}  // namespace weft::service::gateway
