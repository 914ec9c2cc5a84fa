#pragma once
// One call of a JSON-RPC method, wherever it is answered: by the methods of this process, by nodes of ours, or by
// any Ethereum node. What is offered in another form (GraphQL, REST) is a façade over this one function.

#include <functional>
#include <string>
#include <string_view>

#include "base/task.hpp"
#include "mesh/service.hpp"

namespace weft::net {

/// Gives the result as JSON text.
///
/// @param method  lives until the task has ended, as a literal does; params_json is an array.
/// @errors  the method's own: detail is the JSON-RPC code, data what "error.data" had.
using RpcCall =
    std::function<Task<std::string>(mesh::Context context, std::string_view method, std::string params_json)>;

}  // namespace weft::net
