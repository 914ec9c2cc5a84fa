#pragma once
// What the engines of a gateway's loops know together: the heads, so that a client with connections to several loops
// never sees one go back; answers that are kept; what was sent and changed through any of them.
//
// One engine leads: it asks the upstreams for their heads and feeds the subscriptions. The others look here before each
// call, which costs them one load while nothing has changed.

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "base/task.hpp"
#include "mesh/retry.hpp"
#include "net/loop.hpp"
#include "service/proxy/cache.hpp"
#include "service/proxy/config.hpp"
#include "service/proxy/heads.hpp"

namespace weft::service::proxy {

class Upstreams;

/// Hashes of the transactions that went through the gateway last. Thread-safe.
class SentTransactions {
  public:
    /// @param hash  raw JSON.
    void add(std::string_view hash);
    [[nodiscard]] bool contains(const std::string& hash) const;

  private:
    mutable std::mutex mutex_;
    std::atomic<bool> any_{false};
    std::unordered_set<std::string> hashes_;
    std::deque<std::string> order_;
};

/// Equal calls are made once: who asks while one is under way waits for its answer. Thread-safe.
class Flights {
  public:
    /// Of a call that is under way; nothing: it begins now, and land() follows.
    [[nodiscard]] std::optional<Future<AnswerPtr>> join(const std::string& key);
    void land(const std::string& key, const AnswerPtr& answer);

  private:
    std::mutex mutex_;
    std::unordered_map<std::string, std::vector<Promise<AnswerPtr>>> waiting_;
};

/// Thread-safe.
class Common : public std::enable_shared_from_this<Common> {
  public:
    /// What each engine has a copy of.
    struct View {
        Heads heads;
        /// Upstreams that do not answer questions for their heads, a bit each.
        std::uint64_t unwell = 0;
        /// Those that are on another branch than the chain that is told, or may be.
        std::uint64_t astray = 0;
        /// Those of another chain than the gateway's, or of which that is not known: they get no call.
        std::uint64_t outside = 0;
        /// Of these, those that are being asked for their chain for the first time.
        std::uint64_t awaited = 0;
        /// The gateway's chain, once it is known.
        std::optional<std::uint64_t> chain_id = {};
        /// Where no upstream may be used for its chain: which is of which. Null: some may be.
        std::shared_ptr<const std::string> why_none = {};
    };

    /// @param loops  engines, of which the one of @p lead leads.
    Common(const ProxyConfig& config, net::Loop& lead, std::size_t loops);

    /// Begins where another left off: what clients were told stays true. Before another loop uses this one.
    /// @param chain_id  that is wanted now.
    /// @return          false: it was another, of which nothing is taken over.
    [[nodiscard]] bool begin_at(const Common& before, std::optional<std::uint64_t> chain_id);
    [[nodiscard]] View view() const;
    /// Brings a copy of it, which was of that version, up to date. @return whether it was not.
    bool update(View& view, std::uint64_t& version) const {
        if (version_.load(std::memory_order_acquire) == version) return false;
        const std::scoped_lock lock(mutex_);
        view = view_;
        version = version_.load(std::memory_order_relaxed);
        return true;
    }
    template <class Change>
    void change(Change work) {
        const std::scoped_lock lock(mutex_);
        work(view_);
        version_.fetch_add(1, std::memory_order_release);
    }

    [[nodiscard]] net::Loop& lead() const { return lead_; }
    [[nodiscard]] std::size_t loops() const { return loops_; }
    /// Of the lead's loop: whom the work of the others goes to; null: nobody any more.
    void set_upstreams(Upstreams* of_lead) { upstreams_ = of_lead; }
    /// Does it on the lead's loop, unless that has stopped.
    template <class Work>
    void at_lead(Work work) {
        lead_.post([self = shared_from_this(), work = std::move(work)]() mutable {
            if (self->upstreams_ != nullptr) work(*self->upstreams_);
        });
    }

    /// Upstreams::poll_now() of the lead.
    void poll_at_lead();

    // Questions for heads that somebody waits for.
    void poll_begins() { polls_.fetch_add(1); }
    void poll_ends();
    [[nodiscard]] bool polling() const { return polls_.load(std::memory_order_acquire) > 0; }
    /// Set when polling() becomes false.
    [[nodiscard]] Future<void> polled();
    /// Whoever waits goes on.
    void end_polls();

    /// How often a block was seen to be replaced.
    std::atomic<std::uint64_t> epoch{0};
    /// Time of the newest word about a head.
    std::atomic<std::int64_t> heard_ns{0};
    /// Some upstream tells of heads by itself, and may be believed to do so at once.
    std::atomic<bool> told{false};
    Cache cache;
    Flights flights;
    std::shared_ptr<SentTransactions> sent = std::make_shared<SentTransactions>();

  private:
    net::Loop& lead_;
    const std::size_t loops_;
    mutable std::mutex mutex_;
    View view_;
    std::atomic<std::uint64_t> version_{1};
    Upstreams* upstreams_ = nullptr;
    std::atomic<std::uint32_t> polls_{0};
    std::vector<Promise<void>> waiting_;
};

/// What one of so many loops may spend of the gateway's budget.
[[nodiscard]] mesh::RetryConfig share_of(mesh::RetryConfig budget, std::size_t loops);

}  // namespace weft::service::proxy
