#pragma once
// Bounds the calls under way (mesh/bulkhead.hpp), by a number or by what the latency says (mesh/adaptive.hpp). Those
// that wait for a place do so until their deadline, in order.

#include <deque>
#include <functional>
#include <optional>
#include <vector>

#include "mesh/adaptive.hpp"
#include "mesh/bulkhead.hpp"
#include "mesh/layer.hpp"

namespace weft::mesh {

struct BulkheadOptions {
    std::uint32_t running_max = 100;
    std::uint32_t waiting_max = 100;
    /// Set: running_max is found out.
    std::optional<AdaptiveConfig> adaptive = {};
    /// Gets how long a call has waited for its place, e.g. ShedLayer::started.
    std::function<void(std::int64_t queued_ns)> started = [](std::int64_t) {};
};

struct BulkheadLayer {
    using IsLayer = void;
    struct State {
        Bulkhead bulkhead;
        Adaptive adaptive;
        std::deque<First<void>> waiting = {};
    };
    Timers* timers;
    BulkheadOptions options;
    Shared<State> state;

    /// @errors resource_exhausted  no place is left to wait in; deadline_exceeded  while it waited.
    template <Operation R, ServiceOf<R> Inner>
    Task<typename R::Reply> operator()(const Inner& inner, Context context, R request) const {
        const std::int64_t came_ns = timers->now_ns();
        First<void> place;
        const Entry entry = state.with([&](State& it) {
            const auto got = enter(it.bulkhead, limit(it), options.waiting_max);
            if (got == Entry::wait) it.waiting.push_back(place);
            return got;
        });
        if (entry == Entry::refuse) {
            co_return fail(ErrorCode::resource_exhausted, std::string(R::method) + ": too many calls are under way");
        }
        if (entry == Entry::wait) {
            auto granted = place.future();
            const auto timer = timers->at(context.deadline_ns, [place] {
                place.offer(
                    fail(ErrorCode::deadline_exceeded, std::string(R::method) + ": no place before the deadline"));
            });
            const auto waited = co_await settled(std::move(granted).wait());
            timers->cancel(timer);
            if (!waited) {
                state.with(forget_late);
                co_return std::unexpected(waited.error());
            }
        }
        const std::int64_t began_ns = timers->now_ns();
        options.started(began_ns - came_ns);
        auto reply = co_await settled(inner(std::move(context), std::move(request)));
        const std::int64_t now_ns = timers->now_ns();
        const bool dropped = !reply && (reply.error().code == ErrorCode::resource_exhausted ||
                                        reply.error().code == ErrorCode::deadline_exceeded);
        end(now_ns - began_ns, dropped, now_ns);
        co_return std::move(reply);
    }

    [[nodiscard]] std::uint32_t limit(const State& it) const {
        return options.adaptive ? limit_of(*options.adaptive, it.adaptive) : options.running_max;
    }
    void end(std::int64_t latency_ns, bool dropped, std::int64_t now_ns) const {
        std::uint32_t places = 1;
        state.with([&](State& it) {
            if (!options.adaptive) return;
            on_end(*options.adaptive, it.adaptive, latency_ns, it.bulkhead.running, dropped, now_ns);
        });
        // A place that is granted in the moment in which its deadline passes comes back.
        while (places > 0) {
            std::vector<First<void>> going_on;
            state.with([&](State& it) {
                forget_late(it);
                for (auto count = leave(it.bulkhead, limit(it)); count > 0; --count) {
                    going_on.push_back(std::move(it.waiting.front()));
                    it.waiting.pop_front();
                }
            });
            --places;
            for (const auto& one : going_on) places += one.offer({}) ? 0 : 1;
        }
    }
    static void forget_late(State& it) {
        const auto late = std::erase_if(it.waiting, [](const First<void>& one) { return one.decided(); });
        for (std::size_t i = 0; i < late; ++i) give_up(it.bulkhead);
    }
};

[[nodiscard]] inline BulkheadLayer bulkhead(Timers& timers, BulkheadOptions options = {}) {
    auto adaptive = options.adaptive ? make_adaptive(*options.adaptive, timers.now_ns()) : Adaptive{};
    return {&timers, std::move(options), Shared(BulkheadLayer::State{{}, adaptive})};
}

}  // namespace weft::mesh
