#pragma once
// Answers again what was answered lately, and asks once what many ask at the same time. Both need to know when two
// requests are the same: a function that makes a key of one.

#include <functional>
#include <list>
#include <string>
#include <unordered_map>
#include <vector>

#include "mesh/layer.hpp"

namespace weft::mesh {

template <Operation R>
using KeyOf = std::function<std::string(const R&)>;

struct CacheOptions {
    std::size_t replies_max = 10'000;
    std::int64_t ttl_ns = ns_per_s;
};

template <Operation R>
struct CacheLayer {
    using IsLayer = void;
    using Reply = typename R::Reply;
    struct Entry {
        std::string key;
        Reply reply;
        std::int64_t until_ns;
    };
    struct State {
        std::list<Entry> entries = {};  // the one not asked for longest last
        std::unordered_map<std::string, typename std::list<Entry>::iterator> by_key = {};
    };
    Timers* timers;
    KeyOf<R> key_of;
    CacheOptions options;
    Shared<State> state;

    /// Errors are not kept.
    template <ServiceOf<R> Inner>
    Task<Reply> operator()(const Inner& inner, Context context, R request) const {
        std::string key = key_of(request);
        const std::int64_t now_ns = timers->now_ns();
        if (auto hit = state.with([&](State& it) { return find(it, key, now_ns); })) co_return *std::move(hit);
        Reply reply = co_await inner(std::move(context), std::move(request));
        state.with([&](State& it) { keep(it, {std::move(key), reply, now_ns + options.ttl_ns}); });
        co_return std::move(reply);
    }

  private:
    static void erase(State& it, typename std::list<Entry>::iterator entry) {
        it.by_key.erase(entry->key);
        it.entries.erase(entry);
    }
    static std::optional<Reply> find(State& it, const std::string& key, std::int64_t now_ns) {
        const auto found = it.by_key.find(key);
        if (found == it.by_key.end()) return std::nullopt;
        if (found->second->until_ns <= now_ns) {
            erase(it, found->second);
            return std::nullopt;
        }
        it.entries.splice(it.entries.begin(), it.entries, found->second);
        return found->second->reply;
    }
    void keep(State& it, Entry entry) const {
        if (const auto found = it.by_key.find(entry.key); found != it.by_key.end()) erase(it, found->second);
        it.entries.push_front(std::move(entry));
        it.by_key[it.entries.front().key] = it.entries.begin();
        if (it.entries.size() > options.replies_max) erase(it, std::prev(it.entries.end()));
    }

  public:
    CacheLayer(Timers& with, KeyOf<R> key, CacheOptions chosen)
        : timers(&with), key_of(std::move(key)), options(chosen), state(State{}) {}
};

template <Operation R>
[[nodiscard]] CacheLayer<R> cache(Timers& timers, KeyOf<R> key_of, CacheOptions options = {}) {
    return {timers, std::move(key_of), options};
}

/// Who asks while the same is being asked gets the same reply. The first to ask asks with its own deadline: if that is
/// too short, those who have longer ask again.
template <Operation R>
struct CoalesceLayer {
    using IsLayer = void;
    using Reply = typename R::Reply;
    using State = std::unordered_map<std::string, std::vector<Promise<Reply>>>;
    KeyOf<R> key_of;
    /// For one reply; others ask by themselves.
    std::size_t waiting_max;
    Shared<State> state;

    template <ServiceOf<R> Inner>
    Task<Reply> operator()(const Inner& inner, Context context, R request) const {
        const std::string key = key_of(request);
        while (true) {
            Future<Reply> others;
            const bool leads = state.with([&](State& it) { return join(it, key, others); });
            if (!leads && !others.valid()) co_return co_await inner(std::move(context), std::move(request));
            if (leads) break;
            auto reply = co_await settled(std::move(others).wait());
            const bool was_its_own = !reply && (reply.error().code == ErrorCode::deadline_exceeded ||
                                                reply.error().code == ErrorCode::cancelled);
            if (!was_its_own) co_return std::move(reply);
        }
        auto reply = co_await settled(inner(std::move(context), std::move(request)));
        auto waiting = state.with([&](State& it) { return std::move(it.extract(key).mapped()); });
        for (auto& promise : waiting) promise.set(reply);
        co_return std::move(reply);
    }

    CoalesceLayer(KeyOf<R> key, std::size_t most) : key_of(std::move(key)), waiting_max(most), state(State{}) {}

  private:
    /// True: nobody asks yet. Otherwise @p others is what to wait for, unless too many do.
    bool join(State& it, const std::string& key, Future<Reply>& others) const {
        const auto [entry, is_first] = it.try_emplace(key);
        if (!is_first && entry->second.size() < waiting_max) others = entry->second.emplace_back().future();
        return is_first;
    }
};

template <Operation R>
[[nodiscard]] CoalesceLayer<R> coalesce(KeyOf<R> key_of, std::size_t waiting_max = 1'000) {
    return {std::move(key_of), waiting_max};
}

}  // namespace weft::mesh
