#pragma once
// Searching logs by address and topics: header filters first, then the receipts of the blocks that may match.

#include <cstdint>
#include <vector>

#include "api/storage.hpp"
#include "service/storage/database.hpp"

namespace weft::service::storage {

/// Whether a log is one the filter asks for: its address among the addresses, and each topic among the choices of its
/// position; positions beyond the filter's are free.
[[nodiscard]] bool matches(const api::storage::LogFilter& filter, const evm::Log& log);
/// Whether a block with this header filter may hold such a log.
[[nodiscard]] bool may_match(const api::storage::LogFilter& filter, const chain::Bloom& bloom);

struct LogSearch {
    const Database& database;
    const api::storage::LogFilter& filter;
    std::int64_t deadline_ns = 0;
    std::vector<api::LogEntry> found;

    /// Searches blocks @p first to @p last.
    /// @errors resource_exhausted  more than log_count_max logs; deadline_exceeded; data_loss.
    [[nodiscard]] Result<void> scan(std::uint64_t first, std::uint64_t last);

  private:
    [[nodiscard]] Result<void> scan_block(const api::SealedBlock& block);
};

}  // namespace weft::service::storage
