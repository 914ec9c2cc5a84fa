#pragma once
// The types by which a schema tells of itself.
//
// @source  GraphQL, October 2021, section 4.2, and the built-in scalars and directives of sections 3.5 and 3.13

#include <string_view>

namespace weft::net::graphql {

/// "__Hidden" holds the fields that are there without being listed.
extern const std::string_view introspection_sdl;

}  // namespace weft::net::graphql
