#include "net/url.hpp"

#include <algorithm>

#include "base/hex.hpp"

namespace weft::net {

Result<std::string> url_decode(std::string_view text, bool plus_is_space) {
    std::string out;
    out.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '+' && plus_is_space) {
            out += ' ';
        } else if (text[i] != '%') {
            out += text[i];
        } else {
            const bool has_two = text.size() - i > 2;
            const int high = has_two ? hex_digit(text[i + 1]) : -1;
            const int low = has_two ? hex_digit(text[i + 2]) : -1;
            if (high < 0 || low < 0) return fail(ErrorCode::invalid_argument, "a '%' without two hexadecimal digits");
            out += static_cast<char>(high << 4 | low);
            i += 2;
        }
    }
    return out;
}

Result<std::vector<std::string>> url_segments(std::string_view path) {
    std::vector<std::string> out;
    if (path.starts_with('/')) path.remove_prefix(1);
    while (!path.empty()) {
        if (out.size() == url_segments_max)
            return fail(ErrorCode::resource_exhausted, "the path has too many segments");
        const std::size_t end = std::min(path.find('/'), path.size());
        WEFT_TRY(auto segment, url_decode(path.substr(0, end)));
        out.push_back(std::move(segment));
        path.remove_prefix(std::min(end + 1, path.size()));
    }
    return out;
}

Result<UrlParameters> url_parameters(std::string_view query) {
    UrlParameters out;
    while (!query.empty()) {
        const std::size_t end = std::min(query.find('&'), query.size());
        const std::string_view one = query.substr(0, end);
        query.remove_prefix(std::min(end + 1, query.size()));
        if (one.empty()) continue;
        if (out.size() == url_parameters_max) {
            return fail(ErrorCode::resource_exhausted, "the query has too many parameters");
        }
        const std::size_t equals = std::min(one.find('='), one.size());
        WEFT_TRY(auto name, url_decode(one.substr(0, equals), true));
        WEFT_TRY(auto value, url_decode(one.substr(std::min(equals + 1, one.size())), true));
        out.emplace_back(std::move(name), std::move(value));
    }
    return out;
}

std::optional<std::string_view> find(const UrlParameters& parameters, std::string_view name) {
    for (const auto& [key, value] : parameters) {
        if (key == name) return value;
    }
    return {};
}

}  // namespace weft::net
