#include "service/storage/logs.hpp"

#include <algorithm>

#include "base/time.hpp"

namespace weft::service::storage {

bool matches(const api::storage::LogFilter& filter, const evm::Log& log) {
    if (!filter.addresses.empty() && std::ranges::find(filter.addresses, log.address) == filter.addresses.end())
        return false;
    if (filter.topics.size() > log.topics.size()) return false;
    for (std::size_t i = 0; i < filter.topics.size(); ++i) {
        const auto& choice = filter.topics[i].any_of;
        if (!choice.empty() && std::ranges::find(choice, log.topics[i]) == choice.end()) return false;
    }
    return true;
}

bool may_match(const api::storage::LogFilter& filter, const chain::Bloom& bloom) {
    const auto any = [&](const auto& items) {
        return items.empty() ||
               std::ranges::any_of(items, [&](const auto& item) { return chain::may_contain(bloom, item); });
    };
    if (!any(filter.addresses)) return false;
    return std::ranges::all_of(filter.topics, [&](const auto& choice) { return any(choice.any_of); });
}

Result<void> LogSearch::scan(std::uint64_t first, std::uint64_t last) {
    constexpr std::uint64_t blocks_between_clock_reads = 64;
    for (std::uint64_t number = first; number <= last; ++number) {
        if (number % blocks_between_clock_reads == 0 && deadline_ns != 0 && monotonic_ns() > deadline_ns) {
            return fail(ErrorCode::deadline_exceeded, "query took too long: narrow the block range");
        }
        WEFT_TRY(const auto header, database.header(number));
        if (!header) return {};
        if (!may_match(filter, header->header.logs_bloom)) continue;
        WEFT_TRY(const auto block, database.block(number));
        if (!block) return fail(ErrorCode::not_found, "pruned history unavailable");
        WEFT_CHECK(scan_block(*block));
    }
    return {};
}

Result<void> LogSearch::scan_block(const api::SealedBlock& block) {
    std::uint64_t log_index = 0;
    for (std::size_t i = 0; i < block.receipts.size(); ++i) {
        for (const auto& log : block.receipts[i].logs) {
            const std::uint64_t index = log_index++;
            if (!matches(filter, log)) continue;
            if (found.size() == api::storage::log_count_max) {
                return fail(ErrorCode::resource_exhausted,
                            "query returned more than " + std::to_string(api::storage::log_count_max) + " results");
            }
            found.push_back({log, block.hash, block.header.number, block.header.timestamp, block.transactions[i]->hash,
                             i, index, false});
        }
    }
    return {};
}

}  // namespace weft::service::storage
