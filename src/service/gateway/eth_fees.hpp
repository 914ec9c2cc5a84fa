#pragma once
// What a transaction should offer.

#include "base/task.hpp"
#include "service/gateway/core.hpp"

namespace weft::service::gateway {

/// The fees of now; worked out once for each head.
Task<Fees> current_fees(Call& call);

/// What is suggested while nobody pays anything: geth's 1 gwei.
inline const U256 default_tip = 1'000'000'000;

}  // namespace weft::service::gateway
