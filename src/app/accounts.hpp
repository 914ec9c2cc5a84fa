#pragma once
// The accounts of a development chain, from a mnemonic, as wallets derive them.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"

namespace weft::app {

struct DevAccount {
    Address address;
    Hash secret_key;
};

/// Accounts m/44'/60'/0'/0/0 and up.
/// @errors as crypto::derive_key.
[[nodiscard]] Result<std::vector<DevAccount>> derive_accounts(std::string_view mnemonic, std::uint64_t count);

/// With the case of its letters as checksum. @source EIP-55.
[[nodiscard]] std::string to_checksum(const Address& address);

}  // namespace weft::app
