#pragma once
// The parts of a request's target, decoded: what a path's segments and a query's parameters say.
//
// @source  RFC 3986, section 2.1; the query as application/x-www-form-urlencoded (WHATWG URL, section 5)

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"

namespace weft::net {

inline constexpr std::size_t url_segments_max = 16;
inline constexpr std::size_t url_parameters_max = 64;

/// Percent-encoded text, decoded. @param plus_is_space  as in a query.
/// @errors invalid_argument  a '%' without two digits.
[[nodiscard]] Result<std::string> url_decode(std::string_view text, bool plus_is_space = false);

/// "/v1/blocks/latest" as {"v1", "blocks", "latest"}; an empty last one, of a slash at the end, is none.
/// @errors invalid_argument  as url_decode; resource_exhausted  more than url_segments_max.
[[nodiscard]] Result<std::vector<std::string>> url_segments(std::string_view path);

using UrlParameters = std::vector<std::pair<std::string, std::string>>;
/// "a=1&b" as {{"a", "1"}, {"b", ""}}.
/// @errors invalid_argument  as url_decode; resource_exhausted  more than url_parameters_max.
[[nodiscard]] Result<UrlParameters> url_parameters(std::string_view query);
/// The first value of that name.
[[nodiscard]] std::optional<std::string_view> find(const UrlParameters& parameters, std::string_view name);

}  // namespace weft::net
