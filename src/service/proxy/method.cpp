#include "service/proxy/method.hpp"

#include <algorithm>
#include <array>
#include <unordered_map>

namespace weft::service::proxy {

namespace {

using enum Kind;

constexpr auto methods = std::to_array<Method>({
    {"eth_getBalance", by_block, 1, true},
    {"eth_getCode", by_block, 1, true},
    {"eth_getTransactionCount", by_block, 1, true},
    {"eth_getStorageAt", by_block, 2, true},
    {"eth_getStorageValues", by_block, 1, true},
    {"eth_getProof", by_block, 2, true},
    {"eth_call", by_block, 1, true, true},
    {"eth_estimateGas", by_block, 1, true, true},
    {"eth_createAccessList", by_block, 1, true, true},
    {"eth_simulateV1", by_block, 1, true, true},
    {"eth_getBlockByNumber", by_block, 0},
    {"eth_getHeaderByNumber", by_block, 0},
    {"eth_getBlockReceipts", by_block, 0},
    {"eth_getBlockTransactionCountByNumber", by_block, 0},
    {"eth_getUncleCountByBlockNumber", by_block, 0},
    {"eth_getTransactionByBlockNumberAndIndex", by_block, 0},
    {"eth_getUncleByBlockNumberAndIndex", by_block, 0},
    {"eth_feeHistory", by_block, 1},
    {"debug_getRawBlock", by_block, 0},
    {"debug_getRawHeader", by_block, 0},
    {"debug_getRawReceipts", by_block, 0},
    {"debug_traceBlockByNumber", by_block, 0, true, true},
    {"debug_traceCall", by_block, 1, true, true},
    {"trace_block", by_block, 0, true, true},
    {"trace_call", by_block, 2, true, true},
    {"trace_callMany", by_block, 1, true, true},
    {"trace_replayBlockTransactions", by_block, 0, true, true},
    {"eth_getBlockByHash", by_hash},
    {"eth_getHeaderByHash", by_hash},
    {"eth_getBlockTransactionCountByHash", by_hash},
    {"eth_getUncleCountByBlockHash", by_hash},
    {"eth_getTransactionByBlockHashAndIndex", by_hash},
    {"eth_getUncleByBlockHashAndIndex", by_hash},
    {"eth_getTransactionByHash", by_hash},
    {"eth_getTransactionReceipt", by_hash},
    {"debug_getRawTransaction", by_hash},
    {"debug_traceTransaction", by_hash, -1, true, true},
    {"debug_traceBlockByHash", by_hash, -1, true, true},
    {"trace_transaction", by_hash, -1, true, true},
    {"trace_replayTransaction", by_hash, -1, true, true},
    {"eth_getLogs", logs, -1, false, true},
    {"eth_chainId", constant},
    {"net_version", constant},
    {"web3_sha3", constant},
    {"eth_blockNumber", head},
    {"eth_gasPrice", realtime, -1, false, false, true},
    {"eth_maxPriorityFeePerGas", realtime, -1, false, false, true},
    {"eth_blobBaseFee", realtime, -1, false, false, true},
    {"eth_baseFee", realtime},
    {"eth_config", realtime},
    {"eth_syncing", realtime},
    {"eth_accounts", realtime},
    {"eth_coinbase", realtime},
    {"eth_mining", realtime},
    {"eth_hashrate", realtime},
    {"eth_protocolVersion", realtime},
    {"net_listening", realtime},
    {"net_peerCount", realtime},
    {"web3_clientVersion", realtime, -1, false, false, true},
    {"rpc_modules", realtime},
    {"rpc.discover", realtime},
    {"txpool_content", realtime},
    {"txpool_contentFrom", realtime},
    {"txpool_inspect", realtime},
    {"txpool_status", realtime},
    {"trace_filter", realtime, -1, true, true},
    {"eth_sendRawTransaction", raw},
    {"eth_sendTransaction", change},
    {"eth_sign", realtime},
    {"eth_signTransaction", realtime},
    {"eth_signTypedData_v4", realtime},
    {"eth_newFilter", filter},
    {"eth_newBlockFilter", filter},
    {"eth_newPendingTransactionFilter", filter},
    {"eth_getFilterChanges", filter},
    {"eth_getFilterLogs", filter},
    {"eth_uninstallFilter", filter},
    {"eth_subscribe", subscription},
    {"eth_unsubscribe", subscription},
});

const std::unordered_map<std::string_view, const Method*>& by_name() {
    static const auto* const table = [] {
        auto* out = new std::unordered_map<std::string_view, const Method*>();
        for (const auto& method : methods) out->emplace(method.name, &method);
        return out;
    }();
    return *table;
}

}  // namespace

const Method& method_of(std::string_view name) {
    static constexpr Method nobody{};
    const auto found = by_name().find(name);
    return found == by_name().end() ? nobody : *found->second;
}

bool is_development(std::string_view name) {
    return name.starts_with("evm_") || name.starts_with("hardhat_") || name.starts_with("anvil_");
}

bool is_private(std::string_view name) {
    constexpr auto prefixes = std::to_array<std::string_view>({"admin_", "engine_", "personal_", "miner_", "debug_set",
                                                               "debug_write", "debug_start", "debug_stop", "clique_"});
    return std::ranges::any_of(prefixes, [&](auto prefix) { return name.starts_with(prefix); });
}

}  // namespace weft::service::proxy
