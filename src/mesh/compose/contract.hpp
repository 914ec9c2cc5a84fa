#pragma once
// Contracts: what a service asks of its request and promises of its reply, checked where services meet. A contract is
// itself a flow around a flow, so a composite of services under contract is under contract.

#include <functional>
#include <string>

#include "mesh/compose/compose.hpp"

namespace weft::mesh::compose {

template <class In, class Out>
struct Contract {
    /// What an error names.
    std::string name;
    /// May it be asked?
    std::function<bool(const In&)> requires_of = [](const In&) { return true; };
    /// Is that an answer to it?
    std::function<bool(const In&, const Out&)> ensures = [](const In&, const Out&) { return true; };
};

namespace detail {

template <class In, class Out>
Task<Out> checked(std::shared_ptr<const Contract<In, Out>> contract, Flow<In, Out> inner, Context context, In input) {
    const auto broken = [&](const char* what) {
        return fail(ErrorCode::failed_precondition, "contract " + contract->name + ": its " + what + " does not hold");
    };
    if (!contract->requires_of(input)) co_return broken("precondition");
    Out output = co_await inner(std::move(context), input);
    if (!contract->ensures(input, output)) co_return broken("postcondition");
    co_return std::move(output);
}

}  // namespace detail

/// The service under the contract: it is not asked what breaks the precondition, and gives nothing that breaks the
/// postcondition.
///
/// @errors failed_precondition  names the contract and which of the two was broken; then those of the service.
template <class In, class Out>
[[nodiscard]] Flow<In, Out> under(Contract<In, Out> contract, Flow<In, Out> inner) {
    auto shared = std::make_shared<const Contract<In, Out>>(std::move(contract));
    return {[shared = std::move(shared), inner = std::move(inner)](Context context, In input) {
        return detail::checked(shared, inner, std::move(context), std::move(input));
    }};
}

}  // namespace weft::mesh::compose
