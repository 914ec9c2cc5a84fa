#pragma once
// wallet: holds keys and signs with them.

#include "api/types.hpp"

namespace weft::api::wallet {

struct AccountsReply {
    std::vector<Address> addresses;
};
struct Accounts {
    using Reply = AccountsReply;
    static constexpr std::string_view method = "weft.Wallet/Accounts";
    bool reserved = false;
};

struct SignReply {
    Hash r;
    Hash s;
    std::uint8_t y_parity = 0;
};
/// Signs a 32-byte hash.
/// @errors not_found  "unknown account".
struct Sign {
    using Reply = SignReply;
    static constexpr std::string_view method = "weft.Wallet/Sign";
    Address address;
    Hash hash;
};

}  // namespace weft::api::wallet
