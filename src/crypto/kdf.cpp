#include "crypto/kdf.hpp"

#include <array>
#include <bit>
#include <charconv>
#include <optional>
#include <string>
#include <vector>

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "crypto/secp256k1.hpp"

namespace weft::crypto {

namespace {

constexpr std::uint32_t hardened = std::uint32_t{1} << 31;
constexpr std::size_t path_depth_max = 255;  // BIP-32 writes the depth in one byte

Bytes pbkdf2(const EVP_MD* digest, BytesView password, BytesView salt, std::uint32_t iterations, std::size_t size) {
    WEFT_ASSERT(iterations > 0 && iterations <= pbkdf2_iterations_max);
    Bytes out(size);
    const int ok = PKCS5_PBKDF2_HMAC(reinterpret_cast<const char*>(password.data()), static_cast<int>(password.size()),
                                     salt.data(), static_cast<int>(salt.size()), static_cast<int>(iterations), digest,
                                     static_cast<int>(size), out.data());
    WEFT_ASSERT(ok == 1);
    return out;
}

std::array<std::uint8_t, 64> hmac_sha512(BytesView key, BytesView data) {
    std::array<std::uint8_t, 64> out;
    unsigned size = 0;
    const auto* result =
        HMAC(EVP_sha512(), key.data(), static_cast<int>(key.size()), data.data(), data.size(), out.data(), &size);
    WEFT_ASSERT(result != nullptr && size == out.size());
    return out;
}

struct ExtendedKey {
    Hash secret;
    Hash chain_code;
};

/// One step down the tree; nullopt in the case of chance below 2^-127 that the result is no key.
std::optional<ExtendedKey> child_of(const ExtendedKey& parent, std::uint32_t index) {
    Bytes data;
    if (index >= hardened) {
        data.push_back(0);
        append(data, parent.secret);
    } else {
        const auto key = public_key_of(parent.secret);
        if (!key) return std::nullopt;
        data.push_back((key->back() & 1) != 0 ? 3 : 2);
        append(data, BytesView(*key).first(32));
    }
    for (int shift = 24; shift >= 0; shift -= 8) data.push_back(static_cast<std::uint8_t>(index >> shift));

    const auto mac = hmac_sha512(parent.chain_code, data);
    const U256 tweak = U256::from_big_endian(mac.data());
    if (tweak >= secp256k1_order()) return std::nullopt;
    const U256 secret = add_mod(tweak, U256::from_big_endian(parent.secret.data()), secp256k1_order());
    if (secret.is_zero()) return std::nullopt;
    return ExtendedKey{secret.to_hash(), Hash::from(BytesView(mac).last(32))};
}

std::optional<std::uint32_t> read_index(std::string_view text) {
    std::uint32_t mark = 0;
    if (!text.empty() && (text.back() == '\'' || text.back() == 'h')) {
        mark = hardened;
        text.remove_suffix(1);
    }
    std::uint32_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size() || value >= hardened) return std::nullopt;
    return value | mark;
}

Result<std::vector<std::uint32_t>> read_path(std::string_view path) {
    const auto wrong = [&] {
        return fail(ErrorCode::invalid_argument, "key path \"" + std::string(path) + "\" is not like m/44'/60'/0'/0/0");
    };
    if (!path.starts_with('m')) return wrong();
    std::vector<std::uint32_t> out;
    for (auto rest = path.substr(1); !rest.empty();) {
        if (rest.front() != '/' || out.size() == path_depth_max) return wrong();
        rest.remove_prefix(1);
        const auto part = rest.substr(0, rest.find('/'));
        const auto index = read_index(part);
        if (!index) return wrong();
        out.push_back(*index);
        rest.remove_prefix(part.size());
    }
    return out;
}

}  // namespace

Bytes pbkdf2_hmac_sha512(BytesView password, BytesView salt, std::uint32_t iterations, std::size_t size) {
    return pbkdf2(EVP_sha512(), password, salt, iterations, size);
}

Bytes pbkdf2_hmac_sha256(BytesView password, BytesView salt, std::uint32_t iterations, std::size_t size) {
    return pbkdf2(EVP_sha256(), password, salt, iterations, size);
}

Result<Bytes> scrypt(BytesView password, BytesView salt, std::uint64_t n, std::uint32_t r, std::uint32_t p,
                     std::size_t size) {
    if (n < 2 || !std::has_single_bit(n) || r == 0 || p == 0 || std::uint64_t{r} * p >= (std::uint64_t{1} << 30)) {
        return fail(ErrorCode::invalid_argument, "scrypt parameters n, r, p are out of range");
    }
    // 128 * r bytes each for the n blocks of the table, for the p inputs and for two blocks of scratch.
    if (const auto blocks = scrypt_memory_max / (std::uint64_t{128} * r); n > blocks || n + p + 2 > blocks) {
        return fail(ErrorCode::resource_exhausted, "scrypt parameters need more than 1 GiB of memory");
    }
    Bytes out(size);
    if (EVP_PBE_scrypt(reinterpret_cast<const char*>(password.data()), password.size(), salt.data(), salt.size(), n, r,
                       p, scrypt_memory_max, out.data(), out.size()) != 1) {
        return fail(ErrorCode::invalid_argument, "scrypt refuses its parameters");
    }
    return out;
}

Bytes mnemonic_to_seed(std::string_view mnemonic, std::string_view passphrase) {
    const std::string salt = "mnemonic" + std::string(passphrase);
    return pbkdf2_hmac_sha512(as_bytes(mnemonic), as_bytes(salt), 2048, 64);
}

Result<Hash> derive_key(BytesView seed, std::string_view path) {
    if (seed.size() < 16 || seed.size() > 64) {
        return fail(ErrorCode::invalid_argument, "seed has " + std::to_string(seed.size()) + " bytes, want 16 to 64");
    }
    WEFT_TRY(const auto indices, read_path(path));
    const auto mac = hmac_sha512(as_bytes("Bitcoin seed"), seed);
    ExtendedKey key{Hash::from(BytesView(mac).first(32)), Hash::from(BytesView(mac).last(32))};
    if (!public_key_of(key.secret)) return fail(ErrorCode::internal, "seed leads to an invalid master key");
    for (const auto index : indices) {
        const auto child = child_of(key, index);
        if (!child) return fail(ErrorCode::internal, "key path leads to an invalid key");
        key = *child;
    }
    return key.secret;
}

}  // namespace weft::crypto
