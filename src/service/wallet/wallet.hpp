#pragma once
// The wallet service.
//
// Owns     secret keys; they never leave it.
// Serves   weft.Wallet.
// Calls    nobody.
// Fails    closed: an unknown account signs nothing.

#include <string_view>
#include <vector>

#include "api/wallet.hpp"
#include "mesh/service.hpp"

namespace weft::service::wallet {

class Wallet {
  public:
    struct Key {
        Address address;
        Hash secret;
    };

    explicit Wallet(std::vector<Key> keys) : keys_(std::move(keys)) {}

    Task<api::wallet::AccountsReply> accounts(mesh::Context, api::wallet::Accounts);
    Task<api::wallet::SignReply> sign(mesh::Context, api::wallet::Sign request);

  private:
    std::vector<Key> keys_;
};

/// The first @p count accounts of a mnemonic, by the path every Ethereum tool uses (m/44'/60'/0'/0/i).
/// @errors invalid_argument  as crypto::derive_key.
[[nodiscard]] Result<std::vector<Wallet::Key>> keys_of_mnemonic(std::string_view mnemonic, std::size_t count);

}  // namespace weft::service::wallet
