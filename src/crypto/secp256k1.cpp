#include "crypto/secp256k1.hpp"

#include <algorithm>

#include <secp256k1.h>
#include <secp256k1_recovery.h>

#include "crypto/keccak.hpp"

namespace weft::crypto {

namespace {

/// The library only reads a context that is fully made, so one serves all threads.
const secp256k1_context* context() {
    static const secp256k1_context* const instance =
        secp256k1_context_create(SECP256K1_CONTEXT_SIGN | SECP256K1_CONTEXT_VERIFY);
    return instance;
}

PublicKey to_public_key(const secp256k1_pubkey& key) {
    std::array<std::uint8_t, 65> bytes;  // 4 for "uncompressed", then x and y
    std::size_t size = bytes.size();
    secp256k1_ec_pubkey_serialize(context(), bytes.data(), &size, &key, SECP256K1_EC_UNCOMPRESSED);
    PublicKey out;
    std::copy(bytes.begin() + 1, bytes.end(), out.begin());
    return out;
}

}  // namespace

std::optional<PublicKey> recover_public_key(const Hash& message_hash, const Signature& signature) {
    if (signature.y_parity > 1) return std::nullopt;
    std::array<std::uint8_t, 64> compact;
    std::copy_n(signature.r.data(), 32, compact.data());
    std::copy_n(signature.s.data(), 32, compact.data() + 32);
    secp256k1_ecdsa_recoverable_signature parsed;
    secp256k1_pubkey key;
    if (secp256k1_ecdsa_recoverable_signature_parse_compact(context(), &parsed, compact.data(), signature.y_parity) !=
            1 ||
        secp256k1_ecdsa_recover(context(), &key, &parsed, message_hash.data()) != 1) {
        return std::nullopt;
    }
    return to_public_key(key);
}

std::optional<Address> recover_address(const Hash& message_hash, const Signature& signature) {
    const auto key = recover_public_key(message_hash, signature);
    if (!key) return std::nullopt;
    return address_of_public_key(*key);
}

std::optional<Signature> sign(const Hash& message_hash, const Hash& secret_key) {
    secp256k1_ecdsa_recoverable_signature signature;
    if (secp256k1_ecdsa_sign_recoverable(context(), &signature, message_hash.data(), secret_key.data(),
                                         secp256k1_nonce_function_rfc6979, nullptr) != 1) {
        return std::nullopt;
    }
    std::array<std::uint8_t, 64> compact;
    int recovery_id = 0;
    secp256k1_ecdsa_recoverable_signature_serialize_compact(context(), compact.data(), &recovery_id, &signature);
    // Bit 1 says that r was reduced by the order. Nobody has ever seen such a signature, and Ethereum can't carry it.
    if (recovery_id > 1) return std::nullopt;
    Signature out;
    std::copy_n(compact.data(), 32, out.r.data());
    std::copy_n(compact.data() + 32, 32, out.s.data());
    out.y_parity = static_cast<std::uint8_t>(recovery_id);
    return out;
}

std::optional<PublicKey> public_key_of(const Hash& secret_key) {
    secp256k1_pubkey key;
    if (secp256k1_ec_pubkey_create(context(), &key, secret_key.data()) != 1) return std::nullopt;
    return to_public_key(key);
}

std::optional<Address> address_of(const Hash& secret_key) {
    const auto key = public_key_of(secret_key);
    if (!key) return std::nullopt;
    return address_of_public_key(*key);
}

Address address_of_public_key(const PublicKey& key) { return Address::from(keccak256(key)); }

const U256& secp256k1_order() {
    static constexpr U256 order{0xffffffffffffffff, 0xfffffffffffffffe, 0xbaaedce6af48a03b, 0xbfd25e8cd0364141};
    return order;
}

const U256& secp256k1_half_order() {
    static const U256 half = secp256k1_order() >> 1;
    return half;
}

}  // namespace weft::crypto
