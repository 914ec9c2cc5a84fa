#pragma once
// EIP-712: the hash of structured data that eth_signTypedData_v4 signs.
//
//   hash = keccak256(0x19 0x01 ++ hashStruct(domain) ++ hashStruct(message))
//   hashStruct(s) = keccak256(keccak256(encodeType(s)) ++ encodeData(s))

#include "base/bytes.hpp"
#include "base/json.hpp"
#include "base/result.hpp"

namespace weft::service::gateway {

/// @param document  {types, primaryType, domain, message}.
/// @errors invalid_argument  a type that isn't declared, a member that is missing, or a value that doesn't fit its
/// type.
[[nodiscard]] Result<Hash> typed_data_hash(const json::Value& document);

}  // namespace weft::service::gateway
