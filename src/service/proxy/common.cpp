#include "service/proxy/common.hpp"

#include <algorithm>

#include "service/proxy/upstreams.hpp"

namespace weft::service::proxy {

namespace {
constexpr std::size_t sent_max = 8'192;
}  // namespace

void SentTransactions::add(std::string_view hash) {
    const std::scoped_lock lock(mutex_);
    if (!hashes_.emplace(hash).second) return;
    any_.store(true, std::memory_order_relaxed);
    order_.emplace_back(hash);
    if (order_.size() <= sent_max) return;
    hashes_.erase(order_.front());
    order_.pop_front();
}

bool SentTransactions::contains(const std::string& hash) const {
    if (!any_.load(std::memory_order_relaxed)) return false;
    const std::scoped_lock lock(mutex_);
    return hashes_.contains(hash);
}

std::optional<Future<AnswerPtr>> Flights::join(const std::string& key) {
    const std::scoped_lock lock(mutex_);
    const auto [flight, begins] = waiting_.try_emplace(key);
    if (begins) return std::nullopt;
    return flight->second.emplace_back().future();
}

void Flights::land(const std::string& key, const AnswerPtr& answer) {
    std::vector<Promise<AnswerPtr>> waiting;
    {
        const std::scoped_lock lock(mutex_);
        waiting = std::move(waiting_.extract(key).mapped());
    }
    for (auto& one : waiting) one.set(answer);
}

mesh::RetryConfig share_of(mesh::RetryConfig budget, std::size_t loops) {
    const auto count = static_cast<std::int64_t>(loops);
    // What comes of calls comes of each loop's own.
    budget.per_second /= count;
    budget.saved_max = std::max<std::int64_t>(1'000, budget.saved_max / count);
    return budget;
}

Common::Common(const ProxyConfig& config, net::Loop& lead, std::size_t loops)
    : cache(config.cache_bytes_max),
      lead_(lead),
      loops_(loops),
      view_{Heads({config.lag_max, config.finality_depth}, config.upstreams.size())} {
    for (std::size_t i = 0; i < config.upstreams.size(); ++i) view_.outside |= std::uint64_t{1} << i;
    view_.awaited = view_.outside;
}

bool Common::begin_at(const Common& before, std::optional<std::uint64_t> chain_id) {
    const View was = before.view();
    if (chain_id && was.chain_id && chain_id != was.chain_id) return false;
    change([&](View& view) {
        view.heads.begin_at(was.heads);
        view.chain_id = was.chain_id;
    });
    sent = before.sent;
    return true;
}

Common::View Common::view() const {
    const std::scoped_lock lock(mutex_);
    return view_;
}

void Common::poll_at_lead() {
    // From now on, not from when the lead gets to it.
    poll_begins();
    lead_.post([self = shared_from_this()] {
        if (self->upstreams_ != nullptr) self->upstreams_->poll_now();
        self->poll_ends();
    });
}

void Common::poll_ends() {
    if (polls_.fetch_sub(1) == 1) end_polls();
}

void Common::end_polls() {
    std::vector<Promise<void>> over;
    {
        const std::scoped_lock lock(mutex_);
        over.swap(waiting_);
    }
    for (auto& one : over) one.set({});
}

Future<void> Common::polled() {
    Promise<void> over;
    auto future = over.future();
    {
        // Under the lock: one that ends after this look takes what is put here.
        const std::scoped_lock lock(mutex_);
        if (polling()) {
            waiting_.push_back(std::move(over));
            return future;
        }
    }
    over.set({});
    return future;
}

}  // namespace weft::service::proxy
