#pragma once
// The engine's front door: runs one message call or creation to its end.

#include <utility>
#include <vector>

#include "evm/host.hpp"

namespace weft::evm {

class Tracer;   // tracer.hpp
class Limiter;  // limiter.hpp

/// Everything that stays the same during one transaction.
struct Environment {
    Revision revision = Revision::osaka;
    BlockContext block;
    TransactionContext transaction;
    Tracer* tracer = nullptr;  // null: the untraced tables, which cost nothing
    Limiter* limiter = nullptr;  // null: nothing but the protocol's bounds
    /// From a node's eth_call: contracts larger than EIP-170 allows may be created.
    bool allow_unlimited_code = false;
    /// From a node's eth_call: the precompile at `first` answers at `second` instead, and code set at `first` runs
    /// there.
    std::vector<std::pair<Address, Address>> moved_precompiles;
};

/// Runs a message at depth message.depth: the value transfer, precompile or code, creation's deposit; on failure the
/// host is back at its state before the call (a creation's nonce increment excepted).
///
/// The transaction's own rules (intrinsic gas, nonce, fees, warm set, refund cap, destruction) are chain/execute's. For
/// a creation at depth 0 the caller has incremented the sender's nonce; the address follows from the nonce before that.
///
/// @source  Yellow Paper, sections 7 to 9.
[[nodiscard]] CallResult execute(Host& host, const Environment& environment, const Message& message);

/// Whether an address is a precompiled contract of a revision.
[[nodiscard]] bool is_precompile(const Address& address, Revision revision);
/// All of a revision's precompiles, for the warm set.
[[nodiscard]] std::vector<Address> precompiles(Revision revision);

}  // namespace weft::evm
