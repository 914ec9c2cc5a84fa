#include "app/accounts.hpp"

#include "base/hex.hpp"
#include "crypto/kdf.hpp"
#include "crypto/keccak.hpp"
#include "crypto/secp256k1.hpp"

namespace weft::app {

Result<std::vector<DevAccount>> derive_accounts(std::string_view mnemonic, std::uint64_t count) {
    const Bytes seed = crypto::mnemonic_to_seed(mnemonic, "");
    std::vector<DevAccount> accounts;
    for (std::uint64_t i = 0; i < count; ++i) {
        WEFT_TRY(const Hash key, crypto::derive_key(seed, "m/44'/60'/0'/0/" + std::to_string(i)));
        const auto address = crypto::address_of(key);
        if (!address) return fail(ErrorCode::internal, "the mnemonic gives an invalid key");
        accounts.push_back({*address, key});
    }
    return accounts;
}

std::string to_checksum(const Address& address) {
    std::string text = to_hex(address);
    const Hash hash = crypto::keccak256(as_bytes(std::string_view(text).substr(2)));
    for (std::size_t i = 0; i < 40; ++i) {
        const int nibble = i % 2 == 0 ? hash.bytes[i / 2] >> 4 : hash.bytes[i / 2] & 15;
        char& digit = text[i + 2];
        if (nibble >= 8 && digit >= 'a') digit = static_cast<char>(digit - 'a' + 'A');
    }
    return text;
}

}  // namespace weft::app
