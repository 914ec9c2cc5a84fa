#pragma once
// Makes a call a second time when it takes longer than nearly all did (mesh/hedge.hpp); the first answer counts. Only
// for operations that may be handled twice. What is wrapped chooses the target, and should choose another.

#include <memory>

#include "mesh/hedge.hpp"
#include "mesh/layer.hpp"

namespace weft::mesh {

struct HedgeParts {
    Timers* timers;
    Repeatable repeatable;
    HedgeConfig config;
    Shared<Hedge> state;
};

/// One call and its attempts, which may outlive it.
template <Operation R, class Inner>
struct HedgeRace {
    HedgeParts parts;
    Inner inner;
    Context context;
    R request;
    First<typename R::Reply> first = {};
    std::atomic<int> running{0};

    HedgeRace(HedgeParts of, Inner calls, Context with, R what)
        : parts(std::move(of)), inner(std::move(calls)), context(std::move(with)), request(std::move(what)) {}

    void attempt(std::shared_ptr<HedgeRace> self, bool is_hedge) {
        ++running;
        const auto began_ns = parts.timers->now_ns();
        spawn(owning<R>(inner, context, request),
              [self = std::move(self), is_hedge, began_ns](Result<typename R::Reply> reply) {
                  self->end(std::move(reply), is_hedge, began_ns);
              });
    }
    void hedge(const std::shared_ptr<HedgeRace>& self) {
        if (first.decided()) return;
        const auto now_ns = parts.timers->now_ns();
        const bool may = parts.state.with([&](Hedge& it) { return take_hedge(parts.config, it, now_ns); });
        if (may) attempt(self, true);
    }
    void end(Result<typename R::Reply> reply, bool was_hedge, std::int64_t began_ns) {
        const auto now_ns = parts.timers->now_ns();
        parts.state.with([&](Hedge& it) {
            if (was_hedge) on_retry_end(it.budget);
            if (reply) on_latency(parts.config, it, now_ns - began_ns);
        });
        const bool is_last = --running == 0;
        if (reply || is_last) first.offer(std::move(reply));
    }
};

struct HedgeLayer : HedgeParts {
    using IsLayer = void;

    /// @errors as the last attempt to fail.
    template <Operation R, ServiceOf<R> Inner>
    Task<typename R::Reply> operator()(const Inner& inner, Context context, R request) const {
        const auto delay_ns = state.with([&](Hedge& hedge) {
            on_call(config.budget, hedge.budget);
            return hedge_delay_ns(config, hedge);
        });
        auto race = std::make_shared<HedgeRace<R, Inner>>(*this, inner, std::move(context), std::move(request));
        auto answer = race->first.future();
        Timers::Id timer = 0;
        const bool hedged = delay_ns && repeatable(R::method);
        // The timer's before the attempt: an attempt that ends at once must not be hedged by one set after it.
        if (hedged) timer = timers->at(timers->now_ns() + *delay_ns, [race] { race->hedge(race); });
        race->attempt(race, false);
        auto reply = co_await settled(std::move(answer).wait());
        if (hedged) timers->cancel(timer);
        state.with([](Hedge& hedge) { on_call_end(hedge.budget); });
        co_return std::move(reply);
    }
};

[[nodiscard]] inline HedgeLayer hedge(Timers& timers, Repeatable repeatable, HedgeConfig config = {}) {
    return {{&timers, repeatable, config, Shared(Hedge{})}};
}

}  // namespace weft::mesh
