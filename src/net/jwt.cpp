#include "net/jwt.hpp"

#include <openssl/crypto.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "base/json.hpp"
#include "net/websocket_codec.hpp"

namespace weft::net {

namespace {

constexpr std::size_t token_bytes_max = 8 * 1024;

std::unexpected<Error> refuse(std::string why) { return fail(ErrorCode::unauthenticated, std::move(why)); }

/// RFC 7515, 2: base64url without padding.
bool from_base64url(std::string_view text, std::string& bytes) {
    if (text.find_first_of("+/=") != std::string_view::npos) return false;
    std::string plain(text);
    std::ranges::replace(plain, '-', '+');
    std::ranges::replace(plain, '_', '/');
    return from_base64(plain, bytes);
}

/// The two numbers of RFC 7518, 3.4, as OpenSSL wants them.
bool to_der(const std::string& signature, std::string& der) {
    if (signature.size() != 64) return false;
    const auto* const bytes = reinterpret_cast<const unsigned char*>(signature.data());
    std::unique_ptr<ECDSA_SIG, decltype(&ECDSA_SIG_free)> pair(ECDSA_SIG_new(), &ECDSA_SIG_free);
    if (!pair || ECDSA_SIG_set0(pair.get(), BN_bin2bn(bytes, 32, nullptr), BN_bin2bn(bytes + 32, 32, nullptr)) != 1) {
        return false;
    }
    unsigned char* out = nullptr;
    const int size = i2d_ECDSA_SIG(pair.get(), &out);
    if (size <= 0) return false;
    der.assign(reinterpret_cast<const char*>(out), static_cast<std::size_t>(size));
    OPENSSL_free(out);
    return true;
}

/// Seconds; a fraction, which the RFC allows, is cut off. False if it is there and is no number.
bool read_time(const json::Value& claims, std::string_view name, std::optional<std::int64_t>& out) {
    const auto* const value = claims.find(name);
    if (value == nullptr) return true;
    const std::string_view text = value->text();
    std::int64_t seconds = 0;
    if (!value->is_number() || std::from_chars(text.data(), text.data() + text.size(), seconds).ec != std::errc()) {
        return false;
    }
    out = seconds;
    return true;
}

}  // namespace

Result<JwtKey> JwtKey::secret(std::string bytes) {
    if (bytes.size() < 32) return fail(ErrorCode::invalid_argument, "a secret for HS256 has at least 32 bytes");
    JwtKey out;
    out.algorithm_ = "HS256";
    out.secret_ = std::move(bytes);
    return out;
}

Result<JwtKey> JwtKey::public_key(const std::string& pem) {
    const std::unique_ptr<BIO, decltype(&BIO_free)> input(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())),
                                                          &BIO_free);
    JwtKey out;
    if (pem.find("BEGIN CERTIFICATE") != std::string::npos) {
        const std::unique_ptr<X509, decltype(&X509_free)> certificate(
            PEM_read_bio_X509(input.get(), nullptr, nullptr, nullptr), &X509_free);
        if (certificate) out.key_.reset(X509_get_pubkey(certificate.get()), &EVP_PKEY_free);
    } else {
        out.key_.reset(PEM_read_bio_PUBKEY(input.get(), nullptr, nullptr, nullptr), &EVP_PKEY_free);
    }
    if (!out.key_) return fail(ErrorCode::invalid_argument, "there is no public key");
    const int kind = EVP_PKEY_get_base_id(out.key_.get());
    if (kind == EVP_PKEY_RSA && EVP_PKEY_get_bits(out.key_.get()) >= 2'048) {
        out.algorithm_ = "RS256";
    } else if (kind == EVP_PKEY_EC && EVP_PKEY_get_bits(out.key_.get()) == 256) {
        out.algorithm_ = "ES256";
    } else if (kind == EVP_PKEY_ED25519) {
        out.algorithm_ = "EdDSA";
    } else {
        return fail(ErrorCode::invalid_argument, "want an RSA key of 2048 bits or more, P-256 or ed25519");
    }
    return out;
}

bool JwtKey::verify(std::string_view text, const std::string& signature) const {
    const auto* const bytes = reinterpret_cast<const unsigned char*>(text.data());
    if (!key_) {
        std::array<unsigned char, 32> wanted{};
        unsigned int size = wanted.size();
        HMAC(EVP_sha256(), secret_.data(), static_cast<int>(secret_.size()), bytes, text.size(), wanted.data(), &size);
        return signature.size() == wanted.size() && CRYPTO_memcmp(signature.data(), wanted.data(), wanted.size()) == 0;
    }
    std::string der;
    const std::string* given = &signature;
    if (algorithm_ == "ES256") {
        if (!to_der(signature, der)) return false;
        given = &der;
    }
    const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
    const EVP_MD* const digest = algorithm_ == "EdDSA" ? nullptr : EVP_sha256();
    return context && EVP_DigestVerifyInit(context.get(), nullptr, digest, nullptr, key_.get()) == 1 &&
           EVP_DigestVerify(context.get(), reinterpret_cast<const unsigned char*>(given->data()), given->size(), bytes,
                            text.size()) == 1;
}

Result<JwtClaims> JwtKey::check(std::string_view token, std::int64_t now_s, std::int64_t leeway_s) const {
    if (token.size() > token_bytes_max) return refuse("the token is too long");
    const auto first = token.find('.');
    const auto second = first == std::string_view::npos ? first : token.find('.', first + 1);
    if (second == std::string_view::npos || token.find('.', second + 1) != std::string_view::npos) {
        return refuse("it is no token");
    }
    std::string header;
    std::string payload;
    std::string signature;
    if (!from_base64url(token.substr(0, first), header) ||
        !from_base64url(token.substr(first + 1, second - first - 1), payload) ||
        !from_base64url(token.substr(second + 1), signature)) {
        return refuse("it is no token");
    }
    const auto head = json::parse(header);
    if (!head || !head->is_object()) return refuse("it is no token");
    if ((*head)["alg"].text() != algorithm_) return refuse("the token is not signed with " + algorithm_);
    // RFC 7515, 4.1.11: what must be understood, and is not.
    if (head->find("crit") != nullptr) return refuse("the token wants what is not supported");
    if (!verify(token.substr(0, second), signature)) return refuse("the signature is wrong");
    const auto claims = json::parse(payload);
    if (!claims || !claims->is_object()) return refuse("the token has no claims");
    JwtClaims out;
    out.subject = (*claims)["sub"].text();
    if (!read_time(*claims, "exp", out.expires_s) || !read_time(*claims, "nbf", out.not_before_s)) {
        return refuse("a time of the token is no number");
    }
    if (out.expires_s && now_s - leeway_s >= *out.expires_s) return refuse("the token has expired");
    if (out.not_before_s && now_s + leeway_s < *out.not_before_s) return refuse("the token is not valid yet");
    out.json = std::move(payload);
    return out;
}

}  // namespace weft::net
