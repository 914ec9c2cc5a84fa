#include "service/proxy/log_filter.hpp"

#include <algorithm>

#include "net/rpc_scan.hpp"

namespace weft::service::proxy {

namespace {

std::string lower(std::string_view text) {
    std::string out(text);
    std::ranges::transform(out, out.begin(),
                           [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    return out;
}

/// "0x" and @p bytes of hexadecimal, in quotes.
bool is_data(std::string_view json, std::size_t bytes) {
    if (json.size() != bytes * 2 + 4 || !json.starts_with("\"0x")) return false;
    return std::ranges::all_of(json.substr(3, bytes * 2), [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
    });
}

Result<std::vector<std::string>> parse_set(std::string_view json, std::size_t bytes, const char* what) {
    std::vector<std::string> out;
    if (json.empty() || json == "null") return out;
    std::vector<std::string_view> items(LogFilter::values_max);
    std::size_t count = 1;
    items[0] = json;
    if (json.starts_with('[')) count = net::items_of(json, items.data(), items.size());
    if (count > items.size()) return fail(ErrorCode::invalid_argument, std::string("too many values in ") + what);
    for (std::size_t i = 0; i < count; ++i) {
        // In a list, null stands for any, as the whole list then does.
        if (items[i] == "null") return std::vector<std::string>{};
        if (!is_data(items[i], bytes)) return fail(ErrorCode::invalid_argument, std::string("invalid ") + what);
        out.push_back(lower(items[i]));
    }
    return out;
}

}  // namespace

Result<LogFilter> LogFilter::parse(std::string_view criteria) {
    LogFilter out;
    if (criteria.empty() || criteria == "null") return out;
    if (!criteria.starts_with('{')) return fail(ErrorCode::invalid_argument, "the filter must be an object");
    WEFT_TRY(out.addresses_, parse_set(net::member_of(criteria, "address"), 20, "address"));
    const std::string_view topics = net::member_of(criteria, "topics");
    if (topics.empty() || topics == "null") return out;
    std::array<std::string_view, topics_max> items;
    const std::size_t count = net::items_of(topics, items.data(), items.size());
    if (count > items.size()) return fail(ErrorCode::invalid_argument, "topics must be an array of at most 4");
    for (std::size_t i = 0; i < count; ++i) {
        WEFT_TRY(auto set, parse_set(items[i], 32, "topic"));
        out.topics_.push_back(std::move(set));
    }
    return out;
}

bool LogFilter::matches(std::string_view log) const {
    const auto has = [](const Set& set, std::string_view value) {
        return set.empty() || std::ranges::find(set, lower(value)) != set.end();
    };
    if (!has(addresses_, net::member_of(log, "address"))) return false;
    if (topics_.empty()) return true;
    std::array<std::string_view, topics_max> topics;
    const std::size_t count = net::items_of(net::member_of(log, "topics"), topics.data(), topics.size());
    if (count == std::string_view::npos || count < topics_.size()) return false;
    for (std::size_t i = 0; i < topics_.size(); ++i) {
        if (!has(topics_[i], topics[i])) return false;
    }
    return true;
}

}  // namespace weft::service::proxy
