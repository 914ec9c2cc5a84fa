#include "net/jwt.hpp"

#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>

#include "net/websocket_codec.hpp"

namespace weft::net {
namespace {

std::string url64(std::string_view bytes) {
    std::string out = to_base64(bytes);
    std::ranges::replace(out, '+', '-');
    std::ranges::replace(out, '/', '_');
    while (out.ends_with('=')) out.pop_back();
    return out;
}

using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;

std::string pem_of(EVP_PKEY* key) {
    const std::unique_ptr<BIO, decltype(&BIO_free)> out(BIO_new(BIO_s_mem()), &BIO_free);
    PEM_write_bio_PUBKEY(out.get(), key);
    char* text = nullptr;
    const long size = BIO_get_mem_data(out.get(), &text);
    return {text, static_cast<std::size_t>(size)};
}

std::string sign(EVP_PKEY* key, const std::string& algorithm, const std::string& text) {
    const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
    EVP_DigestSignInit(context.get(), nullptr, algorithm == "EdDSA" ? nullptr : EVP_sha256(), nullptr, key);
    std::size_t size = 1'024;
    std::string out(size, '\0');
    EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(out.data()), &size,
                   reinterpret_cast<const unsigned char*>(text.data()), text.size());
    out.resize(size);
    if (algorithm != "ES256") return out;
    const auto* at = reinterpret_cast<const unsigned char*>(out.data());
    const std::unique_ptr<ECDSA_SIG, decltype(&ECDSA_SIG_free)> pair(
        d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(size)), &ECDSA_SIG_free);
    std::string raw(64, '\0');
    BN_bn2binpad(ECDSA_SIG_get0_r(pair.get()), reinterpret_cast<unsigned char*>(raw.data()), 32);
    BN_bn2binpad(ECDSA_SIG_get0_s(pair.get()), reinterpret_cast<unsigned char*>(raw.data()) + 32, 32);
    return raw;
}

std::string hmac(const std::string& secret, const std::string& text) {
    std::string out(32, '\0');
    unsigned int size = 32;
    HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()),
         reinterpret_cast<const unsigned char*>(text.data()), text.size(), reinterpret_cast<unsigned char*>(out.data()),
         &size);
    return out;
}

std::string token(const std::string& header, const std::string& claims, const auto& signer) {
    const std::string text = url64(header) + "." + url64(claims);
    return text + "." + url64(signer(text));
}

const std::string secret = "0123456789abcdef0123456789abcdef";
const auto by_secret = [](const std::string& text) { return hmac(secret, text); };
constexpr const char* hs256 = R"({"alg":"HS256","typ":"JWT"})";

std::string error_of(const std::string& text, std::int64_t now = 1'000) {
    const auto out = JwtKey::secret(secret)->check(text, now);
    return out ? "" : out.error().message;
}

TEST(Jwt, TakesWhatTheSecretSigned) {
    const auto out =
        JwtKey::secret(secret)->check(token(hs256, R"({"sub":"alice","exp":2000,"x":[1]})", by_secret), 1'000);
    ASSERT_TRUE(out) << out.error().message;
    EXPECT_EQ(out->subject, "alice");
    EXPECT_EQ(out->expires_s, 2'000);
}

TEST(Jwt, RefusesWhatIsWrong) {
    EXPECT_EQ(error_of(token(hs256, R"({"exp":900})", by_secret)), "the token has expired");
    EXPECT_EQ(error_of(token(hs256, R"({"nbf":1100})", by_secret)), "the token is not valid yet");
    EXPECT_EQ(error_of(token(hs256, R"({"exp":"900"})", by_secret)), "a time of the token is no number");
    EXPECT_EQ(error_of(token(R"({"alg":"none"})", "{}", [](const auto&) { return std::string(); })),
              "the token is not signed with HS256");
    EXPECT_EQ(error_of(token(R"({"alg":"RS256"})", "{}", by_secret)), "the token is not signed with HS256");
    EXPECT_EQ(error_of(token(R"({"alg":"HS256","crit":["x"]})", "{}", by_secret)),
              "the token wants what is not supported");
    std::string forged = token(hs256, R"({"sub":"alice"})", by_secret);
    forged[forged.find('.') + 3] ^= 1;
    EXPECT_EQ(error_of(forged), "the signature is wrong");
    for (const char* text : {"", ".", "..", "a.b", "a.b.c.d", "!.!.!", "e30.e30."}) {
        EXPECT_FALSE(error_of(text).empty()) << text;
    }
    EXPECT_EQ(error_of(std::string(9'000, 'a')), "the token is too long");
}

TEST(Jwt, ClocksMayDifferALittle) {
    EXPECT_EQ(error_of(token(hs256, R"({"exp":980})", by_secret)), "");
    EXPECT_EQ(error_of(token(hs256, R"({"nbf":1020})", by_secret)), "");
}

TEST(Jwt, PublicKeysOfEachKind) {
    const std::vector<std::pair<std::string, Key>> keys = [] {
        std::vector<std::pair<std::string, Key>> out;
        out.emplace_back("RS256", Key(EVP_RSA_gen(2'048), &EVP_PKEY_free));
        out.emplace_back("ES256", Key(EVP_EC_gen("P-256"), &EVP_PKEY_free));
        out.emplace_back("EdDSA", Key(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"), &EVP_PKEY_free));
        return out;
    }();
    for (const auto& [algorithm, key] : keys) {
        const auto checker = JwtKey::public_key(pem_of(key.get()));
        ASSERT_TRUE(checker) << algorithm << checker.error().message;
        const std::string header = R"({"alg":")" + algorithm + "\"}";
        const auto by_key = [&](const std::string& text) { return sign(key.get(), algorithm, text); };
        EXPECT_EQ(checker->check(token(header, R"({"sub":"bob"})", by_key), 0)->subject, "bob") << algorithm;
        for (const auto& [other, other_key] : keys) {
            if (other == algorithm) continue;
            const auto by_other = [&](const std::string& text) { return sign(other_key.get(), other, text); };
            EXPECT_FALSE(checker->check(token(header, "{}", by_other), 0)) << algorithm << other;
        }
        // The public key is no secret: it must not serve as one.
        const auto by_pem = [&](const std::string& text) { return hmac(pem_of(key.get()), text); };
        EXPECT_FALSE(checker->check(token(hs256, "{}", by_pem), 0)) << algorithm;
    }
}

TEST(Jwt, KeysThatAreTooWeakAreRefused) {
    EXPECT_FALSE(JwtKey::secret("short"));
    EXPECT_FALSE(JwtKey::public_key("no pem"));
    const Key small(EVP_RSA_gen(1'024), &EVP_PKEY_free);
    EXPECT_FALSE(JwtKey::public_key(pem_of(small.get())));
}

}  // namespace
}  // namespace weft::net
