// Sending and signing. The gateway fills in what a transaction object leaves out; the wallet signs, and validation
// decides.

#include <algorithm>

#include "base/hex.hpp"
#include "chain/transaction.hpp"
#include "crypto/keccak.hpp"
#include "service/gateway/call_args.hpp"
#include "service/gateway/core.hpp"
#include "service/gateway/errors.hpp"
#include "service/gateway/eth_fees.hpp"
#include "service/gateway/eth_read.hpp"
#include "service/gateway/format.hpp"
#include "service/gateway/typed_data.hpp"

namespace weft::service::gateway {

namespace {

using api::contract::CallRequest;

/// Geth's --rpc.txsync defaults.
constexpr std::uint64_t sync_timeout_ms_default = 20'000;
constexpr std::uint64_t sync_timeout_ms_max = 60'000;
constexpr std::int64_t sync_poll_ns = 20 * ns_per_ms;

Task<Hash> submit(Call& call, Bytes encoded, std::optional<Address> impersonate) {
    const auto reply = co_await call.ports().submit(call.context, {std::move(encoded), impersonate, true});
    co_return reply.hash;
}

/// Geth's rule for what comes over RPC: a signature that holds on every chain is refused (EIP-155). What can't be read
/// is left to validation, which says why.
Result<void> check_protected(const Core& core, BytesView encoded) {
    const bool legacy = !encoded.empty() && encoded[0] >= 0xc0;
    if (!legacy || core.config.allow_unprotected) return {};
    const auto transaction = chain::decode_transaction(encoded);
    if (!transaction || transaction->chain_id) return {};
    return rpc_fail(code::server, "only replay-protected (EIP-155) transactions allowed over RPC");
}

Task<std::string> send_raw(Call& call) {
    Bytes encoded = co_await call.params.data(0);
    co_await check_protected(call.core, encoded);
    co_return data_json(co_await submit(call, std::move(encoded), std::nullopt));
}

Task<std::string> send_raw_sync(Call& call) {
    Bytes encoded = co_await call.params.data(0);
    std::uint64_t timeout_ms = sync_timeout_ms_default;
    if (call.params.has(1)) timeout_ms = std::min(co_await call.params.any_u64(1), sync_timeout_ms_max);
    co_await check_protected(call.core, encoded);
    const Hash hash = co_await submit(call, std::move(encoded), std::nullopt);
    const std::int64_t until_ns = monotonic_ns() + static_cast<std::int64_t>(timeout_ms) * ns_per_ms;
    while (true) {
        std::string receipt = co_await receipt_json(call, hash);
        if (receipt != "null") co_return receipt;
        if (monotonic_ns() >= until_ns) break;
        co_await call.core.loops.next().sleep_for(sync_poll_ns);
    }
    Error late{ErrorCode::deadline_exceeded,
               "The transaction was added to the transaction pool but wasn't processed in " +
                   std::to_string(timeout_ms / 1000) + "s.",
               to_bytes(hash), code::transaction_pending};
    co_return std::unexpected(std::move(late));
}

// --- transaction objects

chain::TransactionType type_of(const CallRequest& call) {
    if (!call.authorizations.empty()) return chain::TransactionType::set_code;
    if (!call.blob_hashes.empty()) return chain::TransactionType::blob;
    if (!call.gas_price) return chain::TransactionType::dynamic_fee;
    return call.access_list ? chain::TransactionType::access_list : chain::TransactionType::legacy;
}

Result<void> check_shape(const TransactionArgs& args) {
    const CallRequest& call = args.call;
    if (args.data_conflict) {
        return rpc_fail(
            code::server,
            "both \"data\" and \"input\" are set and not equal. Please use \"input\" to pass transaction call data");
    }
    WEFT_CHECK(check_fees(call));
    const auto type = type_of(call);
    if (call.to) return {};
    if (type == chain::TransactionType::blob) return rpc_fail(code::server, "missing \"to\" in blob transaction");
    if (type == chain::TransactionType::set_code)
        return rpc_fail(code::server, "missing \"to\" in set code transaction");
    if (call.data.empty()) return rpc_fail(code::server, "contract creation without any data provided");
    return {};
}

/// Fees that get it in soon; a tip that is not given is not above a fee that is.
Task<void> fill_fees(Call& call, CallRequest& args) {
    if (args.gas_price) co_return;
    if (args.max_fee_per_gas && args.max_priority_fee_per_gas) co_return;
    const Fees fees = co_await current_fees(call);
    if (!args.max_priority_fee_per_gas) {
        args.max_priority_fee_per_gas = args.max_fee_per_gas ? std::min(fees.tip, *args.max_fee_per_gas) : fees.tip;
    }
    if (!args.max_fee_per_gas) args.max_fee_per_gas = *args.max_priority_fee_per_gas + fees.base_fee * 2;
}

/// What is missing, as geth would choose it.
Task<chain::Transaction> complete(Call& call, TransactionArgs given) {
    co_await check_shape(given);
    CallRequest& args = given.call;
    const ChainFacts facts = co_await call.core.facts(call.context);
    co_await check_chain(args, facts.chain_id);
    if (!args.nonce) {
        const auto reply = co_await call.ports().pending_nonce(call.context, {args.from.value_or(Address{})});
        args.nonce = reply.nonce;
    }
    co_await fill_fees(call, args);
    const bool is_blob = type_of(args) == chain::TransactionType::blob;
    if (is_blob && !args.max_fee_per_blob_gas) {
        const Fees fees = co_await current_fees(call);
        args.max_fee_per_blob_gas = fees.blob_base_fee * 2;
    }
    if (!args.gas) {
        api::contract::Estimate request;
        request.call = args;
        request.block.tag = api::BlockTag::pending;
        const auto reply = co_await call.ports().estimate(call.context, std::move(request));
        args.gas = reply.gas;
    }
    chain::Transaction out;
    out.type = type_of(args);
    out.chain_id = facts.chain_id;
    out.nonce = *args.nonce;
    out.gas_limit = *args.gas;
    out.max_fee_per_gas = args.gas_price ? *args.gas_price : *args.max_fee_per_gas;
    out.max_priority_fee_per_gas = args.gas_price ? *args.gas_price : *args.max_priority_fee_per_gas;
    out.to = args.to;
    out.value = args.value.value_or(U256{});
    out.data = std::move(args.data);
    if (args.access_list) out.access_list = *std::move(args.access_list);
    out.max_fee_per_blob_gas = args.max_fee_per_blob_gas.value_or(U256{});
    out.blob_hashes = std::move(args.blob_hashes);
    out.authorizations = std::move(args.authorizations);
    co_return out;
}

Task<void> sign(Call& call, const Address& signer, chain::Transaction& transaction) {
    const auto signature = co_await call.ports().sign(call.context, {signer, chain::signing_hash(transaction)});
    transaction.r = U256::from_bytes(signature.r);
    transaction.s = U256::from_bytes(signature.s);
    transaction.y_parity = signature.y_parity;
}

std::string raw_and_transaction(const chain::Transaction& transaction) {
    chain::SignedTransaction one;
    one.transaction = transaction;
    one.encoded = chain::encode(transaction);
    one.hash = crypto::keccak256(one.encoded);
    json::Writer out;
    out.begin_object();
    out.data("raw", one.encoded).key("tx");
    write_unplaced_transaction(out, one);
    out.end_object();
    return out.take();
}

/// Whether the wallet signs for it; otherwise whether it may be acted as. @errors "unknown account"
Task<bool> wallet_has(Call& call, const Address& account) {
    const auto reply = co_await call.ports().accounts(call.context, {});
    if (std::ranges::find(reply.addresses, account) != reply.addresses.end()) co_return true;
    const ChainFacts facts = co_await call.core.facts(call.context);
    if (facts.development) {
        const auto allowed = co_await call.ports().may_impersonate(call.context, {account});
        if (allowed.reverted) co_return false;
    }
    co_return rpc_fail(code::server, "unknown account");
}

Task<std::string> send_transaction(Call& call) {
    TransactionArgs args = co_await call.params.get(0, read_transaction_args);
    const Address from = args.call.from.value_or(Address{});
    const bool own = co_await wallet_has(call, from);
    chain::Transaction transaction = co_await complete(call, std::move(args));
    if (own) {
        co_await sign(call, from, transaction);
    } else {
        // No key, no signature: the sender stands in its place, so that two senders' hashes differ.
        transaction.r = U256::from_bytes(from);
        transaction.s = U256::from_bytes(from);
    }
    const auto sender = own ? std::nullopt : std::optional(from);
    co_return data_json(co_await submit(call, chain::encode(transaction), sender));
}

Task<std::string> fill_transaction(Call& call) {
    TransactionArgs args = co_await call.params.get(0, read_transaction_args);
    co_return raw_and_transaction(co_await complete(call, std::move(args)));
}

Task<std::string> sign_transaction(Call& call) {
    TransactionArgs args = co_await call.params.get(0, read_transaction_args);
    const CallRequest& given = args.call;
    if (!given.gas) co_await Result<void>(rpc_fail(code::server, "gas not specified"));
    if (!given.gas_price && !(given.max_fee_per_gas && given.max_priority_fee_per_gas)) {
        co_await Result<void>(rpc_fail(code::server, "missing gasPrice or maxFeePerGas/maxPriorityFeePerGas"));
    }
    if (!given.nonce) co_await Result<void>(rpc_fail(code::server, "nonce not specified"));
    const Address from = given.from.value_or(Address{});
    chain::Transaction transaction = co_await complete(call, std::move(args));
    co_await sign(call, from, transaction);
    co_return raw_and_transaction(transaction);
}

// --- messages

/// r ++ s ++ v, with v 27 or 28 as signatures of messages have it.
Task<std::string> signature_json(Call& call, Address signer, Hash hash) {
    const auto signature = co_await call.ports().sign(call.context, {signer, hash});
    Bytes out;
    append(out, signature.r);
    append(out, signature.s);
    out.push_back(static_cast<std::uint8_t>(27 + signature.y_parity));
    co_return data_json(out);
}

/// @source EIP-191, version 0x45.
Hash message_hash(BytesView message) {
    crypto::Keccak256 hasher;
    hasher.update(as_bytes("\x19" "Ethereum Signed Message:\n"));
    hasher.update(as_bytes(std::to_string(message.size())));
    hasher.update(message);
    return hasher.finish();
}

Task<std::string> eth_sign(Call& call) {
    const Address signer = co_await call.params.address(0);
    const Bytes message = co_await call.params.data(1);
    co_return co_await signature_json(call, signer, message_hash(message));
}

/// The same with its arguments the other way round, and a password that is not asked for.
Task<std::string> personal_sign(Call& call) {
    const Bytes message = co_await call.params.data(0);
    const Address signer = co_await call.params.address(1);
    co_return co_await signature_json(call, signer, message_hash(message));
}

/// Wallets pass the document as an object or as JSON in a string.
Result<Hash> typed_hash(const json::Value& value) {
    if (!value.is_string()) return typed_data_hash(value);
    auto document = json::parse(value.text());
    if (!document) return fail(ErrorCode::invalid_argument, document.error().message);
    return typed_data_hash(*document);
}

Task<std::string> sign_typed_data(Call& call) {
    const Address signer = co_await call.params.address(0);
    const Hash hash = co_await call.params.get(1, typed_hash);
    co_return co_await signature_json(call, signer, hash);
}

}  // namespace

void add_send_methods(MethodTable& table) {
    const Parameter raw{"transaction", Type::data};
    const Parameter transaction{"transaction", Type::transaction};
    const Parameter address{"address", Type::address};
    const Parameter message{"message", Type::data};
    const Parameter typed{"typedData", Type::object};
    table.add({
        {"eth_sendRawTransaction", "Submits a signed transaction.", {raw}, send_raw},
        {"eth_sendRawTransactionSync",
         "Submits a signed transaction and waits for its receipt.",
         {raw, {"timeout", Type::quantity, false}},
         send_raw_sync},
        {"eth_sendTransaction",
         "Completes, signs and submits a transaction of a wallet account.",
         {transaction},
         send_transaction},
        {"eth_fillTransaction", "Completes a transaction without signing it.", {transaction}, fill_transaction},
        {"eth_signTransaction", "Signs a transaction without submitting it.", {transaction}, sign_transaction},
        {"eth_sign", "Signs a message (EIP-191).", {address, message}, eth_sign},
        {"personal_sign",
         "Signs a message (EIP-191).",
         {message, address, {"password", Type::text, false}},
         personal_sign},
        {"eth_signTypedData", "Signs structured data (EIP-712).", {address, typed}, sign_typed_data},
        {"eth_signTypedData_v4", "Signs structured data (EIP-712).", {address, typed}, sign_typed_data},
    });
}

}  // namespace weft::service::gateway
