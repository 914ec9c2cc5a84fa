#pragma once
// Subscriptions and filters, which live in the gateway and not on a node, so that none is lost with a node: they are
// fed by the one sequence of blocks that Follower makes of all upstreams' heads. A block's logs are fetched once, by
// its hash, for all who want some of them.

#include <atomic>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <variant>
#include <vector>

#include "base/task.hpp"
#include "net/loop.hpp"
#include "net/websocket.hpp"
#include "service/proxy/answer.hpp"
#include "service/proxy/follower.hpp"
#include "service/proxy/log_filter.hpp"

namespace weft::service::proxy {

/// Asks an upstream, as the gateway's own clients do. @errors with the reply's code.
using AskUpstream = std::function<Task<std::string>(std::string method, std::string params)>;

struct HubLimits {
    std::size_t subscriptions_max = 100'000;
    std::size_t per_session_max = 1'024;
    std::size_t filters_max = 10'000;
    /// Changes that a filter keeps for who asks too seldom; the filter ends beyond them.
    std::size_t changes_max = 10'000;
    std::int64_t filter_timeout_ns = 300 * ns_per_s;
};

/// Of one loop.
class Hub {
  public:
    Hub(net::Loop& loop, AskUpstream ask, HubLimits limits = {});
    ~Hub();

    /// What it waits for is nothing to it any more.
    void stop();
    /// Another chain is told from now on, whose blocks follow none of those that were told.
    void begin_anew();
    /// An upstream has shown a header.
    void saw(std::size_t source, std::string_view header);
    /// A transaction waits at an upstream, by its hash (raw JSON). From any thread.
    void saw_pending(std::string_view hash);
    /// Called when somebody begins, or nobody goes on, to want transactions that wait.
    std::function<void(bool wanted)> on_pending_wanted;
    /// Called before blocks are told of; @p replaced is the first one that another takes the place of.
    std::function<void(std::optional<std::uint64_t> replaced)> on_blocks;
    /// Whether the chain that is told has this block; nothing if it has none of that number.
    [[nodiscard]] std::optional<bool> has(std::uint64_t number, const std::string& hash) const {
        return follower_.has(number, hash);
    }

    /// eth_subscribe, eth_unsubscribe, eth_newFilter and its relatives.
    /// @param session  null: over HTTP.
    Task<AnswerPtr> answer(std::string_view method, std::string params, net::SessionPtr session);
    /// The reply that names new subscriptions is on its way: notices may follow it.
    void activate(std::uint64_t session);
    void remove_session(std::uint64_t session);

    [[nodiscard]] net::Loop& loop() const { return loop_; }
    [[nodiscard]] bool wants_pending() const { return wants(Topic::pending); }
    /// From any thread.
    [[nodiscard]] bool in_use() const { return users_.load(std::memory_order_relaxed) > 0; }
    /// Number of the newest block that was told. From any thread.
    [[nodiscard]] std::uint64_t told() const { return told_.load(std::memory_order_relaxed); }
    [[nodiscard]] std::size_t subscriptions() const { return subscriptions_.size(); }
    [[nodiscard]] std::size_t filters() const { return filters_.size(); }
    [[nodiscard]] std::uint64_t jumps() const { return jumps_; }

  private:
    enum class Topic : std::uint8_t { heads, logs, pending, syncing };
    struct Subscription {
        net::SessionPtr session;
        Topic topic = Topic::heads;
        LogFilter logs;
        bool whole = false;  // of pending transactions: not only their hashes
        bool active = false;
        /// What came before it was active.
        std::vector<std::string> early;
    };
    struct Filter {
        Topic topic = Topic::heads;
        LogFilter logs;
        std::string criteria;  // raw JSON
        std::vector<std::string> changes;
        std::int64_t asked_ns = 0;
    };
    struct Emitted {
        std::string hash;
        bool removed = false;
    };

    [[nodiscard]] AnswerPtr subscribe(const net::SessionPtr& session, std::string_view params);
    [[nodiscard]] AnswerPtr unsubscribe(const net::SessionPtr& session, std::string_view params);
    Task<AnswerPtr> filter(std::string_view method, std::string params);
    void take(FollowerEffects effects);
    void fetch(std::string hash);
    [[nodiscard]] bool is_taken_back(const std::string& hash) const;
    void tell_head(const FollowedBlock& block, bool removed);
    void queue_logs(std::string hash, bool removed);
    Task<void> serve_logs();
    Task<std::string> logs_of(const std::string& hash, bool removed);
    void tell_logs(std::string_view logs, bool removed);
    void fetch_pending(std::string hash);
    void send(const std::string& id, Subscription& subscription, std::string_view result);
    void add_change(Filter& filter, std::string change);
    [[nodiscard]] bool wants(Topic topic) const { return wanted_[static_cast<std::size_t>(topic)] > 0; }
    void count_topic(Topic topic, int by);
    void sweep();
    [[nodiscard]] std::string new_id();
    [[nodiscard]] AnswerPtr new_filter(std::string_view method, std::string_view params);
    [[nodiscard]] AnswerPtr changes(const std::string& id);

    net::Loop& loop_;
    AskUpstream ask_;
    HubLimits limits_;
    Follower follower_;
    std::uint64_t chains_ = 0;                                     // that were told before
    std::unordered_map<std::string, Subscription> subscriptions_;  // by id, with its quotes
    std::unordered_map<std::uint64_t, std::vector<std::string>> by_session_;
    std::unordered_map<std::string, Filter> filters_;
    std::size_t wanted_[4] = {0, 0, 0, 0};
    std::atomic<std::size_t> users_{0};  // subscriptions and filters
    std::atomic<std::uint64_t> told_{0};
    std::deque<Emitted> log_queue_;
    bool serving_logs_ = false;
    std::vector<Promise<void>> waiting_for_logs_;
    std::deque<std::pair<std::string, std::string>> recent_logs_;  // hash and logs, for when the block is taken back
    std::unordered_set<std::string> seen_pending_;
    std::deque<std::string> seen_pending_order_;
    std::uint64_t jumps_ = 0;
    net::Timer sweep_timer_;
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace weft::service::proxy
