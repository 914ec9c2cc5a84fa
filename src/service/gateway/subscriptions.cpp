#include "service/gateway/subscriptions.hpp"

#include <algorithm>

#include "net/jsonrpc.hpp"
#include "service/gateway/core.hpp"
#include "service/gateway/errors.hpp"
#include "service/gateway/feed.hpp"
#include "service/gateway/filters.hpp"
#include "service/gateway/format.hpp"

namespace weft::service::gateway {

Result<std::string> Subscriptions::add(const net::SessionPtr& session, SubscriptionKind kind, LogQuery query,
                                       bool full_transactions) {
    const std::lock_guard lock(mutex_);
    Client& client = clients_[session->id()];
    client.session = session;
    if (client.subscriptions.size() >= session_subscription_count_max) {
        return fail(ErrorCode::resource_exhausted, "too many subscriptions");
    }
    client.subscriptions.push_back({make_id(), kind, std::move(query), full_transactions, false, {}});
    return client.subscriptions.back().id;
}

bool Subscriptions::remove(std::uint64_t session_id, const std::string& id) {
    const std::lock_guard lock(mutex_);
    const auto client = clients_.find(session_id);
    if (client == clients_.end()) return false;
    return std::erase_if(client->second.subscriptions, [&](const auto& one) { return one.id == id; }) != 0;
}

void Subscriptions::remove_session(std::uint64_t session_id) {
    const std::lock_guard lock(mutex_);
    clients_.erase(session_id);
}

void Subscriptions::activate(std::uint64_t session_id) {
    const std::lock_guard lock(mutex_);
    const auto client = clients_.find(session_id);
    if (client == clients_.end()) return;
    const net::SessionPtr session = client->second.session.lock();
    if (!session) return;
    for (auto& subscription : client->second.subscriptions) {
        if (subscription.active) continue;
        subscription.active = true;
        for (auto& text : subscription.held) session->send(std::move(text));
        subscription.held.clear();
    }
}

std::size_t Subscriptions::count() {
    const std::lock_guard lock(mutex_);
    std::size_t total = 0;
    for (const auto& [id, client] : clients_) total += client.subscriptions.size();
    return total;
}

void Subscriptions::notify(net::Session& session, Subscription& subscription, std::string_view result_json) {
    json::Writer params;
    params.begin_object();
    params.string("subscription", subscription.id).key("result").raw(result_json);
    params.end_object();
    std::string text = net::rpc_notification("eth_subscription", params.text());
    if (subscription.active) {
        session.send(std::move(text));
    } else {
        subscription.held.push_back(std::move(text));
    }
}

void Subscriptions::on_block(const api::SealedBlock& block, bool removed) {
    std::string head;
    const std::lock_guard lock(mutex_);
    // A subscription that was made while its session closed is noticed here.
    std::erase_if(clients_, [](const auto& entry) { return entry.second.session.expired(); });
    for (auto& [id, client] : clients_) {
        const net::SessionPtr session = client.session.lock();
        if (!session) continue;
        for (auto& subscription : client.subscriptions) {
            if (subscription.kind == SubscriptionKind::heads && !removed) {
                if (head.empty()) {
                    json::Writer out;
                    out.begin_object();
                    write_header(out, block.header, block.hash);
                    out.end_object();
                    head = out.take();
                }
                notify(*session, subscription, head);
            } else if (subscription.kind == SubscriptionKind::logs && subscription.query.covers(block.header.number)) {
                for (const auto& entry : matching_logs(block, subscription.query.filter, removed)) {
                    json::Writer out;
                    write_log(out, entry);
                    notify(*session, subscription, out.text());
                }
            }
        }
    }
}

void Subscriptions::on_pending(const chain::TransactionPtr& transaction) {
    std::string full;
    const std::lock_guard lock(mutex_);
    for (auto& [id, client] : clients_) {
        const net::SessionPtr session = client.session.lock();
        if (!session) continue;
        for (auto& subscription : client.subscriptions) {
            if (subscription.kind != SubscriptionKind::pending) continue;
            if (!subscription.full_transactions) {
                notify(*session, subscription, data_json(transaction->hash));
                continue;
            }
            if (full.empty()) {
                json::Writer out;
                write_transaction(out, *transaction, std::nullopt);
                full = out.take();
            }
            notify(*session, subscription, full);
        }
    }
}

namespace {

Result<SubscriptionKind> kind_of(const std::string& name) {
    if (name == "newHeads") return SubscriptionKind::heads;
    if (name == "logs") return SubscriptionKind::logs;
    if (name == "newPendingTransactions") return SubscriptionKind::pending;
    if (name == "syncing") return SubscriptionKind::syncing;
    return rpc_fail(code::method_not_found, "no " + json::quote(name) + " subscription in eth namespace");
}

Task<std::string> subscribe(Call& call) {
    if (!call.session) co_await Result<void>(rpc_fail(code::method_not_found, "notifications not supported"));
    const std::string name = co_await call.params.text(0);
    const SubscriptionKind kind = co_await kind_of(name);
    LogQuery query;
    bool full = false;
    if (kind == SubscriptionKind::logs && call.params.has(1)) query = co_await call.params.get(1, read_log_query);
    if (kind == SubscriptionKind::pending && call.params.has(1)) full = co_await call.params.boolean(1);
    if (kind == SubscriptionKind::heads || kind == SubscriptionKind::logs) {
        co_await call.core.feed->follow_chain(call.context);
        co_await call.core.feed->catch_up_chain(call.context);
    } else if (kind == SubscriptionKind::pending) {
        co_await call.core.feed->follow_pool(call.context);
        co_await call.core.feed->catch_up_pool(call.context);
    }
    co_return json::quote(co_await call.core.subscriptions->add(call.session, kind, std::move(query), full));
}

Task<std::string> unsubscribe(Call& call) {
    if (!call.session) co_await Result<void>(rpc_fail(code::method_not_found, "notifications not supported"));
    const std::string id = co_await call.params.text(0);
    if (!call.core.subscriptions->remove(call.session->id(), id)) {
        co_await Result<void>(rpc_fail(code::server, "subscription not found"));
    }
    co_return std::string("true");
}

}  // namespace

void add_subscription_methods(MethodTable& table) {
    table.add({
        {"eth_subscribe", "Sends heads, logs or pending transactions as they come (WebSocket).",
         {{"kind", Type::text}, {"options", Type::any, false}}, subscribe},
        {"eth_unsubscribe", "Ends a subscription.", {{"subscriptionId", Type::text}}, unsubscribe},
    });
}

}  // namespace weft::service::gateway
