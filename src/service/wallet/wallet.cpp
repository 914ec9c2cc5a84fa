#include "service/wallet/wallet.hpp"

#include "crypto/kdf.hpp"
#include "crypto/secp256k1.hpp"

namespace weft::service::wallet {

Task<api::wallet::AccountsReply> Wallet::accounts(mesh::Context, api::wallet::Accounts) {
    api::wallet::AccountsReply reply;
    for (const auto& key : keys_) reply.addresses.push_back(key.address);
    co_return reply;
}

Task<api::wallet::SignReply> Wallet::sign(mesh::Context, api::wallet::Sign request) {
    for (const auto& key : keys_) {
        if (key.address != request.address) continue;
        const auto signature = crypto::sign(request.hash, key.secret);
        if (!signature) co_return fail(ErrorCode::internal, "the key can't sign");
        co_return api::wallet::SignReply{signature->r, signature->s, signature->y_parity};
    }
    co_return fail(ErrorCode::not_found, "unknown account");
}

Result<std::vector<Wallet::Key>> keys_of_mnemonic(std::string_view mnemonic, std::size_t count) {
    const Bytes seed = crypto::mnemonic_to_seed(mnemonic, "");
    std::vector<Wallet::Key> keys;
    for (std::size_t i = 0; i < count; ++i) {
        WEFT_TRY(const Hash secret, crypto::derive_key(seed, "m/44'/60'/0'/0/" + std::to_string(i)));
        const auto address = crypto::address_of(secret);
        if (!address) return fail(ErrorCode::invalid_argument, "a derived key is none");
        keys.push_back({*address, secret});
    }
    return keys;
}

}  // namespace weft::service::wallet
