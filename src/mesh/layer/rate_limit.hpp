#pragma once
// So many calls a second for each client (mesh/limit.hpp).

#include <vector>

#include "mesh/balance/stable_hash.hpp"
#include "mesh/layer.hpp"
#include "mesh/limit.hpp"

namespace weft::mesh {

/// Whose call it is: the principal if somebody has checked it, nobody otherwise.
[[nodiscard]] inline std::uint64_t client_of(const Context& context) {
    return context.caller ? stable_hash(context.caller->principal) : 0;
}

struct RateLimitLayer {
    using IsLayer = void;
    Timers* timers;
    RateLimit limit;
    /// One for each client, by its hash: two that meet share a limit, and no client can make the table grow.
    std::shared_ptr<std::vector<std::atomic<std::int64_t>>> states;

    /// @errors resource_exhausted  with the milliseconds to wait in the text.
    template <Operation R, ServiceOf<R> Inner>
    Task<typename R::Reply> operator()(const Inner& inner, Context context, R request) const {
        auto& state = (*states)[client_of(context) % states->size()];
        const std::int64_t wait_ns = take(limit, state, timers->now_ns());
        if (wait_ns != 0) {
            co_return fail(ErrorCode::resource_exhausted, std::string(R::method) + ": rate limit; try again in " +
                                                              std::to_string(wait_ns / ns_per_ms + 1) + " ms");
        }
        co_return co_await inner(std::move(context), std::move(request));
    }
};

/// @param clients  Places of the table, 8 bytes each.
[[nodiscard]] inline RateLimitLayer rate_limit(Timers& timers, RateLimit limit, std::size_t clients = 65'536) {
    return {&timers, limit, std::make_shared<std::vector<std::atomic<std::int64_t>>>(clients)};
}

}  // namespace weft::mesh
