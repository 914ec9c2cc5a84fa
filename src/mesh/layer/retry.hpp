#pragma once
// Makes a call again that was lost: if it was certainly not handled, or may be handled twice.

#include "mesh/backoff.hpp"
#include "mesh/layer.hpp"
#include "mesh/retry.hpp"

namespace weft::mesh {

struct RetryOptions {
    std::uint32_t attempts_max = 3;
    Backoff backoff = {};
    RetryConfig budget = {};
};

struct RetryLayer {
    using IsLayer = void;
    Timers* timers;
    Repeatable repeatable;
    RetryOptions options;
    Shared<RetryBudget> budget;

    /// @errors as the last attempt; none is made that would begin after the deadline.
    template <Operation R, ServiceOf<R> Inner>
    Task<typename R::Reply> operator()(const Inner& inner, Context context, R request) const {
        budget.with([&](RetryBudget& it) { on_call(options.budget, it); });
        bool retrying = false;
        std::uint32_t attempt = 0;
        while (true) {
            auto reply = co_await settled(inner(context, request));
            if (retrying) budget.with(on_retry_end);
            retrying = !reply && ++attempt < options.attempts_max && may_repeat<R>(reply.error()) && take();
            if (retrying) {
                const auto at_ns = timers->now_ns() + backoff_ns(options.backoff, attempt - 1, timers->random());
                if (at_ns < context.deadline_ns && co_await settled(timers->sleep_until(at_ns))) continue;
                budget.with(on_retry_end);
            }
            budget.with(on_call_end);
            co_return std::move(reply);
        }
    }

    template <Operation R>
    bool may_repeat(const Error& error) const {
        return is_unsent(error) || (is_lost(error) && repeatable(R::method));
    }
    bool take() const {
        return budget.with([&](RetryBudget& it) { return take_retry(options.budget, it, timers->now_ns()); });
    }
};

[[nodiscard]] inline RetryLayer retry(Timers& timers, Repeatable repeatable, RetryOptions options = {}) {
    return {&timers, repeatable, options, Shared(make_retry_budget(options.budget, timers.now_ns()))};
}

}  // namespace weft::mesh
