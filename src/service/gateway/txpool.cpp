// The pool as txpool_* show it: by sender (in mixed case, as geth prints them), then by nonce.

#include <map>

#include "chain/validate.hpp"
#include "service/gateway/core.hpp"
#include "service/gateway/format.hpp"

namespace weft::service::gateway {

namespace {

using Transactions = std::vector<chain::TransactionPtr>;
using WriteOne = void (*)(json::Writer&, const chain::SignedTransaction&);

void write_full(json::Writer& out, const chain::SignedTransaction& transaction) {
    write_transaction(out, transaction, std::nullopt);
}

/// "0xTO: VALUE wei + GAS gas × PRICE wei"
void write_summary(json::Writer& out, const chain::SignedTransaction& transaction) {
    const chain::Transaction& tx = transaction.transaction;
    const std::string to = tx.to ? chain::to_checksum_address(*tx.to) : "contract creation";
    out.string(to + ": " + to_decimal(tx.value) + " wei + " + std::to_string(tx.gas_limit) + " gas × " +
               to_decimal(tx.max_fee_per_gas) + " wei");
}

void write_by_nonce(json::Writer& out, const Transactions& transactions, WriteOne write) {
    std::map<std::uint64_t, const chain::SignedTransaction*> by_nonce;
    for (const auto& one : transactions) by_nonce[one->transaction.nonce] = one.get();
    out.begin_object();
    for (const auto& [nonce, one] : by_nonce) {
        out.key(std::to_string(nonce));
        write(out, *one);
    }
    out.end_object();
}

void write_by_sender(json::Writer& out, const Transactions& transactions, WriteOne write) {
    std::map<Address, Transactions> by_sender;
    for (const auto& one : transactions) by_sender[one->sender].push_back(one);
    out.begin_object();
    for (const auto& [sender, own] : by_sender) {
        out.key(chain::to_checksum_address(sender));
        write_by_nonce(out, own, write);
    }
    out.end_object();
}

Task<std::string> status(Call& call) {
    const auto reply = co_await call.ports().pool_status(call.context, {});
    json::Writer out;
    out.begin_object().quantity("pending", reply.pending).quantity("queued", reply.queued).end_object();
    co_return out.take();
}

Task<std::string> all(Call& call, WriteOne write) {
    const auto reply = co_await call.ports().pool_content(call.context, {});
    json::Writer out;
    out.begin_object();
    out.key("pending");
    write_by_sender(out, reply.pending, write);
    out.key("queued");
    write_by_sender(out, reply.queued, write);
    out.end_object();
    co_return out.take();
}

Task<std::string> content(Call& call) { return all(call, write_full); }
Task<std::string> inspect(Call& call) { return all(call, write_summary); }

Task<std::string> content_from(Call& call) {
    const Address sender = co_await call.params.address(0);
    const auto reply = co_await call.ports().pool_content(call.context, {sender});
    json::Writer out;
    out.begin_object();
    out.key("pending");
    write_by_nonce(out, reply.pending, write_full);
    out.key("queued");
    write_by_nonce(out, reply.queued, write_full);
    out.end_object();
    co_return out.take();
}

/// hardhat_ and parity's way to ask for what waits.
Task<std::string> pending_transactions(Call& call) {
    const auto reply = co_await call.ports().pool_content(call.context, {});
    json::Writer out;
    out.begin_array();
    for (const auto& one : reply.pending) write_full(out, *one);
    out.end_array();
    co_return out.take();
}

}  // namespace

void add_pool_methods(MethodTable& table) {
    table.add({
        {"txpool_status", "How many transactions wait.", {}, status},
        {"txpool_content", "The transactions that wait, by sender and nonce.", {}, content},
        {"txpool_contentFrom", "A sender's transactions that wait.", {{"address", Type::address}}, content_from},
        {"txpool_inspect", "A line for each transaction that waits.", {}, inspect},
        {"eth_pendingTransactions", "The transactions that can go into the next block.", {}, pending_transactions},
    });
}

}  // namespace weft::service::gateway
