#pragma once
// The schema of Ethereum's GraphQL.
//
// @source  EIP-1767 (its text is CC0), with what has come to the protocol since under the names that geth and Besu
// serve it by. Quantities are hexadecimal on output and either form on input, as theirs are.

#include <string_view>

namespace weft::api::web {

extern const std::string_view graphql_sdl;

}  // namespace weft::api::web
