#pragma once
// Who calls: a function looks at what the caller says of itself, and names it or refuses.

#include "mesh/layer.hpp"

namespace weft::mesh {

/// @param Check  Result<std::string>(const Caller&): the principal, or unauthenticated, permission_denied.
template <class Check>
struct AuthenticateLayer {
    using IsLayer = void;
    Check check;

    /// @errors unauthenticated  nothing is said of the caller; what the check gives.
    template <Operation R, ServiceOf<R> Inner>
    Task<typename R::Reply> operator()(const Inner& inner, Context context, R request) const {
        if (!context.caller) co_return fail(ErrorCode::unauthenticated, std::string(R::method) + ": who calls?");
        auto known = std::make_shared<Caller>(*context.caller);
        known->principal = co_await Result<std::string>(check(*context.caller));
        context.caller = std::move(known);
        co_return co_await inner(std::move(context), std::move(request));
    }
};

template <class Check>
[[nodiscard]] AuthenticateLayer<Check> authenticate(Check check) {
    return {std::move(check)};
}

}  // namespace weft::mesh
