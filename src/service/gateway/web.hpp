#pragma once
// The façades over the gateway's methods: GraphQL. Internal to this folder.

#include <memory>
#include <optional>

#include "api/web/graphql.hpp"
#include "net/http.hpp"

namespace weft::service::gateway {

struct Core;

struct Web {
    /// @param core  outlives it.
    explicit Web(Core& core);
    api::web::GraphQl graphql;
};

/// The answer, if the path is one of a façade; @p request is then moved from.
[[nodiscard]] std::optional<Task<net::Response>> answer_web(const std::shared_ptr<Core>& core, net::Request& request);

}  // namespace weft::service::gateway
