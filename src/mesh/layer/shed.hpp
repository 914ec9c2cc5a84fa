#pragma once
// Refuses the least important calls while those admitted wait too long (mesh/shed.hpp). How long they wait, started()
// is told, by a bulkhead for example.

#include "mesh/layer.hpp"
#include "mesh/layer/rate_limit.hpp"
#include "mesh/shed.hpp"

namespace weft::mesh {

struct ShedLayer {
    using IsLayer = void;
    Timers* timers;
    ShedConfig config;
    Shared<Shed> state;

    /// @errors resource_exhausted.
    template <Operation R, ServiceOf<R> Inner>
    Task<typename R::Reply> operator()(const Inner& inner, Context context, R request) const {
        const auto client = client_of(context);
        const std::int64_t now_ns = timers->now_ns();
        const bool admitted = state.with([&](Shed& it) { return admit(config, it, context.priority, client, now_ns); });
        if (!admitted) {
            co_return fail(ErrorCode::resource_exhausted, std::string(R::method) + ": overloaded, and others go first");
        }
        co_return co_await inner(std::move(context), std::move(request));
    }
    void started(std::int64_t queued_ns) const {
        state.with([&](Shed& it) { on_started(it, queued_ns); });
    }
};

[[nodiscard]] inline ShedLayer shed(Timers& timers, ShedConfig config = {}) {
    return {&timers, config, Shared(Shed{})};
}

}  // namespace weft::mesh
