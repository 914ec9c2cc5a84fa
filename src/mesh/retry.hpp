#pragma once
// A budget for retries: a share of the calls, and a few a second besides. When everything fails, retries add a bounded
// share to the load instead of multiplying it.

#include <cstdint>

#include "base/time.hpp"

namespace weft::mesh {

/// In thousandths of a retry.
struct RetryConfig {
    std::int64_t per_call = 200;
    std::int64_t per_second = 10'000;
    std::int64_t saved_max = 100'000;
};

struct RetryBudget {
    std::int64_t saved = 0;
    std::int64_t last_ns = 0;
};

/// A full budget, for a start.
[[nodiscard]] RetryBudget make_retry_budget(const RetryConfig& config, std::int64_t now_ns);
/// A first attempt is made.
void on_call(const RetryConfig& config, RetryBudget& budget);
/// Takes one retry out of the budget, or says no.
[[nodiscard]] bool take_retry(const RetryConfig& config, RetryBudget& budget, std::int64_t now_ns);

}  // namespace weft::mesh
