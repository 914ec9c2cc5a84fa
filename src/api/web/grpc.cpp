#include "api/web/grpc.hpp"

#include <algorithm>
#include <cstdlib>

#include "api/chain_v1.hpp"
#include "api/schema.hpp"
#include "api/web/grpc_json.hpp"
#include "api/web/grpc_parts.hpp"
#include "api/web/reader.hpp"
#include "base/wire.hpp"
#include "crypto/keccak.hpp"
#include "mesh/layer.hpp"
#include "net/grpc_reflection.hpp"
#include "net/jsonrpc.hpp"

namespace weft::api::web {

namespace {

using namespace chain_v1;

/// Requests; the largest is a transaction with blobs.
constexpr std::size_t request_bytes_max = 4 * 1024 * 1024;

template <class Items>
void write_list(json::Writer& out, const Items& items) {
    out.begin_array();
    for (const auto& item : items) out.data(item);
    out.end_array();
}

// Codes that nodes give besides JSON-RPC's own.
// @source  EIP-1474; of "resource unavailable" the word that nodes have for a call that took too long
constexpr std::int32_t resource_not_found = -32001;
constexpr std::int32_t resource_unavailable = -32002;
constexpr std::int32_t method_not_supported = -32004;

ErrorCode code_of(std::int32_t rpc_code, std::string_view message) {
    switch (rpc_code) {
        case net::rpc_code::parse_error:
        case net::rpc_code::invalid_request:
        case net::rpc_code::invalid_params: return ErrorCode::invalid_argument;
        // gRPC's status for what the other end does not offer, a node's method here.
        case net::rpc_code::method_not_found:
        case method_not_supported: return ErrorCode::unimplemented;
        case net::rpc_code::limit_exceeded:
        case net::rpc_code::response_too_large: return ErrorCode::resource_exhausted;
        case resource_not_found: return ErrorCode::not_found;
        case resource_unavailable: return ErrorCode::deadline_exceeded;
        case net::rpc_code::internal_error: return ErrorCode::internal;
        default: break;
    }
    return message.find("not found") != std::string_view::npos ? ErrorCode::not_found : ErrorCode::failed_precondition;
}

Result<void> needs(bool given, std::string_view name) {
    if (given) return {};
    return fail(ErrorCode::invalid_argument, std::string(name) + " is missing");
}

Result<std::string_view> tag_text(BlockTag tag) {
    switch (tag) {
        case BlockTag::none:
        case BlockTag::latest: return "latest";
        case BlockTag::safe: return "safe";
        case BlockTag::finalized: return "finalized";
        case BlockTag::earliest: return "earliest";
        case BlockTag::pending: return "pending";
    }
    return fail(ErrorCode::invalid_argument, "no such tag: " + std::to_string(static_cast<int>(tag)));
}

Result<BlockId> block_id(const chain_v1::BlockId& block) {
    if ((block.tag != BlockTag::none) + block.number.has_value() + block.hash.has_value() > 1) {
        return fail(ErrorCode::invalid_argument, "block: want a tag, a number or a hash, not several");
    }
    if (block.hash) return to_hex(*block.hash);
    if (block.number) return to_quantity(*block.number);
    WEFT_TRY(const std::string_view tag, tag_text(block.tag));
    return std::string(tag);
}

/// As parameters that name a state spell it.
Result<std::string> state_json(const chain_v1::BlockId& block) {
    WEFT_TRY(const BlockId id, block_id(block));
    return state_param(id);
}

std::string quoted_hex(BytesView bytes) { return json::quote(to_hex(bytes)); }

Result<void> found(const Json& value, std::string_view what) {
    if (value->is_object()) return {};
    return fail(ErrorCode::not_found, std::string(what) + " not found");
}

Task<GetChainIdResponse> get_chain_id(Reader& reader, const GetChainIdRequest&) {
    GetChainIdResponse out;
    const Json id = co_await reader.ask("eth_chainId", "[]");
    out.chain_id = co_await from_json<std::uint64_t>(*id);
    out.client_version = (*co_await reader.ask("web3_clientVersion", "[]")).text();
    co_return out;
}

Task<BlockHeader> get_head(Reader& reader, const GetHeadRequest& request) {
    const Json block = co_await existing_block(reader, std::string(co_await tag_text(request.tag)));
    co_return from_json<BlockHeader>(*block);
}

/// What a block has besides its header and transactions.
struct BlockRest {
    std::vector<chain_v1::Hash> uncles;
    std::vector<Withdrawal> withdrawals;
    std::uint64_t size = 0;
};

Task<Block> get_block(Reader& reader, const GetBlockRequest& request) {
    const Json block = co_await existing_block(reader, co_await block_id(request.block), request.full_transactions);
    const json::Value& transactions = (*block)["transactions"];
    BlockRest rest = co_await from_json<BlockRest>(*block);
    Block out;
    out.header = co_await from_json<BlockHeader>(*block);
    if (request.full_transactions) {
        out.transactions = co_await from_json<std::vector<Transaction>>(transactions);
    } else {
        out.transaction_hashes = co_await from_json<std::vector<chain_v1::Hash>>(transactions);
    }
    out.uncles = std::move(rest.uncles);
    out.withdrawals = std::move(rest.withdrawals);
    out.size = rest.size;
    co_return out;
}

Task<Transaction> get_transaction(Reader& reader, const GetTransactionRequest& request) {
    co_await needs(request.hash.has_value(), "hash");
    const Json value = co_await reader.ask("eth_getTransactionByHash", params_json({quoted_hex(*request.hash)}));
    co_await found(value, "transaction");
    co_return from_json<Transaction>(*value);
}

Task<Receipt> get_receipt(Reader& reader, const GetReceiptRequest& request) {
    co_await needs(request.transaction_hash.has_value(), "transaction_hash");
    const Json value =
        co_await reader.ask("eth_getTransactionReceipt", params_json({quoted_hex(*request.transaction_hash)}));
    co_await found(value, "receipt");
    co_return from_json<Receipt>(*value);
}

Task<GetLogsResponse> get_logs(Reader& reader, const GetLogsRequest& request) {
    if (request.from_block.hash || request.to_block.hash) {
        co_return fail(ErrorCode::invalid_argument, "a range has no hashes; one block's hash is block_hash");
    }
    json::Writer out;
    out.begin_object();
    if (request.block_hash) {
        out.data("blockHash", *request.block_hash);
    } else {
        out.string("fromBlock", co_await block_id(request.from_block));
        out.string("toBlock", co_await block_id(request.to_block));
    }
    write_filter(out, request.filter);
    out.end_object();
    const Json logs = co_await reader.ask("eth_getLogs", params_json({out.text()}));
    co_return GetLogsResponse{co_await from_json<std::vector<Log>>(*logs)};
}

Task<GetBalanceResponse> get_balance(Reader& reader, const GetBalanceRequest& request) {
    co_await needs(request.address.has_value(), "address");
    const Json balance = co_await reader.ask(
        "eth_getBalance", params_json({quoted_hex(*request.address), co_await state_json(request.block)}));
    co_return GetBalanceResponse{co_await from_json<Number>(*balance)};
}

Task<Account> get_account(Reader& reader, const GetAccountRequest& request) {
    co_await needs(request.address.has_value(), "address");
    const BlockId state = co_await pinned_state(reader, co_await block_id(request.block));
    const std::string params = params_json({quoted_hex(*request.address), state_param(state)});
    const Json balance = co_await reader.ask("eth_getBalance", params);
    const Json nonce = co_await reader.ask("eth_getTransactionCount", params);
    const Json code = co_await reader.ask("eth_getCode", params);
    Account out;
    out.address = chain_v1::Address::from(*request.address);
    out.balance = co_await from_json<Number>(*balance);
    out.nonce = co_await from_json<std::uint64_t>(*nonce);
    out.code = co_await from_json<Bytes>(*code);
    out.code_hash = chain_v1::Hash::from(crypto::keccak256(out.code));
    out.code_size = out.code.size();
    if (!request.with_code) out.code.clear();
    co_return out;
}

Task<GetStorageResponse> get_storage(Reader& reader, const GetStorageRequest& request) {
    co_await needs(request.address.has_value(), "address");
    const Json value = co_await reader.ask(
        "eth_getStorageAt", params_json({quoted_hex(*request.address), quoted_hex(request.slot.to_hash()),
                                         co_await state_json(request.block)}));
    co_return GetStorageResponse{co_await from_json<chain_v1::Hash>(*value)};
}

Task<GetProofResponse> get_proof(Reader& reader, const GetProofRequest& request) {
    co_await needs(request.address.has_value(), "address");
    json::Writer slots;
    slots.begin_array();
    for (const auto& slot : request.slots) slots.data(slot.to_hash());
    slots.end_array();
    const Json proof = co_await reader.ask(
        "eth_getProof", params_json({quoted_hex(*request.address), slots.text(), co_await state_json(request.block)}));
    co_return from_json<GetProofResponse>(*proof);
}

Result<std::string> message_params(const Message& message, const chain_v1::BlockId& block) {
    WEFT_TRY(const std::string state, state_json(block));
    return params_json({to_json(message), state});
}

Task<CallResponse> make_call(Reader& reader, const CallRequest& request) {
    const Json output = co_await reader.ask("eth_call", co_await message_params(request.message, request.block));
    co_return CallResponse{co_await from_json<Bytes>(*output)};
}

Task<EstimateGasResponse> estimate_gas(Reader& reader, const EstimateGasRequest& request) {
    const Json gas = co_await reader.ask("eth_estimateGas", co_await message_params(request.message, request.block));
    co_return EstimateGasResponse{co_await from_json<std::uint64_t>(*gas)};
}

Task<GetGasPriceResponse> get_gas_price(Reader& reader, const GetGasPriceRequest&) {
    const Json price = co_await reader.ask("eth_gasPrice", "[]");
    const Json tip = co_await reader.ask("eth_maxPriorityFeePerGas", "[]");
    co_return GetGasPriceResponse{co_await from_json<Number>(*price), co_await from_json<Number>(*tip)};
}

Task<FeeHistoryResponse> fee_history(Reader& reader, const FeeHistoryRequest& request) {
    const BlockId newest = co_await block_id(request.newest_block);
    if (is_block_hash(newest)) co_return fail(ErrorCode::invalid_argument, "newest_block: want a number or a tag");
    json::Writer percentiles;
    percentiles.begin_array();
    for (const auto percentile : request.reward_percentiles) percentiles.unsigned_integer(percentile);
    percentiles.end_array();
    const Json history =
        co_await reader.ask("eth_feeHistory", params_json({json::quote(to_quantity(request.block_count)),
                                                           json::quote(newest), percentiles.text()}));
    FeeHistoryResponse out;
    out.oldest_block = co_await from_json<std::uint64_t>((*history)["oldestBlock"]);
    for (const auto& fee : (*history)["baseFeePerGas"].items()) {
        out.base_fee_per_gas.push_back(co_await from_json<Number>(fee));
    }
    for (const auto& ratio : (*history)["gasUsedRatio"].items()) {
        const double part = std::clamp(std::strtod(ratio.text().c_str(), nullptr), 0.0, 1.0);
        out.gas_used_ratio_ppm.push_back(static_cast<std::uint64_t>(part * 1e6 + 0.5));
    }
    for (const auto& rewards : (*history)["reward"].items()) {
        out.reward.push_back({co_await from_json<std::vector<Number>>(rewards)});
    }
    co_return out;
}

Task<SendRawTransactionResponse> send_raw_transaction(Reader& reader, const SendRawTransactionRequest& request) {
    co_await needs(!request.raw.empty(), "raw");
    const Json hash = co_await reader.tell("eth_sendRawTransaction", params_json({quoted_hex(request.raw)}));
    co_return SendRawTransactionResponse{co_await from_json<chain_v1::Hash>(*hash)};
}

template <class Request, class Reply = typename Request::Reply>
using Handler = Task<Reply> (*)(Reader& reader, const Request& request);

template <class Request>
Task<Bytes> perform(std::shared_ptr<const void>, net::RpcCall call, mesh::Context context, Handler<Request> handler,
                    Request request) {
    Reader reader(std::move(call), context);
    auto reply = co_await settled(handler(reader, request));
    if (!reply) co_return std::unexpected(to_grpc_error(std::move(reply).error()));
    co_return wire::encode(*reply);
}

/// Answers at the deadline, whether or not who answers JSON-RPC looks at it; what comes later is dropped.
Task<Bytes> until_deadline(mesh::Context context, Task<Bytes> task) {
    const mesh::First<Bytes> first;
    auto answer = first.future();
    const auto late = [first] { first.offer(fail(ErrorCode::deadline_exceeded, "no answer before the deadline")); };
    net::Timer timer(*net::Loop::current(), late, true);
    timer.set(context.deadline_ns);
    spawn(std::move(task), [first](Result<Bytes> result) { first.offer(std::move(result)); });
    co_return co_await settled(std::move(answer).wait());
}

template <class Request>
void add(net::GrpcService& service, const net::RpcCall& call, const GrpcHooks& hooks, Handler<Request> handler) {
    const auto serve = [](std::shared_ptr<const void> held, net::RpcCall with, mesh::Context context,
                          Handler<Request> how, BytesView bytes) -> Task<Bytes> {
        Request request = co_await wire::decode<Request>(bytes);
        auto task = perform(std::move(held), std::move(with), context, how, std::move(request));
        co_return co_await until_deadline(context, std::move(task));
    };
    service.handle(std::string(Request::method), [=, timeout_ns = hooks.timeout_ns, hold = hooks.hold](
                                                     mesh::Context context, BytesView bytes) {
        context.deadline_ns = std::min(context.deadline_ns, monotonic_ns() + timeout_ns);
        return serve(hold ? hold() : nullptr, call, context, handler, bytes);
    });
}

}  // namespace

void write_filter(json::Writer& out, const LogFilter& filter) {
    if (!filter.addresses.empty()) {
        out.key("address");
        write_list(out, filter.addresses);
    }
    out.key("topics").begin_array();
    for (const auto& topic : filter.topics) {
        if (topic.any_of.empty()) {
            out.null();
        } else {
            write_list(out, topic.any_of);
        }
    }
    out.end_array();
}

/// The table is for what a node says of the request, in whose JSON-RPC code alone gateways agree; that nobody answers,
/// that a limit is passed and the like are their own statuses.
Error to_grpc_error(Error error) {
    switch (error.code) {
        case ErrorCode::failed_precondition:
        case ErrorCode::invalid_argument:
        case ErrorCode::out_of_range:
        case ErrorCode::unknown:
            if (error.detail != 0) error.code = code_of(error.detail, error.message);
            break;
        default: break;
    }
    return error;
}

std::shared_ptr<const net::GrpcService> make_grpc_service(net::RpcCall call, GrpcHooks hooks) {
    auto service =
        std::make_shared<net::GrpcService>(net::GrpcServerOptions{.message_bytes_max = request_bytes_max,
                                                                  .timeout_ns = hooks.timeout_ns,
                                                                  .error_message = "weft.chain.v1.RpcError"});
    service->set_admission(hooks.admission);
    service->set_health(chain_v1::service, true);
    service->set_ready(hooks.ready);
    net::add_reflection(*service, {chain_descriptor()});
    const auto with = [&]<class Request, class Reply>(Task<Reply> (*handler)(Reader&, const Request&)) {
        add<Request>(*service, call, hooks, handler);
    };
    with(get_chain_id);
    with(get_head);
    with(get_block);
    with(get_transaction);
    with(get_receipt);
    with(get_logs);
    with(get_balance);
    with(get_account);
    with(get_storage);
    with(get_proof);
    with(make_call);
    with(estimate_gas);
    with(get_gas_price);
    with(fee_history);
    with(send_raw_transaction);
    if (hooks.subscribe) add_streams(*service, std::make_shared<const GrpcHooks>(std::move(hooks)));
    return service;
}

}  // namespace weft::api::web
