#pragma once
// What blocks charged: the answer to eth_feeHistory.

#include "api/storage.hpp"
#include "service/storage/database.hpp"

namespace weft::service::storage {

/// @param newest  number of the last block asked for.
/// @errors invalid_argument  percentiles out of order or range; data_loss.
[[nodiscard]] Result<api::storage::FeeHistoryReply> fee_history(const Database& database,
                                                                const chain::ChainConfig& config,
                                                                const api::storage::FeeHistory& request,
                                                                std::uint64_t newest);

}  // namespace weft::service::storage
