#pragma once
// GraphQL over HTTP: POST of application/json or application/graphql, and GET for queries.
//
// @source  GraphQL over HTTP, stage 2 draft: what was executed is 200, whatever its errors. What was not is 400 for
// clients that accept application/graphql-response+json, and 200 for those that know only application/json, which take
// any other status for a proxy's word; a request that is no GraphQL request at all is 4xx for both.

#include "net/graphql/execute.hpp"
#include "net/http.hpp"

namespace weft::net::graphql {

/// @param schema   lives, like @p limits, until the task has ended.
Task<Response> serve(const Schema& schema, std::function<ObjectPtr()> root, net::Request request, const Limits& limits);

}  // namespace weft::net::graphql
