#pragma once
// From a valid document to what is to be executed: variables read, fragments put in, @skip and @include decided, fields
// of one response key merged, arguments coerced, and the whole of it counted against the limits before any work.

#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.hpp"
#include "net/graphql/document.hpp"
#include "net/graphql/limits.hpp"
#include "net/graphql/schema.hpp"

namespace weft::net::graphql {

/// One field of the response, for every object of its parent's type.
struct Planned {
    std::string key;
    const Field* field = nullptr;
    /// The type whose field it is.
    const Type* parent = nullptr;
    json::Value arguments = json::Value::object({});
    std::vector<Planned> children;
    Location at;
    /// Nothing below it waits.
    bool immediate = false;
};

struct Plan {
    OperationKind kind = OperationKind::query;
    std::vector<Planned> fields;
};

/// The operation that is meant: the one of that name, or the only one if @p name is empty.
[[nodiscard]] std::expected<const Operation*, Problem> choose(const Document& document, std::string_view name);

/// @param document   valid by validate(); @p variables an object or null.
/// @errors the problem: a variable's value, a limit.
[[nodiscard]] std::expected<Plan, Problem> make_plan(const Schema& schema, const Document& document,
                                                     const Operation& operation, const json::Value& variables,
                                                     const Limits& limits);

}  // namespace weft::net::graphql
