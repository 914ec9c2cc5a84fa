#pragma once
// ECDSA over secp256k1: who signed, and signing. Every function may be called from any thread.

#include <array>
#include <cstdint>
#include <optional>

#include "base/bytes.hpp"
#include "base/u256.hpp"

namespace weft::crypto {

struct Signature {
    Hash r;
    Hash s;
    std::uint8_t y_parity = 0;  // 0 or 1: whether the y of the nonce's point is odd

    bool operator==(const Signature&) const = default;
};

/// x and y, 32 big-endian bytes each.
using PublicKey = std::array<std::uint8_t, 64>;

/// Address of the key that signed @p message_hash, or nullopt if there is none: r or s is 0 or not below the order, r
/// is the x of no point, or y_parity is above 1. A high s is accepted: where EIP-2 forbids it, the caller checks.
[[nodiscard]] std::optional<Address> recover_address(const Hash& message_hash, const Signature& signature);

/// As recover_address, the key itself.
[[nodiscard]] std::optional<PublicKey> recover_public_key(const Hash& message_hash, const Signature& signature);

/// Signs with the nonce of RFC 6979, so the same input gives the same signature, and with the lower of the two s.
/// @return nullopt if @p secret_key is 0 or not below the order.
[[nodiscard]] std::optional<Signature> sign(const Hash& message_hash, const Hash& secret_key);

/// @return nullopt if @p secret_key is 0 or not below the order.
[[nodiscard]] std::optional<Address> address_of(const Hash& secret_key);
[[nodiscard]] std::optional<PublicKey> public_key_of(const Hash& secret_key);

/// The last 20 bytes of the key's Keccak-256 hash.
[[nodiscard]] Address address_of_public_key(const PublicKey& key);

/// The group's order n, and floor(n / 2): the highest s that EIP-2 lets a transaction have.
[[nodiscard]] const U256& secp256k1_order();
[[nodiscard]] const U256& secp256k1_half_order();

}  // namespace weft::crypto
