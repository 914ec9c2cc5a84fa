#pragma once
// Runs a plan. Fields of one level run at once, those of a mutation's root one after another; a null where none may be
// makes null of the nearest field above that may be; what went wrong is listed with its path.
//
// @source  GraphQL, October 2021, section 6

#include <optional>
#include <string>
#include <string_view>

#include "base/task.hpp"
#include "net/graphql/limits.hpp"
#include "net/graphql/plan.hpp"

namespace weft::net::graphql {

struct Executed {
    /// JSON of "data"; "null" if a null came up to the top.
    std::string data;
    std::vector<Problem> problems;
};

/// @param plan  lives, like @p limits, until the task has ended; @p root is what the root's fields are resolved on.
Task<Executed> execute(const Plan& plan, ObjectPtr root, const Limits& limits);

/// A request as it came, whatever brought it.
struct Request {
    std::string query;
    std::string operation_name;
    json::Value variables;
};

struct Outcome {
    /// The whole response.
    std::string json;
    /// False if nothing was executed: the document is wrong, or asks for too much.
    bool executed = false;
    /// The operation is none that the transport allows (a mutation by GET).
    bool refused = false;
};

/// Parse, validate, plan, execute.
/// @param root      makes what the root's fields are resolved on, once it is known that something is executed.
/// @param read_only refuses mutations.
Task<Outcome> answer(const Schema& schema, std::function<ObjectPtr()> root, Request request, const Limits& limits,
                     bool read_only);

/// {"errors":[...]} of a request of which nothing was executed.
[[nodiscard]] std::string errors_json(const std::vector<Problem>& problems);

}  // namespace weft::net::graphql
