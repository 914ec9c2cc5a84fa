#pragma once
// The object that eth_getLogs, eth_newFilter and eth_subscribe take.

#include <optional>

#include "api/storage.hpp"
#include "base/json.hpp"
#include "base/result.hpp"

namespace weft::service::gateway {

struct LogQuery {
    std::optional<Hash> block_hash;
    std::optional<api::BlockRef> from;
    std::optional<api::BlockRef> to;
    api::storage::LogFilter filter;

    /// Whether a block of this number is in the range, for logs that are still to come.
    [[nodiscard]] bool covers(std::uint64_t number) const;
};

/// Addresses, and topics of one position, that a query may name.
inline constexpr std::size_t search_item_count_max = 1000;
inline constexpr std::size_t topic_count_max = 4;

/// @errors invalid_argument  in geth's words.
[[nodiscard]] Result<LogQuery> read_log_query(const json::Value& value);

}  // namespace weft::service::gateway
