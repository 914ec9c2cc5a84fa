#pragma once
// Another answer when there is none: an older one, a poorer one, another service's.

#include "mesh/layer.hpp"

namespace weft::mesh {

template <class Other>
struct FallbackLayer {
    using IsLayer = void;
    Other other;

    /// Asks the other for the same if the first is at fault; what is wrong with the request stays so.
    template <Operation R, ServiceOf<R> Inner>
    requires ServiceOf<Other, R> Task<typename R::Reply>
    operator()(const Inner& inner, Context context, R request) const {
        auto reply = co_await settled(inner(context, request));
        if (reply || !(is_fault(reply.error()) || is_lost(reply.error()))) co_return std::move(reply);
        co_return co_await other(std::move(context), std::move(request));
    }
};

template <class Other>
[[nodiscard]] FallbackLayer<Other> fallback(Other other) {
    return {std::move(other)};
}

}  // namespace weft::mesh
