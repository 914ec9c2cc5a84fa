// testing_buildBlockV1: the block that would follow the head, made of given transactions and not kept.

#include <algorithm>

#include "api/contract.hpp"
#include "chain/execute.hpp"
#include "chain/fork.hpp"
#include "service/gateway/core.hpp"
#include "service/gateway/errors.hpp"
#include "service/gateway/eth_config.hpp"
#include "service/gateway/eth_read.hpp"
#include "service/gateway/format.hpp"

namespace weft::service::gateway {

namespace {

/// Where block makers steer the gas limit, in steps of less than a 1024th.
constexpr std::uint64_t gas_limit_target = 60'000'000;

struct Attributes {
    std::uint64_t timestamp = 0;
    Hash prev_randao;
    Address fee_recipient;
    std::optional<std::vector<chain::Withdrawal>> withdrawals;
    std::optional<Hash> parent_beacon_root;
};

Result<chain::Withdrawal> withdrawal(const json::Value& value) {
    chain::Withdrawal out;
    WEFT_TRY(out.index, read::quantity(value["index"]));
    WEFT_TRY(out.validator_index, read::quantity(value["validatorIndex"]));
    WEFT_TRY(out.address, read::address(value["address"]));
    WEFT_TRY(out.amount_gwei, read::quantity(value["amount"]));
    return out;
}

Result<Attributes> attributes(const json::Value& value) {
    if (!value.is_object()) return read::wrong_type(read::kind_name(value), "engine.PayloadAttributes");
    Attributes out;
    WEFT_TRY(out.timestamp, read::quantity(value["timestamp"]));
    WEFT_TRY(out.prev_randao, read::hash(value["prevRandao"]));
    WEFT_TRY(out.fee_recipient, read::address(value["suggestedFeeRecipient"]));
    if (const json::Value& list = value["withdrawals"]; !list.is_null()) {
        out.withdrawals.emplace();
        for (const auto& item : list.items()) {
            WEFT_TRY(out.withdrawals->emplace_back(), withdrawal(item));
        }
    }
    if (const json::Value& root = value["parentBeaconBlockRoot"]; !root.is_null()) {
        WEFT_TRY(out.parent_beacon_root, read::hash(root));
    }
    return out;
}

Result<std::vector<chain::TransactionPtr>> transactions(const json::Value& value) {
    if (!value.is_array()) return read::wrong_type(read::kind_name(value), "[]hexutil.Bytes");
    std::vector<chain::TransactionPtr> out;
    for (const auto& item : value.items()) {
        WEFT_TRY(const Bytes encoded, read::data(item));
        WEFT_TRY(chain::SignedTransaction signed_one, chain::decode_network_form(encoded));
        const auto sender = chain::recover_sender(signed_one.transaction);
        if (!sender) return rpc_fail(code::server, "invalid sender");
        signed_one.sender = *sender;
        out.push_back(std::make_shared<const chain::SignedTransaction>(std::move(signed_one)));
    }
    return out;
}

std::uint64_t next_gas_limit(std::uint64_t parent) {
    const std::uint64_t step = parent / 1024 - 1;
    return parent < gas_limit_target ? std::min(parent + step, gas_limit_target)
                                     : std::max(parent - step, gas_limit_target);
}

chain::BlockAttributes block_attributes(const api::SealedBlock& parent, const Attributes& given, Bytes extra_data) {
    chain::BlockAttributes out;
    out.timestamp = given.timestamp;
    out.coinbase = given.fee_recipient;
    out.prev_randao = given.prev_randao;
    out.gas_limit = next_gas_limit(parent.header.gas_limit);
    out.extra_data = std::move(extra_data);
    out.parent_beacon_root = given.parent_beacon_root;
    out.withdrawals = given.withdrawals;
    out.parent_total_difficulty = parent.total_difficulty;
    return out;
}

/// What the block's maker earns.
U256 block_value(const api::SealedBlock& block) {
    U256 total;
    for (const auto& receipt : block.receipts) {
        const U256 base_fee = block.header.base_fee.value_or(U256{});
        if (receipt.effective_gas_price > base_fee)
            total += (receipt.effective_gas_price - base_fee) * receipt.gas_used;
    }
    return total;
}

void write_payload(json::Writer& out, const api::SealedBlock& block) {
    const chain::Header& header = block.header;
    out.begin_object();
    out.data("parentHash", header.parent_hash)
        .data("feeRecipient", header.coinbase)
        .data("stateRoot", header.state_root);
    out.data("receiptsRoot", header.receipts_root)
        .data("logsBloom", header.logs_bloom)
        .data("prevRandao", header.mix_hash);
    out.quantity("blockNumber", header.number)
        .quantity("gasLimit", header.gas_limit)
        .quantity("gasUsed", header.gas_used);
    out.quantity("timestamp", header.timestamp).data("extraData", header.extra_data);
    out.quantity("baseFeePerGas", header.base_fee.value_or(U256{})).data("blockHash", block.hash);
    out.key("transactions").begin_array();
    for (const auto& one : block.transactions) out.data(one->encoded);
    out.end_array();
    if (block.header.withdrawals_root) {
        out.key("withdrawals").begin_array();
        for (const auto& item : block.withdrawals) {
            out.begin_object().quantity("index", item.index).quantity("validatorIndex", item.validator_index);
            out.data("address", item.address).quantity("amount", item.amount_gwei).end_object();
        }
        out.end_array();
    }
    if (header.blob_gas_used) out.quantity("blobGasUsed", *header.blob_gas_used);
    if (header.excess_blob_gas) out.quantity("excessBlobGas", *header.excess_blob_gas);
    out.end_object();
}

void write_blobs(json::Writer& out, const api::SealedBlock& block) {
    const auto list = [&](std::string_view name, std::vector<Bytes> chain::BlobSidecar::*part) {
        out.key(name).begin_array();
        for (const auto& one : block.transactions) {
            if (!one->sidecar) continue;
            for (const auto& bytes : (*one->sidecar).*part) out.data(bytes);
        }
        out.end_array();
    };
    out.begin_object();
    list("commitments", &chain::BlobSidecar::commitments);
    list("proofs", &chain::BlobSidecar::proofs);
    list("blobs", &chain::BlobSidecar::blobs);
    out.end_object();
}

Task<std::string> build_block(Call& call) {
    const Hash parent_hash = co_await call.params.hash(0);
    Attributes given = co_await call.params.get(1, attributes);
    const bool chosen = call.params.has(2);
    api::contract::Preview request;
    if (chosen) request.transactions = co_await call.params.get(2, transactions);
    Bytes extra_data;
    if (call.params.has(3)) extra_data = co_await call.params.data(3);

    const auto status = co_await call.ports().status(call.context, {});
    const chain::ChainConfig config = co_await read_chain_config(status.fork);
    const auto parent = co_await find_block(call, api::BlockRef::with_hash(parent_hash), true);
    if (!parent) co_await Result<void>(rpc_fail(code::server, "unknown parent"));
    request.header =
        chain::make_header(config, parent->header, block_attributes(*parent, given, std::move(extra_data)));
    request.withdrawals = std::move(given.withdrawals);
    if (!chosen) {
        auto best = co_await call.ports().best(call.context, {request.header.base_fee.value_or(U256{}),
                                                              status.next_blob_base_fee, request.header.gas_limit});
        request.transactions = std::move(best.transactions);
    }
    const std::size_t wanted = request.transactions.size();
    const auto built = co_await call.ports().preview(call.context, std::move(request));
    // Those that were asked for must be in it; those of the pool may wait.
    if (chosen && built.block->transactions.size() != wanted) {
        const std::string reason =
            built.reasons.empty() ? "a transaction does not fit this block" : built.reasons.front();
        co_await Result<void>(rpc_fail(code::server, reason));
    }
    json::Writer out;
    out.begin_object();
    out.key("executionPayload");
    write_payload(out, *built.block);
    out.quantity("blockValue", block_value(*built.block));
    out.key("blobsBundle");
    write_blobs(out, *built.block);
    out.key("executionRequests").begin_array();
    for (const auto& one : built.requests) out.data(one);
    out.end_array();
    out.boolean("shouldOverrideBuilder", false);
    out.end_object();
    co_return out.take();
}

}  // namespace

void add_build_methods(MethodTable& table) {
    table.add({
        {"testing_buildBlockV1", "Makes the block that would follow, without keeping it.",
         {{"parentHash", Type::hash}, {"attributes", Type::object}, {"transactions", Type::array, false},
          {"extraData", Type::data, false}},
         build_block},
    });
}

}  // namespace weft::service::gateway
