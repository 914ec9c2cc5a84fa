#pragma once
// The resources of /v1. Internal to this folder.

#include "net/rest.hpp"

namespace weft::api::web {

[[nodiscard]] net::RestTable make_rest_table();

}  // namespace weft::api::web
