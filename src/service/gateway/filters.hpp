#pragma once
// What eth_newFilter and its relatives made: each collects what happens until it is asked, and is forgotten when nobody
// asks for five minutes.

#include <cstdint>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "api/types.hpp"
#include "base/result.hpp"
#include "chain/transaction.hpp"
#include "service/gateway/log_query.hpp"

namespace weft::service::gateway {

enum class FilterKind : std::uint8_t { blocks, logs, pending };

/// Filters of one process.
inline constexpr std::size_t filter_count_max = 10'000;
/// What one filter may hold between two questions; with more it is forgotten rather than answered with gaps.
inline constexpr std::size_t filter_item_count_max = 100'000;

/// A random id like geth's: "0x" and up to 32 digits.
[[nodiscard]] std::string make_id();

/// Thread-safe.
class Filters {
  public:
    explicit Filters(std::int64_t timeout_ns) : timeout_ns_(timeout_ns) {}

    /// @errors resource_exhausted  filter_count_max.
    [[nodiscard]] Result<std::string> add(FilterKind kind, LogQuery query, bool full_transactions);
    [[nodiscard]] bool remove(const std::string& id);
    /// What came since the last time, as JSON.
    /// @errors not_found  "filter not found".
    [[nodiscard]] Result<std::string> changes(const std::string& id);
    [[nodiscard]] Result<FilterKind> kind(const std::string& id);
    [[nodiscard]] Result<LogQuery> query(const std::string& id);

    void on_block(const api::SealedBlock& block, bool removed);
    void on_pending(const chain::TransactionPtr& transaction);

  private:
    struct Filter {
        FilterKind kind = FilterKind::blocks;
        LogQuery query;
        bool full_transactions = false;
        std::int64_t asked_ns = 0;
        std::vector<Hash> hashes;
        std::vector<api::LogEntry> logs;
        std::vector<chain::TransactionPtr> transactions;
    };

    void forget_old(std::int64_t now_ns);
    [[nodiscard]] Result<Filter*> find(const std::string& id);

    std::int64_t timeout_ns_;
    std::mutex mutex_;
    std::unordered_map<std::string, Filter> filters_;
};

}  // namespace weft::service::gateway
