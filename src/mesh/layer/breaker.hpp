#pragma once
// Refuses calls to a service that fails, without making them (mesh/breaker.hpp).

#include "mesh/breaker.hpp"
#include "mesh/layer.hpp"

namespace weft::mesh {

struct BreakerLayer {
    using IsLayer = void;
    Timers* timers;
    BreakerConfig config;
    Shared<Breaker> state;

    /// @errors unavailable  the breaker is open; certainly unsent.
    template <Operation R, ServiceOf<R> Inner>
    Task<typename R::Reply> operator()(const Inner& inner, Context context, R request) const {
        const std::int64_t began_ns = timers->now_ns();
        const auto ticket = state.with([&](Breaker& breaker) { return admit(config, breaker, began_ns); });
        if (!ticket) co_return fail_unsent(std::string(R::method) + ": its circuit breaker is open");
        auto reply = co_await settled(inner(std::move(context), std::move(request)));
        const std::int64_t now_ns = timers->now_ns();
        state.with([&](Breaker& breaker) {
            if (!reply && reply.error().code == ErrorCode::cancelled) return withdraw(breaker, *ticket);
            const CallOutcome outcome{!reply && is_fault(reply.error()), now_ns - began_ns};
            report(config, breaker, *ticket, outcome, now_ns);
        });
        co_return std::move(reply);
    }
};

[[nodiscard]] inline BreakerLayer breaker(Timers& timers, BreakerConfig config = {}) {
    return {&timers, config, Shared(Breaker{})};
}

}  // namespace weft::mesh
