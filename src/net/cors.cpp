#include "net/cors.hpp"

#include <algorithm>

namespace weft::net {

bool Cors::allows(std::string_view origin) const {
    return std::ranges::any_of(origins, [&](const auto& one) { return one == "*" || one == origin; });
}

void Cors::allow(std::string_view origin, Response& response) const {
    if (origin.empty() || !allows(origin)) return;
    const bool any = std::ranges::find(origins, "*") != origins.end();
    response.headers.emplace_back("Access-Control-Allow-Origin", any ? "*" : std::string(origin));
    if (!any) response.headers.emplace_back("Vary", "Origin");
}

Response Cors::preflight(const Request& request) const {
    Response response{204, {}, {}, {}};
    allow(request.header("origin"), response);
    if (response.headers.empty()) return response;
    const std::string_view asked = request.header("access-control-request-headers");
    response.headers.emplace_back("Access-Control-Allow-Methods", "GET, POST, OPTIONS");
    response.headers.emplace_back("Access-Control-Allow-Headers", asked.empty() ? "Content-Type" : std::string(asked));
    response.headers.emplace_back("Access-Control-Max-Age", "600");
    return response;
}

}  // namespace weft::net
