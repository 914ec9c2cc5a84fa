#include "app/bench_library.hpp"

#include <gmp.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/ripemd.h>
#include <openssl/sha.h>
#include <secp256k1.h>
#include <secp256k1_recovery.h>

#include <algorithm>
#include <array>

#include "base/u256.hpp"

namespace weft::app {

LibraryCall secp256k1_recover(const Bytes& input128) {
    static const secp256k1_context* const context = secp256k1_context_create(SECP256K1_CONTEXT_VERIFY);
    return [input128] {
        secp256k1_ecdsa_recoverable_signature signature;
        secp256k1_pubkey key;
        std::array<std::uint8_t, 65> bytes{};
        std::size_t size = bytes.size();
        return secp256k1_ecdsa_recoverable_signature_parse_compact(context, &signature, input128.data() + 64,
                                                                   input128[63] - 27) == 1 &&
               secp256k1_ecdsa_recover(context, &key, &signature, input128.data()) == 1 &&
               secp256k1_ec_pubkey_serialize(context, bytes.data(), &size, &key, SECP256K1_EC_UNCOMPRESSED) == 1;
    };
}

LibraryCall openssl_sha256(const Bytes& input) {
    return [input] {
        std::array<std::uint8_t, SHA256_DIGEST_LENGTH> out;
        return SHA256(input.data(), input.size(), out.data()) != nullptr;
    };
}

#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wdeprecated-declarations"  // the one-call form is the fastest there is
LibraryCall openssl_ripemd160(const Bytes& input) {
    return [input] {
        std::array<std::uint8_t, RIPEMD160_DIGEST_LENGTH> out;
        return RIPEMD160(input.data(), input.size(), out.data()) != nullptr;
    };
}
#pragma clang diagnostic pop

namespace {

struct Deleter {
    void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
    void operator()(EVP_PKEY_CTX* context) const { EVP_PKEY_CTX_free(context); }
    void operator()(OSSL_PARAM_BLD* builder) const { OSSL_PARAM_BLD_free(builder); }
    void operator()(OSSL_PARAM* parameters) const { OSSL_PARAM_free(parameters); }
};
template <class T>
using Owned = std::unique_ptr<T, Deleter>;

/// A number of DER: no leading zeros, none that is negative.
void append_der_integer(Bytes& to, BytesView word) {
    while (word.size() > 1 && word[0] == 0) word = word.subspan(1);
    const bool high = (word[0] & 0x80) != 0;
    to.push_back(0x02);
    to.push_back(static_cast<std::uint8_t>(word.size() + (high ? 1 : 0)));
    if (high) to.push_back(0);
    append(to, word);
}

Owned<EVP_PKEY> p256_key(BytesView x_and_y) {
    Bytes point{4};
    append(point, x_and_y);
    const Owned<OSSL_PARAM_BLD> builder(OSSL_PARAM_BLD_new());
    OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0);
    OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size());
    const Owned<OSSL_PARAM> parameters(OSSL_PARAM_BLD_to_param(builder.get()));
    const Owned<EVP_PKEY_CTX> context(EVP_PKEY_CTX_new_from_name(nullptr, "EC", nullptr));
    EVP_PKEY* key = nullptr;
    EVP_PKEY_fromdata_init(context.get());
    EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, parameters.get());
    return Owned<EVP_PKEY>(key);
}

struct Integer {
    Integer(BytesView big_endian) {  // NOLINT: a number in bytes is a number
        mpz_init(value);
        mpz_import(value, big_endian.size(), 1, 1, 1, 0, big_endian.data());
    }
    ~Integer() { mpz_clear(value); }
    Integer(const Integer&) = delete;
    Integer& operator=(const Integer&) = delete;
    mpz_t value;
};

}  // namespace

LibraryCall openssl_p256(const Bytes& input160) {
    const BytesView view(input160);
    Bytes numbers;
    append_der_integer(numbers, view.subspan(32, 32));
    append_der_integer(numbers, view.subspan(64, 32));
    Bytes signature{0x30, static_cast<std::uint8_t>(numbers.size())};
    append(signature, numbers);
    const std::shared_ptr<EVP_PKEY> key = p256_key(view.subspan(96));
    const std::shared_ptr<EVP_PKEY_CTX> context = Owned<EVP_PKEY_CTX>(EVP_PKEY_CTX_new(key.get(), nullptr));
    EVP_PKEY_verify_init(context.get());
    return [signature, key, context, input160] {
        return EVP_PKEY_verify(context.get(), signature.data(), signature.size(), input160.data(), 32) == 1;
    };
}

LibraryCall gmp_modexp(const Bytes& input) {
    const BytesView view(input);
    std::array<std::size_t, 3> sizes{};
    for (std::size_t i = 0; i < 3; ++i) sizes[i] = U256::from_bytes(view.subspan(32 * i, 32)).low();
    const auto base = std::make_shared<Integer>(view.subspan(96, sizes[0]));
    const auto exponent = std::make_shared<Integer>(view.subspan(96 + sizes[0], sizes[1]));
    const auto modulus = std::make_shared<Integer>(view.subspan(96 + sizes[0] + sizes[1], sizes[2]));
    const auto out = std::make_shared<Integer>(BytesView());
    return [base, exponent, modulus, out] {
        if (mpz_sgn(modulus->value) == 0) return false;
        mpz_powm(out->value, base->value, exponent->value, modulus->value);
        return true;
    };
}

}  // namespace weft::app
