#pragma once
// What other files of methods ask for too.

#include <string>

#include "api/types.hpp"
#include "base/task.hpp"
#include "service/gateway/core.hpp"

namespace weft::service::gateway {

/// Null if there is none. Tag pending gives the block that would be sealed now.
Task<api::SealedBlockPtr> find_block(Call& call, api::BlockRef ref, bool header_only);
/// A transaction's bytes, in a block or waiting; "0x" if there is none.
Task<std::string> raw_transaction(Call& call, Hash hash);
/// The receipt, or null.
Task<std::string> receipt_json(Call& call, Hash hash);

}  // namespace weft::service::gateway
