#pragma once
// A budget for retries: a share of the calls, and a few a second besides. When everything fails, retries add a bounded
// share to the load instead of multiplying it.
//
// A retry counts from the decision to make it, not from when it is made: those that wait in back-off are bounded too,
// or calls that all failed in one moment would all come back in another.

#include <cstdint>

#include "base/time.hpp"

namespace weft::mesh {

/// In thousandths of a retry.
struct RetryConfig {
    std::int64_t per_call = 200;
    std::int64_t per_second = 10'000;
    std::int64_t saved_max = 100'000;
    /// Retries that wait or run at once, of the calls that do; 100 is no bound besides the budget.
    std::uint32_t pending_percent = 100;
    /// So many may be pending whatever the percentage says.
    std::uint32_t pending_min = 3;
};

struct RetryBudget {
    std::int64_t saved = 0;
    std::int64_t last_ns = 0;
    /// Calls that have begun and not ended.
    std::uint32_t calls = 0;
    /// Of these, the ones that are at a second attempt or wait for one.
    std::uint32_t pending = 0;
};

/// A full budget, for a start.
[[nodiscard]] RetryBudget make_retry_budget(const RetryConfig& config, std::int64_t now_ns);
/// A call begins. on_call_end() follows.
void on_call(const RetryConfig& config, RetryBudget& budget);
/// Takes one retry out of the budget, or says no. Before the back-off; on_retry_end() follows when the attempt has
/// ended or was given up.
[[nodiscard]] bool take_retry(const RetryConfig& config, RetryBudget& budget, std::int64_t now_ns);
void on_retry_end(RetryBudget& budget);
void on_call_end(RetryBudget& budget);

}  // namespace weft::mesh
