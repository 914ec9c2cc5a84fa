#pragma once
// Deadlines. `deadline` passes them on and refuses calls that can't be answered in time; `timeout` also answers itself
// when the time is over, whatever the service does, and drops a reply that comes later.

#include <algorithm>

#include "mesh/layer.hpp"

namespace weft::mesh {

struct DeadlineLayer {
    using IsLayer = void;
    Timers* timers;
    /// What the way back takes: the inner deadline is so much earlier.
    std::int64_t reserve_ns;

    /// @errors deadline_exceeded  at once, if less than the reserve is left.
    template <Operation R, ServiceOf<R> Inner>
    Task<typename R::Reply> operator()(const Inner& inner, Context context, R request) const {
        context.deadline_ns -= reserve_ns;
        if (context.deadline_ns <= timers->now_ns()) {
            co_return fail(ErrorCode::deadline_exceeded, std::string(R::method) + ": no time is left to make the call");
        }
        co_return co_await inner(std::move(context), std::move(request));
    }
};

struct TimeoutLayer {
    using IsLayer = void;
    Timers* timers;
    std::int64_t timeout_ns;

    /// @errors deadline_exceeded  at the caller's deadline, or timeout_ns from now if that is earlier.
    template <Operation R, ServiceOf<R> Inner>
    Task<typename R::Reply> operator()(const Inner& inner, Context context, R request) const {
        using Reply = typename R::Reply;
        const std::int64_t now_ns = timers->now_ns();
        context.deadline_ns = std::min(context.deadline_ns, now_ns + timeout_ns);
        const auto late = [] {
            return fail(ErrorCode::deadline_exceeded, std::string(R::method) + ": no reply before the deadline");
        };
        if (context.deadline_ns <= now_ns) co_return late();
        const First<Reply> first;
        auto answer = first.future();
        const auto timer = timers->at(context.deadline_ns, [first, late] { first.offer(late()); });
        spawn(owning<R>(inner, std::move(context), std::move(request)),
              [first](Result<Reply> reply) { first.offer(std::move(reply)); });
        auto reply = co_await settled(std::move(answer).wait());
        timers->cancel(timer);
        co_return std::move(reply);
    }
};

[[nodiscard]] inline DeadlineLayer deadline(Timers& timers, std::int64_t reserve_ns = 0) {
    return {&timers, reserve_ns};
}
[[nodiscard]] inline TimeoutLayer timeout(Timers& timers, std::int64_t timeout_ns) { return {&timers, timeout_ns}; }

}  // namespace weft::mesh
