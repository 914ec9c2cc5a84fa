#pragma once
// Which pages of which origins a browser lets read the answers (Fetch standard, CORS protocol).

#include <string>
#include <string_view>
#include <vector>

#include "net/http.hpp"

namespace weft::net {

struct Cors {
    /// "https://app.example"; "*" is any.
    std::vector<std::string> origins = {"*"};

    [[nodiscard]] bool allows(std::string_view origin) const;
    /// What lets the page that asks read the answer.
    void allow(std::string_view origin, Response& response) const;
    /// The answer to OPTIONS. Allows the headers that are asked for.
    [[nodiscard]] Response preflight(const Request& request) const;
};

}  // namespace weft::net
