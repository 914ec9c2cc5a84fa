#include "crypto/ripemd160.hpp"

// As in sha2.cpp: the newer interface spends more on finding the algorithm than on running it.
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/ripemd.h>

namespace weft::crypto {

std::array<std::uint8_t, 20> ripemd160(BytesView data) {
    std::array<std::uint8_t, 20> out;
    RIPEMD160_CTX context;
    RIPEMD160_Init(&context);
    RIPEMD160_Update(&context, data.data(), data.size());
    RIPEMD160_Final(out.data(), &context);
    return out;
}

}  // namespace weft::crypto
