#include "mesh/retry.hpp"

#include <algorithm>

#include "base/result.hpp"

namespace weft::mesh {

namespace {
constexpr std::int64_t one_retry = 1'000;
}

RetryBudget make_retry_budget(const RetryConfig& config, std::int64_t now_ns) {
    return {.saved = config.saved_max, .last_ns = now_ns};
}

void on_call(const RetryConfig& config, RetryBudget& budget) {
    budget.saved = std::min(config.saved_max, budget.saved + config.per_call);
    ++budget.calls;
}

bool take_retry(const RetryConfig& config, RetryBudget& budget, std::int64_t now_ns) {
    if (config.per_second > 0 && now_ns > budget.last_ns) {
        // Capped before it is multiplied: a budget may have lain unused for days.
        const std::int64_t full_ns = config.saved_max * (ns_per_s / config.per_second) + ns_per_s;
        const std::int64_t passed_ns = std::min(now_ns - budget.last_ns, full_ns);
        const std::int64_t earned = passed_ns / 1'000 * config.per_second / (ns_per_s / 1'000);
        if (earned > 0) {
            budget.saved = std::min(config.saved_max, budget.saved + earned);
            budget.last_ns = now_ns;
        }
    }
    const std::uint64_t allowed = std::uint64_t{budget.calls} * config.pending_percent / 100;
    if (budget.saved < one_retry || budget.pending >= std::max(allowed, std::uint64_t{config.pending_min}))
        return false;
    budget.saved -= one_retry;
    ++budget.pending;
    return true;
}

void on_retry_end(RetryBudget& budget) {
    WEFT_ASSERT(budget.pending > 0);
    --budget.pending;
}

void on_call_end(RetryBudget& budget) {
    WEFT_ASSERT(budget.calls > 0);
    --budget.calls;
}

}  // namespace weft::mesh
