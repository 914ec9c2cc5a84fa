#include "service/proxy/hub.hpp"

#include <algorithm>
#include <array>
#include <random>
#include <span>

#include "base/hex.hpp"
#include "net/jsonrpc.hpp"
#include "net/rpc_scan.hpp"
#include "observe/log.hpp"
#include "service/proxy/block_ref.hpp"

namespace weft::service::proxy {

namespace {

constexpr std::int64_t sweep_ns = 10 * ns_per_s;
/// Blocks whose logs may wait to be fetched; more means that no upstream gives them.
constexpr std::size_t log_queue_max = 1'024;
constexpr std::size_t recent_logs_max = 64;
constexpr std::size_t seen_pending_max = 65'536;
constexpr std::size_t early_max = 256;
constexpr int logs_tries = 5;
constexpr std::uint64_t unwatched_gap_max = 32;

/// An object without some of its members.
std::string without(std::string_view object, std::span<const std::string_view> names) {
    std::string out = "{";
    net::for_each_member(object, [&](std::string_view name, std::string_view value) {
        if (std::ranges::find(names, name) != names.end()) return;
        if (out.size() > 1) out.push_back(',');
        out.append("\"").append(name).append("\":").append(value);
    });
    return out.append("}");
}

/// A header as newHeads gives it: without what a block has besides.
std::string header_of(std::string_view block) {
    static constexpr std::string_view besides[] = {"transactions", "uncles", "withdrawals", "totalDifficulty", "size"};
    return without(block, besides);
}

/// A log of a block that was taken back. Upstreams spell what it says of that as they like, or leave it out.
std::string removed_log(std::string_view log) {
    static constexpr std::string_view stands[] = {"removed"};
    std::string out = without(log, stands);
    out.back() = ',';
    return out.append(R"("removed":true})");
}

AnswerPtr invalid(std::string_view why) { return make_error(net::rpc_code::invalid_params, why); }

}  // namespace

Hub::Hub(net::Loop& loop, AskUpstream ask, HubLimits limits)
    : loop_(loop), ask_(std::move(ask)), limits_(limits), sweep_timer_(loop, [this] { sweep(); }) {}

Hub::~Hub() { *alive_ = false; }

void Hub::stop() {
    *alive_ = false;
    sweep_timer_.cancel();
}

void Hub::begin_anew() {
    follower_ = Follower();
    told_ = 0;
    log_queue_.clear();
    ++chains_;
}

std::string Hub::new_id() {
    // Nobody shall guess another's: whoever knows a filter's id may read and remove it.
    std::random_device random;
    std::array<std::uint8_t, 16> bytes{};
    for (auto& byte : bytes) byte = static_cast<std::uint8_t>(random());
    bytes[0] |= 0x10;  // a quantity has no leading zero, and some clients take it for one
    return "\"" + to_hex(bytes) + "\"";
}

void Hub::count_topic(Topic topic, int by) {
    users_.fetch_add(static_cast<std::size_t>(static_cast<std::ptrdiff_t>(by)), std::memory_order_relaxed);
    auto& wanted = wanted_[static_cast<std::size_t>(topic)];
    const bool before = wanted > 0;
    wanted = static_cast<std::size_t>(static_cast<std::ptrdiff_t>(wanted) + by);
    if (topic == Topic::pending && before != (wanted > 0) && on_pending_wanted) on_pending_wanted(wanted > 0);
}

void Hub::saw(std::size_t source, std::string_view header) {
    FollowedBlock block;
    const auto number = quantity_of(net::member_of(header, "number"));
    block.hash = net::member_of(header, "hash");
    block.parent = net::member_of(header, "parentHash");
    if (!number || block.hash.size() < 4 || block.parent.size() < 4) return;
    block.number = *number;
    block.header = header_of(header);
    // Calls depend on what is replaced, too; but a gap that is wide is none where nobody is told.
    const auto* const tip = follower_.tip();
    const bool is_near = tip != nullptr && block.number <= tip->number + unwatched_gap_max;
    const bool fills = is_near || wants(Topic::heads) || wants(Topic::logs);
    take(follower_.saw(std::move(block), source, fills));
}

void Hub::take(FollowerEffects effects) {
    if (effects.jumped) {
        ++jumps_;
        observe::Log("proxy").warn("blocks were left out for subscribers: the gap is too wide");
    }
    if (follower_.tip() != nullptr) told_.store(follower_.tip()->number, std::memory_order_relaxed);
    if (!effects.emitted.empty() && on_blocks) {
        std::optional<std::uint64_t> replaced;
        for (const auto& one : effects.emitted) {
            if (one.removed) replaced = one.block.number;
        }
        on_blocks(replaced);
    }
    for (const auto& one : effects.emitted) {
        tell_head(one.block, one.removed);
        if (wants(Topic::logs)) queue_logs(one.block.hash, one.removed);
    }
    if (effects.wanted) fetch(std::move(*effects.wanted));
}

void Hub::fetch(std::string hash) {
    // No source of its own: an ancestor is taken because it was asked for.
    constexpr auto nobody = static_cast<std::size_t>(-1);
    const auto take_it = [this, alive = alive_, hash, of = chains_](Result<std::string> block) {
        if (!*alive || of != chains_) return;
        const bool is_it = block && net::member_of(*block, "hash") == hash;
        if (is_it) return saw(nobody, *block);
        take(follower_.missed(hash));
    };
    spawn(ask_("eth_getBlockByHash", "[" + hash + ",false]"), take_it);
}

void Hub::tell_head(const FollowedBlock& block, bool removed) {
    if (removed || !wants(Topic::heads)) return;
    for (auto& [id, subscription] : subscriptions_) {
        if (subscription.topic == Topic::heads) send(id, subscription, block.header);
    }
    for (auto& [id, filter] : filters_) {
        if (filter.topic == Topic::heads) add_change(filter, block.hash);
    }
}

void Hub::queue_logs(std::string hash, bool removed) {
    if (log_queue_.size() >= log_queue_max) {
        observe::Log("proxy").warn("logs were left out for subscribers: no upstream gives them");
        ++jumps_;
        return;
    }
    log_queue_.push_back({std::move(hash), removed});
    if (std::exchange(serving_logs_, true)) return;
    spawn(serve_logs(), [](const auto&) {});
}

/// Its end waits to be told, so that its logs need not be: who is told of neither misses nothing.
bool Hub::is_taken_back(const std::string& hash) const {
    return std::ranges::any_of(log_queue_, [&](const auto& one) { return one.removed && one.hash == hash; });
}

/// In order: one block's logs after the other's.
Task<void> Hub::serve_logs() {
    const auto alive = alive_;
    while (*alive && !log_queue_.empty()) {
        const Emitted next = std::move(log_queue_.front());
        log_queue_.pop_front();
        const std::string logs = co_await logs_of(next.hash, next.removed);
        if (!*alive) co_return;
        if (!logs.empty()) tell_logs(logs, next.removed);
    }
    if (!*alive) co_return;
    serving_logs_ = false;
    for (auto& then : std::exchange(waiting_for_logs_, {})) then.set({});
}

Task<std::string> Hub::logs_of(const std::string& hash, bool removed) {
    const auto alive = alive_;
    const auto kept = std::ranges::find(recent_logs_, hash, &std::pair<std::string, std::string>::first);
    if (kept != recent_logs_.end()) co_return kept->second;
    // A block that was taken back may be gone everywhere; who was not told of its logs need not be told of their end.
    if (removed) co_return std::string();
    for (int attempt = 0; attempt < logs_tries; ++attempt) {
        if (is_taken_back(hash)) co_return std::string();
        auto logs = co_await settled(ask_("eth_getLogs", R"([{"blockHash":)" + hash + "}]"));
        if (!*alive) co_return std::string();
        if (logs && net::first_character(*logs) == '[') {
            recent_logs_.emplace_back(hash, *logs);
            if (recent_logs_.size() > recent_logs_max) recent_logs_.pop_front();
            co_return std::move(*logs);
        }
        const auto slept = co_await settled(loop_.sleep_for(100 * ns_per_ms << attempt));
        if (!slept || !*alive) co_return std::string();
    }
    observe::Log("proxy").warn("logs were left out for subscribers: no upstream gives them", {{"block", hash}});
    ++jumps_;
    co_return std::string();
}

void Hub::tell_logs(std::string_view logs, bool removed) {
    net::for_each_item(logs, [&](std::string_view log) {
        const std::string text = removed ? removed_log(log) : std::string(log);
        for (auto& [id, subscription] : subscriptions_) {
            if (subscription.topic == Topic::logs && subscription.logs.matches(log)) send(id, subscription, text);
        }
        for (auto& [id, filter] : filters_) {
            if (filter.topic == Topic::logs && filter.logs.matches(log)) add_change(filter, text);
        }
    });
}

void Hub::saw_pending(std::string_view hash) {
    if (!loop_.inside()) {
        if (!in_use()) return;
        return loop_.post([this, alive = alive_, text = std::string(hash)] {
            if (*alive) saw_pending(text);
        });
    }
    if (!wants(Topic::pending) || hash.size() != 68) return;
    std::string text(hash);
    if (!seen_pending_.insert(text).second) return;
    seen_pending_order_.push_back(text);
    if (seen_pending_order_.size() > seen_pending_max) {
        seen_pending_.erase(seen_pending_order_.front());
        seen_pending_order_.pop_front();
    }
    bool whole = false;
    for (auto& [id, subscription] : subscriptions_) {
        if (subscription.topic != Topic::pending) continue;
        whole = whole || subscription.whole;
        if (!subscription.whole) send(id, subscription, text);
    }
    for (auto& [id, filter] : filters_) {
        if (filter.topic == Topic::pending) add_change(filter, text);
    }
    if (whole) fetch_pending(std::move(text));
}

/// One that is gone again before it could be read is not told of.
void Hub::fetch_pending(std::string hash) {
    spawn(ask_("eth_getTransactionByHash", "[" + hash + "]"), [this, alive = alive_](Result<std::string> transaction) {
        if (!*alive || !transaction || !transaction->starts_with('{')) return;
        for (auto& [id, subscription] : subscriptions_) {
            if (subscription.topic == Topic::pending && subscription.whole) send(id, subscription, *transaction);
        }
    });
}

void Hub::send(const std::string& id, Subscription& subscription, std::string_view result) {
    std::string params = R"({"subscription":)";
    params.append(id).append(",\"result\":").append(result).append("}");
    std::string text = net::rpc_notification("eth_subscription", params);
    if (subscription.active) {
        subscription.session->send(std::move(text));
    } else if (subscription.early.size() < early_max) {
        subscription.early.push_back(std::move(text));
    }
}

AnswerPtr Hub::subscribe(const net::SessionPtr& session, std::string_view params) {
    if (!session || !session->open()) {
        return make_error(net::rpc_code::method_not_found, "notifications not supported");
    }
    std::array<std::string_view, 2> items;
    const std::size_t count = net::items_of(params, items.data(), items.size());
    if (count == std::string_view::npos || count == 0) return invalid("missing subscription name");
    if (subscriptions_.size() >= limits_.subscriptions_max) {
        return make_error(net::rpc_code::limit_exceeded, "too many subscriptions");
    }
    auto& own = by_session_[session->id()];
    if (own.size() >= limits_.per_session_max) {
        return make_error(net::rpc_code::limit_exceeded, "too many subscriptions on this connection");
    }
    Subscription subscription;
    subscription.session = session;
    if (items[0] == "\"newHeads\"") {
        subscription.topic = Topic::heads;
    } else if (items[0] == "\"logs\"") {
        subscription.topic = Topic::logs;
        auto filter = LogFilter::parse(count > 1 ? items[1] : std::string_view());
        if (!filter) return invalid(filter.error().message);
        subscription.logs = std::move(*filter);
    } else if (items[0] == "\"newPendingTransactions\"") {
        subscription.topic = Topic::pending;
        subscription.whole = count > 1 && items[1] == "true";
    } else if (items[0] == "\"syncing\"") {
        subscription.topic = Topic::syncing;  // the gateway has the newest block that any upstream has
    } else {
        const std::string_view name = items[0].size() > 2 ? items[0].substr(1, items[0].size() - 2) : items[0];
        return make_error(net::rpc_code::method_not_found,
                          "no \"" + std::string(name) + "\" subscription in eth namespace");
    }
    std::string id = new_id();
    own.push_back(id);
    const Topic topic = subscription.topic;
    subscriptions_.emplace(id, std::move(subscription));
    count_topic(topic, 1);
    return make_answer(id);
}

AnswerPtr Hub::unsubscribe(const net::SessionPtr& session, std::string_view params) {
    if (!session) return make_error(net::rpc_code::method_not_found, "notifications not supported");
    std::array<std::string_view, 1> items;
    if (net::items_of(params, items.data(), items.size()) != 1) return invalid("want one subscription id");
    const auto found = subscriptions_.find(std::string(items[0]));
    if (found == subscriptions_.end() || found->second.session != session) {
        return make_error(net::rpc_code::server_error, "subscription not found");
    }
    count_topic(found->second.topic, -1);
    subscriptions_.erase(found);
    std::erase(by_session_[session->id()], items[0]);
    return make_answer("true");
}

void Hub::activate(std::uint64_t session) {
    const auto found = by_session_.find(session);
    if (found == by_session_.end()) return;
    for (const auto& id : found->second) {
        auto& subscription = subscriptions_.at(id);
        if (std::exchange(subscription.active, true)) continue;
        for (auto& text : std::exchange(subscription.early, {})) subscription.session->send(std::move(text));
    }
}

void Hub::remove_session(std::uint64_t session) {
    const auto found = by_session_.find(session);
    if (found == by_session_.end()) return;
    for (const auto& id : found->second) {
        const auto subscription = subscriptions_.find(id);
        count_topic(subscription->second.topic, -1);
        subscriptions_.erase(subscription);
    }
    by_session_.erase(found);
}

AnswerPtr Hub::new_filter(std::string_view method, std::string_view params) {
    if (filters_.size() >= limits_.filters_max) return make_error(net::rpc_code::limit_exceeded, "too many filters");
    Filter filter;
    filter.asked_ns = loop_.now_ns();
    if (method == "eth_newFilter") {
        std::array<std::string_view, 1> items;
        if (net::items_of(params, items.data(), items.size()) != 1) return invalid("want one filter");
        auto logs = LogFilter::parse(items[0]);
        if (!logs) return invalid(logs.error().message);
        filter.topic = Topic::logs;
        filter.logs = std::move(*logs);
        filter.criteria = items[0];
    } else {
        filter.topic = method == "eth_newBlockFilter" ? Topic::heads : Topic::pending;
    }
    std::string id = new_id();
    count_topic(filter.topic, 1);
    filters_.emplace(id, std::move(filter));
    if (!sweep_timer_.armed() && *alive_) sweep_timer_.set(loop_.now_ns() + sweep_ns);
    return make_answer(id);
}

AnswerPtr Hub::changes(const std::string& id) {
    const auto found = filters_.find(id);
    if (found == filters_.end()) return make_error(net::rpc_code::server_error, "filter not found");
    found->second.asked_ns = loop_.now_ns();
    std::string out = "[";
    for (const auto& change : std::exchange(found->second.changes, {})) {
        if (out.size() > 1) out.push_back(',');
        out.append(change);
    }
    return make_answer(out.append("]"));
}

Task<AnswerPtr> Hub::answer(std::string_view method, std::string params, net::SessionPtr session) {
    if (method == "eth_subscribe") co_return subscribe(session, params);
    if (method == "eth_unsubscribe") co_return unsubscribe(session, params);
    co_return co_await filter(method, std::move(params));
}

Task<AnswerPtr> Hub::filter(std::string_view method, std::string params) {
    if (method.starts_with("eth_new")) co_return new_filter(method, params);
    std::array<std::string_view, 1> items;
    if (net::items_of(params, items.data(), items.size()) != 1) co_return invalid("want one filter id");
    const std::string id(items[0]);
    if (method == "eth_getFilterChanges") {
        // What has happened shall be in the answer, so what is being fetched is waited for.
        if (serving_logs_ && waiting_for_logs_.size() < limits_.filters_max) {
            auto fetched = waiting_for_logs_.emplace_back().future();
            co_await std::move(fetched).wait();
        }
        co_return changes(id);
    }
    const auto found = filters_.find(id);
    if (method == "eth_uninstallFilter") {
        if (found == filters_.end()) co_return make_answer("false");
        count_topic(found->second.topic, -1);
        filters_.erase(found);
        co_return make_answer("true");
    }
    if (found == filters_.end() || found->second.topic != Topic::logs) {
        co_return make_error(net::rpc_code::server_error, "filter not found");
    }
    found->second.asked_ns = loop_.now_ns();
    auto logs = co_await settled(ask_("eth_getLogs", "[" + found->second.criteria + "]"));
    if (logs) co_return make_answer(*logs);
    co_return make_error(logs.error().detail, logs.error().message);
}

void Hub::add_change(Filter& filter, std::string change) {
    // Past the bound it waits for the sweep, which removes it: half an answer would be a wrong one.
    if (filter.changes.size() >= limits_.changes_max) {
        filter.asked_ns = loop_.now_ns() - limits_.filter_timeout_ns;
        return;
    }
    filter.changes.push_back(std::move(change));
}

void Hub::sweep() {
    const std::int64_t oldest = loop_.now_ns() - limits_.filter_timeout_ns;
    for (auto filter = filters_.begin(); filter != filters_.end();) {
        if (filter->second.asked_ns > oldest) {
            ++filter;
            continue;
        }
        count_topic(filter->second.topic, -1);
        filter = filters_.erase(filter);
    }
    if (!filters_.empty()) sweep_timer_.set(loop_.now_ns() + sweep_ns);
}

}  // namespace weft::service::proxy
