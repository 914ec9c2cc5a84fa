#include "crypto/sha2.hpp"

// The low-level functions are marked as old, but the new ones look the algorithm up by name at every call, which takes
// five times as long as hashing 32 bytes.
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/sha.h>

namespace weft::crypto {

Hash sha256(BytesView data) {
    Hash out;
    SHA256_CTX context;
    SHA256_Init(&context);
    SHA256_Update(&context, data.data(), data.size());
    SHA256_Final(out.data(), &context);
    return out;
}

}  // namespace weft::crypto
