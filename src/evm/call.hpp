#pragma once
// The rules around running code: depth, balance and value transfer, precompiles, creation and its deposit, what a
// failure undoes.

#include "evm/machine.hpp"

namespace weft::evm {

struct Outcome {
    Status status = Status::success;
    std::int64_t gas_left = 0;
    Address created;  // of a creation: the address it got or would have got
    std::uint8_t failed_opcode = 0;
    std::uint16_t failed_stack_size = 0;
};

/// Runs a call or a creation to its end.
///
/// @param message  For a creation its recipient is filled in here.
/// @param output   Replaced by what the call returned or reverted with; of a successful creation, by the code.
[[nodiscard]] Outcome run_message(Machine& machine, Message& message, Bytes& output);

/// Where a creation puts the contract. @source Yellow Paper, section 7; EIP-1014.
[[nodiscard]] Address create_address(const Address& sender, std::uint64_t nonce);
[[nodiscard]] Address create2_address(const Address& sender, const Hash& salt, BytesView init_code);

}  // namespace weft::evm
