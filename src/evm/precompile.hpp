#pragma once
// The contracts that are part of the protocol: which fork has which, and what they cost. The mathematics is crypto's.

#include "base/bytes.hpp"
#include "evm/execute.hpp"

namespace weft::evm {

struct PrecompileResult {
    Status status = Status::success;  // success, out_of_gas or precompile_failure
    std::int64_t gas_left = 0;        // 0 unless success
    Bytes output;
};

/// Runs the precompile at @p address, for which is_precompile() must hold.
[[nodiscard]] PrecompileResult call_precompile(const Address& address, Revision revision, BytesView input,
                                               std::int64_t gas);

}  // namespace weft::evm
