#include "service/gateway/log_query.hpp"

#include "service/gateway/errors.hpp"
#include "service/gateway/params.hpp"

namespace weft::service::gateway {

namespace {

Result<std::vector<Address>> addresses(const json::Value& value) {
    std::vector<Address> out;
    if (value.is_null()) return out;
    if (value.is_string()) {
        auto address = read::address(value);
        if (!address) return fail(ErrorCode::invalid_argument, "invalid address: " + address.error().message);
        out.push_back(*address);
        return out;
    }
    if (!value.is_array()) return fail(ErrorCode::invalid_argument, "invalid addresses in query");
    if (value.items().size() > search_item_count_max)
        return invalid_params("exceed max addresses or topics per search position");
    for (std::size_t i = 0; i < value.items().size(); ++i) {
        const json::Value& item = value.items()[i];
        if (!item.is_string())
            return fail(ErrorCode::invalid_argument, "non-string address at index " + std::to_string(i));
        auto address = read::address(item);
        if (!address) {
            return fail(ErrorCode::invalid_argument,
                        "invalid address at index " + std::to_string(i) + ": " + address.error().message);
        }
        out.push_back(*address);
    }
    return out;
}

Result<Hash> topic(const json::Value& value) {
    if (!value.is_string()) return fail(ErrorCode::invalid_argument, "invalid topic(s)");
    return read::hash(value);
}

/// One position: null or an empty list is anything; a list with null in it is, too.
Result<api::storage::TopicChoice> topic_choice(const json::Value& value) {
    api::storage::TopicChoice out;
    if (value.is_null()) return out;
    if (value.is_string()) {
        WEFT_TRY(out.any_of.emplace_back(), topic(value));
        return out;
    }
    if (!value.is_array()) return fail(ErrorCode::invalid_argument, "invalid topic(s)");
    if (value.items().size() > search_item_count_max)
        return invalid_params("exceed max addresses or topics per search position");
    for (const auto& item : value.items()) {
        if (item.is_null()) return api::storage::TopicChoice{};
        WEFT_TRY(out.any_of.emplace_back(), topic(item));
    }
    return out;
}

}  // namespace

bool LogQuery::covers(std::uint64_t number) const {
    if (from && from->tag == api::BlockTag::number && number < from->number) return false;
    return !(to && to->tag == api::BlockTag::number && number > to->number);
}

Result<LogQuery> read_log_query(const json::Value& value) {
    if (!value.is_object()) return read::wrong_type(read::kind_name(value), "filters.input");
    LogQuery out;
    const json::Value& block_hash = value["blockHash"];
    const json::Value& from = value["fromBlock"];
    const json::Value& to = value["toBlock"];
    if (!block_hash.is_null()) {
        if (!from.is_null() || !to.is_null()) {
            return fail(ErrorCode::invalid_argument,
                        "cannot specify both BlockHash and FromBlock/ToBlock, choose one or the other");
        }
        WEFT_TRY(out.block_hash, read::hash(block_hash));
    }
    if (!from.is_null()) {
        WEFT_TRY(out.from, read::block(from, true));
    }
    if (!to.is_null()) {
        WEFT_TRY(out.to, read::block(to, true));
    }
    WEFT_TRY(out.filter.addresses, addresses(value["address"]));
    const json::Value& topics = value["topics"];
    if (!topics.is_null() && !topics.is_array()) {
        return read::wrong_type(read::kind_name(topics), "[]interface {}");
    }
    if (topics.items().size() > topic_count_max) return invalid_params("exceed max topics");
    for (const auto& position : topics.items()) {
        WEFT_TRY(out.filter.topics.emplace_back(), topic_choice(position));
    }
    return out;
}

}  // namespace weft::service::gateway
