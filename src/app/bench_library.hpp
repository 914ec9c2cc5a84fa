#pragma once
// The libraries beside which `weft bench precompiles` puts weft's own: each takes what the precompile gets.

#include <functional>
#include <memory>
#include <string>

#include "base/bytes.hpp"
#include "base/result.hpp"

namespace weft::app {

/// Something that a library does for a precompile's input, made ready before the clock starts: what can be read of the
/// input once is read once. False if the library finds the input wrong.
using LibraryCall = std::function<bool()>;

[[nodiscard]] LibraryCall secp256k1_recover(const Bytes& input128);
[[nodiscard]] LibraryCall openssl_sha256(const Bytes& input);
[[nodiscard]] LibraryCall openssl_ripemd160(const Bytes& input);
[[nodiscard]] LibraryCall openssl_p256(const Bytes& input160);
/// mpz_powm alone, on numbers that are GMP's already.
[[nodiscard]] LibraryCall gmp_modexp(const Bytes& input);

/// blst, opened by its path. Its calls read, check and write points like the precompile.
class Blst {
  public:
    /// @errors not_found  no such library, or one without blst's functions.
    [[nodiscard]] static Result<std::unique_ptr<Blst>> open(const std::string& path);
    ~Blst();
    Blst(const Blst&) = delete;
    Blst& operator=(const Blst&) = delete;

    /// @param number  The precompile's address, 0x0a to 0x11. Calls must not outlive this.
    [[nodiscard]] LibraryCall call(std::uint16_t number, const Bytes& input) const;

  private:
    struct Functions;
    explicit Blst(std::unique_ptr<Functions> functions);
    std::unique_ptr<Functions> functions_;
};

}  // namespace weft::app
