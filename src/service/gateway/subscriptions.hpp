#pragma once
// eth_subscribe: what happens, sent to WebSocket sessions as it happens.
//
// A subscription's first notice must not overtake the answer that names it, so notices are held back until activate(),
// which the server calls when the answers of a message have been handed to the session.

#include <cstdint>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "api/types.hpp"
#include "base/result.hpp"
#include "chain/transaction.hpp"
#include "net/websocket.hpp"
#include "service/gateway/log_query.hpp"

namespace weft::service::gateway {

enum class SubscriptionKind : std::uint8_t { heads, logs, pending, syncing };

/// Subscriptions of one session.
inline constexpr std::size_t session_subscription_count_max = 1'000;

/// Thread-safe.
class Subscriptions {
  public:
    /// @errors resource_exhausted  session_subscription_count_max.
    [[nodiscard]] Result<std::string> add(const net::SessionPtr& session, SubscriptionKind kind, LogQuery query,
                                          bool full_transactions);
    /// False if the session has no such subscription.
    [[nodiscard]] bool remove(std::uint64_t session_id, const std::string& id);
    void remove_session(std::uint64_t session_id);
    /// Lets the session's new subscriptions speak.
    void activate(std::uint64_t session_id);

    void on_block(const api::SealedBlock& block, bool removed);
    void on_pending(const chain::TransactionPtr& transaction);
    [[nodiscard]] std::size_t count();

  private:
    struct Subscription {
        std::string id;
        SubscriptionKind kind = SubscriptionKind::heads;
        LogQuery query;
        bool full_transactions = false;
        bool active = false;
        std::vector<std::string> held;
    };
    struct Client {
        std::weak_ptr<net::Session> session;
        std::vector<Subscription> subscriptions;
    };

    static void notify(net::Session& session, Subscription& subscription, std::string_view result_json);

    std::mutex mutex_;
    std::unordered_map<std::uint64_t, Client> clients_;
};

}  // namespace weft::service::gateway
