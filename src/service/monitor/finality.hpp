#pragma once
// Why the next block is not final yet, in words an operator can act on.

#include <string>
#include <vector>

#include "api/consensus.hpp"
#include "api/monitor.hpp"
#include "api/network.hpp"

namespace weft::service::monitor {

/// What consensus and the network of one node know, put together.
/// @param now_ms  unix time.
[[nodiscard]] api::monitor::FinalityReply explain(const api::consensus::ProgressReply& progress,
                                                  const api::network::StatusReply& network, std::uint64_t now_ms);

}  // namespace weft::service::monitor
