#pragma once
// JSON Web Tokens (RFC 7519) in the compact form, as a server checks them: signature first, then time, then claims.
//
// The key decides the algorithm, never the token: a token that names another one is refused, "none" with it.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"

struct evp_pkey_st;

namespace weft::net {

struct JwtClaims {
    std::string subject;  // "sub", or empty
    std::optional<std::int64_t> expires_s;
    std::optional<std::int64_t> not_before_s;
    std::string json;  // all of them
};

/// What tokens are checked with. Any thread may use it.
class JwtKey {
  public:
    /// HS256. @errors invalid_argument  shorter than 32 bytes (RFC 7518, 3.2).
    [[nodiscard]] static Result<JwtKey> secret(std::string bytes);
    /// RS256, ES256 or EdDSA, by the kind of the public key. @param pem  a public key or a certificate.
    /// @errors invalid_argument  no key, or of a kind that signs none of these.
    [[nodiscard]] static Result<JwtKey> public_key(const std::string& pem);

    /// @param now_s    unix time. @param leeway_s  clocks differ by as much.
    /// @errors unauthenticated  "the token has expired", "the signature is wrong", ...
    [[nodiscard]] Result<JwtClaims> check(std::string_view token, std::int64_t now_s, std::int64_t leeway_s = 30) const;

  private:
    JwtKey() = default;
    [[nodiscard]] bool verify(std::string_view text, const std::string& signature) const;

    std::string algorithm_;
    std::string secret_;
    std::shared_ptr<evp_pkey_st> key_;
};

}  // namespace weft::net
