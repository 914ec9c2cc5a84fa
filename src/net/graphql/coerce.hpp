#pragma once
// Input values by their types: literals of a document and the JSON of its variables.

#include <functional>
#include <optional>
#include <string>

#include "base/json.hpp"
#include "base/result.hpp"
#include "net/graphql/document.hpp"
#include "net/graphql/schema.hpp"

namespace weft::net::graphql {

/// A variable's JSON as its type wants it, defaults of input fields put in.
/// @errors invalid_argument  says where in the value and what is wrong.
[[nodiscard]] Result<json::Value> read_variable(const Schema& schema, const TypeReference& type,
                                                const json::Value& value);

/// Calls @p wrong for everything in @p value that is not of its type; variables in it are not looked at but given to
/// @p variable with the type that is due in their place.
struct LiteralCheck {
    std::function<void(std::string message, Location at)> wrong;
    std::function<void(const Value& variable, const TypeReference& type, bool has_default)> variable;
};
void check_literal(const Schema& schema, const TypeReference& type, const Value& value, const LiteralCheck& check,
                   bool has_default = false);

/// A literal that check_literal found right, coerced. Nothing if it is a variable that was not given.
/// @param variables  an object of those that were given.
/// @errors invalid_argument  null from a variable where none may be.
[[nodiscard]] Result<std::optional<json::Value>> read_literal(const Schema& schema, const TypeReference& type,
                                                              const Value& value, const json::Value& variables);

}  // namespace weft::net::graphql
