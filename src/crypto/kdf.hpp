#pragma once
// Keys from passwords (key files) and from mnemonics (wallets).

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/bytes.hpp"
#include "base/result.hpp"

namespace weft::crypto {

/// @param iterations  1 to pbkdf2_iterations_max (asserted): a key file's number is checked by who reads the file.
/// @source            RFC 8018, section 5.2, with HMAC-SHA-512 and HMAC-SHA-256.
[[nodiscard]] Bytes pbkdf2_hmac_sha512(BytesView password, BytesView salt, std::uint32_t iterations, std::size_t size);
[[nodiscard]] Bytes pbkdf2_hmac_sha256(BytesView password, BytesView salt, std::uint32_t iterations, std::size_t size);

inline constexpr std::uint32_t pbkdf2_iterations_max = 0x7fffffff;

/// @param n, r, p  Cost, block size, parallelisation. 128 * n * r bytes of memory are used.
/// @errors         invalid_argument    n is no power of two above 1, r or p is 0, or r * p is 2^30 or more.
///                 resource_exhausted  more than scrypt_memory_max bytes would be needed.
/// @source         RFC 7914.
[[nodiscard]] Result<Bytes> scrypt(BytesView password, BytesView salt, std::uint64_t n, std::uint32_t r,
                                   std::uint32_t p, std::size_t size);

/// Four times what the usual key file asks for (n = 2^18, r = 8).
inline constexpr std::uint64_t scrypt_memory_max = std::uint64_t{1} << 30;

/// The 64-byte seed of a mnemonic sentence. Neither its words nor its checksum are checked, as the standard has it.
///
/// @param mnemonic, passphrase  UTF-8, normalised by the caller (NFKD): plain ASCII is as it is.
/// @source                      BIP-39.
[[nodiscard]] Bytes mnemonic_to_seed(std::string_view mnemonic, std::string_view passphrase);

/// The secret key that @p path leads to.
///
/// @param seed  16 to 64 bytes.
/// @param path  "m", then for each level "/" and an index below 2^31, with "'" or "h" after it if hardened; at most 255
///              levels. Account 0 of Ethereum's wallets is "m/44'/60'/0'/0/0".
/// @errors      invalid_argument  for any other seed size or path.
///              internal          the path hits an invalid key (chance below 2^-127).
/// @source      BIP-32, private parent key to private child key.
[[nodiscard]] Result<Hash> derive_key(BytesView seed, std::string_view path);

}  // namespace weft::crypto
