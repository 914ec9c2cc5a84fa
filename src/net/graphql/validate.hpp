#pragma once
// Whether a document can be executed against a schema at all.
//
// @source  GraphQL, October 2021, section 5: every rule of it that is about operations and fragments. A rule about
// subscriptions has nothing to look at: no schema here has any.

#include <vector>

#include "net/graphql/document.hpp"
#include "net/graphql/limits.hpp"
#include "net/graphql/schema.hpp"

namespace weft::net::graphql {

/// Empty if the document is valid. At most limits.errors_max problems; the work is bounded by validation_steps_max.
[[nodiscard]] std::vector<Problem> validate(const Schema& schema, const Document& document, const Limits& limits = {});

}  // namespace weft::net::graphql
